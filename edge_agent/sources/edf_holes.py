"""Gaps that a file of whole data records can only say in words: stretches that its annotations call empty."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from biosignal.signal.blocks import Gap, SampleBlock, Signal
from edge_agent.sources.rates import cut, stretches

NO_SAMPLES = "no-samples"


@dataclass(frozen=True, slots=True)
class Holes:
    """What a file's annotations say that it lacks, in samples of the recording's own rate.

    `empty` are stretches [start, end), in order, of which the last may reach beyond the records; `ends_at` is where the
    recording ends, if its last record goes on behind that.
    """

    empty: tuple[tuple[int, int], ...] = ()
    ends_at: int | None = None

    def __bool__(self) -> bool:
        return bool(self.empty) or self.ends_at is not None

    def length(self, recorded: int) -> int:
        """Length of the recording whose records hold so many samples."""
        return max([recorded if self.ends_at is None else self.ends_at, *(end for _, end in self.empty)])


def as_gaps(items: Iterable[Signal], holes: Holes, rates: int) -> Iterator[Signal]:
    """The items of a source, its holes as gaps, joined with those that follow, and without what is behind its end.

    Parameters
    ----------
    rates : how many rates the source has.
    """
    waiting: Gap | None = None
    recording, at = "", 0
    for together in stretches(items, rates):
        if isinstance(together[0], Gap):
            waiting = _joined(waiting, together[0])
            continue
        blocks = [item for item in together if isinstance(item, SampleBlock)]
        own = blocks[0]
        recording, at = own.recording, own.end
        for start, end, is_hole in _parts(own.start, own.end, holes):
            if is_hole:
                waiting = _joined(waiting, _gap(recording, start, end))
                continue
            if waiting is not None:
                yield waiting
                waiting = None
            for block in blocks:
                ratio = block.fs_hz / own.fs_hz
                first, last = (round((sample - own.start) * ratio) for sample in (start, end))
                last = block.length if end == own.end else last
                if first < last:
                    yield cut(block, first, last)
    at = at if holes.ends_at is None else holes.ends_at
    for start, end in holes.empty:
        if end > at:
            waiting = _joined(waiting, _gap(recording, max(start, at), end))
    if waiting is not None:
        yield waiting


def _parts(start: int, end: int, holes: Holes) -> Iterator[tuple[int, int, bool]]:
    """[start, end) parted into what is there and what is a hole."""
    if holes.ends_at is not None:
        end = min(end, holes.ends_at)
    for first, last in holes.empty:
        first, last = max(first, start), min(last, end)
        if first >= last:
            continue
        if start < first:
            yield start, first, False
        yield first, last, True
        start = last
    if start < end:
        yield start, end, False


def _gap(recording: str, start: int, end: int) -> Gap:
    return Gap(recording=recording, start=start, length=end - start, reason=NO_SAMPLES)


def _joined(before: Gap | None, gap: Gap) -> Gap:
    if before is None or before.end != gap.start:
        return gap
    return Gap(recording=gap.recording, start=before.start, length=gap.end - before.start, reason=gap.reason)
