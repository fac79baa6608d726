"""The ladder of what writes texts, rung by rung: adapter, model, template; each fall with its reason."""

import random
import sys
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from explain_cases import finding

from biosignal.errors import BadInput
from biosignal.events import Explanation
from biosignal.wording.checker import refusal
from edge_agent.explain.explainer import Explainer, ExplainerCounts
from edge_agent.explain.ladder import (
    ADDRESS_MB,
    Adapter,
    adapter_in_settings,
    packaged_model,
    start_of,
    too_little_free,
)
from edge_agent.explain.settings import ExplainSettings

STAND_IN = '''
"""Stands in for llama-cpp-python: its model says what it was asked, with another verb; an adapter changes the verb."""
import os
import pathlib
import time


class LlamaGrammar:
    @staticmethod
    def from_string(text, verbose):
        return text


class Llama:
    def __init__(self, path, lora_path=None, **how):
        for file in (path, lora_path):
            if file is not None and pathlib.Path(file).read_bytes()[:4] != b"GGUF":
                raise ValueError("no GGUF")
        self.late = b"late" in pathlib.Path(path).read_bytes()
        self.has_adapter = lora_path is not None
        self.crashes = self.has_adapter and b"crash" in pathlib.Path(lora_path).read_bytes()

    def create_chat_completion(self, messages, grammar, max_tokens, temperature, seed):
        if self.crashes:
            os._exit(11)
        if self.late:
            time.sleep(60)
        note = messages[0]["content"].split("\\n", 1)[1]
        said = note.replace(" the device found ", " the device reports ", 1) if self.has_adapter else note
        usage = {"prompt_tokens": 100, "completion_tokens": 80}
        return {"choices": [{"message": {"content": said}}], "usage": usage}
'''
FOUND = finding("pvc-couplet", random.Random(3))


