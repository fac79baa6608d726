"""Pairs of evidence and explanation: written and read back, held apart, and of every kind there is."""

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.model.bundle import pack
from biosignal.tasks import TASKS
from biosignal.wording.checker import refusal
from biosignal.wording.language import is_member, plans
from export.llm.approved import speak_approved
from export.llm.corpus import Corpus, Wanted, corpus, corpus_lines, pairs_of, read_corpus, write_corpus
from export.llm.drawn import ORIGIN, drawn
from export.llm.found import records
from export.llm.pair import NoCorpus, Pair, Part
from export.llm.phrasings import held_phrasings, held_text, training_text
from export.llm.written import from_jsonl, from_sections, jsonl, read_pairs, sections
from tests.explain.phrasings import SLOWER, words_files

DATA_DIR = os.environ.get("EDGE_DATA_DIR")
KINDS = [(task, kind) for task in TASKS.values() for kind in sorted(task.findings)]
HELD = held_phrasings(0)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PARTS = st.sampled_from(list(Part))


def a_pair(**changed) -> Pair:
    finding = drawn(*KINDS[0], random.Random(1))
    given = {"id": "a", "part": Part.TRAINS, "origin": ORIGIN, "prompt": "p", "text": "t"} | changed
    return Pair(finding=finding, **given)


PAIRS = st.lists(st.builds(a_pair, id=TEXTS, part=PARTS, origin=TEXTS, prompt=TEXTS, text=TEXTS), max_size=4)


@given(PAIRS)
def test_pairs_are_read_back_as_they_were_written_in_both_forms(pairs):
    assert from_jsonl(jsonl(pairs)) == pairs
    assert from_sections(sections(pairs)) == pairs


@given(PAIRS, st.integers(0, 10_000), st.characters())
def test_a_damaged_file_is_refused_or_still_made_of_pairs(pairs, at, letter):
    for write, read in ((jsonl, from_jsonl), (sections, from_sections)):
        text = write(pairs)
        place = at % (len(text) + 1)
        try:
            found = read(text[:place] + letter + text[place + 1 :])
        except NoCorpus:
            continue
        assert all(isinstance(pair, Pair) for pair in found)


def small(count: int = 2, seed: int = 0) -> list[Pair]:
    dice = random.Random(seed)
    return [pair for part in Part for pair in pairs_of(part, {}, held_phrasings(seed), dice, count)]


def test_every_kind_of_every_task_is_in_both_parts_and_every_text_is_of_its_language():
    pairs = small()
    for part in Part:
        assert {pair.finding.kind for pair in pairs if pair.part is part} == {kind for _, kind in KINDS}
    assert all(is_member(pair.text, pair.finding) for pair in pairs)
    assert all(is_member(pair.prompt.split("\n", 1)[1], pair.finding) for pair in pairs)


def test_every_text_may_stand_whatever_the_bundle_of_its_task_is_called():
    assert [pair.finding.kind for pair in small(6) if refusal(pair.text, pair.finding) is not None] == []


def test_the_same_seed_draws_the_same_pairs_and_another_seed_draws_others():
    assert small() == small()
    assert [pair.text for pair in small()] != [pair.text for pair in small(seed=1)]


def stands_alone(phrase: str, finding) -> bool:
    """Whether no other phrase of the finding's language holds this one, as a sentence may hold a label."""
    others = {one.strip() for slots in plans(finding) for slot in slots for one in slot} - {phrase}
    return not any(phrase in other for other in others)


@pytest.mark.parametrize(("task", "kind"), KINDS)
def test_no_text_that_trains_has_a_held_out_phrasing_and_a_held_one_has_all_it_can(task, kind):
    dice = random.Random(kind)
    for _ in range(10):
        finding = drawn(task, kind, dice)
        phrasings = {one for one in HELD.among(finding) if stands_alone(one, finding)}
        text, held = training_text(finding, HELD, dice), held_text(finding, HELD, dice)
        assert all(phrase not in text for phrase in phrasings), phrasings
        assert all(phrase in held for phrase in phrasings), phrasings


