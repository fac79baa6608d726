"""Findings, review, alarms, devices: what the pages stand on."""

import asyncio
import dataclasses
import json

import numpy as np
import pytest
from cloud_running import wait_for
from cloud_ward import (
    SITE,
    alarm,
    beats,
    explanation,
    finding,
    foreign,
    frame,
    mark,
    marks_of,
    message,
    pack,
    reading,
    recording,
    series,
    status,
    strip,
)
from test_wave_archive import kept

from biosignal.eeg.views import views
from biosignal.events import AlarmState
from biosignal.synthetic.montage import NIGHT
from biosignal.wire.codec import to_json
from biosignal.wire.waveform import INVALID
from cloud_service.clinic.watching import KEPT_PER_WATCHER, Leases, Watcher
from cloud_service.database.columns import utc_now
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import Presence, note

ABOUT = finding()
BEAT = {"task": "ecg-beats", "kind": "beat", "start": ABOUT.onset}


@pytest.fixture
def filled(ward):
    events = [recording(), *marks_of(ABOUT), ABOUT, strip(ABOUT), explanation(ABOUT), alarm(ABOUT)]
    events += [
        finding(onset=5000, kind="pvc"),
        series(),
        pack(),
        pack(21600, 43200, starts=(21700, 22000), labels="NQ"),
    ]
    commit(ward.database, [message(one) for one in events])
    ward.clinic.archive.store("bed-1", [kept(0, np.zeros(3600), lead="MLII", fs_hz=360.0)])
    ward.clinic.archive.store("bed-1", [kept(3600, np.zeros(3600), lead="MLII", fs_hz=360.0)])
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
    assert (detail["task"], detail["kind_label"]) == ("ecg-rhythm", "run of ventricular beats")
    rate = {"name": "v_rate", "value": 130.0, "unit": "/min", "decimals": 0, "label": "ventricular rate"}
    assert detail["evidence"]["measures"] == [rate]
    first, second = detail["evidence"]["marks"]
    assert (first["start"], first["end"], first["outcome"]["label"], first["inputs"]) == (1000, 1000, "V", True)
    assert [(one["name"], one["value"], one["unit"]) for one in first["numbers"]] == [("rr_before", 0.8, "s")]
    assert (second["outcome"]["type"], second["inputs"]) == ("Unavailable", False)
    assert "tensors" not in json.dumps(detail)
    wave = detail["strips"][0]
    assert (wave["start"], wave["fs_hz"], wave["unit"], wave["kind"]) == (900, 360.0, "mV", "ecg")
    assert len(wave["samples"]) == 36
    assert wave["samples"][:2] == [-0.025, -0.02]


def test_a_blind_read_hides_the_models_answer(filled):
    with filled.as_role("viewer") as client:
        shown = client.get(f"/api/v1/findings/{ABOUT.id}", params={"blind": True}).text
    assert '"label":"V"' not in shown
    assert "wide beats" not in shown
    assert "Prediction" not in shown
    assert "v-run" not in shown
    assert "ventricular" not in shown
    assert "rr_before" not in shown
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
            return client.post(path, json={**BEAT, "model_seen": False, **body})

        def standing():
            return [(one["row"], one["verdict"], one["label"]) for one in client.get(path).json()["reviews"]]

        first = say(verdict="confirm").json()
        assert (first["label"], first["model_label"], first["bundle"]) == ("V", "V", "ecg-beats/1.0.0")
        assert {name: first[name] for name in BEAT} == BEAT
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
        ({"start": 1, "verdict": "confirm"}, "does not rest on a mark"),
        ({"leads": ["V1"], "verdict": "confirm"}, "does not rest on a mark"),
        ({"verdict": "relabel"}, "needs a label"),
        ({"verdict": "relabel", "label": "W4"}, "not one of the labels N, S, V, F, Q"),
        ({"start": ABOUT.onset + 200, "verdict": "confirm"}, "no label to confirm"),
        ({"task": "ecg-rhythm", "verdict": "confirm"}, "are not reviewed"),
        ({"task": "later-task", "verdict": "confirm"}, "are not reviewed"),
        ({"kind": "second", "verdict": "confirm"}, "are not reviewed"),
    ],
)
def test_a_review_that_says_nothing_is_refused(filled, body, why):
    with filled.as_role("reviewer") as client:
        answer = client.post(f"/api/v1/findings/{ABOUT.id}/reviews", json={**BEAT, "model_seen": True, **body})
        assert answer.status_code == 400
        assert why in answer.json()["detail"]


