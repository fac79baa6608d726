"""The recording at hand: its id, how its samples count, and what time they were taken."""

import logging
from dataclasses import dataclass, replace

from biosignal.events import ClockAnchor, Loss, Recording, RecordingClosed, closed_id, stable_id
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from edge_agent.operate.clock import Clock, utc_text
from edge_agent.operate.timemap import TimeMap
from edge_agent.sources.port import SourceFacts

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bed:
    """Whose recordings these are: the device, its run, and the patient's pseudonym."""

    device: str
    boot: str
    subject: str | None


class Recordings:
    """Opens and closes recordings of one source. A new subject begins a new one, counted from sample 0.

    Parameters
    ----------
    timed : samples arrive when they are taken, so that UTC can be given.
    """

    def __init__(self, facts: SourceFacts, bed: Bed, *, clock: Clock, timed: bool) -> None:
        self._facts = facts
        self._bed = bed
        self._clock = clock
        self._timed = timed
        self._opened = 0
        self._base = 0
        self._behind_gap = False
        self._time: TimeMap
        self.current: Recording
        self.sample = 0

    @property
    def base_s(self) -> float:
        """Where in the source the recording began, in seconds."""
        return self._base / self._facts.fs_hz

    def open(self, previous: str | None, *, subject: str | None) -> Recording:
        """Begin the next recording where the last one ended."""
        facts, bed = self._facts, self._bed
        self._base += self.sample
        self.sample = 0
        self._behind_gap = False
        self.current = Recording(
            id=stable_id(bed.device, bed.boot, self._opened),
            device=bed.device,
            source=facts.name,
            leads=facts.leads,
            fs_hz=facts.fs_hz,
            started_utc=utc_text(self._clock.utc_s()) if self._timed else None,
            subject=subject,
            previous=previous,
        )
        self._opened += 1
        self._time = TimeMap(self.current.id, fs_hz=facts.fs_hz, clock=self._clock)
        log.info("analysis.recording.opened", extra={"facts": {"recording": self.current.id, "previous": previous}})
        return self.current

    def closed(self, reason: str) -> RecordingClosed:
        """Say how the recording ended."""
        return RecordingClosed(id=closed_id(self.current.id), recording=self.current.id, end=self.sample, reason=reason)

    def counted(self, signal: Signal) -> Signal:
        """Give a signal of the source as this recording counts it."""
        fs_hz = signal.fs_hz if isinstance(signal, SampleBlock) else self._facts.fs_hz
        base = self._base if fs_hz == self._facts.fs_hz else round(self._base * fs_hz / self._facts.fs_hz)
        start = signal.start - base
        if isinstance(signal, SampleBlock) and start < 0:
            # A lead of a lower rate lags behind: its first samples belong to the recording that was closed.
            return replace(signal, recording=self.current.id, start=0, samples=signal.samples[:, -start:])
        return replace(signal, recording=self.current.id, start=start)

    def advance(self, signal: Signal) -> None:
        """A signal was analysed: the recording goes on behind it. Leads of other rates do not count."""
        if isinstance(signal, Gap) or signal.fs_hz == self._facts.fs_hz:
            self.sample = signal.end

    def loss(self, gap: Gap) -> Loss:
        """Name a gap as a durable event."""
        return Loss(
            id=stable_id(gap.recording, "loss", gap.start, gap.reason),
            recording=gap.recording,
            start=gap.start,
            length=gap.length,
            reason=gap.reason,
        )

    def anchors(self, signal: Signal) -> list[ClockAnchor]:
        """Say what time it is: at the start, when the host's clock was stepped, and behind a gap."""
        if isinstance(signal, Gap):
            self._behind_gap = self._behind_gap or signal.length > 0
            return []
        if not self._timed or signal.fs_hz != self._facts.fs_hz:
            return []
        last = max(signal.start, signal.end - 1)
        if self._behind_gap and self._time.anchors:
            anchor: ClockAnchor | None = self._time.join(last, "behind a gap")
        else:
            anchor = self._time.observe(last)
        self._behind_gap = False
        if anchor is None:
            return []
        log.info("analysis.anchor.opened", extra={"facts": {"sample": anchor.sample, "why": anchor.reason}})
        return [anchor]