class Files:
    """A model and an adapter in a folder, and an interpreter that has the stand-in for llama-cpp-python."""

    def __init__(self, folder: Path) -> None:
        self.model, self.adapter = folder / "model.gguf", folder / "adapter.gguf"
        self.model.write_bytes(b"GGUF of a model")
        self.adapter.write_bytes(b"GGUF of an adapter")
        (folder / "llama_cpp.py").write_text(STAND_IN)
        self.python = folder / "python"
        # The child is started isolated, so the folder is put in its way by the interpreter itself.
        lines = (
            f"import runpy, sys; sys.path.insert(0, {str(folder)!r}); sys.argv = sys.argv[2:]",
            "runpy.run_path(sys.argv[0], run_name='__main__')",
        )
        self.python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{"; ".join(lines)}" "$@"\n')
        self.python.chmod(0o755)

    def settings(self, **changed) -> ExplainSettings:
        given = {
            "python": str(self.python),
            "model_path": self.model,
            "model_sha256": digest(self.model),
            "adapter_path": self.adapter,
            "adapter_sha256": changed.get("adapter_sha256") or digest(self.adapter),
            "restarts_per_minute": 1,
        }
        return ExplainSettings(**given | changed)

    def without_adapter(self, **changed) -> ExplainSettings:
        return self.settings(**{"adapter_path": None, "adapter_sha256": "", "restarts_per_minute": 5} | changed)

    def other(self, content: bytes) -> Adapter:
        """Another adapter beside the one of the settings."""
        file = self.model.with_name("other.gguf")
        file.write_bytes(content)
        return Adapter(file=file, sha256=digest(file))


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def files(tmp_path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def written():
    """Explains a finding until the ladder has come to rest on a rung; gives what was said, counted, and why."""
    opened: list[Explainer] = []

    def explained(settings: ExplainSettings) -> tuple[list[Explanation], ExplainerCounts, str]:
        heard: list[Explanation] = []
        explainer = Explainer(settings, heard.append)
        opened.append(explainer)
        explainer.submit(FOUND)
        end_s = time.monotonic() + 110.0
        while not _is_done(explainer.counts, explainer.state()):
            assert time.monotonic() < end_s, (explainer.counts, explainer.state())
            time.sleep(0.02)
        return heard, explainer.counts, explainer.state()

    yield explained
    for explainer in opened:
        explainer.close()


@pytest.fixture
def service(files):
    """Starts explainers that are asked again and again; what they heard and lost is kept beside them."""
    opened: list[Explainer] = []

    def started(settings: ExplainSettings) -> Explainer:
        lost: list[str] = []
        explainer = Explainer(settings, lambda _: None, on_adapter_lost=lost.append)
        explainer.lost = lost
        opened.append(explainer)
        return explainer

    yield started
    for explainer in opened:
        explainer.close()


def say_until(explainer: Explainer, rung: str, count: int) -> None:
    """Explain findings, one at a time, until so many were written by a rung."""
    end_s = time.monotonic() + 110.0
    while explainer.counts.rungs()[rung] < count:
        done = explainer.counts
        explainer.submit(FOUND)
        while explainer.counts == replace(done, submitted=done.submitted + 1):
            assert time.monotonic() < end_s, (explainer.counts, explainer.state())
            time.sleep(0.02)


def _is_done(counts: ExplainerCounts, state: str) -> bool:
    return bool(counts.accepted or counts.late) or state.startswith("template only")


def test_the_first_rung_is_the_model_with_its_adapter(files, written):
    heard, counts, state = written(files.settings())
    assert counts.rungs() == {"adapter": 1, "model": 0, "template": 0}
    assert state == f"llm: model.gguf with adapter {digest(files.adapter)[:12]}"
    assert heard[-1].made_by == "llm"
    assert heard[-1].model_sha256 == digest(files.model)
    assert heard[-1].checked.endswith(f", adapter/{digest(files.adapter)[:12]}")
    assert refusal(heard[-1].text, FOUND) is None


@pytest.mark.parametrize("fault", ["gone", "another", "does not fit"])
def test_without_its_adapter_the_model_writes_alone_and_says_why(files, written, fault):
    expected = digest(files.adapter)
    if fault == "gone":
        files.adapter.unlink()
    else:
        files.adapter.write_bytes(b"JUNK" if fault == "does not fit" else b"GGUF of another")
    if fault == "does not fit":
        expected = digest(files.adapter)
    heard, counts, state = written(files.settings(adapter_sha256=expected))
    assert counts.rungs() == {"adapter": 0, "model": 1, "template": 0}
    assert state.startswith("llm: model.gguf without its adapter: ")
    assert {"gone": "No such file", "another": "not the file that was expected", "does not fit": "does not fit"}[
        fault
    ] in state
    assert heard[-1].made_by == "llm"
    assert "adapter" not in heard[-1].checked


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("gone", "the model file model.gguf is not there"),
        ("another", "not the file that was expected"),
        ("no model", "no GGUF"),
    ],
)
def test_without_its_model_the_template_stays_and_it_is_said_why(files, written, fault, reason):
    settings = files.settings()
    if fault == "gone":
        files.model.unlink()
    else:
        files.model.write_bytes(b"JUNK" if fault == "no model" else b"GGUF of another")
    if fault == "no model":
        settings = files.settings()
    heard, counts, state = written(settings)
    assert counts.rungs() == {"adapter": 0, "model": 0, "template": 1}
    assert state.startswith("template only: ")
    assert reason in state
    assert [one.made_by for one in heard] == ["template"]


def test_a_model_that_is_too_slow_is_killed_and_the_template_stays(files, written):
    files.model.write_bytes(b"GGUF late")
    heard, counts, _ = written(files.settings(deadline_s=0.3))
    assert counts.late == 1
    assert counts.rungs() == {"adapter": 0, "model": 0, "template": 1}
    assert [one.made_by for one in heard] == ["template"]


def test_a_model_beyond_its_cap_of_memory_is_not_started(files, written):
    heard, counts, state = written(files.settings(memory_mb=ADDRESS_MB - 1))
    assert state == (
        f"template only: too little memory: model.gguf needs {ADDRESS_MB} MB, explain.memory_mb is {ADDRESS_MB - 1}"
    )
    assert counts.rungs()["template"] == 1
    assert [one.made_by for one in heard] == ["template"]


def test_a_model_is_not_started_where_too_little_memory_is_free(files, monkeypatch, tmp_path, written):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 900000 kB\nMemAvailable: 61440 kB\n")
    adapter = adapter_in_settings(files.settings())
    low = "too little memory: model.gguf needs 130 MB, 60 are free"
    assert too_little_free(files.settings(), adapter, meminfo) == low
    meminfo.write_text("MemTotal: 900000 kB\nMemAvailable: 614400 kB\n")
    assert too_little_free(files.settings(), adapter, meminfo) == ""
    assert too_little_free(files.settings(), adapter, tmp_path / "none") == ""
    monkeypatch.setattr("edge_agent.explain.explainer.too_little_free", lambda *_: low)
    _, counts, state = written(files.settings())
    assert state == f"template only: {low}"
    assert counts.rungs()["template"] == 1


