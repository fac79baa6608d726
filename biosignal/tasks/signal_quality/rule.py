"""Technical findings from signal quality: lead off and poor signal, per lead."""

from biosignal.events import Finding, FindingState, Mark, QualityLevel, Unavailable
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.signal_quality.kinds import NAME
from biosignal.tasks.signal_quality.limits import QualityLimits


class SignalRule:
    """Reports `lead-off` and `poor-signal` of one lead.

    Opens after `bad_signal_s` of rejected signal for that reason, closes after `good_signal_s` that is not rejected, or
    when the other of the two takes over.
    """

    def __init__(self, log: FindingLog, limits: QualityLimits) -> None:
        self._log = log
        self.limits = limits
        self._bad_since: int | None = None
        self._bad_kind = ""
        self._good_since: int | None = None
        self._open: Finding | None = None
        self._end = 0

    def on_second(self, second: Mark) -> None:
        """Take one second of this lead."""
        if second.quality is QualityLevel.REJECTED:
            self._bad(second, "lead-off" if second.label == "lead-off" else "poor-signal")
        else:
            self._good(second)

    def on_break(self) -> None:
        """Samples are missing: what was open ends with the last second seen."""
        self._close()
        self._bad_since = self._good_since = None

    def _bad(self, second: Mark, kind: str) -> None:
        self._good_since = None
        if self._bad_since is None or kind != self._bad_kind:
            self._bad_since, self._bad_kind = second.start, kind
        if self._open is not None and self._open.kind == kind:
            self._prolong(self._open, second.end)
        elif second.end - self._bad_since >= self._log.samples(self.limits.bad_signal_s):
            self._close()
            self._open = self._log.open(
                kind,
                onset=self._bad_since,
                end=second.end,
                outcome=Unavailable(task=NAME, reason=second.label or kind),
                measures=(self._log.measure("duration", self._log.seconds(second.end - self._bad_since)),),
                quality=QualityLevel.REJECTED,
            )
            self._end = second.end

    def _prolong(self, finding: Finding, end: int) -> None:
        self._end = end
        if self._log.is_due(finding):
            self._open = self._revise(finding, FindingState.EXTENDED)

    def _good(self, second: Mark) -> None:
        self._bad_since = None
        if self._good_since is None:
            self._good_since = second.start
        if second.end - self._good_since >= self._log.samples(self.limits.good_signal_s):
            self._close()

    def _revise(self, finding: Finding, state: FindingState) -> Finding:
        measures = (self._log.measure("duration", self._log.seconds(self._end - finding.onset)),)
        return self._log.revise(finding, state, end=self._end, measures=measures)

    def _close(self) -> None:
        if self._open is not None:
            self._revise(self._open, FindingState.CLOSED)
        self._open = None
