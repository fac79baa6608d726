"""The claim checker: what a finding allows passes; a changed number, unit, lead, time, class or denial does not."""

import random
import re
from dataclasses import replace

import pytest
from explain_cases import KINDS, finding, many
from hypothesis import given
from hypothesis import strategies as st

from biosignal.events import FindingState
from biosignal.tasks.lookup import shown
from biosignal.wording.claims import missing, unsupported
from biosignal.wording.knowledge import knowledge
from biosignal.wording.language import first_text, is_member, sample_text
from biosignal.wording.literals import literals
from biosignal.wording.reading import content_words, grade, sentences_of, syllables, words_of
from tests.explain.test_lock import (
    PAIRS,
    call_911,
    cause,
    changed_digit,
    dropped_fact,
    never_saw,
    other_action,
    other_finding,
    other_unit,
    saw_no_sign,
    stable,
    swapped_values,
)

CASES = many(152, seed=5)
CASE = st.sampled_from(CASES)
SEED = st.integers(0, 2**32)
OTHER_UNITS = (("beats per minute", "seconds"), ("seconds", "minutes"), ("percent", "seconds"), ("samples", "beats"))


def text_of(found, seed: int) -> str:
    return sample_text(found, random.Random(seed))


@given(CASE, SEED)
def test_whatever_the_language_allows_is_supported_and_complete(found, seed):
    text = text_of(found, seed)
    assert unsupported(text, found) == ()
    assert missing(text, found) == ()


@given(CASE, SEED, st.data())
def test_a_digit_that_was_changed_is_seen_wherever_it_stands(found, seed, data):
    text = text_of(found, seed)
    at = data.draw(st.sampled_from([match.start() for match in re.finditer(r"\d", text)]))
    digit = data.draw(st.sampled_from([one for one in "0123456789" if one != text[at]]))
    assert unsupported(text[:at] + digit + text[at + 1 :], found)


@given(CASE, SEED, st.data())
def test_a_unit_that_was_changed_is_seen(found, seed, data):
    text = text_of(found, seed)
    there = [(unit, other) for unit, other in OTHER_UNITS if re.search(rf"\d {unit}", text)]
    if there:
        unit, other = data.draw(st.sampled_from(there))
        assert unsupported(re.sub(rf"(\d) {unit}", rf"\1 {other}", text, count=1), found)


@given(CASE, SEED, st.sampled_from(["aVR", "III", "V6", "V3", "T3-C3", "Fz"]))
def test_another_lead_is_seen(found, seed, other):
    text = text_of(found, seed)
    said = literals(found).lead
    assert unsupported(text.replace(said, f"lead {other}", 1), found)


@given(CASE, SEED, st.data())
def test_another_class_is_seen(found, seed, data):
    text = text_of(found, seed)
    own = knowledge().of_kind(found.kind).labels
    others = [label for _, kind in KINDS if kind != found.kind for label in knowledge().of_kind(kind).labels]
    other = data.draw(st.sampled_from([label for label in others if label not in own]))
    said = max((label for label in own if label in text), key=len)
    assert unsupported(text.replace(said, other, 1), found)


@given(CASE, SEED, st.sampled_from(["never ", "not even ", "no ", "nothing like "]))
def test_a_denial_before_what_was_found_is_seen(found, seed, denial):
    text = text_of(found, seed)
    said = max((label for label in literals(found).labels if label in text), key=len)
    assert unsupported(text.replace(said, denial + said, 1), found)


@given(CASE, SEED, st.sampled_from(list(FindingState)))
def test_another_state_is_seen(found, seed, state):
    text, other = text_of(found, seed), text_of(replace(found, state=state), seed)
    is_same = literals(found).state == literals(replace(found, state=state)).state
    assert bool(unsupported(other, found)) is not is_same
    assert unsupported(text, found) == ()


@given(CASE, SEED, st.data())
def test_numbers_that_changed_places_are_seen(found, seed, data):
    text = text_of(found, seed)
    numbers = sorted({shown(one) for one in found.evidence.measures if text.count(shown(one)) == 1})
    if len(numbers) > 1:
        first, second = data.draw(st.permutations(numbers))[:2]
        assert unsupported(text.replace(first, "\0").replace(second, first).replace("\0", second), found)


