"""Better words become a phrasing only where the evidence still says all of it; whatever bends one is refused."""

import random
import re
from dataclasses import replace

import pytest
from explain_cases import KINDS, finding, many
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from biosignal.events import FindingState
from biosignal.rehearsal import unspeakable
from biosignal.tasks.lookup import finding_kind, finding_kinds, shown
from biosignal.wording.general_words import DENIALS, GENERAL, SENSES
from biosignal.wording.in_force import ACTION, MEANING, Approved, Phrasing, present, quantity_part, with_approved
from biosignal.wording.knowledge import knowledge
from biosignal.wording.language import first_text, is_member
from biosignal.wording.phrasing import PhrasingRefused, check_phrasing, faults
from biosignal.wording.reading import words_of
from biosignal.wording.turning import turned
from tests.explain.phrasings import ASK, FELL, SLOWER, THREE

SLOW = finding("bradycardia", random.Random(3), state=FindingState.CLOSED, marks=0)
LOWEST = next(measure for measure in SLOW.evidence.measures if measure.name == "lowest_rate")
VETTED = [
    Phrasing(task=task, kind=kind, part=part, pattern=text)
    for task, words in knowledge().by_task.items()
    for kind, of_kind in words.kinds.items()
    for part, texts in (
        (MEANING, of_kind.meanings),
        (ACTION, of_kind.first_action),
        *((quantity_part(name), wordings) for name, wordings in of_kind.quantities.items()),
    )
    for text in texts
]
"""Every vetted wording as if somebody had proposed it: what a check refuses of these it refuses wrongly."""


@pytest.mark.parametrize("one", VETTED, ids=lambda one: f"{one.kind}-{one.part}-{one.pattern[:20]}")
def test_every_vetted_wording_is_faulted_for_standing_there_already_and_for_nothing_else(one):
    assert faults(one) == ("it is among the vetted wordings already",)


@pytest.mark.parametrize("one", THREE, ids=lambda one: one.part)
def test_a_phrasing_that_says_the_same_is_spoken_first_and_the_vetted_words_stay_allowed(one):
    check_phrasing(one)
    known = with_approved(knowledge(), Approved(name="words/1.0.0/abc", phrasings=(one,)))
    text = first_text(SLOW, known)
    assert one.pattern.replace("{value}", shown(LOWEST)) in text
    assert is_member(text, SLOW, known)
    assert not is_member(text, SLOW)
    assert is_member(first_text(SLOW), SLOW, known)
    assert unspeakable(SLOW, Approved(name="w", phrasings=(one,))) is None


@pytest.mark.parametrize(
    ("words", "part", "pattern"),
    [
        (SLOWER.pattern, MEANING, SLOWER.pattern),
        (f"The heart rate fell to {shown(LOWEST)} beats per minute.", "quantity/lowest_rate", FELL.pattern),
        (ASK.pattern, ACTION, ASK.pattern),
        (f"It is over. {SLOWER.pattern}", MEANING, SLOWER.pattern),
        (first_text(SLOW).replace(knowledge().of_kind(SLOW.kind).meanings[0], SLOWER.pattern), MEANING, SLOWER.pattern),
    ],
)
def test_better_words_become_a_pattern_with_the_values_of_the_finding_as_slots(words, part, pattern):
    one = turned(words, SLOW)
    assert (one.task, one.kind, one.part, one.pattern) == (SLOW.task, SLOW.kind, part, pattern)
    assert faults(one) == ()


@pytest.mark.parametrize("words", [first_text(SLOW), "It is over.", "  ", ""])
def test_words_with_nothing_new_propose_nothing(words):
    with pytest.raises(PhrasingRefused, match="nothing in these words is new"):
        turned(words, SLOW)


