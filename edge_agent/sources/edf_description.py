"""What an EDF or BDF file says beside its samples: scales, start, patient and recording, stretches without samples.

Source: Kemp et al. 1992 (EDF; doi 10.1016/0013-4694(92)90009-7), Kemp and Olivan 2003 (EDF+; doi
10.1016/S1388-2457(03)00123-8).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from biosignal.signal.blocks import Unit
from edge_agent.sources.edf_header import FIXED_BYTES, SignalField, text_of
from edge_agent.sources.edf_holes import Holes
from edge_agent.sources.edf_layout import Layout
from edge_agent.sources.edf_signals import EdfSignals
from edge_agent.sources.port import Description, LeadDescription, Scale
from edge_agent.sources.wfdb_header import known_unit

_PATIENT, _RECORDING, _DATE, _TIME = slice(8, 88), slice(88, 168), slice(168, 176), slice(176, 184)
_TRANSDUCER, _PREFILTER = (16, 80), (16 + 80 + 5 * 8, 80)  # where a column of the header begins, and its width
_TWO_DIGITS = re.compile(r"(\d{1,2})[.:/-](\d{1,2})[.:/-](\d{1,2})")
_STARTDATE = re.compile(r"Startdate\s+(\d{1,2})-([A-Za-z]{3})-(\d{4})")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
CENTURY_BEGINS = 85  # EDF: years 85 to 99 are of the 20th century
NO_DAY = "01.01.85"  # what EDF+ asks for where the day is not known, with `Startdate X`
HOLE = "No samples"
"""An annotation of this text says for how long the file holds values in the place of samples: a gap of any length."""
ENDED = "End of the samples"
"""An annotation of this text says from where and for how long the last record goes on behind the recording."""
INVALID = f"{HOLE}: "
"""An annotation that begins so names a lead in which, for its duration, the file holds no true samples."""


@dataclass(frozen=True, slots=True)
class InvalidStretch:
    """Seconds [start, end) since the first sample in which a lead has no samples."""

    lead: str
    start_s: float
    end_s: float


def describe(layout: Layout, signals: EdfSignals) -> Description:
    """Describe a file whose signals are known."""
    content = layout.header.content
    patient, recording = text_of(content[_PATIENT]), text_of(content[_RECORDING])
    texts = [(what, text) for what, text in (("patient", patient), ("recording", recording)) if _says_something(text)]
    rows = [row for row, one in enumerate(layout.columns) if one.samples and not one.is_annotations]
    count = len(layout.columns)
    return Description(
        leads=tuple(
            _of_lead(
                layout.columns[row].field,
                scaled=lead.name not in signals.unscaled,
                transducer=_column(content, _TRANSDUCER, row, count),
                prefilter=_column(content, _PREFILTER, row, count),
            )
            for row, lead in zip(rows, signals.leads, strict=True)
        ),
        started=_started(content, recording, layout),
        texts=tuple(texts),
    )


def holes_of(annotations: Sequence[tuple[float, float | None, str]], fs_hz: float) -> Holes:
    """What the file says that it does not hold of any lead, at a rate."""
    empty = [(at_s, at_s + for_s) for at_s, for_s, text in annotations if for_s and text == HOLE]
    ends_s = [at_s for at_s, for_s, text in annotations if for_s and text == ENDED]
    return Holes(
        empty=tuple(sorted((round(start * fs_hz), round(end * fs_hz)) for start, end in empty)),
        ends_at=round(min(ends_s) * fs_hz) if ends_s else None,
    )


def invalid_stretches(annotations: Sequence[tuple[float, float | None, str]]) -> tuple[InvalidStretch, ...]:
    """Stretches without samples, out of a file's annotations."""
    return tuple(
        InvalidStretch(text.removeprefix(INVALID), at_s, at_s + for_s)
        for at_s, for_s, text in annotations
        if for_s and text.startswith(INVALID)
    )


def _of_lead(field: SignalField, *, scaled: bool, transducer: str, prefilter: str) -> LeadDescription:
    (low, high), (first, last) = field.physical, field.digital
    if not scaled or low is None or high is None or first is None or last is None:
        return LeadDescription(unit_text="", transducer=transducer, prefilter=prefilter)
    unit, factor = known_unit(field.unit)
    step = (high - low) / (last - first) * factor
    scale = Scale(step=step, zero=low * factor - first * step, counts=(int(first), int(last)))
    text = field.unit if unit is Unit.RAW else unit.value
    return LeadDescription(unit_text=text, scale=scale, transducer=transducer, prefilter=prefilter)


def _says_something(text: str) -> bool:
    """Whether a field holds more than the start and the `X` that EDF+ asks for where nothing is known."""
    parts = text.split()
    return not {"X"}.issuperset(parts[2:] if parts[:1] == ["Startdate"] else parts)


def _column(content: bytes, place: tuple[int, int], row: int, count: int) -> str:
    before, width = place
    at = FIXED_BYTES + before * count + width * row
    return text_of(content[at : at + width])


def _started(content: bytes, recording: str, layout: Layout) -> datetime | None:
    """Date and time, the day by `Startdate` where it is said; None where the day is not known."""
    said = _STARTDATE.search(recording)
    date, time = _TWO_DIGITS.match(text_of(content[_DATE])), _TWO_DIGITS.match(text_of(content[_TIME]))
    if time is None or (said is None and (date is None or text_of(content[_DATE]) == NO_DAY)):
        return None
    try:
        if said is not None:
            day = datetime(int(said[3]), MONTHS.index(said[2].upper()) + 1, int(said[1]))  # noqa: DTZ001 - no known zone
        else:
            assert date is not None, "one of the two is there"
            year = int(date[3]) + (1900 if int(date[3]) >= CENTURY_BEGINS else 2000)
            day = datetime(year, int(date[2]), int(date[1]))  # noqa: DTZ001 - the recorder's clock, of no known zone
    except ValueError:
        return None
    clock = timedelta(hours=int(time[1]), minutes=int(time[2]), seconds=int(time[3]))
    return day + clock + timedelta(seconds=layout.first_onset_s())
