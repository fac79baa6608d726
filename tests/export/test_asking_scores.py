"""Questions scored: the lists, what is counted, and MedQuAD where it is unpacked."""

import json
import os
from importlib.resources import files
from pathlib import Path

import pytest

from biosignal.asking import answering
from biosignal.asking.reply import Answer, Quoted
from biosignal.errors import BadInput
from biosignal.tasks import TASKS
from biosignal.wording.vetted import Source
from export.asking import evaluate
from export.asking.cases import findings_of_every_kind
from export.asking.evaluate import Timed, evaluate_asking
from export.asking.lines import asking_lines
from export.asking.retrieval import SCORES, TUNES, part_of, records_of, retrieval, sentences_of
from export.cli import main

DATA_DIR = os.environ.get("EDGE_DATA_DIR")
QUESTIONS = json.loads(files("export.asking").joinpath("questions.json").read_text())
unpacked = pytest.mark.skipif(
    DATA_DIR is None or not (Path(DATA_DIR) / "text" / "medquad.jsonl").is_file(), reason="EDGE_DATA_DIR has no text"
)


@pytest.fixture
def few(monkeypatch):
    """Two kinds of findings in the place of all."""
    monkeypatch.setattr(evaluate, "findings_of_every_kind", lambda: findings_of_every_kind()[20:22])


def test_there_are_two_hundred_that_must_be_refused_and_none_is_there_twice():
    listed = [one for part in QUESTIONS["adversarial"].values() for one in part] + QUESTIONS["in_fields"]
    assert len(listed) == 200
    for one in (*QUESTIONS["adversarial"].values(), QUESTIONS["in_fields"]):
        assert len({text.lower() for text in one}) == len(one)


def test_there_is_a_case_of_every_kind_and_the_second_is_earlier():
    cases = findings_of_every_kind()
    assert {about.kind for about, _ in cases} == {kind for task in TASKS.values() for kind in task.findings}
    assert all(before.onset < about.onset and before.kind == about.kind for about, before in cases)


def test_what_must_be_refused_is_and_every_sentence_stands(few):
    figures = evaluate_asking(None)
    assert [one["answered"] for one in figures["adversarial"].values()] == [[]] * 8
    assert figures["in_fields"]["answers with the text"] == 0
    assert figures["in_fields"]["answers"] > 0
    assert figures["ordinary"][SCORES]["answered"] >= 27
    assert figures["unsupported"] == 0 < figures["sentences"]
    assert asking_lines(figures)[-1].startswith(f"{figures['sentences']} sentences given, 0 unsupported")


def test_a_sentence_that_nobody_vetted_would_be_counted(monkeypatch):
    said = Answer(
        template="explain",
        subject="x",
        in_general=True,
        parts=(Quoted(text="All is well.", source=Source(cite="Somebody")),),
    )
    monkeypatch.setattr(evaluate, "ask", lambda *_, **__: said)
    timed = Timed()
    timed.ask("What?", None, None)
    assert (timed.sentences, timed.unsupported) == (1, 1)
    # and the program itself would not have given it
    monkeypatch.setattr(answering, "_answered", lambda *_: said)
    assert answering.ask("What is QTc?").reason.value == "unchecked"


def test_questions_of_one_page_go_to_one_part():
    assert part_of({"id": "a/1.xml"}) == part_of({"id": "a/1.xml"})
    assert {part_of({"id": str(at)}) for at in range(20)} == {TUNES, SCORES}


def test_an_answer_is_found_by_its_text_and_its_pages_name():
    records = [
        {"id": str(at), "focus": name, "q": f"What is {name}?", "a": text}
        for at, (name, text) in enumerate([("Ataxia", "It is unsteady."), ("Chorea", "It is restless.")] * 4)
    ]
    assert retrieval(records, part=SCORES)["hit@1"] == 1.0
    assert retrieval(records, part=SCORES, title=0.0)["hit@1"] == 0.0


def test_texts_that_are_not_there_are_named(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        records_of(tmp_path)
    assert main(["ask", "--data-dir", str(tmp_path)]) == 2


@unpacked
@pytest.mark.data
def test_the_answers_of_medquad_are_found_and_notes_are_not_answered():
    folder = Path(DATA_DIR) / "text"
    found = retrieval(records_of(folder), part=SCORES)
    assert found["hit@3"] >= 0.85
    about, before = findings_of_every_kind()[20]
    timed = Timed()
    replies = [timed.ask(one, about, before) for one in sentences_of(folder)[:300]]
    assert not any(isinstance(one, Answer) for one in replies)