def test_nothing_is_said_of_a_mark_that_nobody_can_have_seen(filled):
    unseen, body = finding(onset=9000), {**BEAT, "verdict": "relabel", "label": "F", "model_seen": False}
    path = f"/api/v1/findings/{unseen.id}/reviews"
    commit(filled.database, [message(one) for one in (*marks_of(unseen), unseen)])
    far = (np.zeros(36), {"lead": "MLII", "fs_hz": 360.0})
    with filled.as_role("reviewer") as client:
        for shown in (None, kept(8900, far[0], **far[1]), kept(9000, np.full(10, INVALID), **far[1])):
            if shown is not None:
                filled.clinic.archive.store("bed-1", [shown])
            answer = client.post(path, json={**body, "start": 9000})
            assert (answer.status_code, "no signal of this mark" in answer.json()["detail"]) == (409, True)
        assert client.get(path, params={"history": True}).json()["reviews"] == []
        filled.clinic.archive.store("bed-1", [kept(9010, far[0], **far[1])])
        assert client.post(path, json={**body, "start": 9000}).status_code == 201
        assert client.post(path, json={**body, "start": 9200}).status_code == 409
        behind = strip(unseen, "strip-2")
        commit(filled.database, [message(dataclasses.replace(behind, start=9190, data=frame(9190, 36)))])
        assert client.post(path, json={**body, "start": 9200}).status_code == 201


def test_a_mark_that_has_not_arrived_is_shown_without_its_outcome_and_can_be_relabelled(filled):
    early = finding(onset=5000, kind="pvc")
    beat = {**BEAT, "start": 5000, "model_seen": False}
    with filled.as_role("reviewer") as client:
        first = client.get(f"/api/v1/findings/{early.id}").json()["evidence"]["marks"][0]
        assert (first["start"], first["end"], first["outcome"], first["numbers"]) == (5000, None, None, [])
        path = f"/api/v1/findings/{early.id}/reviews"
        refused = client.post(path, json={**beat, "verdict": "confirm"})
        assert (refused.status_code, "not arrived" in refused.json()["detail"]) == (400, True)
        said = client.post(path, json={**beat, "verdict": "relabel", "label": "F"}).json()
        assert (said["label"], said["model_label"]) == ("F", None)
        commit(filled.database, [message(mark(5000))])
        assert client.get(f"/api/v1/findings/{early.id}").json()["evidence"]["marks"][0]["outcome"]["label"] == "V"
        assert client.post(path, json={**beat, "verdict": "confirm"}).json()["model_label"] == "V"


def test_the_marks_of_another_device_are_not_the_findings(filled):
    early = finding(onset=5000, kind="pvc")
    commit(filled.database, [message(mark(5000), device="bed-2")])
    with filled.as_role("viewer") as client:
        assert client.get(f"/api/v1/findings/{early.id}").json()["evidence"]["marks"][0]["outcome"] is None


def test_a_finding_says_how_many_marks_it_does_not_name(filled):
    many = finding(onset=9000, marks=(beats((9000, 9100), total=17),))
    commit(filled.database, [message(many)])
    with filled.as_role("viewer") as client:
        detail = client.get(f"/api/v1/findings/{many.id}").json()
    assert detail["marks"] == 17
    named = {"task": "ecg-beats", "kind": "beat", "leads": ["MLII"], "kept": 2, "total": 17}
    assert detail["evidence"]["sets"] == [named]


def test_a_finding_of_an_unknown_kind_and_task_is_shown_by_its_names(filled):
    later = dataclasses.replace(finding(onset=1, kind="k-complex"), task="eeg-later")
    commit(filled.database, [message(later)])
    with filled.as_role("viewer") as client:
        detail = client.get(f"/api/v1/findings/{later.id}").json()
        assert (detail["kind_label"], detail["task"]) == ("k complex", "eeg-later")
        listed = client.get("/api/v1/findings", params={"task": "eeg-later"}).json()["findings"]
        assert [one["kind_label"] for one in listed] == ["k complex"]


def test_an_event_of_an_unknown_kind_is_listed_as_it_came(filled):
    body = {"id": "e-1", "rev": 3, "colour": ["red", 7]}
    commit(filled.database, [foreign("later.kind", body, rev=3)])
    with filled.as_role("viewer") as client:
        unknown = client.get("/api/v1/events", params={"known": False}).json()["events"]
        assert [(one["kind"], one["rev"], one["schema"], one["body"]) for one in unknown] == [
            ("later.kind", 3, 2, body)
        ]
        listed = client.get("/api/v1/events", params={"kind": "strip", "device": "bed-1"}).json()["events"]
        assert [one["known"] for one in listed] == [True]
        newest = client.get("/api/v1/events", params={"limit": 3}).json()["events"]
        older = client.get("/api/v1/events", params={"before": newest[-1]["row"]}).json()["events"]
        rows = [one["row"] for one in (*newest, *older)]
        assert rows == sorted(set(rows), reverse=True)
        assert len(rows) == 13


def test_the_course_of_a_recording_names_each_quantity_and_its_unit(filled):
    with filled.as_role("viewer") as client:
        course = client.get("/api/v1/devices/bed-1/recordings/r").json()
    assert course["recording"]["leads"] == [{"name": "MLII", "unit": "mV", "kind": "ecg", "fs_hz": None}]
    one = course["series"][0]
    assert (one["task"], one["start"], one["end"], one["step"]) == ("ecg-rhythm", 0, 21600, 21600)
    rate, later = one["columns"]
    assert (rate["name"], rate["unit"], rate["decimals"], rate["values"]) == ("mean heart rate", "/min", 1, [71.5])
    assert (later["name"], later["unit"], later["values"]) == ("later quantity", "", [None])


