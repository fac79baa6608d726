"""Patients by pseudonym: which bed, across recordings, found and measured by the clock; admitted and discharged."""

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest
from cloud_ward import alarm, finding, message, recording, series

from biosignal.events import AlarmState, Loss, RecordingClosed, SubjectAssigned, closed_id
from cloud_service.ingest.commit import commit

NOW = datetime.now(timezone.utc)


def at(hours):
    return (NOW - timedelta(hours=hours)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def opened(name, hours, *, subject="p-1", device="bed-1"):
    return dataclasses.replace(recording(device), id=name, started_utc=at(hours), subject=subject)


def closed(name, minutes):
    return RecordingClosed(id=closed_id(name), recording=name, end=round(minutes * 60 * 360), reason="stopped")


def minute(name, number, value):
    one = series(start=number * 21600, end=(number + 1) * 21600)
    (first, *_) = one.columns
    columns = (dataclasses.replace(first, values=(value,)),)
    return dataclasses.replace(one, id=f"{name}-{number}", recording=name, columns=columns)


def said(ward, *events, device="bed-1"):
    commit(ward.database, [message(one, device=device) for one in events])


@pytest.fixture
def filled(ward):
    said(ward, opened("a", 3), minute("a", 0, 60.0), minute("a", 1, 70.0), closed("a", 30))
    said(ward, opened("b", 2), minute("b", 0, 80.0), minute("b", 1, None))
    said(ward, Loss(id="l", recording="b", start=3600, length=3600, reason="lead off"))
    one = dataclasses.replace(finding(), recording="b", id="f-b")
    said(ward, one, dataclasses.replace(alarm(one), recording="b"))
    said(ward, opened("c", 1, subject="p-2", device="bed-2"), closed("c", 10), device="bed-2")
    return ward


def get(ward, path, **wanted):
    with ward.as_role("viewer") as client:
        return client.get(f"/api/v1{path}", params=wanted).raise_for_status().json()


def test_who_lies_in_a_bed_comes_first_and_who_left_stays_known(filled):
    first, second = get(filled, "/patients")["patients"]
    assert (first["subject"], first["bed"], first["recordings"], first["alarms"]) == ("p-1", "bed-1", 2, 1)
    assert (second["subject"], second["bed"]) == ("p-2", None)
    stays = get(filled, "/patients/p-1")["stays"]
    assert [(one["recording"], one["by_arrival"], one["ended"] is None) for one in stays] == [
        ("b", False, True),
        ("a", False, False),
    ]


def test_an_assignment_goes_before_what_the_recording_was_opened_with(filled):
    said(filled, SubjectAssigned(id="s", recording="b", subject="p-9", at=0))
    assert get(filled, "/patients/p-9")["bed"] == "bed-1"
    assert get(filled, "/patients/p-1")["bed"] is None


def test_numbers_go_by_the_clock_across_recordings_with_a_break_between(filled):
    (course,) = get(filled, "/patients/p-1/courses", hours=24)["courses"]
    began_a, began_b = (NOW - timedelta(hours=3)).timestamp(), (NOW - timedelta(hours=2)).timestamp()
    expected = [began_a + 30, began_a + 90, None, began_b + 30, began_b + 90]
    assert [time for time, want in zip(course["times"], expected, strict=True) if want] == pytest.approx(
        [want for want in expected if want], abs=0.01
    )
    assert course["values"] == [60.0, 70.0, None, 80.0, None]
    assert get(filled, "/patients/p-1/courses", hours=2.5)["courses"][0]["values"] == [80.0, None]


def test_a_shift_says_how_long_what_was_found_and_what_was_measured(filled):
    shift = get(filled, "/patients/p-1/shift", hours=12)
    at_least_s = 30 * 60 + 2 * 3600
    since_s = (datetime.now(timezone.utc) - NOW).total_seconds()
    assert at_least_s <= shift["recorded_s"] <= at_least_s + since_s
    assert shift["lost_s"] == 10.0
    (found,) = shift["found"]
    assert (found["kind"], found["priority"], found["count"]) == ("v-run", "medium", 1)
    (measured,) = shift["measured"]
    assert (measured["least"], measured["mean"], measured["most"], measured["share"]) == (60.0, 70.0, 80.0, 0.75)


def test_findings_of_a_patient_alone(filled):
    said(filled, finding(device="bed-2", onset=77), device="bed-2")
    assert [one["id"] for one in get(filled, "/findings", subject="p-1")["findings"]] == ["f-b"]
    assert get(filled, "/findings", subject="nobody")["findings"] == []


def test_nobody_is_admitted_without_a_broker_or_under_no_name(filled):
    with filled.as_role("reviewer") as client:
        assert client.post("/api/v1/devices/bed-1/admit", json={"subject": "p-3"}).status_code == 503
        assert client.post("/api/v1/devices/bed-1/admit", json={"subject": "a b"}).status_code == 400
        assert client.post("/api/v1/devices/none/admit", json={"subject": "p-3"}).status_code == 400
        assert client.post("/api/v1/patients/p-1/transfer", json={"to": "bed-1"}).status_code == 409
        assert client.post("/api/v1/patients/none/transfer", json={"to": "bed-1"}).status_code == 404


def test_an_alarm_that_is_over_is_not_counted(filled):
    one = dataclasses.replace(finding(), recording="b", id="f-b")
    said(filled, dataclasses.replace(alarm(one, rev=1, state=AlarmState.RESOLVED), recording="b"))
    assert get(filled, "/patients/p-1")["alarms"] == 0
