"""Lists of samples, as watches and phones export them, in JSON or in the cells of a table: written out as a log.

What comes out are the lines of an ordinary log, a sample a line, which are then read by the same rules as any other.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.lead_kinds import kind_of
from edge_agent.sources.logs.cells import is_number, is_time_name
from edge_agent.sources.logs.head import is_comment, said_by
from edge_agent.sources.logs.text_file import TextFile
from edge_agent.sources.port import RecordUnreadable

LARGEST_BYTES = 64 << 20
_LIST = 8  # numbers: no sample has so many
_LOOK = 200  # lines
_ANY = re.compile(r"[,;\s|]+")
_MOST_CHANNELS = 64
_PACKETS = 8  # whose times show a rate
_EVEN, _MOSTLY = 0.05, 0.8  # of their usual step; of the packets
_KEY_AND_NUMBERS = re.compile(r'"(?P<key>[^"]*)"\s*:\s*\[(?P<numbers>(?:\s*(?:[-+]?\d[\d.eE+-]*|null|NaN)\s*,?)+)')
_SAMPLES_KEY = re.compile(r"samples?$|signal$|waveform|voltages?$", re.IGNORECASE)
_WHOLE_LIST = re.compile(rf"\[\s*(?:[-+]?\d[\d.eE+-]*\s*,\s*){{{_LIST - 1},}}[-+]?\d[\d.eE+-]*\s*\]")
_PLAIN_KEYS = ("samples", "values", "data", "signal", "waveform samples")
_FITBIT, _WITHINGS = "scaling factor", "wearposition"
_REMEDY = "write one sample a line: a column for each lead and one of times, or an .npz of arrays"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Packet:
    """Lists by name, all of one length, and what stands beside them: (key, value)."""

    lists: dict[str, list[float]]
    beside: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """The lines of a log, and sentences about what is not in it."""

    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()


def is_json(head: Sequence[str]) -> bool:
    """Whether a file is JSON, one document or one a line, that holds lists of samples, or a list of objects.

    A short list is one of samples only where its key says so: a board may print all its channels in one.
    """
    text = "\n".join(head[:_LOOK]).strip()
    if re.match(r"\[\s*\{", text) is not None:
        return True
    lists = ((found["key"], found["numbers"].count(",") + 1) for found in _KEY_AND_NUMBERS.finditer(text))
    return text.startswith("{") and any(_are_samples(key, count) for key, count in lists)


def _are_samples(key: str, count: int) -> bool:
    return count > _MOST_CHANNELS or (count >= _LIST and _SAMPLES_KEY.search(key) is not None)


def has_lists(lines: Sequence[str]) -> bool:
    """Whether cells of a table hold lists of samples: a row is then no sample, nor a lead."""
    content = [line for line in lines if line.strip() and not is_comment(line)][:_LOOK]
    parts = [line.split('"') for line in content]
    # A line that is quoted as a whole is a row all the same.
    lists = sum(
        any(part.strip() for part in each[::2]) and any(len(_numbers_in(cell)) >= _LIST for cell in each[1::2])
        for each in parts
    )
    bare = sum(_is_a_cell(line) for line in content)
    return len(content) > 1 and max(lists, bare) >= len(content) / 2


def _is_a_cell(line: str) -> bool:
    """Whether a list that nobody quoted stands in a line between other cells."""
    found = _WHOLE_LIST.search(line)
    return found is not None and (line[: found.start()].rstrip().endswith(",") or line[found.end() :].startswith(","))


def written_out(path: Path, file: TextFile, *, is_table: bool) -> WrittenOut:
    """The log that holds the samples of such a file.

    Raises
    ------
    RecordUnreadable : the lists are of several lengths, too many, or no object tells what they are.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise RecordUnreadable(
            "the file is too large to be read as a whole, as lists need it",
            file=str(path),
            most_mb=LARGEST_BYTES >> 20,
            remedy=_REMEDY,
        )
    with file.lines() as lines:
        text = "\n".join(lines)
    try:
        packets = _of_table(text) if is_table else _of_documents(path, text)
        return WrittenOut(tuple(packets)) if packets and isinstance(packets[0], str) else _log(path, packets)
    except RecursionError as error:
        raise RecordUnreadable("the file is nested too deep", file=str(path), remedy=_REMEDY) from error


def _of_documents(path: Path, text: str) -> list[Any]:
    try:
        documents = [json.loads(text)]
    except ValueError:
        documents = []
        for line in text.splitlines():
            try:
                documents += [json.loads(line)] if line.strip() else []
            except ValueError:
                continue  # a torn last line, or words of whoever wrote the file
    objects = documents[0] if len(documents) == 1 and isinstance(documents[0], list) else documents
    packets = list(_packets(documents, "", ()))
    if packets or not objects:
        return packets
    return [json.dumps(one) for one in objects if isinstance(one, dict)]  # an object a sample: as lines of a sketch


def _packets(value: Any, name: str, beside: tuple[tuple[str, Any], ...]) -> Iterator[_Packet]:
    """All objects that hold lists of numbers, with the plain values in them and around them."""
    if isinstance(value, list):
        for below in value:
            yield from _packets(below, name, beside)
    if not isinstance(value, dict):
        return
    own = (*((_key(key), one) for key, one in value.items() if not isinstance(one, dict | list)), *beside)
    lists = {
        (name if _key(key) in _PLAIN_KEYS and kind_of(name) is not LeadKind.UNKNOWN else key): _numbers(one)
        for key, one in value.items()
        if isinstance(one, list) and _are_samples(key, len(one)) and not isinstance(one[0], dict | list | str)
    }
    if lists:
        yield _Packet(lists=lists, beside=own)
        return
    for key, below in value.items():
        yield from _packets(below, key, own)


