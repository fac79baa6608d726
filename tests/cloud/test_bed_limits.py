"""Limits of a bed: what the device says is in force, set within ranges, kept as profiles, with who changed what."""

import dataclasses

import pytest
from cloud_running import wait_for
from cloud_ward import SITE, message, recording, status
from test_disclosure import Bed
from test_disclosure import broker as broker  # a fixture
from test_disclosure import clinic as clinic  # a fixture

from biosignal.events import SetLimit
from biosignal.tasks import TASKS
from biosignal.wire.envelope import encode_message
from biosignal.wire.topics import Channel, up
from cloud_service.database.columns import utc_now
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import note, read_status

PLACE = "/api/v1/devices/bed-1/limits"
TASK = next(task for task in TASKS.values() if task.bedside)
FIRST = TASK.bedside[0]


def says(ward, limits):
    said = dataclasses.replace(status(), limits=limits)
    presence = read_status(up(SITE, "bed-1", Channel.STATUS), encode_message(said), retained=False, received=utc_now())
    commit(ward.database, [message(recording())])
    note(ward.database, [presence])


def first(ward):
    with ward.as_role("viewer") as client:
        return client.get(PLACE).raise_for_status().json()["limits"][0]


def test_what_is_in_force_is_what_the_device_says(ward):
    says(ward, None)
    assert first(ward)["value"] is None
    says(ward, ())
    assert first(ward)["value"] == first(ward)["usual"]
    says(ward, (SetLimit(task=TASK.name, name=FIRST.name, value=FIRST.least),))
    assert first(ward)["value"] == FIRST.least


def test_limits_of_engineers_are_named_apart(ward):
    says(ward, (SetLimit(task=TASK.name, name="rate_near_s", value=9.0),))
    with ward.as_role("viewer") as client:
        assert client.get(PLACE).json()["others"] == {f"{TASK.name} rate_near_s": 9.0}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({TASK.name: {FIRST.name: FIRST.most + 1}}, "out of its range"),
        ({TASK.name: {FIRST.name: float("1e308")}}, "out of its range"),
        ({TASK.name: {"rate_near_s": 1.0}}, "not set at the bed"),
        ({"no-task": {FIRST.name: 100.0}}, "not set at the bed"),
        ({TASK.name: {}}, "no limit to set"),
        ({}, "no limit to set"),
    ],
)
def test_what_may_not_be_set_is_refused_before_anything_is_asked(ward, values, words):
    says(ward, ())
    with ward.as_role("reviewer") as client:
        answer = client.post(PLACE, json={"values": values})
        assert answer.status_code == 400
        assert words in answer.json()["detail"]
        assert client.get(PLACE).json()["changes"] == []


def test_a_profile_is_kept_changed_and_let_go(ward):
    path = "/api/v1/limit-profiles/newborn"
    values = {TASK.name: {FIRST.name: FIRST.most}}
    with ward.as_role("reviewer") as client:
        assert client.put(path, json={"values": values}).status_code == 204
        (one,) = client.get("/api/v1/limit-profiles").json()["profiles"]
        assert (one["name"], one["values"]) == ("newborn", values)
        assert client.put(path, json={"values": {TASK.name: {FIRST.name: 0.0}}}).status_code == 400
        assert client.delete(path).status_code == 204
        assert client.delete(path).status_code == 404
        assert client.get("/api/v1/limit-profiles").json()["profiles"] == []
    with ward.as_role("viewer") as client:
        assert client.put(path, json={"values": values}).status_code == 403


@pytest.mark.broker
def test_a_device_is_asked_and_who_did_is_in_the_list(tmp_path, broker, clinic):
    bed = Bed(tmp_path, broker.port)
    try:
        with clinic.logged_in("reviewer") as client:
            wait_for(lambda: client.get(PLACE).status_code == 200)
            asked = client.post(PLACE, json={"values": {TASK.name: {FIRST.name: FIRST.most}}}).raise_for_status().json()
            wait_for(lambda: client.get(f"/api/v1/commands/{asked[0]['id']}").json()["state"] in ("done", "refused"))
            (change,) = client.get(PLACE).json()["changes"]
    finally:
        bed.close()
    assert change["arguments"] == {"task": TASK.name, FIRST.name: f"{FIRST.most:g}"}
    assert change["issuer"]
