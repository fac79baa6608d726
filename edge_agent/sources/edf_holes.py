"""Gaps that a file of whole data records can only say in words: stretches that its annotations call empty."""

from collections.abc import Iterable, Iterator, Sequence

from biosignal.signal.blocks import Gap, SampleBlock, Signal
from edge_agent.sources.rates import cut, stretches

Hole = tuple[int, int]
"""Samples [start, end) of the recording's own rate that are not there."""


def length_without(holes: Sequence[Hole], length: int) -> int:
    """Length of a recording of which holes at its very end are no part."""
    for start, end in sorted(holes, reverse=True):
        if end < length:
            break
        length = min(length, start)
    return length


def as_gaps(items: Iterable[Signal], holes: Sequence[Hole], rates: int) -> Iterator[Signal]:
    """The items of a source with its holes as gaps, joined with gaps that follow; a hole at the end is left out.

    Parameters
    ----------
    rates : how many rates the source has.
    """
    waiting: Gap | None = None
    for together in stretches(items, rates):
        if isinstance(together[0], Gap):
            waiting = _joined(waiting, together[0])
            continue
        blocks = [item for item in together if isinstance(item, SampleBlock)]
        own = blocks[0]
        for start, end, is_hole in _parts(own.start, own.end, holes):
            if is_hole:
                gap = Gap(recording=own.recording, start=start, length=end - start, reason="no-samples")
                waiting = _joined(waiting, gap)
                continue
            if waiting is not None:
                yield waiting
                waiting = None
            for block in blocks:
                ratio = block.fs_hz / own.fs_hz
                first, last = (round((at - own.start) * ratio) for at in (start, end))
                last = block.length if end == own.end else last
                if first < last:
                    yield cut(block, first, last)


def _parts(start: int, end: int, holes: Sequence[Hole]) -> Iterator[tuple[int, int, bool]]:
    """[start, end) parted into what is there and what is a hole."""
    for first, last in sorted(holes):
        first, last = max(first, start), min(last, end)
        if first >= last:
            continue
        if start < first:
            yield start, first, False
        yield first, last, True
        start = last
    if start < end:
        yield start, end, False


def _joined(before: Gap | None, gap: Gap) -> Gap:
    if before is None or before.end != gap.start:
        return gap
    return Gap(recording=gap.recording, start=before.start, length=gap.end - before.start, reason=gap.reason)