def test_an_adapter_with_which_the_process_keeps_ending_is_given_up_and_the_model_writes_alone(files, service):
    explainer = service(files.without_adapter())
    crashing = files.other(b"GGUF crash")
    explainer.lay_over(crashing)
    say_until(explainer, "model", 2)
    assert explainer.lost == [crashing.sha256]
    assert explainer.counts.lost == 2
    assert explainer.state() == "llm: model.gguf without its adapter: the process ended again and again with it"


def test_another_adapter_is_taken_up_for_the_next_text_and_put_away_again(files, service):
    explainer = service(files.without_adapter())
    say_until(explainer, "model", 1)
    given = files.other(b"GGUF of a clinic's adapter")
    explainer.lay_over(given)
    say_until(explainer, "adapter", 1)
    assert explainer.state() == f"llm: model.gguf with adapter {given.sha256[:12]}"
    explainer.lay_over(None)
    say_until(explainer, "model", 2)
    assert explainer.state() == "llm: model.gguf"


def test_an_adapter_that_was_given_up_does_not_keep_another_from_being_taken_up(files, service):
    explainer = service(files.without_adapter())
    explainer.lay_over(files.other(b"GGUF crash"))
    say_until(explainer, "model", 1)
    explainer.lay_over(files.other(b"GGUF of a better one"))
    say_until(explainer, "adapter", 1)


def test_a_model_that_is_gone_when_another_adapter_comes_leaves_the_template_and_says_why(files, service):
    explainer = service(files.without_adapter())
    say_until(explainer, "model", 1)
    files.model.unlink()
    explainer.lay_over(files.other(b"GGUF of a clinic's adapter"))
    end_s = time.monotonic() + 60.0
    while explainer.state() != "template only: the model file model.gguf is not there":
        assert time.monotonic() < end_s, explainer.state()
        time.sleep(0.02)
    explainer.submit(FOUND)
    assert explainer.counts.rungs() == {"adapter": 0, "model": 1, "template": 1}


def test_an_adapter_that_was_set_by_hand_stays_whatever_comes_with_words(files, service):
    explainer = service(files.settings(restarts_per_minute=5))
    explainer.lay_over(files.other(b"GGUF of a clinic's adapter"))
    say_until(explainer, "adapter", 1)
    assert explainer.state() == f"llm: model.gguf with adapter {digest(files.adapter)[:12]}"


def test_a_model_that_fits_only_without_its_adapter_writes_alone(files, written):
    files.adapter.write_bytes(b"GGUF" + bytes(2 << 20))
    _, counts, state = written(files.settings(memory_mb=ADDRESS_MB + 1))
    assert counts.rungs()["model"] == 1
    assert state.startswith("llm: model.gguf without its adapter: too little memory: model.gguf needs ")


@pytest.mark.parametrize("given", [{"model_sha256": "abc"}, {"adapter_sha256": "Z" * 64}])
def test_a_hash_that_is_none_is_refused_with_the_settings(files, given):
    with pytest.raises(BadInput) as refused:
        files.settings(**given)
    assert "sha256" in refused.value.advice


def test_an_adapter_without_its_hash_is_refused_with_the_settings(files):
    with pytest.raises(BadInput) as refused:
        ExplainSettings(adapter_path=files.adapter)
    assert "sha256sum" in refused.value.advice


def test_an_address_is_no_model(tmp_path):
    start = start_of(ExplainSettings(model_path=Path("https://models.example/m.gguf")), None)
    assert start.command == ()
    assert start.off == "the model file m.gguf is not there"


@pytest.mark.llm
def test_the_real_model_goes_on_without_an_adapter_that_does_not_fit(tmp_path, written):
    model = packaged_model()
    if model is None or start_of(ExplainSettings(), None).off:
        pytest.skip("no language model is installed (make llm)")
    adapter = tmp_path / "adapter.gguf"
    adapter.write_bytes(b"GGUF, but no adapter")
    settings = ExplainSettings(adapter_path=adapter, adapter_sha256=digest(adapter), start_s=120.0, deadline_s=120.0)
    _, counts, state = written(settings)
    assert counts.rungs()["model"] == 1
    assert "without its adapter: adapter.gguf does not fit the model" in state
