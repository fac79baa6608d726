"""What the clinic has to say itself: silent beds, a broker that is gone, parts that stand still."""

import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest
from cloud_running import wait_for
from cloud_ward import SITE, alarm, finding, message, status

from biosignal.events import LoopStatus
from biosignal.wire.codec import to_json
from cloud_service.clinic.conditions import BedFacts, ClinicFacts, conditions
from cloud_service.clinic.ear import Ear
from cloud_service.clinic.own_alarms import OwnAlarms
from cloud_service.database.clinic_tables import ClinicAlarmRow
from cloud_service.database.columns import utc_now
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import Presence, note
from cloud_service.ingest.worker import IngestWorker
from cloud_service.pulse import BUDGET, Loop
from cloud_service.settings import IngestSettings


def presence(said, device="bed-1", *, fresh=True):
    return Presence(site=SITE, device=device, online=said.online, status=to_json(said), fresh=fresh, received=utc_now())


SEEN = utc_now()


def row(name="bed-1", **changes):
    usual = {"name": name, "last_seen": SEEN, "revoked": None, "said_goodbye": None, "status": None}
    return SimpleNamespace(**{**usual, **changes})


def kinds(facts, held=()):
    return sorted(key[0] for key in conditions(facts, held))


@pytest.fixture
def ear():
    now = [100.0]
    made = Ear(lambda: now[0])
    made.now = now
    return made


def wrong(ear, rows=None, held=(), **facts):
    return kinds(ClinicFacts(beds=ear.facts(rows or [row()]), **facts), held)


def test_a_bed_that_says_nothing_for_ten_seconds_is_silent_until_it_speaks(ear):
    ear.heard(presence(status()))
    ear.now[0] += 10
    assert wrong(ear) == []
    ear.now[0] += 1
    assert wrong(ear) == ["bed-silent"]
    ear.heard(presence(status(), fresh=False))
    assert wrong(ear) == ["bed-silent"]
    ear.heard(presence(status()))
    assert wrong(ear) == []


def test_a_goodbye_is_told_as_that_and_a_last_will_as_silence(ear):
    ear.heard(presence(status(boot="a", sent_utc_s=10.0)))
    ear.heard(presence(status(boot="a", sent_utc_s=3.0, online=False)))
    ear.now[0] += 11
    assert wrong(ear) == ["bed-silent"]
    ear.heard(presence(status(boot="a", sent_utc_s=12.0, online=False)))
    assert wrong(ear) == ["bed-stopped"]
    ear.heard(presence(status(boot="b", sent_utc_s=13.0)))
    assert wrong(ear) == []


def test_nobody_is_called_silent_while_the_broker_is_away_and_who_was_stays_so(ear):
    ear.heard(presence(status()))
    ear.now[0] += 60
    assert wrong(ear, has_broker=True, broker_down_s=3.0, broker_why="refused") == ["broker-gone"]
    assert wrong(ear, has_broker=True, broker_up_s=5.0) == []
    assert wrong(ear, has_broker=True, broker_up_s=11.0) == ["bed-silent"]
    held = [("bed-silent", "bed-1")]
    assert wrong(ear, held=held, has_broker=True, broker_down_s=3.0) == ["bed-silent", "broker-gone"]


def test_a_restart_of_the_clinic_gives_each_bed_its_time_and_forgets_no_silence(ear):
    assert wrong(ear) == []
    assert wrong(ear, held=[("bed-silent", "bed-1")]) == ["bed-silent"]
    ear.heard(presence(status()))
    assert wrong(ear, held=[("bed-silent", "bed-1")]) == []


def test_two_runs_that_speak_in_turn_are_two_devices_and_a_restart_is_not(ear):
    for boot in ("a", "a", "b", "b"):
        ear.heard(presence(status(boot=boot)))
        ear.now[0] += 2
    assert wrong(ear) == []
    ear.heard(presence(status(boot="a")))
    assert wrong(ear) == ["two-devices"]
    for _ in range(40):
        ear.now[0] += 2
        ear.heard(presence(status(boot="a")))
    assert wrong(ear) == []


def test_parts_of_a_device_that_stand_still_are_told_by_their_names(ear):
    loops = (LoopStatus(name="analysis", age_s=7.0, limit_s=5.0), LoopStatus(name="sync", age_s=1.0, limit_s=5.0))
    ear.heard(presence(status(loops=loops)))
    assert wrong(ear) == ["analysis-standing"]
    ear.heard(presence(status(loops=(LoopStatus(name="store", age_s=9.0, limit_s=5.0),))))
    assert wrong(ear) == ["part-standing"]


