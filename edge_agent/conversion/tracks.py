"""The leads that are written: their names, units, rates and scales; and what one look at all samples says of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from biosignal.errors import BadInput, listed
from biosignal.signal.blocks import Samples, Signal
from edge_agent.conversion.frames import Framing, Grid, Piece, grid_of
from edge_agent.conversion.original import Original
from edge_agent.sources.port import LeadDescription, Remark, Scale, SourceFacts

Run = tuple[int, int]
"""Frames [first, end) without a gap."""
JOIN = "Something of unknown length is missing here"
_STEPS = 60_000  # of the range of a lead whose file says no step
_FINEST = 1e-6  # of the largest value: float32 holds no more


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """A lead as it is written. `counts` are the lowest and highest count its samples need."""

    name: str
    said: LeadDescription
    fs_hz: float
    per_frame: int
    scale: Scale
    counts: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What one look at all samples found.

    Parameters
    ----------
    runs : where frames follow each other; between them are gaps.
    invalid : for each track, stretches [first, end) of its own samples that hold none, inside of runs.
    joins : where something of unknown length is missing.
    length : frames of the recording, with a gap at its end.
    """

    frames_hz: float
    own_per_frame: int
    tracks: tuple[Track, ...]
    runs: tuple[Run, ...]
    invalid: tuple[tuple[Run, ...], ...]
    joins: tuple[Remark, ...]
    remarks: tuple[str, ...]
    length: int

    @property
    def is_whole(self) -> bool:
        """Whether there is no gap, neither between runs nor at an end."""
        return self.runs == ((0, self.length),)

    @property
    def gaps(self) -> int:
        """How many gaps there are."""
        return len(self.runs) - 1 + (self.runs[0][0] > 0) + (self.runs[-1][1] < self.length)


@dataclass(slots=True)
class _Seen:
    low: float = math.inf
    high: float = -math.inf
    invalid: list[list[int]] = field(default_factory=list)

    def see(self, samples: Samples, first: int) -> None:
        known = np.isfinite(samples)
        if known.any():
            self.low = min(self.low, float(samples[known].min()))
            self.high = max(self.high, float(samples[known].max()))
        if known.all():
            return
        edges = np.flatnonzero(np.diff(np.concatenate([[False], ~known, [False]]).astype(np.int8)))
        for start, end in edges.reshape(-1, 2) + first:
            if self.invalid and self.invalid[-1][1] == start:
                self.invalid[-1][1] = int(end)
            else:
                self.invalid.append([int(start), int(end)])


def pieces_of(original: Original, grid: Grid, items: Iterable[Signal]) -> Iterator[Piece]:
    """The samples of what is converted, in frames."""
    return Framing(original.facts.leads, original.facts.fs_hz, grid).pieces(items)


def kept_grid(facts: SourceFacts, *, one_rate: bool) -> tuple[Grid, tuple[str, ...]]:
    """The grid of what a format can hold, and a sentence about leads that it cannot."""
    grid = grid_of(facts.leads, facts.fs_hz)
    if one_rate:
        same = tuple(1 if (lead.fs_hz or facts.fs_hz) == facts.fs_hz else 0 for lead in facts.leads)
        grid = Grid(frames_hz=facts.fs_hz, own=1, per_frame=same)
    lost = [
        f"{lead.name} ({lead.fs_hz or facts.fs_hz:g} Hz)"
        for lead, size in zip(facts.leads, grid.per_frame, strict=True)
        if not size
    ]
    why = "a CSV has one rate: .edf keeps them all" if one_rate else "their rates have no frame in common"
    return grid, (f"left out: {listed(lost)}; {why}",) if lost else ()


def survey(original: Original, grid: Grid, items: Iterable[Signal]) -> Survey:
    """Look at all samples once: gaps, invalid stretches, and how many counts each lead needs."""
    facts = original.facts
    kept = [index for index, size in enumerate(grid.per_frame) if size]
    seen = [_Seen() for _ in kept]
    runs: list[list[int]] = []
    framing = Framing(facts.leads, facts.fs_hz, grid)
    for piece in framing.pieces(items):
        if runs and runs[-1][1] == piece.frame:
            runs[-1][1] = piece.end
        else:
            runs.append([piece.frame, piece.end])
        for place, index in enumerate(kept):
            seen[place].see(piece.rows[place], piece.frame * grid.per_frame[index])
    if not runs:
        raise BadInput("there are no samples to convert", record=facts.name, remedy="choose another stretch")
    return Survey(
        length=max(runs[-1][1], -(-(facts.length or 0) // grid.own)),
        frames_hz=grid.frames_hz,
        own_per_frame=grid.own,
        tracks=tuple(_track(original, grid, index, one) for index, one in zip(kept, seen, strict=True)),
        runs=tuple((first, end) for first, end in runs),
        invalid=tuple(tuple((start, end) for start, end in one.invalid) for one in seen),
        joins=tuple(Remark(sample=sample, for_s=None, text=JOIN) for sample in framing.joins),
        remarks=(f"{len(framing.joins)} gaps of unknown length: an annotation stands at each",)
        if framing.joins
        else (),
    )


def _track(original: Original, grid: Grid, index: int, seen: _Seen) -> Track:
    lead, said = original.facts.leads[index], original.description.leads[index]
    low, high = (seen.low, seen.high) if seen.low <= seen.high else (0.0, 0.0)
    scale = said.scale or _scale_for(low, high)
    counts = sorted(round((value - scale.zero) / scale.step) for value in (low, high))
    return Track(
        name=original.named[index] if original.named else lead.name,
        said=said,
        fs_hz=lead.fs_hz or original.facts.fs_hz,
        per_frame=grid.per_frame[index],
        scale=scale,
        counts=(counts[0], counts[1]),
    )


def _scale_for(low: float, high: float) -> Scale:
    """A scale for samples whose file says none: the nearest round number of counts a unit, fine enough for them."""
    largest = max(abs(low), abs(high))
    finest = max((high - low) / _STEPS, largest * _FINEST, 1e-12)
    power = 10.0 ** math.floor(math.log10(finest))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= finest * 0.999)
    return Scale(step=step, zero=round((low + high) / 2 / step) * step if largest > 30_000 * step else 0.0)
