"""Samples on the wall clock: an annotation with an uncertainty that never moves a sample.

The truth is ``(recording, sample)``. An anchor says that a sample was taken at a UTC time, give or take so much. When
the host's clock is stepped, the samples stay where they are and a new anchor opens.
"""

from bisect import bisect_right
from dataclasses import dataclass

from biosignal.errors import BadInput
from biosignal.events import ClockAnchor, stable_id
from edge_agent.operate.clock import Clock, utc_text

DRIFT_PPM = 100.0  # crystals of cheap boards and hosts: 20 to 100 parts per million


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchor:
    """Sample `sample` was taken at `monotonic_s` on the steady clock and at `utc_s` on the wall clock."""

    sample: int
    monotonic_s: float
    utc_s: float
    uncertainty_s: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Instant:
    """A UTC time and how far it may be off."""

    utc_s: float
    uncertainty_s: float


class TimeMap:
    """Anchors of one recording.

    Parameters
    ----------
    recording : id the anchors belong to.
    fs_hz : nominal sampling frequency.
    clock : the host's clocks.
    uncertainty_s : how late a sample arrives at most (a block, plus the transport).
    step_s : how far the wall clock may part from the steady clock before that counts as a step.
    """

    def __init__(
        self, recording: str, *, fs_hz: float, clock: Clock, uncertainty_s: float = 0.1, step_s: float = 0.5
    ) -> None:
        if not fs_hz > 0:
            raise BadInput("a sampling frequency must be positive", fs_hz=fs_hz)
        self._recording = recording
        self._fs_hz = fs_hz
        self._clock = clock
        self._uncertainty_s = uncertainty_s
        self._step_s = step_s
        self._anchors: list[Anchor] = []
        self._offset_s = 0.0

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """All anchors, by sample."""
        return tuple(self._anchors)

    def observe(self, sample: int) -> ClockAnchor | None:
        """Note that `sample` arrived now; the event of a new anchor, where one was opened.

        The first call opens the first anchor, and so does every step of the wall clock against the steady one.
        """
        monotonic_s, utc_s = self._clock.monotonic_s(), self._clock.utc_s()
        offset_s = utc_s - monotonic_s
        if not self._anchors:
            return self._open(sample, monotonic_s, utc_s, "start")
        moved_s = offset_s - self._offset_s
        if abs(moved_s) >= self._step_s:
            return self._open(sample, monotonic_s, utc_s, f"clock stepped by {moved_s:+.1f} s")
        return None

    def join(self, sample: int, reason: str) -> ClockAnchor:
        """Open an anchor behind a gap, where the count of samples and the steady clock may have parted."""
        return self._open(sample, self._clock.monotonic_s(), self._clock.utc_s(), reason)

    def utc_of(self, sample: int) -> Instant | None:
        """When `sample` was taken, by the last anchor at or before it (the first one for earlier samples)."""
        if not self._anchors:
            return None
        index = bisect_right([anchor.sample for anchor in self._anchors], sample) - 1
        anchor = self._anchors[max(index, 0)]
        elapsed_s = (sample - anchor.sample) / self._fs_hz
        uncertainty_s = anchor.uncertainty_s + abs(elapsed_s) * DRIFT_PPM * 1e-6
        return Instant(utc_s=anchor.utc_s + elapsed_s, uncertainty_s=uncertainty_s)

    def _open(self, sample: int, monotonic_s: float, utc_s: float, reason: str) -> ClockAnchor:
        if self._anchors and sample < self._anchors[-1].sample:
            raise BadInput("samples do not go back", sample=sample, last=self._anchors[-1].sample)
        self._offset_s = utc_s - monotonic_s
        anchor = Anchor(
            sample=sample, monotonic_s=monotonic_s, utc_s=utc_s, uncertainty_s=self._uncertainty_s, reason=reason
        )
        self._anchors.append(anchor)
        return ClockAnchor(
            id=stable_id(self._recording, "clock-anchor", sample, len(self._anchors) - 1),
            recording=self._recording,
            sample=sample,
            utc=utc_text(utc_s),
            uncertainty_ms=round(self._uncertainty_s * 1000, 3),
            reason=reason,
        )
