"""A database of version 1, as the release that wrote it left it, and what must hold of it after the upgrade."""

import json
import sqlite3
from pathlib import Path

from sqlalchemy import func, select

from biosignal.events import Tensor, inputs_id, mark_id
from biosignal.wire.codec import from_json
from cloud_service.access import audit
from cloud_service.clinic.reviews import standing
from cloud_service.database.clinic_tables import DeviceRow, ReviewRow
from cloud_service.database.columns import Table
from cloud_service.database.event_tables import (
    AlarmRow,
    EventRow,
    FindingRow,
    InputsRow,
    MarkPackRow,
    MarkRow,
    RecordingRow,
    SeriesRow,
)

HERE = Path(__file__).parent / "golden"
COUNTS = json.loads((HERE / "counts-v1.json").read_text(encoding="utf-8"))
REVIEWED = ("row", "finding", "finding_rev", "reviewer", "verdict", "label", "model_label", "bundle", "model_seen")
CHAIN = ("supersedes", "superseded_by", "undoes", "restores")


def load_version_1(file):
    """Write the database to a file and give its rows by table."""
    connection = sqlite3.connect(file)
    connection.executescript((HERE / "clinic-v1.sql").read_text(encoding="utf-8"))
    connection.row_factory = sqlite3.Row
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in tables}
    connection.close()
    return rows


def bodies(before, kind):
    return [(row["device"], json.loads(row["body"])) for row in before["events"] if row["kind"] == kind]


def check_upgraded(database, before):
    """Hold an upgraded database against what it held before."""
    with database.read() as session:
        _check_counts(session)
        _check_log(session, before)
        _check_findings(session, before)
        _check_minutes(session, before)
        _check_reviews(session, before)
        _check_the_rest(session, before)
        assert audit.verify(session).hash == COUNTS["audit_head"]


def _check_counts(session):
    for name, table in Table.metadata.tables.items():
        if name in COUNTS["rows"]:
            assert session.scalar(select(func.count()).select_from(table)) == COUNTS["rows"][name], name


def _check_log(session, before):
    kept = {row.row: (row.id, row.rev, row.kind, row.schema, row.body) for row in session.scalars(select(EventRow))}
    assert kept == {
        row["row"]: (row["id"], row["rev"], row["kind"], 1, json.loads(row["body"])) for row in before["events"]
    }


def _check_findings(session, before):
    marks = {(row.device, row.id): row for row in session.scalars(select(MarkRow))}
    inputs = {(row.device, row.id): row.tensors for row in session.scalars(select(InputsRow))}
    seen = set()
    for device, body in bodies(before, "finding"):
        for beat in body["evidence"]["beats"]:
            leads = tuple(body["leads"])
            name = mark_id(
                recording=body["recording"], task="ecg-beats", kind="beat", leads=leads, start=beat["sample"]
            )
            mark = marks[device, name]
            seen.add((device, name))
            assert (mark.outcome, mark.start, mark.leads) == (beat["outcome"], beat["sample"], body["leads"])
            assert mark.label == beat["outcome"].get("label")
            if beat["inputs"]:
                named = inputs_id(tuple(from_json(Tensor, one) for one in beat["inputs"]))
                assert mark.inputs == named
                assert inputs[device, named] == beat["inputs"]
    assert set(marks) == seen
    for old in before["findings"]:
        row = session.get_one(FindingRow, old["id"])
        evidence = json.loads(old["evidence"])
        kept = [beat["sample"] for beat in evidence.pop("beats")]
        assert [start for one in row.evidence["marks"] for start in one["starts"]] == kept
        assert {name: row.evidence[name] for name in evidence} == evidence
        assert (row.rev, row.kind, row.outcome["type"]) == (old["rev"], old["kind"], json.loads(old["outcome"])["type"])
        assert row.task


def _check_minutes(session, before):
    rates = {(row["device"], row["id"]): row["fs_hz"] for row in before["recordings"]}
    for old in before["trends"]:
        row = session.get_one(SeriesRow, (old["device"], old["id"]))
        assert (row.start, row.end, row.leads) == (old["start"], old["end"], [old["lead"]])
        assert row.fs_hz == rates[old["device"], old["recording"]]
        values = [column["values"] for column in row.columns]
        assert values == [[old["beats"]], [old["bpm_mean"]], [old["v_beats"]], [old["usable_fraction"]]]
    drawn = {
        (row.device, row.recording, row.start): list(
            zip(row.starts, (row.labels[one] for one in row.label), strict=True)
        )
        for row in session.scalars(select(MarkPackRow))
    }
    told = {
        (device, body["recording"], body["start"]): [tuple(one) for one in body["annotations"]]
        for device, body in bodies(before, "trend")
        if body["annotations"]
    }
    assert drawn == told
    assert told


def _check_reviews(session, before):
    rows = {row.row: row for row in session.scalars(select(ReviewRow))}
    for old in before["reviews"]:
        row = rows[old["row"]]
        assert {name: getattr(row, name) for name in (*REVIEWED, *CHAIN)} == {
            **{name: old[name] for name in (*REVIEWED, *CHAIN)},
            "model_seen": bool(old["model_seen"]),
        }
        leads = session.get_one(FindingRow, row.finding).leads
        assert (row.start, row.task, row.kind, row.leads) == (old["sample"], "ecg-beats", "beat", leads)
    stands = [
        {**{name: getattr(one, name) for name in REVIEWED}, "sample": one.start}
        for finding in {row["finding"] for row in before["reviews"]}
        for one in standing(session, finding)
    ]
    assert sorted(stands, key=lambda one: one["row"]) == COUNTS["standing_reviews"]


def _check_the_rest(session, before):
    for old in before["recordings"]:
        row = session.get_one(RecordingRow, (old["device"], old["id"]))
        assert [(one["name"], one["unit"]) for one in row.leads] == [
            (name, old["unit"]) for name in json.loads(old["leads"])
        ]
    findings = {(row["device"], row["id"]): json.loads(row["leads"]) for row in before["findings"]}
    for row in session.scalars(select(AlarmRow)):
        assert row.leads == findings.get((row.device, row.finding), [])
    for old in before["devices"]:
        status = session.get_one(DeviceRow, old["name"]).status
        if old["status"] is not None:
            assert status is not None
            assert status["sample"] == json.loads(old["status"])["sample"]
