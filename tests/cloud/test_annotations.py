"""Readers mark recordings: every change is a row, an undo too, and readers do not lead each other."""

import csv
import io
import zipfile

import numpy as np
import pytest
import wfdb
from cloud_ward import LEADS, message, pack, recording
from hypothesis import given, settings
from hypothesis import strategies as st
from test_wave_archive import kept

from cloud_service.access.roles import Role
from cloud_service.cli import main
from cloud_service.clinic.annotating import in_force, standing
from cloud_service.database.clinic_tables import AnnotationRow
from cloud_service.ingest.commit import commit

PLACE = "/api/v1/devices/bed-1/recordings/r"
PATH = f"{PLACE}/annotations"
BEAT = {"task": "ecg-beats", "kind": "beat", "leads": list(LEADS)}
RHYTHM = {"task": "ecg-rhythm", "kind": "rhythm", "leads": list(LEADS)}
STARTS = (2000, 4000, 7000)


@pytest.fixture
def known(ward):
    commit(ward.database, [message(recording()), message(pack(starts=STARTS, labels=("N", "N", "V")))])
    ward.clinic.archive.store(
        "bed-1", [kept(first, np.arange(3600), lead="MLII", fs_hz=360.0) for first in range(0, 18000, 3600)]
    )
    ward.clinic.people.add(name="second", role=Role.REVIEWER, password="correct horse battery", by="test")
    return ward


def do(client, act, start, *, of=BEAT, end=None, **more):
    body = {**of, "act": act, "start": start, "end": start if end is None else end, **more}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def left(client, **asked):
    said = client.get(PATH, params=asked).json()["annotations"]
    return [(one["act"], one["start"], one["label"]) for one in said]


def test_beats_are_added_moved_relabelled_removed_and_each_change_is_taken_back(known):
    with known.as_role("reviewer") as client:
        new = do(client, "add", 3000, label="V", comment="missed")
        assert (new["origin"], new["device_label"], new["comment"]) == (None, None, "missed")
        moved = do(client, "change", 4010, origin=4000, label="N")
        assert (moved["device_label"], moved["origin"]) == ("N", 4000)
        do(client, "change", 3005, item=new["item"], label="F")
        do(client, "remove", 7000, origin=7000)
        assert left(client) == [("change", 3005, "F"), ("change", 4010, "N"), ("remove", 7000, None)]
        history = client.get(PATH, params={"history": True}).json()["annotations"]
        assert [one["act"] for one in history] == ["add", "change", "change", "remove"]
        assert {one["reader"] for one in history} == {"reviewer"}
        steps = []
        while client.post(f"{PATH}/undo").status_code == 201:
            steps.append(left(client))
        assert steps == [
            [("change", 3005, "F"), ("change", 4010, "N")],
            [("add", 3000, "V"), ("change", 4010, "N")],
            [("add", 3000, "V")],
            [],
        ]
        assert len(left(client, history=True)) == 8


def test_a_mark_of_ones_own_that_is_removed_is_gone_and_comes_back_by_undo(known):
    with known.as_role("reviewer") as client:
        new = do(client, "add", 3000, label="V")
        do(client, "remove", 3000, item=new["item"])
        assert left(client) == []
        client.post(f"{PATH}/undo").raise_for_status()
        assert left(client) == [("add", 3000, "V")]


def test_a_stretch_lies_where_it_was_drawn(known):
    with known.as_role("reviewer") as client:
        do(client, "add", 360, of=RHYTHM, end=3600, label="af")
        (one,) = client.get(PATH).json()["annotations"]
        assert (one["start"], one["end"], one["fs_hz"], one["label"]) == (360, 3600, 360.0, "af")


REFUSED = (
    ({**BEAT, "act": "add", "label": "W4"}, 400, "not one of N, S, V, F, Q"),
    ({**BEAT, "act": "add"}, 400, "not one of"),
    ({**BEAT, "act": "add", "kind": "second", "label": "N"}, 400, "not annotated"),
    ({**BEAT, "act": "add", "leads": ["V9"], "label": "N"}, 400, "no such leads"),
    ({**BEAT, "act": "change", "label": "N"}, 400, "say which mark"),
    ({**BEAT, "act": "change", "label": "N", "origin": 4001}, 404, "no such mark"),
    ({**BEAT, "act": "change", "label": "N", "item": "none"}, 404, "no such mark of yours"),
    ({**RHYTHM, "act": "add", "label": "af"}, 400, "empty"),
    ({**BEAT, "act": "add", "label": "N", "start": 90000}, 409, "no waves here"),
)


def test_what_cannot_be_marked_is_refused_with_a_sentence(known):
    with known.as_role("reviewer") as client:
        for body, status, words in REFUSED:
            answer = client.post(PATH, json={"start": 3000, "end": 3000, **body})
            assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
        assert left(client, history=True) == []


def test_readers_do_not_see_each_other_until_both_have_marked_something(known):
    with known.as_role("reviewer") as first, known.as_role("engineer") as other, known.as_role("viewer") as viewer:
        do(first, "add", 3000, label="V")
        assert other.get(PATH).json()["readers"] == ["reviewer"]
        assert other.get(PATH, params={"reader": "reviewer"}).status_code == 403
        assert len(left(viewer, reader="reviewer")) == 1
        do(other, "add", 3300, label="N")
        assert left(other, reader="reviewer") == [("add", 3000, "V")]
        other.post(f"{PATH}/undo").raise_for_status()
        assert other.get(PATH, params={"reader": "reviewer"}).status_code == 403


