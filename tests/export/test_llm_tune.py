"""An adapter: its rows as GGUF has them, the same by the same seed, and taken by llama.cpp. Skipped without torch."""

import importlib.util
import json
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from edge_agent.explain.ladder import packaged_model
from export.llm.adapter import NotAnAdapter, interleaved, write_adapter
from export.llm.corpus import Corpus, pairs_of, write_corpus
from export.llm.pair import Part
from export.llm.phrasings import held_phrasings
from export.llm.tune import TUNING, Tuning, TuningMissing, batches_of, tune
from export.llm.writers import Desk

LIBRARIES = ("torch", "transformers", "peft", "gguf", "safetensors")
MISSING = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
PAIRS = tuple(pair for part in Part for pair in pairs_of(part, {}, held_phrasings(0), random.Random(0), 1))
CORPUS = Corpus(pairs=PAIRS, manifest={"version": 1, "seed": 0, "knowledge": "-"})


def test_the_halves_of_each_head_take_turns():
    rows = np.arange(8, dtype=np.float32)[:, None]
    assert interleaved(rows, 1)[:, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert interleaved(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))
def test_no_row_is_lost_and_none_leaves_its_head(heads, half, rank):
    rows = np.arange(heads * 2 * half * rank, dtype=np.float32).reshape(heads * 2 * half, rank)
    turned = interleaved(rows, heads)
    for head in range(heads):
        place = slice(2 * half * head, 2 * half * (head + 1))
        assert sorted(map(tuple, turned[place])) == sorted(map(tuple, rows[place]))


def test_a_run_that_is_ended_early_is_the_beginning_of_a_longer_one():
    short, long = (batches_of(CORPUS, Tuning(steps=steps)) for steps in (5, 60))
    assert long[:5] == short
    assert batches_of(CORPUS, Tuning(seed=1, steps=5)) != short
    assert all(pair.part is Part.TRAINS for batch in long for pair in batch)


@pytest.mark.skipif(not MISSING, reason="what tuning needs is installed")
def test_what_is_not_installed_is_said_with_how_to_install_it(tmp_path):
    write_corpus(CORPUS, tmp_path / "corpus")
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    with pytest.raises(TuningMissing) as refused:
        tune(model, tmp_path / "corpus", tmp_path / "tuned", Tuning())
    assert "bedside[tune]" in refused.value.advice
    with pytest.raises((TuningMissing, NotAnAdapter)):
        write_adapter(tmp_path / "tuned", model, tmp_path / "adapter.gguf")


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:.*:FutureWarning", "ignore:.*:UserWarning")  # of the libraries
@pytest.mark.skipif(bool(MISSING), reason=f"tuning needs {', '.join(MISSING)}")
@pytest.mark.skipif(packaged_model() is None, reason="no language model is installed (make llm)")
@pytest.mark.timeout(900)
def test_the_same_seed_gives_the_same_adapter_and_the_model_takes_it(tmp_path):
    model = packaged_model()
    write_corpus(CORPUS, tmp_path / "corpus")
    short = Tuning(steps=2, batch=1, held=1, rate=5e-3)
    written = []
    for name, tuning in (("a", short), ("b", short), ("c", replace(short, seed=1))):
        figures = tune(model, tmp_path / "corpus", tmp_path / name, tuning)
        assert figures["steps"] == 2
        assert json.loads((tmp_path / name / TUNING).read_text()) == figures
        written.append(write_adapter(tmp_path / name, model, tmp_path / f"{name}.gguf"))
    assert written[0]["sha256"] == written[1]["sha256"] != written[2]["sha256"]
    with pytest.raises(NotAnAdapter):
        write_adapter(tmp_path / "a", tmp_path / "corpus" / "manifest.json", tmp_path / "d.gguf")
    desk = Desk(model, tmp_path / "a.gguf", written[0]["sha256"], memory_mb=700)
    try:
        texts = desk.texts(PAIRS[0].finding, 1)
    finally:
        desk.close()
    assert len({written.text for written in texts.values()}) > 2


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:.*:FutureWarning", "ignore:.*:UserWarning")  # of the libraries
@pytest.mark.skipif(bool(MISSING), reason=f"tuning needs {', '.join(MISSING)}")
def test_a_file_that_is_no_model_is_refused(tmp_path):
    write_corpus(CORPUS, tmp_path / "corpus")
    model = tmp_path / "model.gguf"
    model.write_bytes(b"no model at all")
    with pytest.raises(BadInput):
        tune(model, tmp_path / "corpus", tmp_path / "tuned", Tuning(steps=1))
