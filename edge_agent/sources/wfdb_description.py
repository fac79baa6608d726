"""What the headers of a WFDB record say beside its samples: scales, start, comments.

Source: header(5) of the WFDB Applications Guide: base time and base date end the record line, comments begin with `#`.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from biosignal.signal.blocks import Unit
from edge_agent.sources.port import Description, LeadDescription, RecordUnreadable, Scale, unique_names
from edge_agent.sources.wfdb_frames import beside
from edge_agent.sources.wfdb_header import NO_FILE, Header, SignalLine, decoded, known_unit, read_header
from edge_agent.sources.wfdb_segments import WfdbLead

_TIME = re.compile(r"(?<!\S)(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?!\S)")
_DATE = re.compile(r"(?<!\S)(\d{1,2})/(\d{1,2})/(\d{4})(?!\S)")


def describe(path: Path, header: Header, leads: Sequence[WfdbLead]) -> Description:
    """Describe a record by its header, and its leads by the first segment that has each."""
    text = decoded(path.read_bytes())
    lines = _signal_lines(path, header)
    return Description(
        leads=tuple(_of_lead(lead, lines.get(lead.name)) for lead in leads),
        started=_started(text),
        texts=tuple(
            ("comment", comment)
            for line in text.splitlines()
            if line.strip().startswith("#") and (comment := line.strip().lstrip("#").strip())
        ),
    )


def _signal_lines(path: Path, header: Header) -> dict[str, SignalLine]:
    headers = [header]
    for name in dict.fromkeys(one.name for one in header.segments if one.name != NO_FILE):
        try:
            headers.append(read_header(beside(path, f"{name}.hea")))
        except RecordUnreadable:
            continue  # the record itself says that this segment is not there
    found: dict[str, SignalLine] = {}
    for each in headers:
        for name, line in zip(unique_names([one.name for one in each.signals]), each.signals, strict=True):
            if line.file != NO_FILE:
                found.setdefault(name, line)
    return found


def _of_lead(lead: WfdbLead, line: SignalLine | None) -> LeadDescription:
    if line is None or not line.gain or not lead.calibrated:
        return LeadDescription(unit_text="")
    unit, factor = known_unit(line.unit)
    wanted = known_unit(lead.unit_text)
    if unit is not wanted[0]:
        return LeadDescription(unit_text=lead.unit_text)
    step = factor / line.gain
    text = lead.unit_text if unit is Unit.RAW else unit.value
    return LeadDescription(unit_text=text, scale=Scale(step=step, zero=-line.baseline * step))


def _started(text: str) -> datetime | None:
    """Date and time of the record line; None where it has not both."""
    line = next((one for one in text.splitlines() if one.strip() and not one.lstrip().startswith("#")), "")
    time, date = _TIME.search(line), _DATE.search(line)
    if time is None or date is None:
        return None
    try:
        day = datetime(int(date[3]), int(date[2]), int(date[1]))  # noqa: DTZ001 - the recorder's clock, of no known zone
    except ValueError:
        return None
    micros = int((time[4] or "").ljust(6, "0"))
    return day + timedelta(hours=int(time[1]), minutes=int(time[2]), seconds=int(time[3]), microseconds=micros)
