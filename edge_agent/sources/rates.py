"""Leads of several rates in one recording: which rate is its own, and how blocks of all rates keep in step."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Signal
from edge_agent.sources.port import SourceFacts

_FIRST = (LeadKind.ECG, LeadKind.EEG)
_SLACK = 1e-6  # of a sample, for products of rates that are no whole numbers


def own_rate(kinds: Sequence[LeadKind], rates_hz: Sequence[float]) -> float:
    """The recording's own rate: that of the first ECG lead, else of the first EEG lead, else the highest."""
    for kind in _FIRST:
        if kind in kinds:
            return rates_hz[kinds.index(kind)]
    return max(rates_hz)


def leads_by_rate(facts: SourceFacts) -> dict[float, tuple[Lead, ...]]:
    """Leads of each rate in their order, as the blocks of that rate hold them; the recording's own rate first."""
    found: dict[float, tuple[Lead, ...]] = {facts.fs_hz: ()}
    for lead in facts.leads:
        rate_hz = lead.fs_hz or facts.fs_hz
        found[rate_hz] = (*found.get(rate_hz, ()), lead)
    return found


def goes_on_at(sample: int, fs_hz: float, rate_hz: float) -> int:
    """Where a lead of `rate_hz` goes on behind a gap that ends at `sample` of the recording's own rate."""
    return round(sample * rate_hz / fs_hz)


def samples_over(sample: int, fs_hz: float, rate_hz: float) -> int:
    """How many samples of `rate_hz` are whole when `sample` samples of the recording's own rate are."""
    return math.floor(sample * rate_hz / fs_hz + _SLACK)


class Numbering:
    """Counts the items of a source from another sample on, every rate in step with the recording's own.

    Parameters
    ----------
    fs_hz : the recording's own rate.
    first : sample of that rate that the source's next sample becomes; `was` is what the source calls it.
    """

    def __init__(self, fs_hz: float, *, first: int = 0, was: int = 0) -> None:
        self._fs_hz = fs_hz
        self._shift = first - was
        self._begin = first
        self._others: dict[float, int] = {}

    def place(self, item: Signal) -> Signal:
        """The item, counted anew."""
        if isinstance(item, Gap):
            placed = replace(item, start=item.start + self._shift)
            self._begin = placed.end
            self._others.clear()
            return placed
        if item.fs_hz == self._fs_hz:
            return replace(item, start=item.start + self._shift)
        begin = goes_on_at(self._begin, self._fs_hz, item.fs_hz)
        shift = self._others.setdefault(item.fs_hz, begin - item.start)
        return replace(item, start=item.start + shift)


def stretches(items: Iterable[Signal], rates: int) -> Iterator[tuple[Signal, ...]]:
    """Put the blocks that cover the same stretch of time together; a gap stands alone.

    Parameters
    ----------
    rates : how many rates there are: a stretch that has them all is given without looking at the next item.
    """
    together: dict[float, SampleBlock] = {}
    for item in items:
        if isinstance(item, Gap) or item.fs_hz in together:
            if together:
                yield tuple(together.values())
            together = {}
        if isinstance(item, Gap):
            yield (item,)
            continue
        together[item.fs_hz] = item
        if len(together) == rates:
            yield tuple(together.values())
            together = {}
    if together:
        yield tuple(together.values())


def cut(block: SampleBlock, first: int, end: int) -> SampleBlock:
    """Samples [first, end) of a block, counted from its own first one."""
    return SampleBlock(
        recording=block.recording,
        start=block.start + first,
        fs_hz=block.fs_hz,
        leads=block.leads,
        samples=block.samples[:, first:end],
    )


def cut_in_step(blocks: Sequence[SampleBlock], *, size: int) -> Iterator[SampleBlock]:
    """Cut the blocks of one stretch of time into pieces of `size` samples of the first one, the others with it.

    A sample of another rate comes with the piece in which it is whole, at the latest with the last one.
    """
    own, *others = blocks
    given = [0] * len(others)
    for first in range(0, own.length, size):
        end = min(first + size, own.length)
        yield cut(own, first, end)
        for number, other in enumerate(others):
            whole = samples_over(own.start + end, own.fs_hz, other.fs_hz) - other.start
            until = other.length if end == own.length else min(max(whole, given[number]), other.length)
            if until > given[number]:
                yield cut(other, given[number], until)
                given[number] = until
