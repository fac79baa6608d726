"""Words that are missing or damaged: the alarm goes on, the text has the label and the numbers, and it is said."""

import json
import logging
import random
import sys
from dataclasses import replace

import pytest
from explain_cases import finding

from biosignal.events import Explanation, Finding, Measure, Priority
from biosignal.tasks import TASKS
from biosignal.tasks.task import FindingKind, Quantity, Task, Wants
from biosignal.tasks.words import words_of
from biosignal.wording import knowledge as knowledge_module
from biosignal.wording.checker import refusal
from biosignal.wording.knowledge import broken_words, load, read_common
from edge_agent.explain.explainer import Explainer
from edge_agent.explain.settings import ExplainSettings
from edge_agent.explain.template import explain

DICE = random.Random(4)
SNORE = {
    "labels": ["snoring", "a snore"],
    "meaning": {"texts": ["Air moved loudly."], "source": "program"},
    "actions": [{"text": "Turn the patient.", "source": "program"}],
    "quantities": {"loudness": ["It was {value} loud."]},
}
GOOD = {"format": 2, "sources": {"program": {}}, "quantities": {}, "findings": {"snore": SNORE}}


@pytest.fixture
def with_task(tmp_path, monkeypatch):
    """Registers a task whose words are the bytes given; None: it has no file of words."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def register(words: bytes | None, *, package: str = "nights_task") -> Task:
        folder = tmp_path / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text("")
        if words is not None:
            (folder / "words.json").write_bytes(words)
        task = Task(
            name="nights",
            label="Nights",
            package=package,
            wants=Wants(),
            make=None,
            findings={"snore": FindingKind(label="loud snore", priority=Priority.HIGH)},
            quantities={"loudness": Quantity(unit="dB", decimals=1)},
        )
        monkeypatch.setitem(TASKS, "nights", task)
        return task

    yield register
    for name in [name for name in sys.modules if name.endswith("_task")]:
        del sys.modules[name]


def snore() -> Finding:
    found = finding("pvc", DICE, leads=("MIC",), marks=0)
    loudness = Measure(name="loudness", value=61.5, unit="dB")
    return replace(found, task="nights", kind="snore", evidence=replace(found.evidence, measures=(loudness,)))


def written(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_task_that_is_registered_later_has_its_words_at_once(with_task):
    explain(finding("vt", DICE))
    with_task(written(GOOD))
    found = snore()
    text = explain(found).text
    assert "the device found snoring." in text
    assert "It was 61.5 loud." in text
    assert refusal(text, found) is None
    assert broken_words() == ()


DAMAGED = {
    "no file": None,
    "no JSON": b"{",
    "no object": b"[]",
    "no words for the kind": written({**GOOD, "findings": {}}),
    "no tables": written({"format": 2}),
    "a label that is a number": written({**GOOD, "findings": {"snore": {**SNORE, "labels": [7]}}}),
    "no labels": written({**GOOD, "findings": {"snore": {**SNORE, "labels": []}}}),
    "no meaning": written({**GOOD, "findings": {"snore": {k: v for k, v in SNORE.items() if k != "meaning"}}}),
    "quantities that are a list": written({**GOOD, "findings": {"snore": {**SNORE, "quantities": [1]}}}),
    "an entry that is a text": written({**GOOD, "findings": {"snore": "snoring"}}),
    "an unknown source": written({**GOOD, "sources": {}}),
    "a wording without its number": written(
        {**GOOD, "findings": {"snore": {**SNORE, "quantities": {"loudness": ["It was loud."]}}}}
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_kind_without_good_words_is_told_by_label_and_numbers_and_says_so(with_task, damage):
    with_task(DAMAGED[damage])
    found = snore()
    explanation = explain(found)
    assert "the device found loud snore." in explanation.text
    assert "Loudness 61.5 dB." in explanation.text
    assert refusal(explanation.text, found) is None
    assert "no vetted words for snore" in explanation.checked
    assert any("nights" in trouble for trouble in broken_words())


def test_damaged_words_of_one_task_cost_no_other_task_a_word(with_task):
    before = explain(finding("vt", random.Random(9))).text
    with_task(b"{")
    assert explain(finding("vt", random.Random(9))).text == before


def test_a_task_whose_package_is_not_there_costs_no_other_task_a_word(with_task):
    before = explain(finding("vt", random.Random(9))).text
    with_task(None, package="gone_task")
    TASKS["nights"] = replace(TASKS["nights"], package="no.such.package")
    assert "the device found loud snore." in explain(snore()).text
    assert explain(finding("vt", random.Random(9))).text == before


def test_a_quantity_without_a_wording_is_told_by_name_value_and_unit():
    found = finding("pause", DICE)
    strange = (Measure(name="rise_time", value=1.25, unit="s"), Measure(name="ratio", value=0.5, unit="1"))
    explanation = explain(replace(found, evidence=replace(found.evidence, measures=strange)))
    assert "Rise time 1.25 s. Ratio 0.50." in explanation.text
    assert explanation.checked.endswith("no vetted words for rise_time, ratio")


def test_a_kind_that_nobody_declares_is_called_by_its_name():
    found = replace(finding("pause", DICE), kind="from-another-version", task="another")
    assert "the device found from another version." in explain(found).text


def test_damaged_common_sentences_leave_a_plain_word_and_are_listed():
    action = {"action": {"text": "Look."}, "meaning": {"texts": ["Not assessable."]}}
    for raw in (
        b"",
        b"{",
        b"[]",
        b'{"degraded": []}',
        written({"degraded": "no list", "not_assessable": action}),
        written({"degraded": [], "not_assessable": {}}),
    ):
        common = read_common(raw)
        assert common.broken
        assert common.degraded
        assert common.not_assessable
        assert load(tuple(TASKS.values()), raw).broken == common.broken


def test_the_words_are_read_once_for_the_same_tasks(monkeypatch):
    explain(finding("vt", DICE))
    read: list[str] = []

    def reading(task: Task) -> bytes:
        read.append(task.name)
        return words_of(task)

    monkeypatch.setattr("biosignal.wording.vetted.words_of", reading)
    explain(finding("vt", DICE))
    assert read == []
    monkeypatch.setattr(knowledge_module, "_loaded", None)
    explain(finding("vt", DICE))
    assert sorted(read) == sorted(TASKS)


def test_a_finding_that_cannot_be_worded_still_has_a_text():
    found = finding("vt", DICE)
    nowhere = replace(found, evidence=replace(found.evidence, fs_hz=0.0))
    explanation = explain(nowhere)
    assert explanation.text == "The device found ventricular tachycardia."
    assert explanation.checked.startswith("unchecked")


def test_the_explainer_says_at_its_start_which_words_are_damaged(with_task, caplog):
    with_task(b"{")
    heard: list[Explanation] = []
    with caplog.at_level(logging.WARNING):
        explainer = Explainer(ExplainSettings(language_model=False), heard.append)
    assert "explain.words.broken" in caplog.messages
    assert explainer.state() == "template only: switched off in the settings; 1 faults in the vetted words"
    assert explainer.submit(snore()) == heard[0]
    explainer.close()
