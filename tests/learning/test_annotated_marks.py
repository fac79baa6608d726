"""What readers mark on a recording teaches as reviews do, where the clinic has what the classifier saw."""

import json

import pytest
from test_circle import learned, word

from biosignal.events import mark_id
from cloud_service.access.roles import Role
from cloud_service.database.clinic_tables import AnnotationRow
from cloud_service.database.columns import utc_now
from tests.learning.population import HEARTS, STRANGE


@pytest.fixture
def engineer(place):
    return place.person(Role.ENGINEER)


@pytest.fixture
def reviewer(place):
    return place.person(Role.REVIEWER)


def marked(place, name, start, label, *, act="change", moved=0, origin=True, undoes=None):
    recording, leads = f"recording-{name}", list(HEARTS.leads)
    of = {"task": "ecg-beats", "kind": "beat"}
    item = mark_id(recording=recording, leads=HEARTS.leads, start=start, **of) if origin else "own"
    facts = {"device": "bed-1", "recording": recording, "item": item, "leads": leads, "fs_hz": 360.0, **of}
    places = {"start": start + moved, "end": start + moved, "origin": start if origin else None}
    said = {"act": act, "label": label, "device_label": "N", "comment": "", "undoes": undoes}
    with place.database.write() as session:
        row = AnnotationRow(**facts, **places, **said, reader="reviewer", at=utc_now())
        session.add(row)
        session.flush()
        return row.row


def taught(place, job):
    manifest = json.loads((place.workshop.datasets / f"{job['dataset']}.json").read_bytes())
    return [(mark["start"], mark["label"], mark["finding"], mark["model_seen"]) for mark in manifest["marks"]], manifest


def test_a_beat_relabelled_on_the_recording_teaches_and_what_no_classifier_saw_does_not(place, reviewer, engineer):
    first, second, third, fourth = place.put_finding("one", HEARTS.marks(STRANGE, 4, seed=5))
    marked(place, "one", first, "F")
    marked(place, "one", second, "V", moved=5)
    marked(place, "one", third, None, act="remove")
    marked(place, "one", 7000, "V", act="add", origin=False)
    undone = marked(place, "one", fourth, "S")
    marked(place, "one", fourth, "S", act="undo", undoes=undone)
    learnt, manifest = taught(place, learned(place, engineer))
    assert learnt == [(first, "F", "", True)]
    assert {why.partition(" by")[0] for why in manifest["left_out"]} == {"moved", "removed", "added"}


def test_of_two_words_of_one_reader_on_a_beat_the_newer_counts(place, reviewer, engineer):
    first, second = place.put_finding("one", HEARTS.marks(STRANGE, 2, seed=5))
    marked(place, "one", first, "F")
    assert reviewer.post("/findings/one/reviews", word(first, "V")).status == 201
    assert reviewer.post("/findings/one/reviews", word(second, "V")).status == 201
    marked(place, "one", second, "F")
    learnt, _ = taught(place, learned(place, engineer))
    assert [(start, label) for start, label, *_ in learnt] == [(first, "V"), (second, "F")]


def test_where_readers_differ_the_word_of_a_third_teaches_and_theirs_does_not(place, reviewer, engineer):
    first, second = place.put_finding("one", HEARTS.marks(STRANGE, 2, seed=5))
    third = place.person(Role.ADMIN)
    for start in (first, second):
        assert reviewer.post("/findings/one/reviews", word(start, "V")).status == 201
        assert engineer.post("/findings/one/reviews", word(start, "F")).status == 201
    said = third.post("/findings/one/reviews", {**word(first, "F"), "verdict": "adjudicate"})
    assert (said.status, said.body["verdict"]) == (201, "adjudicate")
    learnt, manifest = taught(place, learned(place, engineer))
    assert [(start, label) for start, label, *_ in learnt] == [(first, "F")]
    assert manifest["marks"][0]["reviewers"] == ["admin"]
    assert manifest["left_out"] == {"reviewers disagree": 1}
