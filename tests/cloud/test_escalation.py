"""An alarm that nobody answers is told to the people named for its bed, one after the other, then to everybody."""

import shutil
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from tempfile import TemporaryDirectory

import pytest
from cloud_running import Running, wait_for
from cloud_ward import alarm, finding, message, status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from biosignal.events import AlarmState, Priority
from cloud_service.access.devices import add_device
from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.clinic.conditions import BedFacts, ClinicFacts, conditions
from cloud_service.clinic.escalation import Waiting, is_shown, next_step, sentence
from cloud_service.clinic.escalator import Escalator
from cloud_service.clinic.own_alarms import OwnAlarms
from cloud_service.database.clinic_tables import BedGroupRow, DutyRow, EscalationRow
from cloud_service.database.connection import open_database
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import note
from cloud_service.settings import AccessSettings, CloudSettings, EscalationSettings, HttpSettings, MqttSettings
from tests.cloud.test_own_alarms import presence

BEGAN = datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)
RULES = EscalationSettings(high_s=60.0, medium_s=180.0, remind_s=120.0, still_there_s=900.0)
HIGH = Waiting(alarm="a", episode=0, device="bed-1", kind="v-run", priority=Priority.HIGH, since=BEGAN)


def at(seconds):
    return BEGAN + timedelta(seconds=seconds)


def told_by(one, people, on_page, until_s, rules=RULES):
    """Everything that is told until a time, looked at each second: seconds, kind, whom, and on how many pages."""
    steps = []
    for second in range(until_s + 1):
        while (step := next_step(one, steps, people, on_page, at(second), rules)) is not None:
            steps.append(step)
    return [(round((one_.at - BEGAN).total_seconds()), one_.turn.value, one_.to, one_.pages) for one_ in steps], steps


def test_people_are_told_one_after_the_other_then_all_and_then_all_are_reminded():
    told, _ = told_by(HIGH, ["anna", "ben"], {"anna", "ben", "eve"}, 450)
    assert told == [
        (60, "person", "anna", 1),
        (120, "person", "ben", 1),
        (180, "all", "", 3),
        (300, "reminder", "", 3),
        (420, "reminder", "", 3),
    ]


def test_a_medium_alarm_waits_longer_and_a_low_one_is_told_to_nobody():
    medium = replace(HIGH, priority=Priority.MEDIUM)
    assert told_by(medium, ["anna"], {"anna"}, 400)[0] == [(180, "person", "anna", 1), (360, "all", "", 1)]
    assert told_by(replace(HIGH, priority=Priority.LOW), ["anna"], {"anna"}, 9999)[0] == []


def test_nobody_waits_for_who_is_on_no_page_and_it_is_said():
    told, steps = told_by(HIGH, ["anna", "ben"], {"eve"}, 100)
    assert told == [(60, "person", "anna", 0), (60, "person", "ben", 0), (60, "all", "", 1)]
    assert [sentence(steps[: n + 1]) for n in range(3)] == [
        "anna is on no page",
        "ben is on no page",
        "nobody named is on a page; told everybody on a page (1)",
    ]
    told, steps = told_by(HIGH, [], set(), 61)
    assert (told, sentence(steps)) == ([(60, "all", "", 0)], "nobody is on a page")


def test_a_time_of_nothing_means_never():
    never = EscalationSettings(high_s=0.0, medium_s=0.0, remind_s=0.0, still_there_s=0.0)
    assert told_by(HIGH, ["anna"], {"anna"}, 5000, never)[0] == []
    assert told_by(replace(HIGH, seen_by="anna"), ["anna"], {"anna"}, 5000, never)[0] == []
    once = replace(never, high_s=10.0)
    assert told_by(HIGH, [], {"eve"}, 5000, once)[0] == [(10, "all", "", 1)]


def test_what_was_acknowledged_and_stays_is_told_to_who_did_so_and_to_all_where_they_have_gone():
    seen = replace(HIGH, seen_by="anna")
    told, steps = told_by(seen, ["ben"], {"anna", "ben"}, 1801)
    assert told == [(900, "still-there", "anna", 1), (1800, "still-there", "anna", 1)]
    assert is_shown(steps[0], at(959))
    assert not is_shown(steps[0], at(960))
    assert told_by(seen, [], {"ben"}, 901)[0] == [(900, "still-there", "", 1)]


