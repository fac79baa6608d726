"""A strip on ECG or EEG paper as plain drawing commands in millimetres, for PDF, SVG and canvas alike.

x runs to the right and y down, from the upper left corner of the drawing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Unit

Point: TypeAlias = tuple[float, float]

FINE_MM, COARSE_MM = 1.0, 5.0
ROW_MM = 4.0
"""Height of a row of labels above the trace."""
LEFT_MM = 15.0
"""To the left of the trace: names of the rows and the calibration pulse."""
PULSE_S = 0.2
LEAST_MM, MOST_MM = 20.0, 50.0
LETTER_MM = 2.6
APART_MM = 0.5
PER_MM = 12
"""Points of a trace a millimetre, at most; of more, lowest and highest are kept."""


HATCH_MM = 1.6
"""How far the lines of a hatch lie apart, along the paper."""


class Pen(str, Enum):
    """What a line or text is drawn as; colour and width are for whoever draws."""

    FINE = "fine"
    COARSE = "coarse"
    TRACE = "trace"
    PULSE = "pulse"
    MARK = "mark"
    STRETCH = "stretch"
    TEXT = "text"
    NAME = "name"
    FILLED = "filled"
    HATCH = "hatch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line through points."""

    pen: Pen
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text with its baseline at `y`; `x` is its left end, or its middle where it is `centred`."""

    x: float
    y: float
    text: str
    size_mm: float = LETTER_MM
    centred: bool = False
    pen: Pen = Pen.TEXT


@dataclass(frozen=True, kw_only=True, slots=True)
class Shade:
    """A rectangle over what was drawn before it, which shows through: the more of `strength`, from -1 to 1, the less;
    below 0 in the other colour."""

    x: float
    y: float
    width: float
    height: float
    strength: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """What to draw, in order. `is_cut`: the trace is higher than the paper and was cut at its edge."""

    width_mm: float
    height_mm: float
    items: tuple[Line | Text | Shade, ...]
    is_cut: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Paper:
    """How a lead is drawn: `scale` says it in words. `pulse` is the calibration pulse in the unit; 0: there is none."""

    mm_per_s: float
    mm_per_unit: float
    pulse: float
    scale: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRow:
    """Labels over a trace, each at a time in seconds from its first sample."""

    name: str
    labels: tuple[tuple[float, str], ...]


def paper_of(unit: Unit, samples: NDArray[np.float32]) -> Paper:
    """Choose the paper of a lead: 25 mm/s and 10 mm/mV, 30 mm/s and 7 uV/mm, or fitted where nobody knows the scale."""
    if unit is Unit.MILLIVOLT:
        return Paper(mm_per_s=25.0, mm_per_unit=10.0, pulse=1.0, scale="25 mm/s, 10 mm/mV")
    if unit is Unit.MICROVOLT:
        return Paper(mm_per_s=30.0, mm_per_unit=1 / 7, pulse=50.0, scale="30 mm/s, 7 \u00b5V/mm")
    known = samples[np.isfinite(samples)]
    swing = float(np.ptp(known)) if len(known) else 0.0
    fitted = 0.6 * MOST_MM / swing if swing > 0 else 1.0
    return Paper(mm_per_s=25.0, mm_per_unit=fitted, pulse=0.0, scale="25 mm/s, amplitude not calibrated")


def draw_strip(
    samples: NDArray[np.float32],
    *,
    fs_hz: float,
    paper: Paper,
    rows: Sequence[LabelRow] = (),
    stretch_s: tuple[float, float] | None = None,
) -> Drawing:
    """Draw one lead to scale.

    Parameters
    ----------
    samples : float32, shape (sample,), in the unit of `paper`; NaN where there is none: the line is broken there.
    fs_hz : their rate.
    rows : labels over the trace, from the top down; one that would lie on its neighbour leaves its tick only.
    stretch_s : what is marked by a bar over the trace, from and to in seconds from the first sample.

    Raises
    ------
    BadInput : there is no sample, or the rate is not above 0.
    """
    if samples.ndim != 1 or not samples.size or fs_hz <= 0:
        raise BadInput("a strip needs samples of one lead", shape=samples.shape, fs_hz=fs_hz)
    width = len(samples) / fs_hz * paper.mm_per_s
    top = ROW_MM * len(rows) + (2.0 if stretch_s is not None else 0.0)
    heights = samples.astype(np.float64) * paper.mm_per_unit
    height, zero = _fit(heights[np.isfinite(heights)], paper.pulse * paper.mm_per_unit)
    y = top + zero - heights
    items: list[Line | Text | Shade] = [*grid(LEFT_MM + width, top, height)]
    items += pulse(paper, top + height / 2 + paper.pulse * paper.mm_per_unit / 2)
    for index, row in enumerate(rows):
        items += _labels(row, paper.mm_per_s, baseline=ROW_MM * (index + 1) - 1.0, top=top, width=width)
    if stretch_s is not None:
        first, last = (LEFT_MM + min(max(at * paper.mm_per_s, 0.0), width) for at in stretch_s)
        items.append(Line(pen=Pen.STRETCH, points=((first, top - 1.0), (max(last, first + 0.5), top - 1.0))))
    cut = np.clip(y, top, top + height)
    items += trace(cut, paper.mm_per_s / fs_hz)
    is_cut = bool(np.any(np.abs(cut - y)[np.isfinite(y)] > 0))
    return Drawing(width_mm=LEFT_MM + width, height_mm=top + height, items=tuple(items), is_cut=is_cut)


def _fit(heights: NDArray[np.float64], pulse_mm: float) -> tuple[float, float]:
    """Height of the paper, and where zero lies below its top: so that the trace has its middle in the paper."""
    if not len(heights):
        return LEAST_MM, LEAST_MM / 2
    low, high = float(heights.min()), float(heights.max())
    wanted = max(high - low + 4.0, pulse_mm + 6.0)
    height = min(max(COARSE_MM * np.ceil(wanted / COARSE_MM), LEAST_MM), MOST_MM)
    if high - low > height:  # what is cut is a spike: the rest stays in the middle
        low, high = (float(value) for value in np.percentile(heights, [2, 98]))
    return float(height), float(height / 2 + (high + low) / 2)


def grid(width: float, top: float, height: float) -> Iterator[Line]:
    """Draw the lines of the paper from `LEFT_MM` to `width`."""
    for pen, step in ((Pen.FINE, FINE_MM), (Pen.COARSE, COARSE_MM)):
        for index in range(int((width - LEFT_MM) / step + 1e-6) + 1):
            x = LEFT_MM + index * step
            yield Line(pen=pen, points=((x, top), (x, top + height)))
        for index in range(int(height / step + 1e-6) + 1):
            y = top + index * step
            yield Line(pen=pen, points=((LEFT_MM, y), (width, y)))


def pulse(paper: Paper, foot: float) -> Iterator[Line]:
    """Draw the calibration pulse of a paper that has one before the trace, its foot at a height."""
    if not paper.pulse:
        return
    up = paper.pulse * paper.mm_per_unit
    edge = PULSE_S * paper.mm_per_s
    start = LEFT_MM - edge - 4.0
    steps = ((0, 0), (2, 0), (2, up), (2 + edge, up), (2 + edge, 0), (4 + edge, 0))
    yield Line(pen=Pen.PULSE, points=tuple((_mm(start + x), _mm(foot - y)) for x, y in steps))


def _labels(row: LabelRow, mm_per_s: float, *, baseline: float, top: float, width: float) -> Iterator[Line | Text]:
    yield Text(x=0.0, y=baseline, text=row.name, size_mm=2.2)
    free_from = LEFT_MM - ROW_MM
    for at_s, text in row.labels:
        x = LEFT_MM + at_s * mm_per_s
        if not LEFT_MM <= x <= LEFT_MM + width:
            continue
        yield Line(pen=Pen.MARK, points=((_mm(x), top - 0.8), (_mm(x), top + 1.5)))
        half = 0.35 * LETTER_MM * max(len(text), 1)
        if x - half >= free_from:
            yield Text(x=_mm(x), y=baseline, text=text, centred=True, pen=Pen.MARK)
            free_from = x + half + APART_MM


def trace(y: NDArray[np.float64], step_mm: float, *, left: float = LEFT_MM, pen: Pen = Pen.TRACE) -> Iterator[Line]:
    """Draw a trace in unbroken pieces: heights on the paper, NaN where there is none, so many mm apart."""
    known = np.flatnonzero(np.isfinite(y))
    for piece in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        if len(piece) > 1:
            kept = _thinned(piece, y, max(1, int(1 / (PER_MM * step_mm))))
            yield Line(pen=pen, points=tuple((_mm(left + i * step_mm), _mm(y[i])) for i in kept.tolist()))


def hatch(left: float, right: float, top: float, bottom: float) -> Iterator[Line]:
    """Draw slanting lines over what was not measured."""
    height = bottom - top
    for step in range(math.ceil((right - left + height) / HATCH_MM)):
        foot = left - height + step * HATCH_MM
        first, last = max(left, foot), min(right, foot + height)
        if last > first:
            points = tuple((_mm(x), _mm(bottom - (x - foot))) for x in (first, last))
            yield Line(pen=Pen.HATCH, points=points)


def _thinned(piece: NDArray[np.intp], y: NDArray[np.float64], group: int) -> NDArray[np.intp]:
    """Of each group of samples the lowest and the highest, with both ends of the piece."""
    if group <= 2:
        return piece
    whole = piece[: len(piece) // group * group].reshape(-1, group)
    values = y[whole]
    rows = np.arange(len(whole))
    ends = [piece[:1], piece[-1:]]
    return np.unique(np.concatenate([whole[rows, values.argmin(1)], whole[rows, values.argmax(1)], *ends]))


def _mm(value: float) -> float:
    return round(float(value), 2)
