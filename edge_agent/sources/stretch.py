"""A stretch of a recording, from one time to another."""

from collections.abc import Iterator
from dataclasses import replace

from biosignal.errors import BadInput
from biosignal.events import stable_id
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from edge_agent.sources.port import Remark, Remarked, Seekable, Source, SourceFacts, SourceHealth
from edge_agent.sources.rates import Numbering, cut, leads_by_rate, stretches


class Stretch:
    """What `source` yields in [from_s, to_s), counted from sample 0 anew.

    Its facts' `first_sample` says where in the record that is.

    Parameters
    ----------
    source : a recording, not a live source.
    from_s, to_s : seconds of the record; `to_s` absent, to its end.

    Raises
    ------
    BadInput : the stretch is empty or lies behind the end.
    """

    def __init__(self, source: Source, *, from_s: float = 0.0, to_s: float | None = None) -> None:
        self._source = source
        facts = source.recording_facts()
        self._first = round(from_s * facts.fs_hz)
        wanted = None if to_s is None else round(to_s * facts.fs_hz)
        ends = [end for end in (wanted, facts.length) if end is not None]
        self._end = min(ends) if ends else None
        if self._first < 0 or (self._end is not None and self._first >= self._end):
            raise BadInput(
                "there is nothing between these times",
                from_s=from_s,
                to_s=to_s,
                record_s=None if facts.length is None else round(facts.length / facts.fs_hz, 3),
                remedy="give --from before --to, and both within the record",
            )
        self._facts = replace(
            facts,
            content_hash=stable_id(facts.content_hash, f"{self._first}-{self._end}"),
            length=None if facts.length is None else (self._end or facts.length) - self._first,
            first_sample=facts.first_sample + self._first,
        )

    def recording_facts(self) -> SourceFacts:
        """Facts of the stretch; its hash names record and stretch."""
        return self._facts

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._source.open(recording_id)

    def read(self) -> Iterator[Signal]:
        """Yield the stretch; a gap that reaches over its border is cut there."""
        source = self._source
        numbering = Numbering(self._facts.fs_hz, was=self._first)
        items = source.read_from(self._first) if isinstance(source, Seekable) else source.read()
        for together in stretches(items, len(leads_by_rate(self._facts))):
            if self._end is not None and together[0].start >= self._end:
                return
            for item in together:
                part = self._gap(item) if isinstance(item, Gap) else self._block(item, beside=together[0])
                if part is not None:
                    yield numbering.place(part)

    def close(self) -> None:
        """Make `read` end soon."""
        self._source.close()

    def health(self) -> SourceHealth:
        """State of the recording."""
        return self._source.health()

    def remarks(self) -> list[Remark]:
        """The remarks that begin in the stretch."""
        if not isinstance(self._source, Remarked):
            return []
        end = self._end
        inside = [one for one in self._source.remarks() if one.sample >= self._first]
        return [replace(one, sample=one.sample - self._first) for one in inside if end is None or one.sample < end]

    def _gap(self, gap: Gap) -> Gap | None:
        first = max(gap.start, self._first)
        end = gap.end if self._end is None else min(gap.end, self._end)
        outside = gap.end < self._first or (gap.end == self._first and gap.length)
        return None if outside else replace(gap, start=first, length=end - first)

    def _block(self, block: SampleBlock, *, beside: Signal) -> SampleBlock | None:
        """What of a block lies between the times; one of another rate is cut to the sample where `beside` is cut."""
        ratio = block.fs_hz / self._facts.fs_hz
        first = round(max(0, self._first - beside.start) * ratio)
        reach = beside.end if self._end is None else min(beside.end, self._end)
        end = block.length if reach == beside.end else round((reach - beside.start) * ratio)
        return cut(block, first, end) if first < end else None