# ---- the clinic ------------------------------------------------------------------------------------------------------


class Night:
    """A database with beds and people, and an escalator whose clock is set by hand."""

    def __init__(self, file, rules=RULES):
        self.database = open_database(f"sqlite:///{file}")
        self.now, self.pages, self.heard, self.rules, self.own = BEGAN, {"reviewer"}, [], rules, []
        self.fails = 0
        self.begin()

    def begin(self):
        """Start, or start again: nothing that was in memory is there any more."""
        self.escalator = Escalator(
            self.database,
            self.rules,
            own=lambda: self.own,
            on_page=lambda: self.pages,
            on_step=self._told,
            now=lambda: self.now,
        )

    def _told(self, one, step):
        if self.fails:
            self.fails -= 1
            raise KeyboardInterrupt  # as a process that is killed: behind the commit, before anybody hears of it
        self.heard.append((one.alarm, step))

    def say(self, event):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cloud_service.ingest.commit.utc_now", lambda: self.now)
            commit(self.database, [message(event)])

    def look(self, after_s=0.0):
        self.now += timedelta(seconds=after_s)
        try:
            self.escalator.look()
        except KeyboardInterrupt:
            self.begin()
            self.escalator.look()

    def name(self, *people, of="bed", at="bed-1"):
        with self.database.write() as session:
            session.add_all(DutyRow(of=of, name=at, place=n, person=one) for n, one in enumerate(people))

    @property
    def rows(self):
        with self.database.read() as session:
            rows = session.scalars(
                select(EscalationRow).order_by(EscalationRow.alarm, EscalationRow.episode, EscalationRow.step)
            )
            return [
                (one.alarm, one.episode, one.step, one.turn, one.person, one.pages, (one.at - BEGAN).total_seconds())
                for one in rows
            ]

    @property
    def told(self):
        return [(row[6], row[3], row[4]) for row in self.rows]


def high(about=None, **changes):
    return replace(alarm(about or finding()), priority=Priority.HIGH, **changes)


@pytest.fixture
def night(fresh):
    made = Night(fresh / "clinic.db")
    add_device(made.database, name="bed-1", site="ward", by="test")
    yield made
    made.database.close()


def test_an_acknowledgement_ends_it_and_another_onset_begins_anew(night):
    night.name("reviewer", "engineer")
    night.say(high())
    night.look(60)
    night.say(high(rev=1, state=AlarmState.ACKNOWLEDGED, by="reviewer"))
    night.look(600)
    night.say(high(rev=2))
    night.look(59)
    night.look(1)
    assert night.told == [(60, "person", "reviewer"), (720, "person", "reviewer")]
    assert [row[1] for row in night.rows] == [0, 2]


def test_a_pause_of_the_sound_and_the_end_of_the_condition_are_no_answer(night):
    night.name("reviewer")
    night.say(high())
    night.look(30)
    night.say(high(rev=1, state=AlarmState.AUDIO_PAUSED, by="reviewer"))
    night.look(10)
    night.say(high(rev=2, state=AlarmState.LATCHED))
    night.look(20)
    assert night.told == [(60, "person", "reviewer")]
    night.say(high(rev=3, state=AlarmState.RESOLVED, by="reviewer"))
    night.look(600)
    assert len(night.rows) == 1


def test_an_alarm_that_rises_is_told_by_the_time_of_its_new_priority(night):
    about = finding()
    night.say(alarm(about))
    night.look(100)
    night.say(high(about, rev=1, by="timeout"))
    night.look(59)
    assert night.told == []
    night.look(1)
    assert night.told == [(160, "all", "")]


def test_the_group_of_a_bed_answers_where_nobody_is_named_for_it(night):
    with night.database.write() as session:
        session.add(BedGroupRow(device="bed-1", name="Ward 3"))
    night.name("engineer", of="group", at="Ward 3")
    night.pages = {"engineer", "reviewer"}
    night.say(high())
    night.look(60)
    night.name("reviewer")
    night.look(60)
    assert night.told == [(60, "person", "engineer"), (120, "person", "reviewer")]


def test_who_may_not_acknowledge_or_whose_account_is_closed_is_not_waited_for(night):
    night.name("viewer", "engineer", "reviewer")
    People(night.database, AccessSettings(), demo=False).disable("engineer", by="test")
    night.say(high())
    night.look(60)
    assert night.told == [(60, "person", "reviewer")]


