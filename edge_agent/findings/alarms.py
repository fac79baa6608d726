"""The device's alarm states, decided from findings, acknowledgements and time handed in.

Words and states follow IEC 60601-1-8: priorities, latching, acknowledgement, audio pause of bounded length.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from biosignal.errors import BadInput, BedsideError
from biosignal.events import AlarmEvent, AlarmState, Finding, FindingState, Priority, stable_id
from biosignal.tasks.lookup import finding_kind
from biosignal.urgency import urgency

_HIGHER = {Priority.LOW: Priority.MEDIUM, Priority.MEDIUM: Priority.HIGH}
_ENDED_KEPT = 512
DEVICE = "device"
TIMEOUT = "timeout"


class NoSuchAlarm(BedsideError):
    """An alarm was named that is not there, or no longer."""

    remedy = "look at the device's current alarms: this one is resolved or belongs to another device"
    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmSettings:
    """How alarms behave in time, in seconds.

    Parameters
    ----------
    audio_pause_s : longest audio pause, and its length where none is given.
    settle_s : how long a medium or low alarm stays after its condition went, so that it is seen and does not chatter.
    """

    audio_pause_s: float = 120.0
    settle_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.audio_pause_s <= 600 or self.settle_s < 0:
            raise BadInput(
                "alarm times must be positive and an audio pause at most 600 s",
                audio_pause_s=self.audio_pause_s,
                settle_s=self.settle_s,
            )


@dataclass(slots=True)
class _Alarm:
    """One alarm condition, from raised to resolved; `raised_s` is when it last began to be signalled."""

    event: AlarmEvent
    since_s: float
    raised_s: float
    present: set[str] = field(default_factory=set)
    settled_at_s: float | None = None
    escalated: bool = False


class AlarmMachine:
    """Holds every unresolved alarm: one per kind and leads. Escalation is as the kind of finding declares it.

    A high-priority alarm whose condition went stays latched until a person acknowledges it. A new high-priority alarm
    is heard through an audio pause; others join the pause. Time is what was last handed to `tick`. No files, no clock.
    """

    def __init__(self, device: str, settings: AlarmSettings | None = None, *, started_s: float = 0.0) -> None:
        self._device = device
        self._settings = settings or AlarmSettings()
        self._now_s = started_s
        self._paused_until_s: float | None = None
        self._alarms: dict[str, _Alarm] = {}
        self._revs: dict[str, int] = {}

    @property
    def alarms(self) -> tuple[AlarmEvent, ...]:
        """The last event of every unresolved alarm, most urgent first."""
        # Those raised within one tick have one age: the dictionary holds the newest last.
        ordered = sorted(
            self._alarms.values(),
            key=lambda alarm: urgency(alarm.event.state, alarm.event.priority, self._now_s - alarm.raised_s),
        )
        return tuple(alarm.event for alarm in ordered)

    def on_finding(self, finding: Finding) -> list[AlarmEvent]:
        """Follow a revision of a finding; an old or repeated one changes nothing."""
        if finding.stream != "live" or finding.priority is Priority.NONE:
            return []
        if finding.rev <= self._revs.get(finding.id, -1):
            return []
        is_new = finding.id not in self._revs
        self._note_revision(finding)
        if finding.state in (FindingState.OPENED, FindingState.EXTENDED):
            return self._present(finding)
        # A finding may be seen first when it is closed; it still raises its alarm.
        raised = self._present(finding) if is_new and finding.state is FindingState.CLOSED else []
        return raised + self._gone(finding)

    def acknowledge(self, alarm_id: str, by: str, at: int) -> list[AlarmEvent]:
        """A person has seen the alarm; doing it twice changes nothing.

        Raises
        ------
        NoSuchAlarm : no unresolved alarm has this id.
        """
        alarm = self._alarms.get(alarm_id)
        if alarm is None:
            raise NoSuchAlarm("there is no such alarm", alarm=alarm_id)
        if not alarm.present:
            return [self._move(alarm, AlarmState.RESOLVED, at=at, by=by)]
        if alarm.event.state is AlarmState.ACKNOWLEDGED:
            return []
        return [self._move(alarm, AlarmState.ACKNOWLEDGED, at=at, by=by)]

    def pause_audio(self, by: str, at: int, seconds: float | None = None) -> list[AlarmEvent]:
        """Silence what sounds now, for at most `audio_pause_s`; it always ends by itself.

        Raises
        ------
        BadInput : `seconds` is not positive.
        """
        wanted = self._settings.audio_pause_s if seconds is None else seconds
        if not wanted > 0:
            raise BadInput("an audio pause needs a positive length", seconds=seconds)
        self._paused_until_s = self._now_s + min(wanted, self._settings.audio_pause_s)
        sounding = [alarm for alarm in self._alarms.values() if alarm.event.state is AlarmState.ACTIVE]
        return [self._move(alarm, AlarmState.AUDIO_PAUSED, at=at, by=by) for alarm in sounding]

    def resume_audio(self, by: str, at: int) -> list[AlarmEvent]:
        """End the audio pause now."""
        self._paused_until_s = None
        silent = [alarm for alarm in self._alarms.values() if alarm.event.state is AlarmState.AUDIO_PAUSED]
        return [self._move(alarm, AlarmState.ACTIVE, at=at, by=by) for alarm in silent]

    def tick(self, monotonic_s: float, at: int) -> list[AlarmEvent]:
        """Advance the time, about once a second: ends pauses, resolves what has settled, escalates what is ignored."""
        self._now_s = max(self._now_s, monotonic_s)
        events: list[AlarmEvent] = []
        if self._paused_until_s is not None and self._now_s >= self._paused_until_s:
            events += self.resume_audio(TIMEOUT, at)
        for alarm in tuple(self._alarms.values()):
            if alarm.settled_at_s is not None and self._now_s >= alarm.settled_at_s:
                events.append(self._move(alarm, AlarmState.RESOLVED, at=at, by=DEVICE))
            elif self._is_ignored(alarm):
                events.append(self._escalate(alarm, at))
        return events

    def adopt(self, last: Iterable[AlarmEvent], at: int) -> list[AlarmEvent]:
        """After a restart, take over the last events of unresolved alarms.

        High priority stays latched until acknowledged, and goes on as the same alarm if its condition is still there;
        the rest resolves, and is raised anew.
        """
        events: list[AlarmEvent] = []
        for event in last:
            if event.state is AlarmState.RESOLVED or event.id in self._alarms:
                continue
            alarm = self._alarms[event.id] = _Alarm(event=event, since_s=self._now_s, raised_s=self._now_s)
            if event.priority is Priority.HIGH and event.state is not AlarmState.ACKNOWLEDGED:
                events += [] if event.state is AlarmState.LATCHED else [self._latch(alarm, at)]
            else:
                events.append(self._move(alarm, AlarmState.RESOLVED, at=at, by="restart"))
        return events

    def _note_revision(self, finding: Finding) -> None:
        self._revs.pop(finding.id, None)
        self._revs[finding.id] = finding.rev
        if len(self._revs) > _ENDED_KEPT:
            present = set().union(*(alarm.present for alarm in self._alarms.values()))
            oldest = next((name for name in self._revs if name not in present), None)
            if oldest is not None:
                del self._revs[oldest]

    def _alarm_of(self, finding: Finding) -> _Alarm | None:
        same_kind = [alarm for alarm in self._alarms.values() if alarm.event.kind == finding.kind]
        for alarm in same_kind:
            if alarm.event.leads == finding.leads:
                return alarm
        # Earlier versions did not say which leads an alarm is of: the only alarm of the kind is meant.
        return same_kind[0] if len(same_kind) == 1 and not same_kind[0].event.leads else None

    def _present(self, finding: Finding) -> list[AlarmEvent]:
        alarm = self._alarm_of(finding)
        if alarm is None:
            return [self._raise(finding)]
        is_another = finding.id not in alarm.present
        alarm.present.add(finding.id)
        alarm.settled_at_s = None
        if alarm.event.state is AlarmState.LATCHED or (is_another and alarm.event.state is AlarmState.ACKNOWLEDGED):
            alarm.raised_s = self._now_s
            alarm.event = replace(alarm.event, finding=finding.id, recording=finding.recording, leads=finding.leads)
            state = self._signalled(alarm.event.priority)
            return [self._move(alarm, state, at=finding.decided_at, by=DEVICE)]
        return []

    def _raise(self, finding: Finding) -> AlarmEvent:
        event = AlarmEvent(
            id=stable_id("alarm", finding.id),
            rev=0,
            device=self._device,
            recording=finding.recording,
            finding=finding.id,
            kind=finding.kind,
            leads=finding.leads,
            priority=finding.priority,
            state=self._signalled(finding.priority),
            at=finding.decided_at,
            by=DEVICE,
        )
        self._alarms[event.id] = _Alarm(event=event, since_s=self._now_s, raised_s=self._now_s, present={finding.id})
        return event

    def _signalled(self, priority: Priority) -> AlarmState:
        silent = self._paused_until_s is not None and priority is not Priority.HIGH
        return AlarmState.AUDIO_PAUSED if silent else AlarmState.ACTIVE

    def _gone(self, finding: Finding) -> list[AlarmEvent]:
        alarm = self._alarm_of(finding)
        if alarm is None or finding.id not in alarm.present:
            return []
        alarm.present.discard(finding.id)
        at = finding.decided_at
        if alarm.present:
            return []
        if alarm.event.state is AlarmState.ACKNOWLEDGED:
            return [self._move(alarm, AlarmState.RESOLVED, at=at, by=DEVICE)]
        if alarm.event.priority is Priority.HIGH:
            return [self._latch(alarm, at)]
        if finding.state is FindingState.WITHDRAWN:
            return [self._move(alarm, AlarmState.RESOLVED, at=at, by=DEVICE)]
        alarm.settled_at_s = self._now_s + self._settings.settle_s
        return []

    def _latch(self, alarm: _Alarm, at: int) -> AlarmEvent:
        return self._move(alarm, AlarmState.LATCHED, at=at, by=DEVICE)

    def _is_ignored(self, alarm: _Alarm) -> bool:
        after_s = finding_kind(alarm.event.kind).escalate_s
        heard = alarm.event.state in (AlarmState.ACTIVE, AlarmState.AUDIO_PAUSED)
        can_rise = alarm.event.priority in _HIGHER and not alarm.escalated and bool(alarm.present)
        return after_s is not None and heard and can_rise and self._now_s - alarm.since_s >= after_s

    def _escalate(self, alarm: _Alarm, at: int) -> AlarmEvent:
        alarm.escalated = True
        priority = _HIGHER[alarm.event.priority]
        alarm.event = replace(alarm.event, priority=priority)
        return self._move(alarm, self._signalled(priority), at=at, by=TIMEOUT)

    def _move(self, alarm: _Alarm, state: AlarmState, *, at: int, by: str) -> AlarmEvent:
        alarm.event = replace(alarm.event, rev=alarm.event.rev + 1, state=state, at=at, by=by)
        if state is AlarmState.RESOLVED:
            self._alarms.pop(alarm.event.id, None)
        return alarm.event
