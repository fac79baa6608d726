"""The explainer beside a decoder that is good, wrong, late, dead, or the real language model."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from explain_cases import finding, many

from biosignal.events import Explanation, FindingState
from biosignal.wording.checker import refusal
from edge_agent.explain import child as child_module
from edge_agent.explain.child import file_sha256
from edge_agent.explain.explainer import Explainer
from edge_agent.explain.ladder import start_of
from edge_agent.explain.settings import ExplainSettings

STAND_IN = """
import json, os, sys, time
mode = sys.argv[1]
if mode == "no-start":
    print(json.dumps({"ready": False, "reason": "no such model"}), flush=True)
    sys.exit(1)
if mode == "silent":
    time.sleep(60)
print(json.dumps({"ready": True, "model": "stand-in", "sha256": "ab" * 32}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    note = request["prompt"].split("\\n", 1)[1]
    good = note.replace("the device found", "the device reports", 1)
    if mode == "hang":
        time.sleep(60)
    if mode == "crash":
        os._exit(139)
    if mode == "garbage":
        print("{{{ not json", flush=True)
        continue
    if mode == "endless":
        while True:
            sys.stdout.write("x" * 65536)
    if mode == "error":
        print(json.dumps({"id": request["id"], "error": "out of memory"}), flush=True)
        continue
    if mode == "wrong" or (mode == "second" and request["id"] % 2):
        good = good.replace("the device reports", "the device never saw")
    if mode == "slow":
        time.sleep(0.3)
    print(json.dumps({"id": request["id"], "text": good}), flush=True)
"""


class Heard:
    """Collects explanations and waits for them."""

    def __init__(self) -> None:
        self.texts: list[Explanation] = []
        self.threads: set[str] = set()
        self._changed = threading.Condition()

    def __call__(self, explanation: Explanation) -> None:
        with self._changed:
            self.texts.append(explanation)
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()


def wait_until(condition, within_s: float = 20.0) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def stand_in(tmp_path):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    made: list[Explainer] = []

    def start(mode: str, **settings) -> tuple[Explainer, Heard]:
        heard = Heard()
        command = (sys.executable, "-I", str(script), mode)
        explainer = Explainer(ExplainSettings(command=command, **settings), heard)
        made.append(explainer)
        return explainer, heard

    yield start
    for explainer in made:
        explainer.close()


def couplet():
    return finding("pvc-couplet", random.Random(3))


def test_a_good_text_follows_the_template(stand_in):
    explainer, heard = stand_in("good")
    found = couplet()
    template = explainer.submit(found)
    assert heard.texts == [template]
    wait_until(lambda: len(heard.texts) == 2)
    text = heard.texts[1]
    assert (text.id, text.rev, text.made_by, text.model_sha256) == (template.id, 1, "llm", "ab" * 32)
    assert text.text != template.text
    assert refusal(text.text, found) is None
    assert explainer.state() == "llm: stand-in"
    assert heard.threads == {"MainThread", "edge.explain"}


def test_a_wrong_text_is_refused_and_the_template_stays(stand_in):
    explainer, heard = stand_in("wrong")
    explainer.submit(couplet())
    wait_until(lambda: explainer.counts.refused == 2)
    explainer.close()
    assert [text.made_by for text in heard.texts] == ["template"]


def test_a_text_says_how_many_were_refused_before_it(stand_in):
    explainer, heard = stand_in("second")
    explainer.submit(couplet())
    wait_until(lambda: len(heard.texts) == 2)
    assert heard.texts[1].refused == 1


def test_a_late_child_is_killed_and_started_again(stand_in):
    explainer, heard = stand_in("hang", deadline_s=0.2)
    explainer.submit(couplet())
    wait_until(lambda: explainer.counts.late == 1)
    explainer.submit(finding("vt", random.Random(4)))
    wait_until(lambda: explainer.counts.late == 2)
    assert [text.made_by for text in heard.texts] == ["template", "template"]


@pytest.mark.parametrize("mode", ["crash", "garbage", "endless", "error", "no-start"])
def test_a_child_that_fails_costs_one_text_and_in_the_end_is_left_alone(stand_in, mode):
    explainer, heard = stand_in(mode, restarts_per_minute=3)
    for index, found in enumerate(many(3)):
        explainer.submit(found)
        wait_until(lambda expected=index + 1: explainer.counts.lost == expected)
    wait_until(lambda: explainer.state().startswith("template only: "))
    explainer.submit(couplet())
    assert [text.made_by for text in heard.texts] == ["template"] * 4


def test_after_a_rest_the_child_is_tried_again(stand_in):
    explainer, _ = stand_in("crash", restarts_per_minute=1, rest_s=0.2)
    explainer.submit(couplet())
    wait_until(lambda: explainer.state().startswith("template only: "))
    time.sleep(0.25)
    explainer.submit(couplet())
    wait_until(lambda: explainer.counts.lost == 2)


def test_a_full_queue_drops_the_oldest_and_says_so(stand_in):
    explainer, heard = stand_in("slow", queue=2)
    for found in many(8):
        if found.state is not FindingState.WITHDRAWN:
            explainer.submit(found)
    wait_until(lambda: sum(t.made_by == "llm" for t in heard.texts) + explainer.counts.dropped == 8)
    assert explainer.counts.dropped >= 5
    assert sum(text.made_by == "template" for text in heard.texts) == 8


def test_submit_never_waits_for_the_model(stand_in):
    explainer, _ = stand_in("hang")
    begin_s = time.monotonic()
    for found in many(50):
        explainer.submit(found)
    assert time.monotonic() - begin_s < 2.0


@pytest.mark.parametrize("mode", ["hang", "silent"])
def test_close_does_not_wait_for_a_text_in_the_making(stand_in, mode):
    explainer, _ = stand_in(mode)
    explainer.submit(couplet())
    time.sleep(0.2)
    begin_s = time.monotonic()
    explainer.close()
    assert time.monotonic() - begin_s < 3.0


def test_without_a_model_the_state_says_why(tmp_path):
    heard = Heard()
    off = Explainer(ExplainSettings(language_model=False), heard)
    assert off.state() == "template only: switched off in the settings"
    off.submit(couplet())
    assert [text.made_by for text in heard.texts] == ["template"]
    missing = Explainer(ExplainSettings(model_path=tmp_path / "none.gguf", python=sys.executable), heard)
    assert missing.state() == "template only: the model file none.gguf is not there"


def test_our_child_puts_itself_last_in_every_queue():
    lines = (
        "import os, resource, runpy, sys",
        "child = runpy.run_path(sys.argv[1])",
        "child['step_back'](700)",
        "adjusted = open('/proc/self/oom_score_adj').read().strip()",
        "print(os.nice(0), resource.getrlimit(resource.RLIMIT_AS)[0] >> 20, adjusted)",
    )
    command = [sys.executable, "-I", "-c", "\n".join(lines), child_module.__file__]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout.split() == ["19", "700", "1000"]


def test_our_child_tells_why_it_cannot_load(tmp_path):
    """The real child process, with a file that is no model."""
    model = tmp_path / "broken.gguf"
    model.write_bytes(b"not a model")
    explainer = Explainer(ExplainSettings(model_path=model, python=sys.executable, restarts_per_minute=1), Heard())
    explainer.submit(couplet())
    wait_until(lambda: explainer.counts.lost == 1)
    wait_until(lambda: "did not load" in explainer.state())
    explainer.close()


def real_settings() -> ExplainSettings:
    """The installed model, or the interpreter and model that the environment names."""
    python, model = os.environ.get("BEDSIDE_EXPLAIN_PYTHON"), os.environ.get("BEDSIDE_EXPLAIN_MODEL")
    return ExplainSettings(python=python, model_path=Path(model) if model else None)


@pytest.mark.llm
def test_the_real_model_writes_texts_that_pass():
    settings = real_settings()
    start = start_of(settings, None)
    if start.off:
        pytest.skip(start.off)
    heard = Heard()
    explainer = Explainer(settings, heard)
    found = [finding(kind, random.Random(kind)) for kind in ("pvc", "vt", "asystole")]
    for each in found:
        explainer.submit(each)
    wait_until(lambda: explainer.counts.accepted + explainer.counts.late == 3, 60.0)
    explainer.close()
    by_id = {each.id: each for each in found}
    made = [text for text in heard.texts if text.made_by == "llm"]
    assert made
    assert all(refusal(text.text, by_id[text.finding]) is None for text in made)
    assert {text.model_sha256 for text in made} == {
        file_sha256(Path(start.command[start.command.index("--model") + 1]))
    }
