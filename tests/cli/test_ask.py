"""`edge-agent ask`: what is stored by a run of the daemon's own analysis is asked about on the terminal."""

import json
import random
from dataclasses import replace

import pytest

from biosignal.asking.answering import ask
from edge_agent.store.events import EventStore
from tests.explain.explain_cases import finding

DICE = random.Random(12)
BEFORE = replace(finding("vt", DICE), id="a1-before", recording="r", onset=1000)
ABOUT = replace(finding("vt", DICE), id="a2-about", recording="r", onset=9000)


@pytest.fixture
def stored(tmp_path):
    store = EventStore(tmp_path / "events.db", "bed-1", "boot", reserve_bytes=0)
    store.add_many([BEFORE, ABOUT])
    store.close()
    return tmp_path


def test_the_last_finding_is_explained_with_sources_and_strip(edge, stored):
    code, out, _ = edge("ask", "last", "What does this mean?", "--state-dir", stored)
    assert code == 0
    for part in ask("What does this mean?", about=ABOUT).parts:
        assert part.text in out
    assert "2018: Al-Khatib" in out
    assert out.count("measured; strip ") == 2  # once for facts that follow each other


def test_it_is_compared_with_the_one_before_it_of_the_same_recording(edge, stored):
    code, out, _ = edge("ask", "a2", "--template", "compare", "--json", "--state-dir", stored)
    assert code == 0
    said = json.loads(out)
    assert {part["finding"] for part in said["parts"]} == {ABOUT.id, BEFORE.id}
    code, out, _ = edge("ask", "a1-before", "Compare with the last one.", "--json", "--state-dir", stored)
    assert (code, json.loads(out)["reason"]) == (1, "nothing-before")


def test_a_question_that_is_refused_says_why_and_ends_with_1(edge, stored):
    code, out, _ = edge("ask", "last", "Which drug helps?", "--state-dir", stored)
    assert code == 1
    assert out.startswith("Not answered: Questions about drugs")
    assert "  What are the next steps?" in out


def test_a_question_in_general_needs_no_store(edge, tmp_path):
    code, out, _ = edge("ask", "-", "What is QTc?")
    assert code == 0
    assert "cube root" in out
    assert list(tmp_path.glob("*.db")) == []


@pytest.mark.parametrize("name", ["nobody", "a", ""])
def test_a_finding_that_is_not_there_or_not_the_only_one_is_named(edge, stored, name):
    code, _, err = edge("ask", name, "What?", "--state-dir", stored)
    assert code == 2
    assert "which finding?" in err
    assert "Try: `edge-agent events --kind finding` lists them" in err


def test_nothing_is_written_by_asking(edge, stored):
    before = (stored / "events.db").read_bytes()
    edge("ask", "last", "What was measured?", "--state-dir", stored)
    assert (stored / "events.db").read_bytes() == before