@given(CASE, SEED, st.data())
def test_a_part_that_is_left_out_is_missing(found, seed, data):
    said, dice = literals(found), random.Random(seed)
    first = f"At {said.time} into the recording, in {said.lead}, the device found {dice.choice(said.labels)}."
    parts = [first, *(dice.choice(wordings) for wordings in said.sentences)]
    at = data.draw(st.integers(0, len(parts) - 1))
    left = " ".join(parts[:at] + parts[at + 1 :])
    # What the others say as well, in most of its words, is not missed.
    gone = content_words(parts[at])
    assert missing(left, found) or len(gone & content_words(left)) >= 2 / 3 * len(gone)


@given(CASE, st.text(max_size=200))
def test_any_text_can_be_checked(found, text):
    assert isinstance(unsupported(text, found), tuple)
    assert missing(text, found)


@pytest.mark.parametrize(
    "invented",
    [
        "This is likely due to ischaemia.",
        "The heart rate was 61 beats per minute.",
        "It began at 02:10.",
        "Call 911 now.",
        "The patient has asystole.",
        "It was seen in lead aVF.",
        "The patient never lost a pulse.",
        "Three more came later.",
        "The patient is stable.",
    ],
)
def test_what_a_free_text_invents_is_seen(invented):
    found = finding("pvc-couplet", random.Random(3), leads=("II",), state=FindingState.CLOSED)
    assert unsupported(f"{first_text(found)} {invented}", found)


@pytest.mark.parametrize(
    ("corrupt", "least"),
    [
        *((one, 1.0) for one in (changed_digit, swapped_values, other_unit, cause, other_finding)),
        *((one, 1.0) for one in (saw_no_sign, never_saw, call_911, stable)),
        # What is left out is missing, and so is an action in the place of which stands another.
        (dropped_fact, 0.98),
        (other_action, 0.95),
    ],
)
def test_planted_errors_are_seen(corrupt, least):
    dice = random.Random(5)
    planted = [(corrupt(text, found, dice), found) for text, found in PAIRS[:100]]
    seen = [bool(unsupported(text, found) or missing(text, found)) for text, found in planted if text is not None]
    assert len(seen) > 20
    assert sum(seen) / len(seen) >= least


def test_what_is_claimed_in_plain_words_is_for_the_whole_text_to_refuse():
    found = finding("asystole", random.Random(4))
    added = f"{first_text(found)} Give the patient water."
    assert unsupported(added, found) == ()
    assert not is_member(added, found)


def test_a_denial_that_is_left_out_is_seen():
    found = finding("no-ecg-seen", random.Random(2))
    text = first_text(found)
    denying = [one for one in sentences_of(text) if re.search(r"\b(?:no|not|nothing)\b", one)]
    assert denying
    for sentence in denying:
        assert unsupported(re.sub(r"\b(?:no|not|nothing) ", "", sentence), found), sentence


def test_the_same_number_in_other_words_is_supported():
    found = finding("asystole", random.Random(4), leads=("II",), state=FindingState.CLOSED)
    value = next(shown(one) for one in found.evidence.measures)
    assert unsupported(f"No beat was detected for {float(value):g} s.", found) == ()


@pytest.mark.parametrize(
    ("word", "count"), [("beat", 1), ("lead", 1), ("table", 2), ("ventricular", 4), ("the", 1), ("electrode", 3)]
)
def test_syllables_are_counted(word, count):
    assert syllables(word) == count


def test_the_grade_is_that_of_the_formula():
    # Two sentences, 8 words, 8 syllables: 0.39 * 4 + 11.8 * 1 - 15.59.
    assert grade("The beat was late. The lead was off.") == pytest.approx(-2.23)
    assert grade("") == grade("12.5") == 0.0
    assert grade("Ventricular depolarisation originated independently.") > 20


def test_a_point_inside_a_number_ends_no_sentence():
    assert sentences_of("It took 2.5 s. It is over.") == ("It took 2.5 s.", "It is over.")
    assert words_of("Isn't it 2 V5?") == ("isn't", "it", "v")
