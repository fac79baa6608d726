"""Ten seconds of a standard ECG on paper: three rows of four leads, 2.5 s of each, and one lead over all ten seconds.

25 mm/s and 10 mm/mV. Columns follow each other in time, so a heartbeat lies at the same place in every row. What is not
as it should be is said in the lead's own place: a lead that is missing, derived, flat, off scale or without a scale.
What was filled for the eye is hatched, and said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.completing import Filled, completed
from biosignal.ecg.leads import TWELVE, derived, standard_rows
from biosignal.errors import BadInput
from biosignal.paper import LEFT_MM, Drawing, Line, Pen, Shade, Text, grid, hatch, paper_of, pulse, trace
from biosignal.signal.blocks import MILLIVOLT_PER, Lead, Samples, Unit

ROWS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
LIMBS = ("I", "II", "III", "aVR", "aVL", "aVF")
RHYTHM = ("II", "I", "III", "V5", "V1", *TWELVE)
"""Which lead is drawn over all ten seconds: the first of these that is there."""
LENGTH_S = 10.0
COLUMN_S = LENGTH_S / 4
ROW_MM, EDGE_MM, FOOT_MM = 30.0, 5.0, 5.0
REACH_MM = 25.0
"""How far from its line a trace may go, into the rows beside it; what would go further is cut and called off scale."""
FLAT_MV = 0.02
"""A lead that swings by less over all ten seconds is called flat."""
FITTED_MM = 18.0
"""Height of a lead without a scale."""
STEP_S = 0.1
"""Width of a shade."""
LEAST_SHADE = 0.1
NAME_MM, NOTE_MM = 3.2, 2.4
MOST_NAMED = 8
NARROW, WIDE = 0.4, 0.75
"""Widths of letters of a name, as shares of their size."""
_MV = paper_of(Unit.MILLIVOLT, np.zeros(1, np.float32))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shown:
    """What is printed: samples by the standard names of their leads, all of one length and rate.

    Parameters
    ----------
    known : in mV, NaN where there is none.
    raw : of leads whose scale nobody knows.
    shades : what spoke for (above 0) and against a statement, by lead, shape (step,), over the same time.
    filled : what of `known` was not measured, in samples.
    """

    fs_hz: float
    known: Mapping[str, Samples]
    raw: Mapping[str, Samples] = field(default_factory=dict)
    shades: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    filled: tuple[Filled, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Print:
    """A drawing, what has to be said of it, a sentence each, and what of it was filled, in seconds from its start."""

    drawing: Drawing
    notes: tuple[str, ...]
    filled: tuple[dict[str, str | float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Trace:
    """A lead as it is drawn: mm above its line over ten seconds, and what is wrong with it."""

    name: str
    heights: NDArray[np.float64]
    step_mm: float
    says: tuple[str, ...]
    filled: tuple[tuple[int, int], ...] = ()


def shown_of(
    leads: Sequence[Lead], samples: Samples, fs_hz: float, shades: Mapping[str, NDArray[np.float32]] | None = None
) -> Shown:
    """Choose the standard leads among those of a recording, each in mV or without a scale.

    Parameters
    ----------
    samples : float32, shape (lead, sample), in the unit of each lead.
    """
    rows = standard_rows([lead.name for lead in leads])
    raw = {name: samples[row] for name, row in rows.items() if leads[row].unit is Unit.RAW}
    known = {
        name: samples[row] * np.float32(MILLIVOLT_PER[leads[row].unit]) for name, row in rows.items() if name not in raw
    }
    return Shown(fs_hz=fs_hz, known=known, raw=raw, shades=shades or {})


def with_filled(shown: Shown) -> Shown:
    """Fill what is missing of the leads that have a scale, for the eye alone."""
    most = round(LENGTH_S * shown.fs_hz)
    known, filled = completed({name: x[:most] for name, x in shown.known.items()}, shown.fs_hz)
    return replace(shown, known={name: x.astype(np.float32) for name, x in known.items()}, filled=filled)


def draw_twelve(shown: Shown) -> Print:
    """Draw ten seconds; of fewer, what is there. Where no lead has a sample there is paper alone, and it says so.

    Raises
    ------
    BadInput : no standard lead is there, or the leads are not of one length and rate.
    """
    traces = _traces(shown)
    rhythm = next((traces[name] for name in RHYTHM if name in traces), None)
    below = RHYTHM[0] if rhythm is None else rhythm.name
    width, height = LEFT_MM + LENGTH_S * _MV.mm_per_s, 2 * EDGE_MM + ROW_MM * (len(ROWS) + 1)
    items: list[Line | Text | Shade] = [*grid(width, 0.0, height), *_all_shades(shown, below)]
    for row, names in enumerate(ROWS):
        items += pulse(_MV, _line_of(row) + 5.0)
        for column, name in enumerate(names):
            items += _cell(traces.get(name), name, row, column * COLUMN_S, COLUMN_S)
    items += [*pulse(_MV, _line_of(len(ROWS)) + 5.0), *_cell(rhythm, below, len(ROWS), 0.0, LENGTH_S)]
    items.append(Text(x=LEFT_MM, y=height + FOOT_MM - 1.0, text=f"{_MV.scale}, drawn as recorded, without a filter"))
    is_cut = any("off scale" in one.says for one in traces.values())
    drawing = Drawing(width_mm=width, height_mm=height + FOOT_MM, items=tuple(items), is_cut=is_cut)
    filled = tuple(
        {"lead": one.lead, "from_s": one.start / shown.fs_hz, "to_s": one.end / shown.fs_hz, "by": one.how.value}
        for one in shown.filled
    )
    notes = (*_notes(traces), *_notes_on_filled(shown))
    return Print(drawing=drawing, notes=notes, filled=filled)


def _line_of(row: int) -> float:
    """Where the line of a row lies."""
    return EDGE_MM + ROW_MM * (row + 0.5)


def _traces(shown: Shown) -> dict[str, _Trace]:
    both = {**shown.raw, **shown.known}
    lengths = {len(x) for x in both.values()}
    if not set(both) & set(TWELVE) or len(lengths) != 1 or not min(lengths) or shown.fs_hz <= 0:
        raise BadInput(
            "twelve leads are drawn of standard leads of one length",
            leads=sorted(both)[:8],
            lengths=sorted(lengths)[:8],
            fs_hz=shown.fs_hz,
            remedy="give leads named I, II, III, aVR, aVL, aVF, V1 to V6",
        )
    most = round(LENGTH_S * shown.fs_hz)
    made = derived({name: np.asarray(x[:most], np.float64) for name, x in shown.known.items()})
    found = {name: _measured(name, x, shown, is_derived=name not in shown.known) for name, x in made.items()}
    for name, x in shown.raw.items():
        found.setdefault(name, _fitted(name, np.asarray(x[:most], np.float64), shown.fs_hz))
    return {name: one for name, one in found.items() if one is not None}


def _measured(name: str, x: NDArray[np.float64], shown: Shown, *, is_derived: bool) -> _Trace | None:
    """A lead in mV about its own middle; a standing offset of the electrode is not drawn."""
    filled = _filled_of(name, shown, is_derived=is_derived)
    known = _seen(x, filled)
    if not len(known):
        return None
    heights = (x - np.median(known)) * _MV.mm_per_unit
    says = ["derived"] if is_derived else []
    says += ["filled"] if filled else []
    if np.ptp(known) < FLAT_MV:
        says.append("flat")
    if np.nanmax(np.abs(heights)) > REACH_MM:
        says.append("off scale")
    step_mm = _MV.mm_per_s / shown.fs_hz
    return _Trace(name=name, heights=heights, step_mm=step_mm, says=tuple(says), filled=filled)


def _seen(x: NDArray[np.float64], filled: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """The samples that were measured; of a lead that was filled as a whole those that it was filled with."""
    is_measured = np.isfinite(x)
    for start, end in filled:
        is_measured[start:end] = False
    return x[is_measured] if is_measured.any() else x[np.isfinite(x)]


def _filled_of(name: str, shown: Shown, *, is_derived: bool) -> tuple[tuple[int, int], ...]:
    """What of a lead was filled; of one that is derived what was filled of any limb lead."""
    wanted = LIMBS if is_derived else (name,)
    return tuple(sorted({(one.start, one.end) for one in shown.filled if one.lead in wanted}))


def _fitted(name: str, x: NDArray[np.float64], fs_hz: float) -> _Trace | None:
    known = x[np.isfinite(x)]
    if not len(known):
        return None
    swing = float(np.ptp(known))
    scale = FITTED_MM / swing if swing > 0 else 0.0
    heights = (x - (known.max() + known.min()) / 2) * scale
    says = ("not calibrated", *(() if swing > 0 else ("flat",)))
    return _Trace(name=name, heights=heights, step_mm=_MV.mm_per_s / fs_hz, says=says)


def _cell(one: _Trace | None, name: str, row: int, from_s: float, length_s: float) -> Iterator[Line | Text]:
    """The part of a lead that lies in its place, its name over it; in the place of a missing lead its name alone."""
    left, line = LEFT_MM + from_s * _MV.mm_per_s, _line_of(row)
    if from_s > 0:
        yield Line(pen=Pen.PULSE, points=((left, line - ROW_MM / 2 + 1.0), (left, line - ROW_MM / 2 + 4.0)))
    yield Text(x=left + 1.0, y=line - ROW_MM / 2 + 4.0, text=name, size_mm=NAME_MM, pen=Pen.NAME)
    says = ("missing",) if one is None else one.says
    if says:
        x = left + 2.5 + NAME_MM * sum(NARROW if letter == "I" else WIDE for letter in name)
        yield Text(x=x, y=line - ROW_MM / 2 + 4.0, text=", ".join(says), size_mm=NOTE_MM, pen=Pen.MARK)
    if one is not None:
        fs_hz = _MV.mm_per_s / one.step_mm
        first, last = round(from_s * fs_hz), round((from_s + length_s) * fs_hz) + 1
        bottom = 2 * EDGE_MM + ROW_MM * (len(ROWS) + 1)
        y = np.clip(line - np.clip(one.heights, -REACH_MM, REACH_MM), 0.0, bottom)
        for start, end in one.filled:
            yield from _hatched(y, max(start, first), min(end, last), line, one.step_mm)
            y[start:end] = np.nan
        yield from trace(y[first:last], one.step_mm, left=LEFT_MM + first * one.step_mm)


def _hatched(y: NDArray[np.float64], start: int, end: int, line: float, step_mm: float) -> Iterator[Line]:
    """What was filled: a hatch as high as the row, and its trace by another pen, joined to what is beside it."""
    if end <= start:
        return
    left, right = (LEFT_MM + at * step_mm for at in (start, end))
    yield from hatch(left, right, line - ROW_MM / 2 + 5.0, line + ROW_MM / 2 - 1.0)
    first = max(0, start - 1)
    yield from trace(y[first : end + 1], step_mm, left=LEFT_MM + first * step_mm, pen=Pen.FILLED)


def _all_shades(shown: Shown, rhythm: str) -> Iterator[Shade]:
    if not shown.shades:
        return
    most = max(float(np.abs(values).max(initial=0.0)) for values in shown.shades.values())
    if most <= 0:
        return
    for row, names in enumerate(ROWS):
        for column, name in enumerate(names):
            if name in shown.shades:
                yield from _shades(shown.shades[name] / most, row, column * COLUMN_S, COLUMN_S)
    if rhythm in shown.shades:
        yield from _shades(shown.shades[rhythm] / most, len(ROWS), 0.0, LENGTH_S)


def _shades(strengths: NDArray[np.float32], row: int, from_s: float, length_s: float) -> Iterator[Shade]:
    """Rectangles as high as the row, one for each step that is worth one."""
    per_s = len(strengths) / LENGTH_S
    for step in range(round(from_s / STEP_S), round((from_s + length_s) / STEP_S)):
        first = int(step * STEP_S * per_s)
        part = strengths[first : max(first + 1, int((step + 1) * STEP_S * per_s))]
        strength = round(float(part.mean()), 2) if len(part) else 0.0
        if abs(strength) >= LEAST_SHADE:
            x = LEFT_MM + step * STEP_S * _MV.mm_per_s
            top = _line_of(row) - ROW_MM / 2
            yield Shade(x=round(x, 2), y=top, width=STEP_S * _MV.mm_per_s, height=ROW_MM, strength=strength)


def _notes(traces: Mapping[str, _Trace]) -> Iterator[str]:
    missing = [name for name in TWELVE if name not in traces]
    if missing:
        yield f"Missing, and not drawn: {', '.join(missing)}."
    for what, meaning in (
        ("derived", "computed from the other limb leads"),
        ("flat", f"swings by less than {FLAT_MV * 1000:g} \u00b5V"),
        ("off scale", f"goes further than {REACH_MM / _MV.mm_per_unit:g} mV from its middle and is cut there"),
        ("not calibrated", "has no scale: its height on the paper means nothing"),
    ):
        if named := [name for name in TWELVE if name in traces and what in traces[name].says]:
            yield f"{what[0].upper()}{what[1:]} ({meaning}): {', '.join(named)}."


def _notes_on_filled(shown: Shown) -> Iterator[str]:
    for how in dict.fromkeys(one.how for one in shown.filled):
        parts = [
            f"{one.lead} {one.start / shown.fs_hz:.1f} to {one.end / shown.fs_hz:.1f} s"
            for one in shown.filled
            if one.how is how
        ]
        more = f" and {len(parts) - MOST_NAMED} more" if len(parts) > MOST_NAMED else ""
        yield f"Hatched, filled for the eye by {how.value} and not measured: {', '.join(parts[:MOST_NAMED])}{more}."
