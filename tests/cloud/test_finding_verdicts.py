"""What readers say of findings, the log of alarms, and how many a bed has."""

import csv
import io

import pytest
from cloud_ward import alarm, finding, marks_of, message, recording

from biosignal.events import AlarmState
from cloud_service.clinic.alarm_log import COLUMNS
from cloud_service.clinic.verdicts import agreed
from cloud_service.ingest.commit import commit

FIRST, SECOND = finding(), finding(onset=9000)
OTHER = finding(device="bed-2", onset=2000)


@pytest.fixture
def filled(ward):
    def send(device, *events):
        commit(ward.database, [message(one, device=device) for one in events])

    send("bed-1", recording(), *marks_of(FIRST), FIRST, SECOND, alarm(FIRST), alarm(SECOND))
    send("bed-1", alarm(FIRST, rev=1, state=AlarmState.ACKNOWLEDGED, by="nina"))
    send("bed-1", alarm(FIRST, rev=2, state=AlarmState.RESOLVED))
    send("bed-2", recording(device="bed-2"), OTHER, alarm(OTHER))
    return ward


def path(about):
    return f"/api/v1/findings/{about.id}/verdicts"


def test_a_reader_has_one_verdict_on_a_finding_and_can_take_it_back(filled):
    with filled.as_role("reviewer") as client:
        assert client.get(path(FIRST)).json() == {"verdicts": [], "agreed": None}
        first = client.post(path(FIRST), json={"verdict": "true", "comment": "seen on two leads"}).json()
        assert (first["verdict"], first["comment"], first["finding_rev"]) == ("true", "seen on two leads", 0)
        second = client.post(path(FIRST), json={"verdict": "artefact"}).json()
        assert second["supersedes"] == first["row"]
        assert client.get(path(FIRST)).json()["agreed"] == "artefact"
        client.post(path(FIRST), json={"verdict": "withdrawn"}).raise_for_status()
        assert client.get(path(FIRST)).json() == {"verdicts": [], "agreed": None}
        assert client.post(path(FIRST), json={"verdict": "withdrawn"}).status_code == 409
        assert len(client.get(path(FIRST), params={"history": True}).json()["verdicts"]) == 3


@pytest.mark.parametrize("body", [{}, {"verdict": "maybe"}, {"verdict": "true", "comment": "x" * 1001}])
def test_a_word_that_is_no_verdict_is_refused(filled, body):
    with filled.as_role("reviewer") as client:
        assert client.post(path(FIRST), json=body).status_code in (400, 422)
        assert client.get(path(FIRST), params={"history": True}).json()["verdicts"] == []


def test_readers_who_differ_are_a_dispute():
    assert agreed([]) is None
    assert agreed(["false", "false"]) == "false"
    assert agreed(["false", "true"]) == "disputed"


def test_who_may_only_look_gives_no_verdict(filled):
    with filled.as_role("viewer") as client:
        assert client.post(path(FIRST), json={"verdict": "true"}).status_code == 403


def test_the_log_says_of_each_alarm_when_it_began_who_saw_it_and_what_it_was_worth(filled):
    with filled.as_role("reviewer") as client:
        client.post(path(FIRST), json={"verdict": "false"}).raise_for_status()
        log = client.get("/api/v1/alarm-log").json()
        by_finding = {one["finding"]: one for one in log["alarms"]}
        first = by_finding[FIRST.id]
        assert (first["state"], first["acknowledged_by"], first["verdict"]) == ("resolved", "nina", "false")
        assert first["label"] == "run of ventricular beats"
        assert first["duration_s"] >= 0
        assert first["onset"] <= first["acknowledged"] <= first["ended"]
        second = by_finding[SECOND.id]
        assert (second["state"], second["ended"], second["duration_s"], second["verdict"]) == (
            "active",
            None,
            None,
            None,
        )
        assert not log["left_off"]


def test_the_log_can_be_asked_for_a_bed_a_kind_a_priority_and_a_time(filled):
    with filled.as_role("viewer") as client:

        def found(**asked):
            return {one["finding"] for one in client.get("/api/v1/alarm-log", params=asked).json()["alarms"]}

        assert found(device="bed-2") == {OTHER.id}
        assert found(kind="asystole") == set()
        assert found(priority="medium") == {FIRST.id, SECOND.id, OTHER.id}
        assert found(priority="high") == set()
        assert found(since="2100-01-01T00:00:00Z") == set()
        assert found(until="2100-01-01T00:00:00Z") == {FIRST.id, SECOND.id, OTHER.id}
        assert client.get("/api/v1/alarm-log", params={"limit": 1}).json()["left_off"]


def test_the_table_has_a_line_for_each_alarm_and_no_cell_is_a_formula(filled):
    with filled.as_role("viewer") as client:
        answer = client.get("/api/v1/alarm-log.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert head == list(COLUMNS)
    assert {row[0] for row in rows} == {"bed-1", "bed-2"}
    assert len(rows) == 3
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "@")]


def test_the_burden_counts_alarms_of_each_bed_by_day_priority_and_verdict(filled):
    with filled.as_role("reviewer") as client:
        client.post(path(FIRST), json={"verdict": "false"}).raise_for_status()
        days = client.get("/api/v1/alarm-burden").json()["days"]
        assert client.get("/api/v1/alarm-burden", params={"days": 0}).status_code == 400
    by_bed = {one["device"]: one for one in days}
    assert by_bed["bed-1"]["total"] == 2
    assert by_bed["bed-1"]["by_priority"] == {"medium": 2}
    assert by_bed["bed-1"]["by_verdict"] == {"false": 1, "unread": 1}
    assert by_bed["bed-2"]["by_verdict"] == {"unread": 1}
