"""Leads that are analysed at another rate than their own: blocks brought there, and what is said of them counted back.

What a stage says counts samples at the rate it was given. Outside, every index counts at the lead's own rate, and
`decided_at` holds what the resampling waits for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from biosignal.errors import listed
from biosignal.events import Event, Evidence, Finding, Mark, MarkPack, Reading, Series, mark_id
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Samples
from biosignal.signal.resampling import CORNER, Ratio, Resampler, ratio_to
from biosignal.tasks.task import Task


class Counting:
    """Leads of one rate on their way to the stages and back.

    Parameters
    ----------
    fs_hz : the leads' own rate.
    """

    def __init__(self, ratio: Ratio, *, fs_hz: float, leads: Sequence[Lead]) -> None:
        self._ratio = ratio
        self.own_hz = fs_hz
        self.fs_hz = ratio.rate_of(fs_hz)
        self._leads = tuple(replace(lead, fs_hz=self.fs_hz) for lead in leads)
        self._resampler: Resampler | None = None
        self._recording = ""
        self._taken = 0
        self._ended = 0

    def push(self, block: SampleBlock) -> SampleBlock | None:
        """Take a block of the leads; give what is known of it at the rate of the analysis, if anything."""
        if self._resampler is None:
            self._resampler = Resampler(self._ratio, rows=len(self._leads), start=block.start)
        self._recording, self._taken = block.recording, block.end
        start = self._resampler.next
        return self._block(start, self._resampler.push(block.samples))

    def flush(self) -> SampleBlock | None:
        """End the stretch: give what is still owed."""
        resampler, self._resampler = self._resampler, None
        if resampler is None:
            return None
        self._ended = self._taken
        start = resampler.next
        return self._block(start, resampler.flush())

    def gap(self, gap: Gap) -> Gap:
        """A gap that is counted at the leads' own rate, at the rate of the analysis."""
        start, end = self._ratio.first_from(gap.start), self._ratio.first_from(gap.end)
        return replace(gap, start=start, length=end - start)

    def decided_at(self, sample: int) -> int:
        """Own sample that has to be in before a sample of the analysis is known."""
        place = self._ratio.place(sample)
        needed = place + self._ratio.half
        return min(needed, self._ended - 1) if place < self._ended else needed

    def decided_until_s(self, watermark: int) -> float:
        """Second before which all is decided when it is before sample `watermark` of the analysis."""
        return min(self.decided_at(watermark), self._taken - 1) / self.own_hz

    def counted_back(self, event: Event) -> Event:
        """What a stage said, counted at the leads' own rate."""
        place = self._ratio.place
        if isinstance(event, Mark):
            start = place(event.start)
            name = mark_id(recording=event.recording, task=event.task, kind=event.kind, leads=event.leads, start=start)
            at = self.decided_at(event.decided_at)
            return replace(event, id=name, start=start, end=place(event.end), decided_at=at)
        if isinstance(event, MarkPack):
            return replace(
                event,
                fs_hz=self.own_hz,
                start=place(event.start),
                end=place(event.end),
                decided_at=self.decided_at(event.decided_at),
                starts=tuple(place(start) for start in event.starts),
                ends=tuple(place(end) for end in event.ends),
            )
        if isinstance(event, Series):
            return replace(
                event,
                fs_hz=self.own_hz,
                start=place(event.start),
                end=place(event.end),
                decided_at=self.decided_at(event.decided_at),
                step=place(event.step),
            )
        if isinstance(event, Reading):
            return replace(event, fs_hz=self.own_hz, at=self.decided_at(event.at), until=place(event.until))
        if isinstance(event, Finding):
            return replace(
                event,
                onset=place(event.onset),
                end=place(event.end),
                decided_at=self.decided_at(event.decided_at),
                evidence=self._evidence(event.evidence),
            )
        return event

    def _evidence(self, evidence: Evidence) -> Evidence:
        place = self._ratio.place
        marks = tuple(replace(one, starts=tuple(place(start) for start in one.starts)) for one in evidence.marks)
        return replace(
            evidence,
            fs_hz=self.own_hz,
            strip_start=place(evidence.strip_start),
            strip_end=place(evidence.strip_end),
            marks=marks,
        )

    def _block(self, start: int, samples: Samples) -> SampleBlock | None:
        if not samples.shape[1]:
            return None
        return SampleBlock(recording=self._recording, start=start, fs_hz=self.fs_hz, leads=self._leads, samples=samples)

    def sentence(self) -> str:
        """Say in words at which rate the leads are analysed, and what their own cannot give."""
        names = listed([lead.name for lead in self._leads])
        said = f"{names}: analysed at {self.fs_hz:g} samples a second, made of {self.own_hz:g}"
        if self.own_hz >= self.fs_hz:
            return said
        return f"{said}: beats and rates, but nothing faster than {CORNER * self.own_hz:g} Hz, so classes are less sure"


def countings(tasks: Iterable[Task], layouts: Mapping[float, Sequence[Lead]]) -> dict[float, Counting]:
    """Of each rate that a task cannot read, though it reads the kind of a lead that has it, the way to one it can.

    Parameters
    ----------
    layouts : the leads of each rate.
    """
    wants = [task.wants for task in tasks if task.make is not None]
    taken_hz = set(layouts)
    found: dict[float, Counting] = {}
    for fs_hz, leads in layouts.items():
        kinds = {lead.kind for lead in leads}
        ranges = [
            one.fs_hz for one in wants if kinds.intersection(one.kinds) or (one.unknown and LeadKind.UNKNOWN in kinds)
        ]
        if not ranges:
            continue
        low_hz, high_hz = max(low for low, _ in ranges), min(high for _, high in ranges)
        ratio = ratio_to(fs_hz, low_hz=low_hz, high_hz=high_hz, taken_hz=taken_hz)
        if ratio is not None:
            found[fs_hz] = Counting(ratio, fs_hz=fs_hz, leads=leads)
            taken_hz.add(found[fs_hz].fs_hz)
    return found
