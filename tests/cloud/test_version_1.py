"""A device of version 1, its events kept as it sent them, is understood as it was."""

import json
from pathlib import Path

import pytest
from cloud_ward import SITE
from sqlalchemy import func, select
from test_wave_archive import kept

from biosignal.wire.topics import Channel, up
from cloud_service.database.columns import Table
from cloud_service.database.event_tables import EventRow, SeriesRow
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit

GOLDEN = Path(__file__).parents[1] / "wire" / "golden" / "wire-v1.jsonl"
EVENTS = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
MESSAGES = [Message(topic=up(SITE, one["device"], Channel.EVENT), payload=json.dumps(one).encode()) for one in EVENTS]


def of_kind(kind):
    return [one["body"] for one in EVENTS if one["kind"] == kind]


@pytest.fixture
def synced(ward):
    done = commit(ward.database, MESSAGES)
    assert (done.new, done.refused) == (len({(one["device"], one["id"], one["rev"]) for one in EVENTS}), 0)
    return ward


def counts(database):
    with database.read() as session:
        tables = Table.metadata.tables
        return {name: session.scalar(select(func.count()).select_from(table)) for name, table in tables.items()}


def test_every_event_is_receipted_and_kept_as_it_came(synced):
    with synced.database.read() as session:
        kept = {
            (row.device, row.id, row.rev): (row.kind, row.schema, row.body) for row in session.scalars(select(EventRow))
        }
    assert kept == {(one["device"], one["id"], one["rev"]): (one["kind"], 1, one["body"]) for one in EVENTS}


def test_the_same_events_again_change_nothing(synced):
    before = counts(synced.database)
    done = commit(synced.database, MESSAGES)
    assert (done.new, done.known, done.refused) == (0, len(MESSAGES), 0)
    assert counts(synced.database) == before
    assert before["marks"]
    assert before["dead_letters"] == 0


def test_its_findings_are_shown_with_the_beats_they_carried(synced):
    newest = {}
    for body in of_kind("finding"):
        newest[body["id"]] = max(newest.get(body["id"], body), body, key=lambda one: one["rev"])
    with synced.as_role("viewer") as client:
        for body in newest.values():
            detail = client.get(f"/api/v1/findings/{body['id']}").json()
            assert (detail["rev"], detail["kind"], detail["leads"]) == (body["rev"], body["kind"], body["leads"])
            shown = [(one["start"], one["outcome"], one["inputs"]) for one in detail["evidence"]["marks"]]
            carried = body["evidence"]["beats"]
            assert shown == [(one["sample"], one["outcome"], bool(one["inputs"])) for one in carried]
            told = body["evidence"]["measures"]
            assert [(one["name"], one["value"], one["unit"]) for one in detail["evidence"]["measures"]] == [
                (one["name"], one["value"], one["unit"]) for one in told
            ]


def test_its_beats_are_reviewed(synced):
    body = next(one for one in of_kind("finding") if one["evidence"]["beats"])
    beat = body["evidence"]["beats"][0]
    fs_hz = body["evidence"]["fs_hz"]
    waves = kept(
        max(0, beat["sample"] - 50), [0] * 100, lead=body["leads"][0], fs_hz=fs_hz, recording=body["recording"]
    )
    synced.clinic.archive.store(body["device"], [waves])
    with synced.as_role("reviewer") as client:
        mark = client.get(f"/api/v1/findings/{body['id']}").json()["evidence"]["marks"][0]
        about = {name: mark[name] for name in ("task", "kind", "start")}
        said = client.post(
            f"/api/v1/findings/{body['id']}/reviews", json={**about, "verdict": "confirm", "model_seen": True}
        ).json()
    assert (said["start"], said["label"], said["bundle"]) == (
        beat["sample"],
        beat["outcome"]["label"],
        beat["outcome"]["bundle"],
    )


def test_its_minutes_are_a_series_and_its_beats_are_drawn(synced):
    rates = {one["id"]: one["fs_hz"] for one in of_kind("recording.opened")}
    minutes = [one for one in EVENTS if one["kind"] == "trend"]
    with synced.as_role("viewer") as client:
        for one in minutes:
            body = one["body"]
            path = f"/api/v1/devices/{one['device']}/recordings/{body['recording']}"
            answer = client.get(path)
            if body["recording"] not in rates:
                assert answer.status_code == 404
                continue
            series = next(s for s in answer.json()["series"] if s["start"] == body["start"])
            assert series["fs_hz"] == rates[body["recording"]]
            assert [column["values"] for column in series["columns"]] == [
                [body["beats"]],
                [body["bpm_mean"]],
                [body["v_beats"]],
                [body["usable_fraction"]],
            ]
            stretch = {"start": body["start"], "end": body["end"]}
            (track,) = client.get(f"{path}/marks", params=stretch).json()["marks"]
            assert [list(pair) for pair in zip(track["starts"], track["labels"], strict=True)] == body["annotations"]
            assert track["fs_hz"] == rates[body["recording"]]


def test_a_minute_that_arrives_before_its_recording_is_shown_at_its_rate(ward):
    order = sorted(zip(EVENTS, MESSAGES, strict=True), key=lambda pair: pair[0]["kind"] != "trend")
    for _, one in order:
        commit(ward.database, [one])
    rates = {one["id"]: one["fs_hz"] for one in of_kind("recording.opened")}
    with ward.database.read() as session:
        early = [row for row in session.scalars(select(SeriesRow)) if row.recording in rates]
    assert early
    with ward.as_role("viewer") as client:
        for row in early:
            course = client.get(f"/api/v1/devices/{row.device}/recordings/{row.recording}").json()
            assert {one["fs_hz"] for one in course["series"]} == {rates[row.recording]}


def test_an_updated_device_may_say_an_event_again_in_the_words_of_version_2(synced):
    from biosignal.wire.envelope import decode, encode

    again = [Message(topic=one.topic, payload=encode(decode(one.payload))) for one in MESSAGES]
    before = counts(synced.database)
    done = commit(synced.database, again)
    assert (done.new, done.refused) == (0, 0)
    assert counts(synced.database) == before
