"""Technical findings about the daemon itself that are open in the recording at hand."""

from dataclasses import dataclass, replace

from biosignal.events import Finding, FindingState, QualityLevel
from biosignal.signal.blocks import Gap
from edge_agent.analysis.reader import OVERFLOW
from edge_agent.findings.technical import next_revision, overflow, technical_finding

OVERFLOW_CLEAR_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """State of a technical finding."""

    device: str
    recording: str
    leads: tuple[str, ...]
    fs_hz: float


class Troubles:
    """Opens and closes technical findings, one of a kind at a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._open: dict[str, Finding] = {}
        self._opened_at: dict[str, int] = {}
        self._dropped = 0
        self._dropped_at_s = 0.0

    def move_to(self, place: Place) -> None:
        """Go on in another recording; everything must be closed."""
        self._place = place
        self._opened_at.clear()

    @property
    def place(self) -> Place:
        """Where findings are opened now."""
        return self._place

    @property
    def reasons(self) -> dict[str, str]:
        """Why each kind that is open was opened."""
        return {kind: getattr(finding.outcome, "reason", "") for kind, finding in self._open.items()}

    def set(self, kind: str, reason: str | None, *, at: int, quality: QualityLevel) -> Finding | None:
        """Open a finding for `reason`, or close it where there is none; None where nothing changes."""
        if (kind in self._open) is (reason is not None):
            return None
        if reason is None:
            return next_revision(self._open.pop(kind), FindingState.CLOSED, at=at)
        if self._opened_at.get(kind) == at:
            # A finding is named by its onset: opened twice at one sample it would be the same one, which is closed.
            return None
        self._opened_at[kind] = at
        place = self._place
        finding = technical_finding(
            kind,
            device=place.device,
            recording=place.recording,
            leads=place.leads,
            fs_hz=place.fs_hz,
            at=at,
            reason=reason,
            quality=quality,
        )
        self._open[kind] = finding
        return finding

    def dropped(self, gap: Gap, *, now_s: float) -> Finding:
        """Samples were dropped: open the finding at the drop, or add to the one that is open."""
        self._dropped_at_s = now_s
        known = self._open.get(OVERFLOW)
        self._dropped = gap.length if known is None else self._dropped + gap.length
        place = self._place
        finding = overflow(
            device=place.device,
            recording=place.recording,
            leads=place.leads,
            fs_hz=place.fs_hz,
            at=gap.start if known is None else known.onset,
            reason="samples came faster than they could be analysed and were dropped",
            lost_samples=self._dropped,
        )
        if known is not None:
            extended = next_revision(known, FindingState.EXTENDED, at=gap.end)
            finding = replace(extended, evidence=replace(extended.evidence, measures=finding.evidence.measures))
        self._open[OVERFLOW] = finding
        return finding

    def settled(self, *, now_s: float, at: int, quality: QualityLevel) -> Finding | None:
        """Close the finding about dropped samples when none was dropped for a while."""
        if OVERFLOW in self._open and now_s - self._dropped_at_s >= OVERFLOW_CLEAR_S:
            return self.set(OVERFLOW, None, at=at, quality=quality)
        return None