def test_nobody_changes_the_mark_of_another(known):
    with known.as_role("reviewer") as first, known.as_role("engineer") as other:
        item = do(first, "add", 3000, label="V")["item"]
        answer = other.post(PATH, json={**BEAT, "act": "remove", "item": item, "start": 3000, "end": 3000})
        assert answer.status_code == 404
        assert other.post(f"{PATH}/undo").status_code == 409


def taken(client, tmp_path, form):
    answer = client.get(f"{PLACE}/excerpt", params={"form": form, "start_s": 5, "end_s": 45}).raise_for_status()
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path)
        return sorted(packed.namelist())


@pytest.fixture
def corrected(known):
    """Read by one who added, moved, and removed a beat and marked a rhythm."""
    with known.as_role("reviewer") as client:
        do(client, "add", 3000, label="V")
        do(client, "change", 4010, origin=4000, label="S")
        do(client, "remove", 7000, origin=7000)
        do(client, "add", 5400, of=RHYTHM, end=9000, label="af")
        yield known, client


READ = [(2000, "N", "", 0), (3000, "V", "", 1), (4010, "S", "", 1), (5400, "+", "(AFIB", 1)]


def told(folder, annotator):
    said = wfdb.rdann(str(folder / "bed-1-r-5s"), annotator)
    notes = [note.rstrip("\0") for note in said.aux_note]
    return [
        (at + 1800, *rest)
        for at, *rest in zip(said.sample.tolist(), said.symbol, notes, said.subtype.tolist(), strict=True)
    ]


def test_wfdb_reads_the_marks_as_the_reader_left_them_and_apart_as_the_device_said_them(corrected, tmp_path):
    _, client = corrected
    assert "bed-1-r-5s.ra" in taken(client, tmp_path, "wfdb")
    assert told(tmp_path, "ra") == READ
    assert [(at, symbol) for at, symbol, *_ in told(tmp_path, "bed")] == [(2000, "N"), (4000, "N"), (7000, "V")]
    assert "Read by reviewer (WFDB annotator ra)." in (tmp_path / "bed-1-r-5s.txt").read_text()


def test_the_command_line_takes_out_what_every_reader_said(corrected, fresh, tmp_path):
    ward, _ = corrected
    with ward.as_role("engineer") as other:
        do(other, "change", 2000, origin=2000, label="F")
    out = tmp_path / "out.zip"
    place = ["export", "bed-1", "r", "--from-s", "5", "--to-s", "45", "--output", str(out), "--state-dir", str(fresh)]
    assert main(place) == 0
    with zipfile.ZipFile(out) as packed:
        packed.extractall(tmp_path)
    assert told(tmp_path, "rb") == READ
    assert [(at, symbol, by) for at, symbol, _, by in told(tmp_path, "ra")] == [
        *[(2000, "F", 1), (4000, "N", 0), (7000, "V", 0)]
    ]


def test_who_is_blind_to_another_takes_out_nothing_of_his(corrected, tmp_path):
    ward, _ = corrected
    with ward.as_role("engineer") as other:
        assert "bed-1-r-5s.ra" not in taken(other, tmp_path, "wfdb")


def test_tables_and_edf_carry_what_readers_said_too(corrected, tmp_path):
    import edfio

    _, client = corrected
    assert "bed-1-r-5s_read.csv" in taken(client, tmp_path, "csv")
    with (tmp_path / "bed-1-r-5s_read.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(round(float(one["at_s"]) * 360), one["label"], one["said_by"]) for one in rows][:3] == [
        *[(2000, "N", "device"), (3000, "V", "reader"), (4010, "S", "reader")]
    ]
    taken(client, tmp_path, "edf")
    texts = [one.text for one in edfio.read_edf(tmp_path / "bed-1-r-5s.edf").annotations]
    assert [text for text in texts if text.startswith("reviewer: ")] == [
        *["reviewer: beat V", "reviewer: beat S", "reviewer: rhythm af"]
    ]


ACTS = st.lists(
    st.tuples(st.sampled_from(["add", "change", "remove", "undo"]), st.integers(0, 4), st.integers(0, 99)), max_size=30
)


@given(acts=ACTS)
@settings(max_examples=200, deadline=None)
def test_any_changes_and_undos_leave_what_a_pile_of_them_would(acts):
    """An undo takes the top off a pile; what is left is what the pile, played again, gives."""
    rows, pile = [], []
    for act, item, start in acts:
        facts = {"row": len(rows) + 1, "item": str(item), "start": start, "fs_hz": 1.0, "origin": None, "undoes": None}
        if act != "undo":
            rows.append(AnnotationRow(**facts, act=act))
            pile.append(rows[-1])
        elif pile:
            rows.append(AnnotationRow(**{**facts, "undoes": pile.pop().row}, act="undo"))
    assert in_force(rows) == pile
    played = {}
    for row in pile:
        played[row.item] = row
    wanted = sorted(row.row for row in played.values() if row.act != "remove")
    assert sorted(row.row for row in standing(rows)) == wanted