@pytest.mark.parametrize("words", ["The heart rate fell to {value} beats per minute.", "The lowest rate was 7 beats."])
def test_words_with_a_slot_of_their_own_or_a_number_that_was_not_measured_are_faulted(words):
    assert faults(turned(words, SLOW))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("The heart rate was above the lower limit that is set for this patient.", "turn its sense"),
        ("The heart rate was at the lower limit that is set for this patient.", "turn its sense"),
        ("The heart rate was not below the lower limit that is set for this patient.", "denies"),
        ("The heart rate may have been below the lower limit that is set for this patient.", "turn its sense"),
        ("The heart rate was below the lower limit of 50 that is set for this patient.", "numbers"),
        ("The heart rate was below the lower limit that is set for two patients.", "turn its sense"),
        ("The heart rate was below the lower limit that is set for this patient because of sleep.", "not among"),
        ("The heart rate was below the lower limit, so give this patient atropine as set.", "not among"),
        ("This patient has a block below the lower limit that is set.", "not among"),
        ("The heart rate was below the lower limit that is set for {patient}.", "slot"),
        ("The heart rate was below the lower limit that is set for this patient, {value}.", "slot"),
        ("The heart was watched.", "leaves out"),
        ("The heart rate was below the lower limit that is set for this patient. It is set.", "more sentences"),
        ("the heart rate was below the lower limit that is set for this patient", "plain sentence"),
        ("The heart rate was below the lower limit that is set for this patient.\nIgnore this.", "plain sentence"),
        ("The heart rate was below the lower limit " + "that is set for this patient " * 9 + ".", "longer"),
    ],
)
def test_a_meaning_that_claims_something_else_is_refused_with_the_reason(pattern, why):
    assert why in " ".join(faults(replace(SLOWER, pattern=pattern)))


@pytest.mark.parametrize(
    "pattern",
    [
        "The heart rate fell to {value} beats per second.",
        "The heart rate fell to {value}.",
        "The heart rate fell below {value} beats per minute.",
        "The heart rate rose to {value} beats per minute.",
        "The heart rate fell to about {value} beats per minute.",
        "The heart rate fell to {value} or {value} beats per minute.",
        "The heart rate fell to 1{value} beats per minute.",
        "The heart rate fell to -{value} beats per minute.",
        "The heart rate fell to half of {value} beats per minute.",
        "The heart rate never fell to {value} beats per minute.",
    ],
)
def test_a_wording_that_bends_its_value_is_refused(pattern):
    with pytest.raises(PhrasingRefused):
        check_phrasing(replace(FELL, pattern=pattern))


def test_a_phrasing_of_a_part_a_kind_or_a_task_that_nobody_declares_is_refused():
    for changed in ({"part": "label"}, {"part": "quantity/nobody"}, {"kind": "nobody"}, {"task": "nobody"}):
        assert faults(replace(SLOWER, **changed))


FOREIGN = ["atropine", "stroke", "dead", "oxygen", "milligrams", "shock", "healthy", "stable"]
BEND = st.sampled_from(sorted(DENIALS | frozenset().union(*SENSES.values())))


def _damaged(text, place, word, how):
    words = text.split(" ")
    place %= len(words)
    if how == "put in":
        words.insert(place, word)
    elif how == "put for":
        words[place] = word
    return " ".join(words)


def alike(word):
    """The turning words of the same sense as `word`."""
    return next((words for words in SENSES.values() if word in words), DENIALS if word in DENIALS else frozenset())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(VETTED), st.integers(0, 60), BEND | st.sampled_from(FOREIGN) | st.from_regex(r"\A\d{1,3}\Z"))
def test_a_vetted_wording_with_a_turning_word_a_foreign_one_or_a_number_put_in_is_refused(one, place, word):
    others = {text for text in present(knowledge(), one.task, one.kind, one.part) if text != one.pattern}
    # What another wording of the same part says as well may be a mixture of the two: that a program cannot see.
    assume(not any(alike(word) & set(words_of(text)) for text in others))
    damaged = _damaged(one.pattern, 1 + place % max(1, one.pattern.count(" ")), word, "put in")
    found = faults(replace(one, pattern=damaged))
    assert found, damaged
    assert found != ("it is among the vetted wordings already",)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(VETTED), st.integers(0, 60), st.sampled_from(FOREIGN))
def test_a_vetted_wording_with_a_foreign_word_in_the_place_of_one_of_its_own_is_refused(one, place, word):
    assert faults(replace(one, pattern=_damaged(one.pattern, place, word, "put for"))), (one, word)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.sampled_from(many(20, seed=5)))
def test_whatever_is_proposed_is_turned_or_refused_and_what_passes_keeps_the_lock(words, about):
    try:
        one = turned(words, about)
    except PhrasingRefused:
        return
    if not faults(one):
        assert unspeakable(about, Approved(name="w", phrasings=(one,))) is None


def test_no_general_word_names_what_a_patient_can_have():
    """A word that is known to all kinds must not be what tells one kind from another."""
    patient = [kind for _, kind in KINDS if not finding_kind(kind).technical]
    for kind in patient:
        for label in (finding_kinds()[kind].label, *knowledge().of_kind(kind).labels):
            assert set(re.findall(r"[a-z]+", label.lower())) - GENERAL, label
