"""Heart rate variability of a recording's beats, as a section of the overview."""

import numpy as np

from biosignal.ecg.hrv import LEAST_FILLED, Variability, variability
from biosignal.ecg.nn_intervals import intervals_of
from biosignal.events import Finding
from biosignal.tasks.ecg_beats.episodes import Beats
from biosignal.tasks.ecg_beats.kinds import CLASSES
from biosignal.tasks.ecg_beats.rhythm_section import stretches_of
from biosignal.tasks.overview import Cell, ColumnHead, Figure, Grid, Heard, Section, touched

NORMAL, ECTOPIC = CLASSES[0], CLASSES[1:]
SINUS = ("(N", "(SBR")
"""Rhythms, as WFDB writes them, that the sinus node makes; in any other an interval between normal beats is no NN."""
IRREGULAR = "rr_change_share"
"""A finding that measured how many intervals change says that they do: it may be fibrillation without its name."""
NAMES = {
    "sdnn": ("SDNN", "ms", 1),
    "sdann": ("SDANN", "ms", 1),
    "sdnn_index": ("SDNN index", "ms", 1),
    "rmssd": ("RMSSD", "ms", 1),
    "nn50": ("NN50", "", 0),
    "pnn50": ("pNN50", "%", 1),
    "triangular_index": ("HRV triangular index", "", 1),
    "tinn": ("TINN", "ms", 0),
    "ulf": ("ULF", "ms\u00b2", 0),
    "vlf": ("VLF", "ms\u00b2", 0),
    "lf": ("LF", "ms\u00b2", 0),
    "hf": ("HF", "ms\u00b2", 0),
    "total": ("total power", "ms\u00b2", 0),
    "lf_nu": ("LFnu", "", 1),
    "hf_nu": ("HFnu", "", 1),
    "lf_hf": ("LF/HF", "", 2),
}
COUNTED = (
    "NN intervals only: both beats normal, in sinus rhythm, on signal that could be assessed. None is interpolated: "
    "the spectrum is that of Lomb and Scargle."
)
COMPARED = (
    "Values over five minutes and values over a whole recording are not to be compared, nor recordings of different "
    "lengths."
)


def variability_section(heard: Heard, beats: Beats) -> Section:
    """Measure the variability, over windows of five minutes and over the whole recording."""
    rhythms = [one for one in heard.findings if _is_not_sinus(heard, one)]
    stretches = stretches_of(heard, rhythms)
    starts = beats.marks.starts
    found = variability(
        intervals_of(
            beats.at_s,
            beats.rr_s,
            normal=beats.marks.called(NORMAL),
            ectopic=np.any([beats.marks.called(label) for label in ECTOPIC], axis=0),
            usable=beats.marks.usable,
            sinus=~touched(stretches, starts, starts + 1),
        ),
        length_s=heard.length_s,
    )
    notes = [COUNTED, COMPARED]
    if found.short_why:
        notes.insert(0, f"Nothing is said of five minutes: {found.short_why}.")
    return Section(
        name="variability",
        title="Heart rate variability",
        figures=(*_counted(heard, found), *_whole(found, heard.length_s), *_day(found)),
        grids=(_short(found), *_excluded(found)),
        notes=tuple(notes),
    )


def _is_not_sinus(heard: Heard, finding: Finding) -> bool:
    is_irregular = any(measure.name == IRREGULAR for measure in finding.evidence.measures)
    return is_irregular or heard.kinds[finding.kind].wfdb_rhythm not in (None, *SINUS)


def _counted(heard: Heard, found: Variability) -> tuple[Figure, ...]:
    share, usable = found.excluded_share, heard.usable_share
    interpolated = 100 * found.interpolated / max(found.intervals, 1)
    return (
        Figure(name="window", label="window of the recording", value=heard.length_s, unit="length"),
        Figure(name="nn_time", label="NN intervals, in all", value=found.nn_s, unit="length"),
        Figure(
            name="excluded_share",
            label="RR intervals that are no NN intervals",
            value=None if share is None else 100 * share,
            unit="%",
            decimals=1,
            why="" if share is not None else "there are no intervals",
        ),
        Figure(name="interpolated_share", label="interpolated", value=interpolated, unit="%", decimals=1),
        Figure(
            name="usable_share",
            label="signal that could be assessed",
            value=None if usable is None else 100 * usable,
            unit="%",
            decimals=1,
            why="" if usable is not None else "there is no signal",
        ),
    )


def _whole(found: Variability, length_s: float) -> tuple[Figure, ...]:
    minutes, seconds = divmod(round(length_s), 60)
    window = f"over {minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    return tuple(_figure(name, one.value, one.why, window) for name, one in found.whole.items())


def _day(found: Variability) -> tuple[Figure, ...]:
    return tuple(_figure(f"day_{name}", one.value, one.why, "over 24 h") for name, one in found.day.items())


def _figure(name: str, value: float | None, why: str, over: str) -> Figure:
    label, unit, decimals = NAMES[name.removeprefix("day_")]
    return Figure(name=name, label=f"{label}, {over}", value=value, unit=unit, decimals=decimals, why=why)


def _short(found: Variability) -> Grid:
    columns = (
        ColumnHead(name="measure", label="measure"),
        ColumnHead(name="unit", label="unit"),
        ColumnHead(name="mean", label="mean", decimals=1),
        ColumnHead(name="lowest", label="lowest", decimals=1),
        ColumnHead(name="highest", label="highest", decimals=1),
    )
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.short.items():
        label, unit, _ = NAMES[name]
        values = (None if np.isnan(value) else value for value in (one.mean, one.low, one.high))
        rows.append((label, unit, *values))
    title = (
        f"Short-term, windows of 5 min: {found.windows_used} of {found.windows} "
        f"(NN intervals fill {100 * LEAST_FILLED:.0f} % or more)"
    )
    return Grid(name="short_term", title=title, columns=columns, rows=tuple(rows))


def _excluded(found: Variability) -> tuple[Grid, ...]:
    if not found.intervals:
        return ()
    columns = (
        ColumnHead(name="reason", label="left out because"),
        ColumnHead(name="intervals", label="RR intervals"),
        ColumnHead(name="share", label="of all", unit="%", decimals=1),
    )
    rows = tuple((reason, count, 100 * count / found.intervals) for reason, count in found.excluded.items())
    return (Grid(name="excluded", title="RR intervals that are no NN intervals", columns=columns, rows=rows),)