def test_a_part_of_a_device_that_waits_for_a_slow_card_is_no_alarm_until_its_grace_is_over(ear):
    for age_s, found in ((4.5, []), (15.0, []), (15.1, ["part-standing"]), (0.1, [])):
        keeper = LoopStatus(name="keeper", age_s=age_s, limit_s=4.0, grace_s=11.0)
        ear.heard(presence(status(loops=(keeper,))))
        assert wrong(ear) == found


def test_beds_that_were_shut_out_or_never_spoke_are_not_missed(ear):
    ear.facts([row(), row("bed-2", revoked=utc_now()), row("bed-3", last_seen=None)])
    ear.now[0] += 60
    assert wrong(ear, [row("bed-2", revoked=utc_now()), row("bed-3", last_seen=None)]) == []


def test_parts_of_the_clinic():
    assert kinds(ClinicFacts(ingest_why="it ended", unstored_s=60.0)) == ["ingest-standing"]
    assert kinds(ClinicFacts(unstored_s=11.0)) == ["ingest-standing"]
    assert kinds(ClinicFacts(parts=(("feed", "the feed is not running"),))) == ["part-standing"]


def silent(*names):
    beds = tuple(BedFacts(name=name, silent_s=11.0, heard=True, stopped=False) for name in names)
    return conditions(ClinicFacts(beds=beds), ()).values()


def stored(database):
    with database.read() as session:
        return {one.device: one for one in session.query(ClinicAlarmRow)}


def test_an_alarm_is_kept_with_its_onset_and_its_end_over_a_restart(database):
    first = OwnAlarms(database)
    first.hold(silent("bed-1", "bed-2"))
    assert first.acknowledge(first.standing[0].id, "reviewer").state == "acknowledged"
    again = OwnAlarms(database)
    again.load()
    assert {(one.device, one.state.value) for one in again.standing} == {("bed-1", "acknowledged"), ("bed-2", "active")}
    again.hold(silent("bed-1"))
    again.hold(silent("bed-1", "bed-2"))
    with database.read() as session:
        rows = session.query(ClinicAlarmRow).order_by(ClinicAlarmRow.since).all()
    assert [(one.device, one.state, one.ended is None) for one in rows] == [
        ("bed-1", "acknowledged", True),
        ("bed-2", "resolved", False),
        ("bed-2", "active", True),
    ]
    assert rows[0].by == "reviewer"