def test_approved_words_are_taught_where_their_bundle_is_given(tmp_path):
    bundle = tmp_path / "words.zip"
    bundle.write_bytes(pack(words_files()))
    assert not any(SLOWER.pattern in pair.text for pair in small(10))
    try:
        speak_approved(bundle)
        texts = [pair.text for pair in small(10) if pair.part is Part.TRAINS]
    finally:
        speak_approved(None)
    assert any(SLOWER.pattern in text for text in texts)
    with pytest.raises(BadInput):
        speak_approved(tmp_path / "none.zip")


def test_some_phrasings_are_held_out_and_most_are_not():
    assert 15 < len(HELD.wordings) < 60
    assert held_phrasings(1) != HELD


def test_numbers_are_drawn_anew_where_a_finding_is_drawn_like_another():
    dice = random.Random(3)
    task, kind = KINDS[0]
    like = drawn(task, kind, dice)
    others = [drawn(task, kind, dice, like=like) for _ in range(20)]
    assert {tuple(m.name for m in one.evidence.measures) for one in others} == {
        tuple(m.name for m in like.evidence.measures)
    }
    assert len({one.onset for one in others}) == 20
    assert len({one.evidence.measures for one in others}) > 10 or not like.evidence.measures


def test_a_corpus_is_read_back_and_one_that_was_changed_is_refused(tmp_path):
    made = Corpus(pairs=tuple(small(1)), manifest={"version": 1})
    write_corpus(made, tmp_path)
    assert read_corpus(tmp_path).pairs == made.pairs
    for part in Part:
        assert read_pairs(tmp_path / f"{part.value}.txt") == list(made.of(part))
    changed = (tmp_path / "held.jsonl").read_text().replace("recording", "registering", 1)
    (tmp_path / "held.jsonl").write_text(changed)
    with pytest.raises(NoCorpus):
        read_corpus(tmp_path)
    with pytest.raises(NoCorpus):
        read_corpus(tmp_path / "elsewhere")


def test_without_recordings_it_is_said_what_to_give(tmp_path):
    with pytest.raises(Exception, match="no recordings") as raised:
        records(tmp_path, 0, of_each=1)
    assert "--data" in raised.value.advice


needs_data = pytest.mark.skipif(
    DATA_DIR is None or not (Path(DATA_DIR) / "mitdb" / "100.hea").is_file(), reason="EDGE_DATA_DIR has no mitdb"
)


@pytest.mark.data
@needs_data
def test_no_record_is_in_both_parts_and_what_only_tests_trains_nothing():
    chosen = records(Path(DATA_DIR), 0, of_each=1000)
    by_part = {part: {one.origin for one in chosen if one.part is part} for part in Part}
    assert not by_part[Part.TRAINS] & by_part[Part.HELD]
    assert {"mitdb/101"} <= by_part[Part.TRAINS]
    assert {"mitdb/100"} <= by_part[Part.HELD]
    assert not any(one.startswith(("burst", "chbmit")) for one in by_part[Part.TRAINS])


@pytest.mark.data
@needs_data
def test_findings_of_real_records_become_pairs_and_the_manifest_counts_them(tmp_path):
    (tmp_path / "mitdb").mkdir()
    for file in Path(DATA_DIR, "mitdb").glob("[12]00.*"):
        (tmp_path / "mitdb" / file.name).symlink_to(file)
    made = corpus(Wanted(data=tmp_path, of_a_kind=1, of_a_set=0, minutes=1.0))
    assert made.manifest["counts"]["held"]["findings"] == len(KINDS)
    found = corpus(replace(Wanted(data=tmp_path), of_a_kind=2, of_a_set=1, minutes=1.0))
    real = [pair for pair in found.pairs if pair.origin.startswith("mitdb/")]
    assert real
    assert {pair.part for pair in real} == {Part.HELD}
    counted = found.manifest["counts"]["held"]["of"]
    assert sum(one["found"] for kinds in counted.values() for one in kinds.values()) >= len(
        {pair.finding.id for pair in real}
    )
    assert json.loads(json.dumps(found.manifest)) == found.manifest
    assert any("found + drawn" in line for line in corpus_lines(found.manifest))