def test_an_alarm_of_the_clinic_is_told_as_one_of_a_device(night):
    night.name("reviewer")
    own = OwnAlarms(night.database)
    facts = ClinicFacts(beds=(BedFacts(name="bed-1", silent_s=11.0, heard=True, stopped=False),))
    own.hold(conditions(facts, ()).values())
    night.own = [replace(one, since=BEGAN) for one in own.standing]
    night.look(60)
    assert night.told == [(60, "person", "reviewer")]
    night.own = [
        replace(one, state=AlarmState.ACKNOWLEDGED, acknowledged=night.now, by="reviewer") for one in night.own
    ]
    night.look(899)
    assert len(night.rows) == 1
    night.look(1)
    assert night.told[-1] == (960, "still-there", "reviewer")


def test_after_a_clinic_was_away_the_next_person_gets_their_time(night):
    night.name("reviewer", "engineer")
    night.pages = {"reviewer", "engineer"}
    night.say(high())
    night.look(3600)
    night.begin()
    night.look()
    assert night.told == [(3600, "person", "reviewer")]
    night.look(60)
    assert night.told[1:] == [(3660, "person", "engineer")]


PEOPLE = ("reviewer", "engineer", "admin")
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from((1, 30, 60, 100, 200, 1000))),
        st.tuples(st.just("alarm"), st.tuples(st.integers(0, 1), st.sampled_from(tuple(AlarmState)))),
        st.tuples(st.just("pages"), st.sets(st.sampled_from(PEOPLE))),
        st.tuples(st.just("break"), st.sampled_from(("killed", "restart", "two at a time"))),
    ),
    min_size=3,
    max_size=14,
)


def play(night, acts, *, breaks):
    night.name("reviewer", "engineer")
    revs = [0, 0]
    for act, value in acts:
        if act == "alarm":
            which, state = value
            by = "reviewer" if state is AlarmState.ACKNOWLEDGED else "device"
            night.say(high(finding(onset=1000 + 5000 * which), rev=revs[which], state=state, by=by))
            revs[which] += 1
        elif act == "pages":
            night.pages = set(value)
        elif act == "break" and breaks:
            if value == "restart":
                night.begin()
            elif value == "killed":
                night.fails = 1
            else:
                night.escalator.look()
                night.begin()
        night.look(value if act == "wait" else 0)
    night.fails = 0
    night.look()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_whatever_is_killed_and_started_again_nothing_is_told_twice_or_forgotten(migrated, acts):
    with TemporaryDirectory() as folder:
        nights = []
        for name in ("whole", "broken"):
            shutil.copy(migrated, f"{folder}/{name}.db")
            one = Night(f"{folder}/{name}.db")
            play(one, acts, breaks=name == "broken")
            nights.append(one)
        whole, broken = nights
        assert broken.rows == whole.rows
        keys = [row[:3] for row in broken.rows]
        assert len(set(keys)) == len(keys)
        for one in nights:
            one.database.close()


