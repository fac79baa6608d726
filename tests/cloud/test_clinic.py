"""Findings, review, alarms, devices: what the pages stand on."""

import asyncio
import json

import pytest
from cloud_running import wait_for
from cloud_ward import SITE, alarm, explanation, finding, message, recording, status, strip

from biosignal.events import AlarmState
from biosignal.wire.codec import to_json
from cloud_service.clinic.watching import KEPT_PER_WATCHER, Leases, Watcher
from cloud_service.database.columns import utc_now
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import Presence, note

ABOUT = finding()


@pytest.fixture
def filled(ward):
    events = [recording(), ABOUT, strip(ABOUT), explanation(ABOUT), alarm(ABOUT), finding(onset=5000, kind="pvc")]
    commit(ward.database, [message(one) for one in events])
    return ward


def test_a_finding_is_shown_with_all_it_rests_on(filled):
    with filled.as_role("viewer") as client:
        listed = client.get("/api/v1/findings").json()["findings"]
        assert [one["kind"] for one in listed].count("v-run") == 1
        detail = client.get(f"/api/v1/findings/{ABOUT.id}").json()
    assert detail["outcome"]["type"] == "Prediction"
    assert detail["explanation"] == "A run of wide beats."
    assert detail["explained"]["made_by"] == "template"
    assert detail["alarm"]["state"] == "active"
    assert detail["evidence"]["measures"] == [{"name": "rate", "value": 130.0, "unit": "/min"}]
    assert detail["evidence"]["beats"][0]["outcome"]["label"] == "V"
    assert "inputs" not in detail["evidence"]["beats"][0]
    wave = detail["strips"][0]
    assert (wave["start"], wave["fs_hz"], wave["unit"], len(wave["samples"])) == (900, 360.0, "mV", 36)
    assert wave["samples"][:2] == [-0.025, -0.02]


def test_a_blind_read_hides_the_models_answer(filled):
    with filled.as_role("viewer") as client:
        shown = client.get(f"/api/v1/findings/{ABOUT.id}", params={"blind": True}).text
    assert '"label":"V"' not in shown
    assert "wide beats" not in shown
    assert "Prediction" not in shown
    assert "v-run" not in shown
    assert '"alarm":null' in shown
    assert '"measures":[]' in shown


def test_findings_can_be_filtered_and_paged(filled):
    with filled.as_role("viewer") as client:

        def ids(**params):
            return [one["id"] for one in client.get("/api/v1/findings", params=params).json()["findings"]]

        assert ids(kind="v-run") == [ABOUT.id]
        assert ids(device="bed-9") == []
        first = client.get("/api/v1/findings", params={"limit": 1}).json()
        second = client.get("/api/v1/findings", params={"limit": 1, "before": first["next"]}).json()
        assert {first["findings"][0]["id"], second["findings"][0]["id"]} == set(ids())
        assert client.get("/api/v1/findings", params={"before": "x"}).status_code == 400
        assert client.get("/api/v1/findings/nothing").status_code == 404


def test_a_review_stands_is_replaced_and_taken_back_step_by_step(filled):
    with filled.as_role("reviewer") as client:
        path = f"/api/v1/findings/{ABOUT.id}/reviews"

        def say(**body):
            return client.post(path, json={"sample": ABOUT.onset, "model_seen": False, **body})

        def standing():
            return [(one["row"], one["verdict"], one["label"]) for one in client.get(path).json()["reviews"]]

        first = say(verdict="confirm").json()
        assert (first["label"], first["model_label"], first["bundle"]) == ("V", "V", "ecg-beats/1.0.0")
        second = say(verdict="relabel", label="F").json()
        assert second["supersedes"] == first["row"]
        assert [(verdict, label) for _, verdict, label in standing()] == [("relabel", "F")]
        assert client.post(f"/api/v1/reviews/{first['row']}/undo").status_code == 409
        back = client.post(f"/api/v1/reviews/{second['row']}/undo").json()
        assert standing() == [(back["row"], "confirm", "V")]
        client.post(f"/api/v1/reviews/{back['row']}/undo").raise_for_status()
        assert standing() == []
        assert len(client.get(path, params={"history": True}).json()["reviews"]) == 4
        assert client.get("/api/v1/findings", params={"reviewed": True}).json()["findings"] == []
        say(verdict="relabel", label="N").raise_for_status()
        assert len(client.get("/api/v1/findings", params={"reviewed": True}).json()["findings"]) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"sample": 1, "verdict": "confirm"}, "beat at this sample"),
        ({"sample": ABOUT.onset, "verdict": "relabel"}, "needs a label"),
        ({"sample": ABOUT.onset + 200, "verdict": "confirm"}, "no label to confirm"),
    ],
)
def test_a_review_that_says_nothing_is_refused(filled, body, why):
    with filled.as_role("reviewer") as client:
        answer = client.post(f"/api/v1/findings/{ABOUT.id}/reviews", json={"model_seen": True, **body})
        assert answer.status_code == 400
        assert why in answer.json()["detail"]


