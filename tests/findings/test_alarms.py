"""Alarm states: latching, acknowledgement, audio pause, escalation; and what holds after any sequence."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from biosignal.errors import BadInput
from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Evidence,
    Finding,
    FindingState,
    Prediction,
    Priority,
    QualityLevel,
    Rung,
    finding_id,
)
from biosignal.tasks.lookup import finding_kind, finding_kinds, task_of_finding
from edge_agent.findings.alarms import AlarmMachine, AlarmSettings, NoSuchAlarm

KINDS = finding_kinds()


def finding(kind: str = "vt", onset: int = 1000, *, leads=("MLII",), stream: str = "live") -> Finding:
    return Finding(
        task=task_of_finding(kind).name,
        id=finding_id(device="d", recording="r", stream=stream, kind=kind, leads=leads, onset=onset),
        rev=0,
        device="d",
        recording="r",
        stream=stream,
        kind=kind,
        state=FindingState.OPENED,
        priority=KINDS[kind].priority,
        onset=onset,
        end=onset,
        decided_at=onset,
        leads=leads,
        outcome=Prediction(task="ecg-rules", bundle="ecg-rules/1", rung=Rung.RULES, label=kind, scores=()),
        evidence=Evidence(measures=(), strip_start=0, strip_end=onset + 1, fs_hz=250.0, quality=QualityLevel.USABLE),
    )


def after(before: Finding, state: FindingState = FindingState.CLOSED) -> Finding:
    return replace(before, rev=before.rev + 1, state=state, decided_at=before.decided_at + 250)


def states(events: list[AlarmEvent]) -> list[tuple[int, str]]:
    return [(event.rev, event.state.value) for event in events]


def test_a_high_alarm_latches_until_it_is_acknowledged():
    machine = AlarmMachine("d")
    vt = finding("vt")
    raised = machine.on_finding(vt)
    assert states(raised) == [(0, "active")]
    assert states(machine.on_finding(after(vt))) == [(1, "latched")]
    assert machine.tick(10_000.0, 5000) == []
    assert [alarm.priority for alarm in machine.alarms] == [Priority.HIGH]
    assert states(machine.acknowledge(raised[0].id, "nurse", 6000)) == [(2, "resolved")]
    assert machine.alarms == ()


def test_an_acknowledged_alarm_resolves_with_its_condition():
    machine = AlarmMachine("d")
    vt = finding("vt")
    alarm = machine.on_finding(vt)[0]
    assert states(machine.acknowledge(alarm.id, "nurse", 1100)) == [(1, "acknowledged")]
    assert machine.acknowledge(alarm.id, "nurse", 1200) == []
    assert states(machine.on_finding(after(vt))) == [(2, "resolved")]


def test_a_new_finding_of_the_kind_raises_again_after_resolve():
    machine = AlarmMachine("d")
    first, second = finding("vt"), finding("vt", 9000)
    alarm = machine.on_finding(first)[0]
    machine.acknowledge(alarm.id, "nurse", 1100)
    machine.on_finding(after(first))
    again = machine.on_finding(second)
    assert states(again) == [(0, "active")]
    assert again[0].id != alarm.id


def test_a_latched_alarm_becomes_active_when_the_condition_returns():
    machine = AlarmMachine("d")
    first, second = finding("vt"), finding("vt", 9000)
    machine.on_finding(first)
    machine.on_finding(after(first))
    again = machine.on_finding(second)
    assert states(again) == [(2, "active")]
    assert again[0].finding == second.id


def test_a_medium_alarm_stays_to_be_seen_and_does_not_chatter():
    machine = AlarmMachine("d", AlarmSettings(settle_s=10.0))
    machine.tick(100.0, 0)
    first, second = finding("pause"), finding("pause", 2000)
    assert states(machine.on_finding(first)) == [(0, "active")]
    assert machine.on_finding(after(first)) == []
    assert machine.tick(105.0, 2100) == []
    assert machine.on_finding(second) == []
    assert machine.on_finding(after(second)) == []
    assert machine.tick(114.0, 4000) == []
    assert states(machine.tick(115.0, 4200)) == [(1, "resolved")]


def test_a_withdrawn_run_resolves_at_once():
    machine = AlarmMachine("d")
    run = finding("v-run")
    machine.on_finding(run)
    assert states(machine.on_finding(after(run, FindingState.WITHDRAWN))) == [(1, "resolved")]


def test_findings_without_priority_and_shadow_findings_raise_nothing():
    machine = AlarmMachine("d")
    assert machine.on_finding(finding("pvc")) == []
    assert machine.on_finding(finding("vt", stream="shadow:ecg-beats/1.0.1")) == []
    assert machine.alarms == ()


def test_a_repeated_or_older_revision_changes_nothing():
    machine = AlarmMachine("d")
    vt = finding("vt")
    closed = after(vt)
    machine.on_finding(vt)
    machine.on_finding(closed)
    assert machine.on_finding(closed) == machine.on_finding(vt) == []


def test_an_alarm_is_not_missed_when_only_the_last_revision_is_seen():
    machine = AlarmMachine("d")
    assert states(machine.on_finding(after(finding("asystole")))) == [(0, "active"), (1, "latched")]


def test_the_same_kind_on_other_leads_is_another_alarm():
    machine = AlarmMachine("d")
    machine.on_finding(finding("lead-off"))
    machine.on_finding(finding("lead-off", leads=("V5",)))
    assert len(machine.alarms) == 2


def test_alarms_stand_high_before_medium_before_low():
    machine = AlarmMachine("d")
    for kind in ("lead-off", "bradycardia", "asystole", "pause"):
        machine.on_finding(finding(kind))
    assert [alarm.priority.value for alarm in machine.alarms] == ["high", "medium", "medium", "low"]
    assert machine.alarms[0].kind == "asystole"


def test_what_nobody_has_answered_stands_before_what_was_answered():
    machine = AlarmMachine("d")
    acknowledged = machine.on_finding(finding("asystole"))[0]
    machine.acknowledge(acknowledged.id, "nurse", 1100)
    latched = finding("vt")
    machine.on_finding(latched)
    machine.on_finding(after(latched))
    machine.on_finding(finding("bradycardia"))
    machine.pause_audio("nurse", 1200)
    machine.resume_audio("nurse", 1300)
    machine.on_finding(finding("lead-off"))
    machine.tick(10.0, 4000)
    machine.on_finding(finding("lead-off", leads=("V5",)))
    standing = [(alarm.state.value, alarm.kind, alarm.leads[0]) for alarm in machine.alarms]
    assert standing == [
        ("active", "bradycardia", "MLII"),
        ("active", "lead-off", "V5"),
        ("active", "lead-off", "MLII"),
        ("latched", "vt", "MLII"),
        ("acknowledged", "asystole", "MLII"),
    ]


def test_an_audio_pause_is_bounded_and_ends_by_itself():
    machine = AlarmMachine("d", started_s=50.0)
    machine.on_finding(finding("bradycardia"))
    assert states(machine.pause_audio("nurse", 1200, seconds=9999)) == [(1, "audio-paused")]
    assert machine.tick(169.0, 2000) == []
    ended = machine.tick(170.0, 2100)
    assert states(ended) == [(2, "active")]
    assert ended[0].by == "timeout"


def test_a_new_high_alarm_is_heard_through_a_pause_and_a_medium_one_joins_it():
    machine = AlarmMachine("d")
    machine.pause_audio("nurse", 0)
    assert states(machine.on_finding(finding("bradycardia"))) == [(0, "audio-paused")]
    assert states(machine.on_finding(finding("asystole"))) == [(0, "active")]
    assert states(machine.resume_audio("nurse", 10)) == [(1, "active")]


def test_a_pause_needs_a_positive_length():
    with pytest.raises(BadInput):
        AlarmMachine("d").pause_audio("nurse", 0, seconds=-1)
    with pytest.raises(BadInput):
        AlarmSettings(audio_pause_s=3600)


def test_an_ignored_lead_off_rises_once():
    machine = AlarmMachine("d")
    machine.on_finding(finding("lead-off"))
    assert machine.tick(119.0, 2000) == []
    risen = machine.tick(120.0, 2100)
    assert [(event.rev, event.priority.value, event.by) for event in risen] == [(1, "medium", "timeout")]
    assert machine.tick(1000.0, 3000) == []


def test_an_acknowledged_lead_off_does_not_rise():
    machine = AlarmMachine("d")
    alarm = machine.on_finding(finding("lead-off"))[0]
    machine.acknowledge(alarm.id, "nurse", 1100)
    assert machine.tick(1000.0, 3000) == []


def test_an_unknown_alarm_is_refused():
    with pytest.raises(NoSuchAlarm):
        AlarmMachine("d").acknowledge("nonsense", "nurse", 0)


def test_after_a_restart_high_alarms_stay_latched_and_others_resolve():
    before = AlarmMachine("d")
    high, medium = before.on_finding(finding("vt"))[0], before.on_finding(finding("pause"))[0]
    machine = AlarmMachine("d")
    events = machine.adopt([high, medium], at=0)
    assert [(event.kind, event.rev, event.state.value) for event in events] == [
        ("vt", 1, "latched"),
        ("pause", 1, "resolved"),
    ]
    assert states(machine.acknowledge(high.id, "nurse", 5)) == [(2, "resolved")]


def test_an_alarm_says_which_leads_it_is_of_through_every_change():
    machine = AlarmMachine("d")
    vt = finding("vt", leads=("II", "V1"))
    events = [*machine.on_finding(vt), *machine.on_finding(after(vt))]
    events += machine.acknowledge(events[0].id, "nurse", 9000)
    assert [event.leads for event in events] == [("II", "V1")] * 3


def test_a_condition_that_returns_after_a_restart_continues_its_alarm():
    before = AlarmMachine("d")
    first = before.on_finding(finding("vt"))[0]
    machine = AlarmMachine("d")
    machine.adopt([first], at=0)
    again = finding("vt", 7000)
    returned = machine.on_finding(again)
    assert [(event.id, event.rev, event.state.value) for event in returned] == [(first.id, 2, "active")]
    assert returned[0].finding == again.id
    assert len(machine.alarms) == 1


def test_after_a_restart_the_same_condition_on_another_lead_is_another_alarm():
    before = AlarmMachine("d")
    machine = AlarmMachine("d")
    machine.adopt(before.on_finding(finding("vt")), at=0)
    raised = machine.on_finding(finding("vt", 7000, leads=("V5",)))
    assert [event.rev for event in raised] == [0]
    assert [alarm.leads for alarm in machine.alarms] == [("V5",), ("MLII",)]


def without_leads(event: AlarmEvent) -> AlarmEvent:
    """The event as version 1 wrote it."""
    return replace(event, leads=())


def test_an_alarm_of_an_earlier_version_is_continued_by_its_kind_and_learns_its_leads():
    before = AlarmMachine("d")
    first = before.on_finding(finding("vt"))[0]
    machine = AlarmMachine("d")
    machine.adopt([without_leads(first)], at=0)
    returned = machine.on_finding(finding("vt", 7000))
    assert [(event.id, event.leads) for event in returned] == [(first.id, ("MLII",))]
    assert len(machine.alarms) == 1


def test_two_alarms_of_an_earlier_version_and_one_kind_are_both_kept_and_neither_is_guessed():
    before = AlarmMachine("d")
    old = [before.on_finding(finding("vt", leads=(lead,)))[0] for lead in ("MLII", "V5")]
    machine = AlarmMachine("d")
    machine.adopt([without_leads(event) for event in old], at=0)
    raised = machine.on_finding(finding("vt", 7000))
    assert raised[0].id not in {event.id for event in old}
    assert len(machine.alarms) == 3


@pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if kind.priority is not Priority.NONE))
def test_an_ignored_alarm_rises_exactly_when_its_kind_says_so(kind):
    machine = AlarmMachine("d")
    machine.on_finding(finding(kind))
    after_s = finding_kind(kind).escalate_s
    if after_s is None:
        assert machine.tick(100_000.0, 2000) == []
    else:
        assert machine.tick(after_s - 0.1, 2000) == []
        assert [event.by for event in machine.tick(after_s, 2000)] == ["timeout"]


class AnySequence(RuleBasedStateMachine):
    """Findings, people and time in any order."""

    @initialize()
    def start(self) -> None:
        self.machine = AlarmMachine("d", AlarmSettings(settle_s=5.0))
        self.now_s = 0.0
        self.onset = 0
        self.open: list[Finding] = []
        self.closed: list[Finding] = []
        self.seen: dict[str, list[AlarmEvent]] = {}
        self.paused_at_s: float | None = None
        self.acknowledged: set[str] = set()

    def record(self, events: list[AlarmEvent]) -> list[AlarmEvent]:
        for event in events:
            history = self.seen.setdefault(event.id, [])
            assert event.rev == len(history)
            if history:
                assert history[-1].state is not AlarmState.RESOLVED
                if history[-1].state is AlarmState.LATCHED and event.state is AlarmState.RESOLVED:
                    assert event.by == "nurse"
            history.append(event)
        return events

    @rule(kind=st.sampled_from(sorted(KINDS)), lead=st.sampled_from(["MLII", "V5"]))
    def finding_opens(self, kind, lead):
        self.onset += 250
        new = finding(kind, self.onset, leads=(lead,))
        resolved = not any(a.kind == kind for a in self.machine.alarms)
        events = self.record(self.machine.on_finding(new))
        self.open.append(new)
        if resolved and new.priority is not Priority.NONE:
            assert [event.rev for event in events] == [0]

    @precondition(lambda self: self.open)
    @rule(pick=st.integers(0, 99), state=st.sampled_from(list(FindingState)[1:]))
    def finding_goes_on(self, pick, state):
        old = self.open.pop(pick % len(self.open))
        new = after(old, state)
        self.record(self.machine.on_finding(new))
        (self.open if state is FindingState.EXTENDED else self.closed).append(new)

    @precondition(lambda self: self.closed)
    @rule(pick=st.integers(0, 99))
    def an_old_revision_comes_again(self, pick):
        old = self.closed[pick % len(self.closed)]
        assert self.machine.on_finding(old) == []

    @precondition(lambda self: self.machine.alarms)
    @rule(pick=st.integers(0, 99))
    def a_person_acknowledges(self, pick):
        alarm = self.machine.alarms[pick % len(self.machine.alarms)]
        self.record(self.machine.acknowledge(alarm.id, "nurse", 0))
        self.acknowledged.add(alarm.id)
        left = {event.id: event.state for event in self.machine.alarms}
        assert left.get(alarm.id, AlarmState.RESOLVED) in (AlarmState.ACKNOWLEDGED, AlarmState.RESOLVED)

    @rule(seconds=st.sampled_from([None, 1.0, 30.0, 1e6]))
    def a_person_pauses_the_audio(self, seconds):
        self.record(self.machine.pause_audio("nurse", 0, seconds))
        self.paused_at_s = self.now_s

    @rule(seconds=st.sampled_from([0.5, 3.0, 60.0, 121.0]))
    def time_passes(self, seconds):
        self.now_s += seconds
        self.record(self.machine.tick(self.now_s, int(self.now_s * 250)))

    @invariant()
    def every_present_condition_has_one_alarm(self):
        keys = {(f.kind, f.leads) for f in self.open if f.priority is not Priority.NONE}
        kinds = [event.kind for event in self.machine.alarms]
        assert all(kind in kinds for kind, _ in keys)
        assert len({event.id for event in self.machine.alarms}) == len(self.machine.alarms)
        assert max(map(kinds.count, kinds), default=0) <= 2

    @invariant()
    def no_high_alarm_resolves_unseen(self):
        for history in self.seen.values():
            if history[-1].state is AlarmState.RESOLVED and history[-1].priority is Priority.HIGH:
                assert any(event.by == "nurse" for event in history)

    @invariant()
    def a_pause_always_ends(self):
        if self.paused_at_s is not None and self.now_s - self.paused_at_s >= 120.0:
            assert all(event.state is not AlarmState.AUDIO_PAUSED for event in self.machine.alarms)

    @invariant()
    def the_most_urgent_alarm_stands_first(self):
        states = ["active", "latched", "audio-paused", "acknowledged"]
        ranks = ["high", "medium", "low"]
        standing = [(states.index(one.state.value), ranks.index(one.priority.value)) for one in self.machine.alarms]
        assert standing == sorted(standing)

    @rule()
    def the_device_starts_again(self):
        last = self.machine.alarms
        self.machine = AlarmMachine("d", AlarmSettings(settle_s=5.0), started_s=self.now_s)
        self.record(self.machine.adopt(last, 0))
        self.paused_at_s = None
        # A new process opens a new recording: findings of the one before do not come again.
        self.open.clear()
        self.closed.clear()
        high = {event.id for event in last if event.priority is Priority.HIGH}
        acknowledged = {event.id for event in last if event.state is AlarmState.ACKNOWLEDGED}
        assert {event.id for event in self.machine.alarms} == high - acknowledged


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