def _of_table(text: str) -> list[Any]:
    rows = [row for row in csv.reader(io.StringIO(text), skipinitialspace=True) if any(cell.strip() for cell in row)]
    names, packets = rows[0], []
    for row in rows[1:]:
        if len(row) != len(names) and "[" in ",".join(row):
            row = _rejoined(row)
        if len(row) != len(names):
            continue
        found = {name: _numbers_in(cell) for name, cell in zip(names, row, strict=True)}
        lists = {name: [float(one) for one in cells] for name, cells in found.items() if len(cells) >= _LIST}
        beside = tuple((_key(name), cell) for name, cell in zip(names, row, strict=True) if name not in lists)
        packets += [_Packet(lists=lists, beside=beside)] if lists else []
    return packets


def _rejoined(row: list[str]) -> list[str]:
    """The cells of a list that nobody quoted, as one."""
    text = ",".join(row)
    first, last = text.index("["), text.rindex("]")
    before, behind = text[:first].rstrip(",").split(","), text[last + 1 :].lstrip(",").split(",")
    return [*([] if before == [""] else before), text[first : last + 1], *([] if behind == [""] else behind)]


def _log(path: Path, packets: list[_Packet]) -> WrittenOut:
    if not packets:
        raise RecordUnreadable("the file holds no list of samples that could be read", file=str(path), remedy=_REMEDY)
    names = list(packets[0].lists)
    packets = [one for one in packets if list(one.lists) == names]
    if any(len({len(values) for values in one.lists.values()}) > 1 for one in packets):
        raise RecordUnreadable(
            "lists of one object are of several lengths", file=str(path), lists=names[:8], remedy=_REMEDY
        )
    titles, scale = _titles(names, packets[0])
    rates = [f"# {key} = {value}" for key, value in packets[0].beside if said_by([f"{key} = {value}"]).fs_hz]
    if rates:  # each list says its rate, and so is a recording of its own
        note = (f"the file holds {len(packets)} recordings, of which the first is read",) if len(packets) > 1 else ()
        return WrittenOut((*rates, ",".join(titles), *_rows(packets[:1], scale, None)), note)
    clock = _clock(packets)
    if not clock or len(packets) < _PACKETS:
        raise RecordUnreadable(
            "the file holds lists of samples, and neither a rate beside each nor the time of many of them",
            file=str(path),
            lists=names[:8],
            remedy=_REMEDY,
        )
    return WrittenOut((",".join([clock, *titles]), *_rows(packets, scale, _times(packets, clock))))


def _rows(packets: list[_Packet], scale: float, times: list[list[str]] | None) -> Iterator[str]:
    for place, one in enumerate(packets):
        for at, sample in enumerate(zip(*one.lists.values(), strict=True)):
            stamp = [times[place][at]] if times is not None else []
            yield ",".join([*stamp, *(repr(value / scale) for value in sample)])


def _times(packets: list[_Packet], clock: str) -> list[list[str]]:
    """The time of each sample: that of its packet, from which on it is counted where packets come evenly."""
    stamps = [str(dict(one.beside)[clock]) for one in packets]
    lengths = np.asarray([len(next(iter(one.lists.values()))) for one in packets])
    try:
        known = np.asarray([float(stamp) for stamp in stamps])
    except ValueError:  # a time of the clock
        return [[stamp] * length for stamp, length in zip(stamps, lengths, strict=True)]
    steps = np.diff(known) / lengths[:-1]
    usual = float(np.median(steps))
    if float((np.abs(steps - usual) <= _EVEN * abs(usual)).mean()) < _MOSTLY:
        usual = 0.0
    return [
        [repr(float(first + at * usual)) for at in range(length)] for first, length in zip(known, lengths, strict=True)
    ]


def _clock(packets: list[_Packet]) -> str:
    """The key that holds the time of each packet; none where there is only one, or no such key."""
    keys = [key for key, value in packets[0].beside if is_time_name(key) and not isinstance(value, bool)]
    return next((key for key in keys if len(packets) > 1 and all(key in dict(one.beside) for one in packets)), "")


def _titles(names: list[str], packet: _Packet) -> tuple[list[str], float]:
    """Names with units, and by how much the numbers are divided; units only where the maker gives them."""
    beside = dict(packet.beside)
    if _FITBIT in beside and len(names) == 1 and is_number(str(beside[_FITBIT]), decimal_comma=False):
        return ["Lead I (mV)"], float(beside[_FITBIT]) or 1.0
    if _WITHINGS in beside and names == ["signal"]:
        return ["Lead I (uV)"], 1.0
    return [name.replace(",", " ") for name in names], 1.0


def _numbers(values: list[Any]) -> list[float]:
    return [float(one) if isinstance(one, int | float) else float("nan") for one in values]


def _numbers_in(cell: str) -> list[str]:
    """The numbers of a cell that holds nothing else; none where it does."""
    cells = [each for each in _ANY.split(cell.strip().strip("[](){}")) if each]
    return cells if all(is_number(each, decimal_comma=False) for each in cells) else []


def _key(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip()).lower()
    return re.sub(r"[ _]+", " ", spaced).strip()