def test_nobody_takes_back_the_word_of_another(filled):
    with filled.as_role("reviewer") as client:
        body = {"sample": ABOUT.onset, "verdict": "confirm", "model_seen": True}
        row = client.post(f"/api/v1/findings/{ABOUT.id}/reviews", json=body).json()["row"]
    with filled.as_role("admin") as other:
        assert other.post(f"/api/v1/reviews/{row}/undo").status_code == 404


def test_an_alarm_is_not_acknowledged_by_asking_without_a_broker(filled):
    with filled.as_role("reviewer") as client:
        shown = client.get("/api/v1/alarms").json()["alarms"][0]
        assert shown["request"] is None
        assert client.post(f"/api/v1/alarms/{shown['id']}/acknowledge").status_code == 503
        shown = client.get("/api/v1/alarms").json()["alarms"][0]
        assert (shown["state"], shown["request"]["state"]) == ("active", "unsent")


def test_a_resolved_alarm_leaves_the_list(filled):
    commit(filled.database, [message(alarm(ABOUT, rev=1, state=AlarmState.RESOLVED))])
    with filled.as_role("reviewer") as client:
        assert client.get("/api/v1/alarms").json()["alarms"] == []
        shown = client.get("/api/v1/alarms", params={"resolved": True}).json()["alarms"][0]
        assert client.post(f"/api/v1/alarms/{shown['id']}/acknowledge").status_code == 409


def test_a_device_is_shown_as_it_said_it_is(filled):
    def presence(**changes):
        usual = {
            "site": SITE,
            "device": "bed-1",
            "online": True,
            "status": to_json(status()),
            "fresh": True,
            "received": utc_now(),
        }
        return Presence(**{**usual, **changes})

    with filled.as_role("viewer") as client:
        before = client.get("/api/v1/devices/bed-1").json()
        assert (before["online"], before["bpm"], before["rung"]) == (False, None, None)
        note(filled.database, [presence()])
        shown = client.get("/api/v1/devices").json()["devices"][0]
        assert (shown["online"], shown["bpm"], shown["bundles"]) == (True, 72.0, {"ecg-beats": "ecg-beats/1.0.0"})
        assert shown["last_seen_age_s"] < 5
        note(filled.database, [presence(fresh=False, status=to_json(status(bpm=40.0)))])
        assert client.get("/api/v1/devices/bed-1").json()["bpm"] == 72.0
        note(filled.database, [presence(online=False)])
        assert client.get("/api/v1/devices/bed-1").json()["online"] is False
        assert client.get("/api/v1/recordings").json()["recordings"][0]["subject"] == "subject-7"
        course = client.get("/api/v1/devices/bed-1/recordings/r").json()
        assert course["recording"]["closed_reason"] is None


def test_the_feed_tells_of_a_new_finding_within_a_second(filled):
    with filled.as_role("viewer") as client, client.stream("GET", "/api/v1/feed") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        feed = filled.clinic.feed
        wait_for(lambda: feed._listeners)
        asyncio.run(asyncio.sleep(0.7))  # the feed has taken its bearings
        begun = utc_now()
        commit(filled.database, [message(finding(onset=777))])
        item = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
        assert (item["kind"], item["body"]["onset"]) == ("finding", 777)
        assert (utc_now() - begun).total_seconds() < 1.0


def test_the_feed_makes_up_for_an_interruption(filled):
    headers = {"Last-Event-ID": "0"}
    with filled.as_role("viewer") as client, client.stream("GET", "/api/v1/feed", headers=headers) as answer:
        rows = []
        for line in answer.iter_lines():
            if line.startswith("id: "):
                rows.append(int(line[4:]))
            if len(rows) == 6:
                break
        assert rows == sorted(rows)


def test_metrics_and_health_answer_without_a_login_on_this_machine(filled):
    with filled.client() as client:
        assert client.get("/healthz").json()["ok"] is True
        assert 'bedside_alarms{priority="medium"} 1.0' in client.get("/metrics").text


def test_a_lease_runs_out_after_30_seconds_and_is_asked_for_again_while_renewed():
    leases, key = Leases(), ("ward", "bed-1")
    assert leases.renew(key, 0.0)
    assert leases.due(0.0) == [key]
    leases.asked(key, 0.0)
    assert leases.due(9.9) == []
    assert leases.due(10.0) == [key]
    assert not leases.renew(key, 20.0)
    assert leases.due(49.9) == [key]
    assert leases.due(50.0) == []
    assert leases.remaining_s(key, 50.0) == 0
    assert leases.renew(key, 60.0)


def test_a_slow_watcher_loses_the_oldest_frames_and_is_told():
    async def watch():
        watcher = Watcher(asyncio.get_running_loop())
        for number in range(KEPT_PER_WATCHER + 10):
            watcher.offer(bytes([number]))
        return watcher.dropped, await watcher.take(1.0), await watcher.take(0.01)

    dropped, items, later = asyncio.run(watch())
    assert dropped == 10
    assert [item[0] for item in items] == list(range(10, KEPT_PER_WATCHER + 10))
    assert later == []
