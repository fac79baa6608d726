"""Names of columns that a program writes without a row of names: from the head, or from the shape of the rows."""

import re

from edge_agent.sources.logs.cells import NotANumber, name_and_unit, number
from edge_agent.sources.logs.clocks import is_clock
from edge_agent.sources.logs.head import Said
from edge_agent.sources.port import RecordUnreadable

Named = tuple[tuple[str, str], ...]
_BRAINFLOW = {24: 8, 32: 16, 15: 4}  # columns of Cyton, Cyton with Daisy, Ganglion; and their electrodes
_UNIX_S = (1e9, 4e9)


def openbci_names(said: Said, rows: list[list[str]]) -> Named:
    """Index, electrodes, three of the accelerometer, clocks: as the GUI up to version 4 writes them."""
    width = len(rows[0]) if rows else 0
    clocks = 0
    while clocks < width and _is_stamp(rows[0][width - 1 - clocks]):
        clocks += 1
    left = width - 1 - clocks
    electrodes = said.channels if said.channels and said.channels <= left else max(left - 3, 1)
    between = [f"Accel Channel {index}" for index in range(left - electrodes)]
    behind = [("Timestamp" if not is_clock(cell) else "Timestamp (Formatted)") for cell in rows[0][width - clocks :]]
    names = ["Sample Index", *(f"EXG Channel {index}" for index in range(electrodes)), *between, *behind]
    return tuple((name, "uV" if name.startswith("EXG") else "") for name in names)


def brainflow_names(said: Said, rows: list[list[str]]) -> Named:
    """Packet number, electrodes, the rest, Unix time, marker: files ``BrainFlow-RAW`` of a Cyton or Ganglion."""
    del said
    electrodes = _BRAINFLOW.get(len(rows[0]) if rows else 0)
    if electrodes is None or len(rows) < 3 or any(len(row) != len(rows[0]) for row in rows):
        return ()
    try:
        table = [[number(cell, decimal_comma=False) for cell in row] for row in rows]
    except NotANumber:
        return ()
    is_it = all(_UNIX_S[0] < row[-2] < _UNIX_S[1] and 0 <= row[0] <= 255 and row[0] == int(row[0]) for row in table)
    if not is_it:
        return ()
    rest = [f"Other {index}" for index in range(len(rows[0]) - electrodes - 3)]
    names = ["Sample Index", *(f"EXG Channel {index}" for index in range(electrodes)), *rest, "Timestamp", "Marker"]
    return tuple((name, "uV" if name.startswith("EXG") else "") for name in names)


def opensignals_names(said: Said, rows: list[list[str]]) -> Named:
    """The columns of the head's JSON; an input is named by its sensor, where that is known."""
    facts = dict(reversed(said.facts))
    columns = [each for key, value in said.facts if key in ("column", "column labels") for each in value.split("\t")]
    width = len(rows[0]) if rows else 0
    if len(columns) != width:
        sampled = facts.get("sampled channels", facts.get("channels", "")).split("\t")
        columns = [*(f"D{index}" for index in range(width - len(sampled))), *(f"A{each}" for each in sampled)]
        columns[:1] = ["nSeq"] if width > len(sampled) else columns[:1]
    sensors = [each for key, value in said.facts if key == "sensor" for each in value.split("\t")]
    analogue = [place for place, name in enumerate(columns) if re.fullmatch(r"(?:A|CH)\d+\w*", name)]
    for place, sensor in zip(analogue, sensors, strict=False):
        if sensor.upper() not in ("", "RAW", "CUSTOM", "UNKNOWN"):
            columns[place] = f"{sensor.removesuffix('BIT')} {columns[place]}"
    return tuple((name, "") for name in columns)


def acqknowledge_names(said: Said, rows: list[list[str]]) -> Named:
    """Behind ``N channels`` the head has two lines for each: its name and its unit; the time stands first in a row."""
    width = len(rows[0]) if rows else 0
    lines = [line.strip() for line in said.text.splitlines()]
    at = next((place for place, line in enumerate(lines) if re.fullmatch(r"\d+ channels?", line)), None)
    if at is None:
        return ()
    count = int(lines[at].split()[0])
    pairs = lines[at + 1 : at + 1 + 2 * count]
    named = [(name_and_unit(name)[0] or name, unit) for name, unit in zip(pairs[::2], pairs[1::2], strict=False)]
    if len(named) != count or width not in (count, count + 1):
        return ()
    below = next((re.split(r"[,;\t]", line)[0] for line in lines[at + 1 + 2 * count :] if line), "sec")
    return tuple(named) if width == count else ((below.strip() or "sec", ""), *named)


def emotiv_names(said: Said, rows: list[list[str]]) -> Named:
    """The labels stand in the first line, one blank between them."""
    found = re.search(r"labels:([^,]*)", said.text)
    names = found[1].split() if found else []
    width = len(rows[0]) if rows else 0
    return tuple(
        (name, "") for name in (*names, *(f"column-{place + 1}" for place in range(len(names), width)))[:width]
    )


def _is_stamp(cell: str) -> bool:
    if is_clock(cell):
        return True
    try:
        return number(cell, decimal_comma=False) > _UNIX_S[0]
    except NotANumber:
        return False


def labview_names(said: Said, rows: list[list[str]]) -> Named:
    """The row that begins with `X_Value`; it names a column of comments as well, which most rows leave out."""
    line = next((line for line in said.text.splitlines() if line.startswith("X_Value")), "")
    width = len(rows[0]) if rows else 0
    cells = line.split("\t")[:width]
    if not line or len(cells) < width:
        return ()
    units = next((value.split("\t") for key, value in said.facts if key == "y unit label"), [])
    behind = dict(enumerate(units, 1))
    return tuple((name.strip(), behind.get(place, "").strip()) for place, name in enumerate(cells))


def spike2_names(said: Said, rows: list[list[str]]) -> Named:
    """Title and unit stand in the summary, a line a channel; several channels follow one another in the file.

    Raises
    ------
    RecordUnreadable : more than one channel of samples: where one ends and the next begins no row says.
    """
    lines = [line.strip().replace('"', "").split("\t") for line in said.text.splitlines()]
    waves = [cells for cells in lines if len(cells) > 3 and cells[0].isdecimal() and cells[1] == "Waveform"]
    if len(waves) > 1:
        raise RecordUnreadable(
            "the channels follow one another in the file, so that no row holds a sample of each",
            channels=[cells[2] for cells in waves[:8]],
            remedy="export it from Spike2 as a spreadsheet text file, which has a column for each channel",
        )
    return ((waves[0][2].strip(), waves[0][3].strip()),) if waves and len(rows[0]) == 1 else ()
