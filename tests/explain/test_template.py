"""The template: always there, only from evidence, and honest where nothing can be said."""

import json
import random
from dataclasses import replace
from importlib import resources

import pytest
from explain_cases import KINDS, finding, many, measure

from biosignal.events import Abstained, FindingState, MarkSet, Prediction, QualityLevel, Rung
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import quantities, shown
from biosignal.tasks.words import words_of
from biosignal.wording.checker import refusal
from biosignal.wording.knowledge import broken_words, knowledge
from biosignal.wording.literals import clock_text, lead_text
from edge_agent.explain.template import explain

DICE = random.Random(1)


def couplet():
    found = finding("pvc-couplet", random.Random(2), leads=("MLII",), quality=QualityLevel.USABLE, marks=0)
    return replace(found, onset=83 * 250 + 249)


def test_a_couplet_reads_like_this():
    found = couplet()
    values = {m.name: shown(m) for m in found.evidence.measures}
    said = dict(found.outcome.scores)["V"]
    assert explain(found).text == (
        "At 01:23 into the recording, in lead MLII, the device found a ventricular couplet. It is over. "
        f"It lasted {values['count']} beats. The ventricular rate was {values['v_rate']} beats per minute. "
        f"The duration was {values['duration']} seconds. "
        f"The classifier's mean probability for ventricular beats was {values['probability']}. "
        "A couplet is two consecutive beats that arise in the ventricles. "
        "Look at the strip and confirm or correct the beats. "
        f"The first beat was classified as V by ecg-beats/1.0.0 on onnx-cpu with probability {said:.2f}."
    )


@pytest.mark.parametrize(("task", "kind"), KINDS)
def test_every_kind_of_every_task_has_a_text_that_its_own_check_accepts(task, kind):
    for state in FindingState:
        found = finding(kind, DICE, state=state)
        explanation = explain(found)
        assert refusal(explanation.text, found) is None
        assert (explanation.made_by, explanation.rev, explanation.finding) == ("template", 0, found.id)
        assert explanation == explain(found)
        assert all(shown(m) in explanation.text for m in found.evidence.measures)
        assert found.leads[0] in explanation.text
        assert "no vetted words" not in explanation.checked


def test_nothing_is_missing_or_damaged_among_the_words_of_the_tasks():
    assert broken_words() == ()


@pytest.mark.parametrize("index", range(4))
def test_a_clause_goes_when_its_evidence_goes(index):
    found = couplet()
    kept = tuple(m for at, m in enumerate(found.evidence.measures) if at != index)
    less = replace(found, evidence=replace(found.evidence, measures=kept))
    whole, reduced = explain(found).text, explain(less).text
    assert len(reduced) < len(whole)
    assert refusal(whole, less) is not None
    assert refusal(reduced, found) is not None


def test_what_abstained_is_not_assessable():
    outcome = Abstained(task="ecg-rules", reason="20 of 32 beats were not classified")
    text = explain(finding("irregular", DICE, outcome=outcome)).text
    assert "not assessable" in text
    assert "The analysis abstained: 20 of 32 beats were not classified." in text
    assert "The intervals kept changing" not in text


def test_a_rejected_signal_is_not_assessable():
    assert "not assessable" in explain(finding("tachycardia", DICE, quality=QualityLevel.REJECTED)).text


def test_a_degraded_signal_is_told():
    assert "The signal was degraded" in explain(finding("pause", DICE, quality=QualityLevel.DEGRADED)).text


def test_a_hostile_lead_name_or_reason_cannot_add_a_sentence_or_break_the_grammar():
    assert lead_text(('II"\n| "x" ; {call}',)) == "lead II x  call"
    outcome = Abstained(task="t", reason='x"\nroot ::= "free" ' + "y" * 500)
    found = finding("irregular", DICE, outcome=outcome, leads=("",))
    assert "lead without a name" in explain(found).text
    assert '"' not in explain(found).text
    assert len(explain(found).text) < 1200


@pytest.mark.parametrize(
    ("sample", "text"), [(0, "00:00"), (59 * 250 + 249, "00:59"), (60 * 250, "01:00"), (6001 * 250, "100:01")]
)
def test_time_is_minutes_and_seconds_into_the_recording(sample, text):
    assert clock_text(sample, 250.0) == text


def test_several_leads_are_all_named():
    assert lead_text(("I", "II", "V1")) == "leads I, II and V1"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_sentence_names_its_source_and_every_kind_has_two_labels_or_more(name):
    raw = json.loads(words_of(TASKS[name]))
    cited = set()
    for entry in raw["findings"].values():
        cited |= {entry["meaning"]["source"], *(action["source"] for action in entry["actions"])}
        assert len(set(entry["labels"])) == len(entry["labels"]) >= 2
    cited |= {entry["source"] for entry in raw.get("topics", {}).values()}
    assert cited == set(raw["sources"])
    assert all(source["doi"] for source_name, source in raw["sources"].items() if source_name != "program")
    assert "No clinician" in raw["review"]
    assert set(raw["findings"]) == set(TASKS[name].findings)


def test_the_common_sentences_name_their_sources():
    raw = json.loads(resources.files("biosignal.wording").joinpath("knowledge.json").read_text())
    common = raw["not_assessable"]
    assert {common["meaning"]["source"], common["action"]["source"]} == set(raw["sources"])
    assert "No clinician" in raw["review"]


@pytest.mark.parametrize("name", sorted(quantities()))
def test_every_quantity_binds_its_own_number(name):
    number = measure(name, 12.345)
    for task, kind in KINDS:
        for wording in knowledge().wordings(task, kind, number):
            assert wording.replace("{value}", shown(number)).count(shown(number)) == 1


def test_a_text_says_how_many_marks_are_not_kept_with_the_finding():
    found = finding("v-run", DICE, marks=17)
    text = explain(found).text
    assert "12 of 17 beats are kept with this finding." in text
    assert refusal(text, found) is None
    assert refusal(text.replace(" 12 of 17 beats are kept with this finding.", ""), found) is not None
    whole = finding("v-run", DICE, marks=12)
    assert "are kept" not in explain(whole).text


def test_a_classified_mark_is_called_what_its_task_calls_it():
    marks = MarkSet(task="nights", kind="deep-sleep", leads=("Fpz",), starts=(1,), total=1)
    outcome = Prediction(task="nights", bundle="nights/1", rung=Rung.ONNX_CPU, label="N3", scores=(("N3", 0.9),))
    found = finding("pvc", DICE, outcome=outcome)
    found = replace(found, evidence=replace(found.evidence, marks=(marks,)))
    text = explain(found).text
    assert "The first deep sleep was classified as N3 by nights/1 on onnx-cpu with probability 0.90." in text


def test_texts_stay_readable_in_length():
    assert max(len(explain(found).text) for found in many(60)) < 900
