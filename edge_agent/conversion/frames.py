"""Samples of leads of any rates in step: as frames, stretches of time that hold whole samples of every lead."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from biosignal.signal.blocks import Gap, Lead, SampleBlock, Samples, Signal
from edge_agent.sources.rates import goes_on_at

LARGEST_RATIO = 100_000  # of two rates, as a fraction: what is finer is no whole relation
MOST_PER_FRAME = 1 << 14


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """How often frames come, and how many samples of each lead are in one.

    `per_frame` is 0 for a lead that is left out. `own` is that of the recording's own rate.
    """

    frames_hz: float
    own: int
    per_frame: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Frames that follow each other: the first one's index, and the samples of each lead (NaN: none there)."""

    frame: int
    rows: tuple[Samples, ...]
    length: int

    @property
    def end(self) -> int:
        """Index one past the last frame."""
        return self.frame + self.length


def grid_of(leads: Sequence[Lead], fs_hz: float) -> Grid:
    """The shortest frame that holds whole samples of every lead; one whose rate fits none is left out."""
    per_frame = 1
    ratios: list[Fraction | None] = []
    for lead in leads:
        ratio = Fraction((lead.fs_hz or fs_hz) / fs_hz).limit_denominator(LARGEST_RATIO)
        wanted = math.lcm(per_frame, ratio.denominator)
        is_whole = abs(float(ratio) * fs_hz - (lead.fs_hz or fs_hz)) <= 1e-9 * fs_hz
        fits = is_whole and ratio > 0 and wanted <= MOST_PER_FRAME and wanted * ratio <= MOST_PER_FRAME
        ratios.append(ratio if fits else None)
        per_frame = wanted if fits else per_frame
    return Grid(
        frames_hz=fs_hz / per_frame,
        own=per_frame,
        per_frame=tuple(0 if ratio is None else int(ratio * per_frame) for ratio in ratios),
    )


class Framing:
    """Puts the items of one source into frames.

    A gap that begins or ends inside a frame makes that frame's missing samples NaN. `joins` are samples at which the
    source says that something of unknown length is missing: nothing can be left free for that.

    Parameters
    ----------
    leads : those of the source; the rows of a piece are those of them that are in the grid.
    """

    def __init__(self, leads: Sequence[Lead], fs_hz: float, grid: Grid) -> None:
        self._fs_hz = fs_hz
        self._grid = grid
        self._sizes = [size for size in grid.per_frame if size]
        self._rates_hz = [(lead.fs_hz or fs_hz) for lead, size in zip(leads, grid.per_frame, strict=True) if size]
        kept = [lead.name for lead, size in zip(leads, grid.per_frame, strict=True) if size]
        self._place = {name: place for place, name in enumerate(kept)}
        self._frame = 0  # of the first sample held
        self._held: list[list[Samples]] = [[] for _ in self._sizes]
        self._have = [0] * len(self._sizes)
        self.joins: list[int] = []

    def pieces(self, items: Iterable[Signal]) -> Iterator[Piece]:
        """Frames in order; where one does not follow the one before it, there is a gap."""
        for item in items:
            if isinstance(item, SampleBlock):
                self._take(item)
                yield from self._whole_frames()
            elif not item.length:
                self.joins.append(item.start)
            else:
                yield from self._pass(item)
        yield from self._end()

    def _take(self, block: SampleBlock) -> None:
        for lead, samples in zip(block.leads, block.samples, strict=True):
            place = self._place.get(lead.name)
            if place is not None:
                self._held[place].append(samples)
                self._have[place] += samples.size

    def _whole_frames(self, *, everything: bool = False) -> Iterator[Piece]:
        counts = [have / size for have, size in zip(self._have, self._sizes, strict=True)]
        length = math.ceil(max(counts)) if everything else math.floor(min(counts))
        if not length:
            return
        rows = []
        for place, size in enumerate(self._sizes):
            joined = np.concatenate([*self._held[place], np.zeros(0, np.float32)])
            short = length * size - joined.size
            if short > 0:
                joined = np.concatenate([joined, np.full(short, np.nan, np.float32)])
            rows.append(joined[: length * size])
            rest = joined[length * size :]
            self._held[place], self._have[place] = [rest], rest.size
        yield Piece(self._frame, tuple(rows), length)
        self._frame += length

    def _pass(self, gap: Gap) -> Iterator[Piece]:
        """Go on behind a gap: within the same frame, or in a new one."""
        frame = gap.end // self._grid.own
        if any(self._have) and frame <= self._frame + self._most_held() - 1:
            self._fill_until(gap.end)
            return
        yield from self._end()
        self._frame = frame
        self._fill_until(gap.end)

    def _most_held(self) -> int:
        return math.ceil(max(have / size for have, size in zip(self._have, self._sizes, strict=True)))

    def _end(self) -> Iterator[Piece]:
        if any(self._have):
            yield from self._whole_frames(everything=True)
        self._held, self._have = [[] for _ in self._sizes], [0] * len(self._sizes)

    def _fill_until(self, sample: int) -> None:
        """Fill every lead up to where it goes on, if it goes on at `sample` of the recording's own rate."""
        for place, (size, rate_hz) in enumerate(zip(self._sizes, self._rates_hz, strict=True)):
            short = goes_on_at(sample, self._fs_hz, rate_hz) - self._frame * size - self._have[place]
            if short > 0:
                self._held[place].append(np.full(short, np.nan, np.float32))
                self._have[place] += short