def test_two_processes_of_a_clinic_tell_a_step_once(night):
    night.name("reviewer")
    night.say(high())
    night.now = at(60)
    other = Night(night.database.engine.url.database)
    other.now = night.now
    threads = [threading.Thread(target=one.look) for one in (night, other) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert night.told == [(60, "person", "reviewer")]
    assert len(night.heard) + len(other.heard) == 1
    other.database.close()


# ---- over the API ----------------------------------------------------------------------------------------------------


def hearing(client, lines):
    with client.stream("GET", "/api/v1/feed") as answer:
        for line in answer.iter_lines():
            lines.append(line)
            if "clinic.escalation" in line:
                return


@pytest.fixture
def quick(fresh):
    """Settings of a clinic that escalates at once."""
    return CloudSettings(
        state_dir=fresh,
        http=HttpSettings(port=0),
        mqtt=MqttSettings(enabled=False),
        escalation=EscalationSettings(high_s=0.2, medium_s=0.2, remind_s=3600.0),
    )


def test_the_person_named_is_told_on_their_page_and_a_restart_forgets_nothing(quick):
    with Running(quick) as running:
        database = running.clinic.database
        add_device(database, name="bed-1", site="ward", by="test")
        note(database, [presence(status())])
        lines = []
        with running.logged_in("engineer") as named, running.logged_in("reviewer") as other:
            assert other.put("/api/v1/duties/bed/bed-1", json={"people": ["engineer"]}).status_code == 204
            reader = threading.Thread(target=hearing, args=(named, lines))
            reader.start()
            wait_for(lambda: "engineer" in running.clinic.feed.on_page)
            (bed,) = other.get("/api/v1/duties").json()["beds"]
            assert (bed["people"], bed["answering"], bed["group"]) == (["engineer"], ["engineer"], None)
            assert {one["name"] for one in other.get("/api/v1/duties").json()["people"] if one["on_page"]} == {
                "engineer"
            }
            commit(database, [message(alarm(finding()))])
            reader.join(30)
            assert "event: clinic.escalation" in lines
            with running.logged_in("engineer") as mine:
                (one,) = mine.get("/api/v1/escalations").json()["escalations"]
                assert (one["mine"], one["said"], one["turn"]) == (True, "told engineer", "person")
            (one,) = other.get("/api/v1/escalations").json()["escalations"]
            assert (one["mine"], one["kind"]) == (False, "v-run")
            (logged,) = other.get("/api/v1/alarm-log").json()["alarms"]
            assert logged["escalated"] == 1
    with Running(quick) as again, again.logged_in("viewer") as anybody:
        wait_for(lambda: len(anybody.get("/api/v1/escalation-log").json()["steps"]) == 2)
        steps = anybody.get("/api/v1/escalation-log").json()["steps"]
        assert [(one["turn"], one["person"], one["pages"]) for one in reversed(steps)] == [
            ("person", "engineer", 1),
            ("all", None, 0),
        ]
        (one,) = anybody.get("/api/v1/escalations").json()["escalations"]
        assert one["mine"]
        commit(again.clinic.database, [message(alarm(finding(), rev=1, state=AlarmState.ACKNOWLEDGED, by="engineer"))])
        assert anybody.get("/api/v1/escalations").json()["escalations"] == []


def test_beds_are_grouped_and_what_cannot_be_is_refused(ward):
    add_device(ward.database, name="bed-1", site="ward", by="test")
    with ward.as_role("reviewer") as client:
        put = lambda path, **body: client.put(f"/api/v1{path}", json=body).status_code  # noqa: E731
        assert put("/duties/group/Ward 3", people=["reviewer"]) == 404
        assert put("/devices/bed-1/group", group="Ward 3") == 204
        assert put("/duties/group/Ward 3", people=["reviewer", "engineer"]) == 204
        said = client.get("/api/v1/duties").json()
        assert said["groups"] == [{"name": "Ward 3", "people": ["reviewer", "engineer"]}]
        assert said["beds"][0]["answering"] == ["reviewer", "engineer"]
        assert {one["name"] for one in said["people"]} == {"reviewer", "engineer", "admin"}
        assert put("/duties/bed/bed-1", people=["reviewer", "reviewer"]) == 400
        assert put("/duties/bed/bed-1", people=["viewer"]) == 400
        assert put("/duties/bed/bed-1", people=["nobody"]) == 400
        assert put("/duties/bed/bed-9", people=["reviewer"]) == 404
        assert put("/devices/bed-1/group", group="<b>") == 422
        assert put("/devices/bed-1/group", group="") == 204
        assert client.get("/api/v1/duties").json()["groups"] == []
    with ward.database.read() as session:
        assert session.scalars(select(DutyRow)).all() == []


def test_a_program_that_reads_the_feed_is_nobody_on_a_page(ward):
    made = ward.clinic.tokens.add(name="wall", role=Role.VIEWER, days=1, by="admin")
    with ward.client() as client:
        client.headers["Authorization"] = f"Bearer {made.token}"
        with client.stream("GET", "/api/v1/feed") as answer:
            wait_for(lambda: ward.clinic.feed._listeners)
            assert ward.clinic.feed.on_page == frozenset()
            answer.close()


def test_an_alarm_that_cannot_be_told_of_holds_up_no_other(night):
    night.say(high())
    other = high(finding(onset=9000))
    night.say(other)
    with night.database.write() as session:
        session.connection().exec_driver_sql(
            "UPDATE events SET body = '[]' WHERE kind = 'alarm' AND id = ?", (high().id,)
        )
    night.look(60)
    assert {row[0] for row in night.rows} == {high().id, other.id}