def test_an_alarm_stands_while_the_database_is_held_and_is_stored_later(database, monkeypatch):
    told = []
    alarms = OwnAlarms(database, told.append)
    file = database.engine.url.database
    monkeypatch.setattr("cloud_service.database.connection.BUSY_TIMEOUT_S", 0.1)
    with sqlite3.connect(file, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=100")
        alarms.hold(silent("bed-1"))
        assert [one.device for one in told] == ["bed-1"]
        assert [one.device for one in alarms.standing] == ["bed-1"]
        holder.execute("ROLLBACK")
    holder.close()
    alarms.save()
    assert stored(database)["bed-1"].state == "active"


def test_a_silent_bed_is_on_the_list_and_the_feed_before_other_alarms_that_were_seen(ward):
    note(ward.database, [presence(status(), "bed-9")])
    about = finding()
    commit(ward.database, [message(about), message(alarm(about))])
    lines = []
    with ward.as_role("reviewer") as client:

        def listen():
            with client.stream("GET", "/api/v1/feed") as answer:
                for line in answer.iter_lines():
                    lines.append(line)
                    if "clinic.alarm" in line:
                        return

        thread = threading.Thread(target=listen)
        thread.start()
        wait_for(lambda: "event: now" in lines)
        ward.clinic.lookout.alarms.hold(silent("bed-9"))
        thread.join(5)
        assert "event: clinic.alarm" in lines
        with ward.as_role("reviewer") as other:
            listed = other.get("/api/v1/alarms").json()["alarms"]
            assert [(one["origin"], one["kind"]) for one in listed] == [("clinic", "bed-silent"), ("device", "v-run")]
            assert listed[0]["device"] == "bed-9"
            seen = other.post(f"/api/v1/alarms/{listed[0]['id']}/acknowledge").raise_for_status().json()
            assert (seen["state"], seen["by"]) == ("acknowledged", "reviewer")
            assert other.post(f"/api/v1/alarms/{listed[0]['id']}/pause", json={}).status_code == 409
            listed = other.get("/api/v1/alarms").json()["alarms"]
            assert [one["kind"] for one in listed] == ["v-run", "bed-silent"]
            ward.clinic.lookout.alarms.hold([])
            past = other.get("/api/v1/alarms", params={"resolved": True}).json()["alarms"]
            assert [(one["kind"], one["state"]) for one in past][-1] == ("bed-silent", "resolved")


def test_a_bed_that_falls_silent_is_told_by_the_running_clinic(ward, monkeypatch):
    monkeypatch.setattr("cloud_service.clinic.conditions.SILENT_AFTER_S", 0.5)
    note(ward.database, [presence(status())])
    found = wait_for(lambda: ward.clinic.lookout.alarms.standing)
    assert [(one.kind, one.device) for one in found] == [("bed-silent", "bed-1")]
    wait_for(lambda: stored(ward.database))


# ---- parts -----------------------------------------------------------------------------------------------------------


def held_by(free):
    def hold(*_, **__):
        free.wait(10)

    return hold


@pytest.mark.parametrize("name", ["feed", "watch", "lookout", "learning"])
def test_health_fails_and_names_the_part_that_is_blocked(ward, monkeypatch, name):
    part = next(one for one in ward.clinic.lookout.parts if one.name == name)
    free = threading.Event()
    try:
        if name == "feed":
            monkeypatch.setattr(ward.clinic.feed, "newest", held_by(free))
            ward.clinic.feed._listeners.add(object())
        elif name == "watch":
            monkeypatch.setattr(ward.clinic.watching, "ask_due", held_by(free))
        elif name == "lookout":
            monkeypatch.setattr(ward.clinic.lookout, "look", held_by(free))
        else:
            monkeypatch.setattr("cloud_service.learning.jobs.claim", held_by(free))
        with ward.client() as client:
            assert client.get("/healthz").status_code == 200
            part.limit_s = 1.5
            answer = wait_for(lambda: (got := client.get("/healthz")).status_code == 503 and got)
            assert f"{name} " in answer.json()["why"]
            assert "has stood still for" in answer.json()["why"]
            assert f'bedside_part_working{{part="{name}"}} 0.0' in client.get("/metrics").text
            if name != "lookout":
                standing = wait_for(lambda: ward.clinic.lookout.alarms.standing)
                assert [one.kind for one in standing] == ["part-standing"]
            ward.clinic.feed._listeners.clear()
            free.set()
            wait_for(lambda: client.get("/healthz").status_code == 200)
    finally:
        ward.clinic.feed._listeners.clear()
        free.set()


def test_a_database_that_takes_nothing_is_told_though_the_ingest_thread_comes_round(database):
    now = [100.0]
    worker = IngestWorker(database, IngestSettings(), send_receipt=lambda *_: None, clock=lambda: now[0])
    with sqlite3.connect(database.engine.url.database, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        worker.start()
        worker.take(message(finding()))
        wait_for(lambda: worker._in_hand is not None)
        now[0] += 11
        assert worker.why_still() == ""
        assert kinds(ClinicFacts(unstored_s=worker.unstored_s)) == ["ingest-standing"]
        holder.execute("ROLLBACK")
    holder.close()
    wait_for(lambda: worker.counts.new == 1)
    wait_for(lambda: worker.unstored_s == 0.0)
    worker.stop()


def test_a_thread_that_ended_is_started_anew_a_few_times_and_then_named():
    ended = []
    loop = Loop("part", lambda: ended.append(time.monotonic()), limit_s=5.0, clock=lambda: 100.0)
    loop.start()
    for times in range(1, BUDGET + 3):
        loop._thread.join(5)
        loop.revive()
        loop._thread.join(5)
        assert len(ended) == 1 + min(times, BUDGET)
    assert loop.why_still() == "the part thread is not running"
    assert loop.restarts == BUDGET


def test_a_thread_that_was_stopped_stays_ended():
    loop = Loop("part", lambda: None, limit_s=5.0)
    loop.start()
    loop.join()
    loop.revive()
    assert loop.restarts == 0
