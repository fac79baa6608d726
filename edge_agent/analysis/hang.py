"""The alarm about an analysis that hangs. It is raised without the analysis, which owns all other alarms."""

from dataclasses import replace

from biosignal.events import AlarmEvent, AlarmState, Durable, Finding, FindingState, QualityLevel, stable_id
from edge_agent.analysis.troubles import Place
from edge_agent.explain.template import explain
from edge_agent.findings.alarms import DEVICE
from edge_agent.findings.technical import next_revision, technical_finding

KIND = "monitor-hanging"


class HangAlarm:
    """One finding and its alarm, from the hang to its end. The next run of the daemon closes what is left open."""

    def __init__(self) -> None:
        self._finding: Finding | None = None
        self._alarm: AlarmEvent | None = None

    @property
    def alarms(self) -> tuple[AlarmEvent, ...]:
        """The alarm while it stands."""
        alarm = self._alarm
        return () if alarm is None else (alarm,)

    def raise_at(self, place: Place, at: int, reason: str) -> tuple[Durable, ...]:
        """The analysis hangs at sample `at`; nothing where that is known already."""
        if self._finding is not None:
            return ()
        finding = technical_finding(
            KIND,
            device=place.device,
            recording=place.recording,
            leads=place.leads,
            fs_hz=place.fs_hz,
            at=at,
            reason=reason,
            quality=QualityLevel.REJECTED,
        )
        self._finding = finding
        self._alarm = AlarmEvent(
            id=stable_id("alarm", finding.id),
            rev=0,
            device=place.device,
            recording=place.recording,
            finding=finding.id,
            kind=KIND,
            leads=place.leads,
            priority=finding.priority,
            state=AlarmState.ACTIVE,
            at=at,
            by=DEVICE,
        )
        return finding, explain(finding), self._alarm

    def end_at(self, at: int) -> tuple[Durable, ...]:
        """The analysis gets on again, at sample `at`; nothing where it did not hang."""
        if self._finding is None or self._alarm is None:
            return ()
        closed = next_revision(self._finding, FindingState.CLOSED, at=at)
        over = replace(self._alarm, rev=self._alarm.rev + 1, state=AlarmState.RESOLVED, at=closed.decided_at)
        self._finding = self._alarm = None
        return closed, explain(closed), over
