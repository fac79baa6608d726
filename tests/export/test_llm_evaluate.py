"""Texts scored: overlap by its papers, what each score counts, and every writer of the real model side by side."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.wording.language import first_text
from edge_agent.explain.ladder import packaged_model, start_of
from edge_agent.explain.settings import ExplainSettings
from export.cli import main
from export.llm.child import Child, ModelLost
from export.llm.corpus import Corpus, pairs_of, write_corpus
from export.llm.evaluate import chosen, plain_share, scores
from export.llm.lines import word_lines
from export.llm.overlap import bleu, distinct_pairs, rouge_l, tokens
from export.llm.pair import NoCorpus, Part
from export.llm.phrasings import held_phrasings
from export.llm.writers import Rung, Written

HELD = list(pairs_of(Part.HELD, {}, held_phrasings(0), random.Random(0), 2))
CAT = "the cat is on the mat"


def test_bleu_clips_words_that_are_repeated_as_its_paper_shows():
    assert bleu(["the the the the the the the"], [CAT], order=1) == pytest.approx(2 / 7)


def test_bleu_takes_the_mean_of_its_orders_and_punishes_what_is_short():
    # All five words are there, and three of the four pairs.
    assert bleu(["the cat is on mat"], [CAT], order=2) == pytest.approx(
        (1.0 * 3 / 4) ** 0.5 * 2.718281828 ** (1 - 6 / 5)
    )
    assert bleu([CAT], [CAT]) == pytest.approx(1.0)
    assert bleu(["dogs run"], [CAT]) == 0.0
    assert bleu([], []) == 0.0


def test_rouge_l_is_that_of_its_paper():
    # Lin's example: both share "police ... the gunman"; the second only "the gunman" in order.
    assert rouge_l(["police kill the gunman"], ["police killed the gunman"]) == pytest.approx(3 / 4)
    assert rouge_l(["the gunman kill police"], ["police killed the gunman"]) == pytest.approx(2 / 4)
    assert rouge_l(["", CAT], [CAT, CAT]) == pytest.approx(1 / 2)


@given(st.text(max_size=60), st.text(max_size=60))
def test_overlap_is_a_share_and_whole_only_of_the_same_words(mine, other):
    for score in (bleu([mine], [other]), rouge_l([mine], [other])):
        assert 0.0 <= score <= 1.0 + 1e-9
    if tokens(mine):
        assert rouge_l([mine], [mine]) == 1.0
        assert (rouge_l([mine], [other]) == 1.0) is (tokens(mine) == tokens(other))


def test_a_number_is_one_word_of_an_overlap():
    assert tokens("At 02:15, 66.0 seconds (12 %)") == ("at", "02:15", "66.0", "seconds", "12", "%")
    assert distinct_pairs(["a b a b"]) == pytest.approx(2 / 3)


def test_a_wrong_digit_costs_an_overlap_next_to_nothing_and_faithfulness_all():
    right = [Written(text=pair.text, by=Rung.ADAPTER, tokens=9, cpu_s=1.0) for pair in HELD]
    wrong = [Written(text=_with_another_digit(one.text), by=Rung.ADAPTER, tokens=9, cpu_s=1.0) for one in right]
    good, bad = scores(HELD, right), scores(HELD, wrong)
    assert (good["faithful"], good["supported"], good["complete"], good["bleu"]) == (1.0, 1.0, 1.0, 1.0)
    assert (bad["faithful"], bad["supported"]) == (0.0, 0.0)
    assert bad["bleu"] > 0.9
    assert bad["rouge_l"] > 0.95
    assert bad["examples"][0]["unsupported"]


def _with_another_digit(text: str) -> str:
    """Change the first digit of the time, which every text has."""
    at = text.index(":") + 1
    return f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}"


def test_the_rungs_and_the_cost_are_counted():
    counted = ((Rung.ADAPTER, 1.0, 0), (Rung.ADAPTER, 9.0, 1), (Rung.TEMPLATE, 2.0, 2), (Rung.MODEL, 3.0, 0))
    written = [
        Written(text=pair.text, by=by, cpu_s=cpu_s, seconds=2 * cpu_s, tokens=100, refused=refused)
        for pair, (by, cpu_s, refused) in zip(HELD[:4], counted, strict=True)
    ]
    figures = scores(HELD[:4], written)
    assert figures["rungs"] == {"adapter": 2, "model": 1, "template": 1}
    assert figures["refused"] == 3
    assert figures["cost"]["within_8_cpu_s"] == 0.75
    assert figures["cost"]["by_model_within_8_cpu_s"] == 0.5
    assert figures["cost"]["tokens_per_cpu_s"] == pytest.approx(26.7)


def test_the_template_is_faithful_complete_and_costs_nothing():
    figures = scores(HELD, [Written(text=first_text(pair.finding), by=Rung.TEMPLATE) for pair in HELD])
    assert (figures["faithful"], figures["supported"], figures["complete"]) == (1.0, 1.0, 1.0)
    assert (figures["no_harder_than_template"], figures["other_than_template"], figures["cost"]) == (1.0, 0.0, {})


def test_words_are_counted_as_plain_by_the_nurses_list():
    assert plain_share("The patients woke at night. 12 s") < 1.0
    assert plain_share("Look at the patient and the strip.") == 1.0
    assert plain_share("Depolarisation propagates anisotropically.") == 0.0


def test_every_beginning_of_what_is_chosen_is_spread_over_the_kinds():
    made = Corpus(pairs=tuple(HELD), manifest={})
    kinds = {pair.finding.kind for pair in HELD}
    assert {pair.finding.kind for pair in chosen(made, len(kinds))} == kinds
    assert len(chosen(made, 5)) == 5
    with pytest.raises(NoCorpus):
        chosen(Corpus(pairs=(), manifest={}), 5)


def test_a_model_that_is_none_is_refused(tmp_path):
    model = tmp_path / "model.gguf"
    model.write_bytes(b"no model")
    with pytest.raises(ModelLost):
        Child(model, memory_mb=700)


@pytest.mark.llm
def test_the_real_model_is_scored_beside_the_template(tmp_path, capsys):
    model = packaged_model()
    if model is None or start_of(ExplainSettings(), None).off:
        pytest.skip("no language model is installed (make llm)")
    write_corpus(Corpus(pairs=tuple(HELD), manifest={"seed": 0, "knowledge": "-"}), tmp_path / "corpus")
    asked = ("--corpus", str(tmp_path / "corpus"), "--model", str(model), "--findings", "1")
    assert main(["llm", "evaluate", *asked, "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["findings"]["done"] == 1
    assert figures["writers"]["base + lock"]["faithful"] == 1.0
    assert figures["writers"]["template"]["rungs"] == {"adapter": 0, "model": 0, "template": 1}
    assert capsys.readouterr().out.splitlines() == word_lines(figures)


def test_without_a_corpus_it_is_said_how_to_make_one(tmp_path, capsys):
    assert main(["llm", "evaluate", "--corpus", str(tmp_path), "--model", str(Path("none.gguf"))]) == 2
    assert "python -m export llm corpus" in capsys.readouterr().err