def test_the_marks_of_a_stretch_come_from_the_packs_that_touch_it(filled):
    with filled.as_role("viewer") as client:

        def marks(**stretch):
            return client.get("/api/v1/devices/bed-1/recordings/r/marks", params=stretch).json()["marks"]

        whole = marks()
        assert [one["starts"] for one in whole] == [[100, 400, 700, 21700, 22000]]
        assert whole[0]["labels"] == ["N", "N", "V", "N", "Q"]
        assert whole[0]["origins"] == ["ecg-beats/1.0.0 on onnx-cpu"] * 5
        assert whole[0]["ends"] == whole[0]["starts"]
        assert marks(start=400, end=21701)[0]["starts"] == [400, 700, 21700]
        assert marks(task="ecg-beats", kind="beat") == whole
        assert marks(kind="epoch") == marks(start=701, end=702) == []
        path = "/api/v1/devices/bed-1/recordings/r/marks"
        assert client.get(path, params={"end": 2**70}).status_code == 422
        assert client.get("/api/v1/devices/bed-1/recordings/none/marks").status_code == 404


def test_nobody_takes_back_the_word_of_another(filled):
    with filled.as_role("reviewer") as client:
        body = {**BEAT, "verdict": "confirm", "model_seen": True}
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
        assert (before["online"], before["readings"], before["tasks"]) == (False, [], [])
        standing = dataclasses.replace(alarm(ABOUT), leads=("MLII",))
        stage = reading(None, "later_stage", task="later-task", label="N2")
        note(filled.database, [presence(status=to_json(status(readings=(reading(), stage), alarms=(standing,))))])
        shown = client.get("/api/v1/devices").json()["devices"][0]
        assert shown["online"]
        assert shown["last_seen_age_s"] < 5
        assert [
            (one["name"], one["value"], one["unit"], one["decimals"], one["label"]) for one in shown["readings"]
        ] == [
            ("heart rate", 72.0, "/min", 0, None),
            ("later stage", None, "", 2, "N2"),
        ]
        assert [(one["id"], one["label"], one["leads"]) for one in shown["alarms"]] == [
            (standing.id, "run of ventricular beats", ["MLII"])
        ]
        assert [(one["task"], one["label"], one["bundle"], one["rung"], one["reason"]) for one in shown["tasks"]] == [
            ("ecg-beats", "Heartbeats", "ecg-beats/1.0.0", "onnx-cpu", ""),
            ("later-task", "later-task", None, None, "no lead it can read"),
        ]
        assert shown["leads"] == [{"name": "MLII", "unit": "mV", "kind": "ecg", "fs_hz": None}]
        note(filled.database, [presence(fresh=False, status=to_json(status(readings=(reading(40.0),))))])
        assert client.get("/api/v1/devices/bed-1").json()["readings"][0]["value"] == 72.0
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
        item = next(json.loads(line[6:]) for line in lines if '"row"' in line)
        assert (item["kind"], item["body"]["onset"]) == ("finding", 777)
        assert (utc_now() - begun).total_seconds() < 1.0


def test_the_feed_names_events_of_any_kind_with_what_is_short_of_their_body(filled):
    body = {"id": "e-1", "state": "opened", "label": "N2", "leads": ["Fz"], "start": 5, "outcome": {"deep": 1}, "x": 1}
    newest = filled.clinic.feed.newest()
    commit(filled.database, [foreign("later.kind", body)])
    (item,) = filled.clinic.feed.since(newest)
    assert (item["kind"], item["id"], item["device"]) == ("later.kind", "e-1", "bed-1")
    assert item["body"] == {"state": "opened", "label": "N2", "leads": ["Fz"], "start": 5}


def test_the_feed_makes_up_for_an_interruption(filled):
    headers = {"Last-Event-ID": "0"}
    with filled.as_role("viewer") as client, client.stream("GET", "/api/v1/feed", headers=headers) as answer:
        rows = []
        for line in answer.iter_lines():
            if line.startswith("id: "):
                rows.append(int(line[4:]))
            if len(rows) == 12:
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
            watcher.offer(number.to_bytes(2, "big"))
        return watcher.dropped, await watcher.take(1.0), await watcher.take(0.01)

    dropped, items, later = asyncio.run(watch())
    assert dropped == 10
    assert [int.from_bytes(item, "big") for item in items] == list(range(10, KEPT_PER_WATCHER + 10))
    assert later == []


def test_the_montages_of_eeg_leads_are_those_of_the_core(filled):
    leads = [lead for lead in NIGHT if "-" not in lead]
    with filled.as_role("viewer") as client:
        answer = client.get("/api/v1/eeg-views", params={"lead": leads}).json()
        assert client.get("/api/v1/eeg-views").json() == {"views": []}
    for told, view in zip(answer["views"], views(leads), strict=True):
        assert (told["name"], told["label"]) == (view.name, view.label)
        assert [(one["name"], one["plus"], one["minus"], one["sign"], one["against"]) for one in told["traces"]] == [
            (one.made.name, one.made.plus, one.made.minus, one.made.sign, list(one.against)) for one in view.traces
        ]
