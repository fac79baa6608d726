"""Technical findings from signal quality: lead off and poor signal, per lead."""

from biosignal.events import Finding, FindingState, Quality, QualityLevel, Unavailable
from biosignal.tasks.ecg_rhythm.log import FindingLog
from biosignal.tasks.findings import measure


class SignalRule:
    """Reports `lead-off` and `poor-signal` of one lead.

    Opens after `bad_signal_s` of rejected signal for that reason, closes after `good_signal_s` that is not rejected, or
    when the other of the two takes over.
    """

    def __init__(self, log: FindingLog, lead: str) -> None:
        self._log = log
        self._lead = lead
        self._bad_since: int | None = None
        self._bad_kind = ""
        self._good_since: int | None = None
        self._open: Finding | None = None
        self._end = 0

    def on_quality(self, quality: Quality) -> None:
        """Take one second of this lead."""
        if quality.level is QualityLevel.REJECTED:
            self._bad(quality, "lead-off" if quality.reason == "lead-off" else "poor-signal")
        else:
            self._good(quality)

    def on_break(self) -> None:
        """Samples are missing: what was open ends with the last second seen."""
        self._close()
        self._bad_since = self._good_since = None

    def _bad(self, quality: Quality, kind: str) -> None:
        self._good_since = None
        if self._bad_since is None or kind != self._bad_kind:
            self._bad_since, self._bad_kind = quality.start, kind
        if self._open is not None and self._open.kind == kind:
            self._prolong(self._open, quality.end)
        elif quality.end - self._bad_since >= self._log.samples(self._log.settings.bad_signal_s):
            self._close()
            self._open = self._log.open(
                kind,
                lead=self._lead,
                onset=self._bad_since,
                end=quality.end,
                outcome=Unavailable(task="ecg-rules", reason=quality.reason),
                measures=(measure("duration", self._log.seconds(quality.end - self._bad_since)),),
                quality=QualityLevel.REJECTED,
            )
            self._end = quality.end

    def _prolong(self, finding: Finding, end: int) -> None:
        self._end = end
        if self._log.is_due(finding):
            self._open = self._revise(finding, FindingState.EXTENDED)

    def _good(self, quality: Quality) -> None:
        self._bad_since = None
        if self._good_since is None:
            self._good_since = quality.start
        if quality.end - self._good_since >= self._log.samples(self._log.settings.good_signal_s):
            self._close()

    def _revise(self, finding: Finding, state: FindingState) -> Finding:
        measures = (measure("duration", self._log.seconds(self._end - finding.onset)),)
        return self._log.revise(finding, state, end=self._end, measures=measures)

    def _close(self) -> None:
        if self._open is not None:
            self._revise(self._open, FindingState.CLOSED)
        self._open = None
