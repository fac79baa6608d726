"""Short notes are read as one of the labels they were taught with, by rules that leave nothing to chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.notes import fit_notes

WRONG = ["the beats are not premature", "that rhythm is wrong", "this was no pause", "wrong lead, no run here"]
SPOILT = ["the electrode was loose", "patient moved, noise only", "muscle noise on the lead", "loose electrode, noise"]
NOTES = [*WRONG, *SPOILT]
LABELS = ["disagree"] * len(WRONG) + ["artefact"] * len(SPOILT)
RULES = fit_notes(NOTES, LABELS)


def test_notes_are_read_as_they_were_taught_and_new_ones_by_their_words():
    assert RULES.read(NOTES) == LABELS
    assert RULES.read(["noise from a loose electrode", "this run is wrong"]) == ["artefact", "disagree"]
    assert RULES.read([]) == []


def test_a_rare_label_is_read_beside_a_common_one():
    common = [f"{note} {number}" for number in range(20) for note in WRONG]
    rules = fit_notes([*common, *SPOILT[:2]], ["disagree"] * len(common) + ["artefact"] * 2)
    assert rules.read(["the electrode was loose again"]) == ["artefact"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), st.sampled_from("abc")), min_size=2, max_size=30))
def test_any_notes_with_two_labels_give_finite_rules_and_the_same_each_time(taught):
    notes, labels = [note for note, _ in taught], [label for _, label in taught]
    if len(set(labels)) < 2:
        with pytest.raises(BadInput):
            fit_notes(notes, labels)
        return
    rules = fit_notes(notes, labels)
    scores = rules.scores(["", *notes])
    assert scores.shape == (len(notes) + 1, len(set(labels)))
    assert np.isfinite(scores).all()
    assert np.array_equal(scores, fit_notes(notes, labels).scores(["", *notes]))
    assert set(rules.read(notes)) <= set(labels)


@pytest.mark.parametrize(
    ("notes", "labels", "ridge"), [(["a"], [], 1.0), (["a", "b"], ["x", "x"], 1.0), (NOTES, LABELS, 0.0)]
)
def test_notes_without_a_label_each_or_of_one_label_alone_teach_nothing(notes, labels, ridge):
    with pytest.raises(BadInput):
        fit_notes(notes, labels, ridge=ridge)
