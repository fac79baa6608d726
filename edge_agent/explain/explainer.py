"""Explanations as a service of the daemon: the template at once, a checked re-wording later or never."""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from biosignal.events import Explanation, Finding, FindingState
from biosignal.wording.checker import refusal
from biosignal.wording.grammar import gbnf
from biosignal.wording.knowledge import broken_words
from biosignal.wording.language import longest, prompt_of
from edge_agent.explain.decoder import Decoder, DecoderLate, DecoderLost, NotLoaded
from edge_agent.explain.ladder import Adapter, Start, adapter_in_settings, start_of, too_little_free
from edge_agent.explain.settings import ExplainSettings
from edge_agent.explain.template import checked_against, explain
from edge_agent.pulse import Pulse

log = logging.getLogger(__name__)
LIMIT_S = 10.0
LOOK_S = 1.0
"""So often it is looked after the language model's process while no text is wanted."""
ADAPTER_LOSSES = 2
"""After so many ends of the process with an adapter, and no text of it between them, the model goes on without."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainerCounts:
    """What became of the findings: `accepted` got a model's text, `adapted` of them by its adapter.

    The rest kept the template.
    """

    submitted: int = 0
    accepted: int = 0
    adapted: int = 0
    refused: int = 0
    late: int = 0
    lost: int = 0
    dropped: int = 0

    def rungs(self) -> dict[str, int]:
        """Count the findings by the rung of the ladder that wrote their last text."""
        alone = self.accepted - self.adapted
        return {"adapter": self.adapted, "model": alone, "template": self.submitted - self.accepted}


class Explainer:
    """Explains findings; never in the way of an alarm.

    `submit` makes the template text, hands it to `on_text` in the caller's thread and returns. A thread of its own asks
    the language model, and hands a text to `on_text` as revision 1 of the same explanation only if the checker accepts
    it. Where anything fails, the template stays.

    `on_adapter_lost` is given the hash of an adapter with which the process ended again and again.
    """

    def __init__(
        self,
        settings: ExplainSettings,
        on_text: Callable[[Explanation], None],
        *,
        on_adapter_lost: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._on_text = on_text
        self._on_adapter_lost = on_adapter_lost
        self._waiting: OrderedDict[str, Finding] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = False
        self._counts = ExplainerCounts()
        self._decoder: Decoder | None = None
        self._starts_s: deque[float] = deque()
        self._start = start_of(settings, adapter_in_settings(settings))
        self._next_start: Start | None = None
        self._adapter_losses = 0
        self._off = self._start.off
        self._rests_until_s: float | None = None
        self.pulse = Pulse("explainer", LIMIT_S)
        self._thread: threading.Thread | None = None
        # Read here, so that no file is read when the first finding is explained.
        for trouble in broken_words():
            log.warning("explain.words.broken", extra={"facts": {"why": trouble}})
        if not self._off:
            self._thread = threading.Thread(target=self._work, name="edge.explain", daemon=True)
            self._thread.start()

    @property
    def counts(self) -> ExplainerCounts:
        """Counters since the start."""
        with self._changed:
            return self._counts

    def state(self) -> str:
        """Say what writes the texts: ``llm: MODEL`` or ``template only: REASON``, and whether words are missing."""
        with self._changed:
            writer = f"template only: {self._off}" if self._off else f"llm: {_loaded(self._decoder, self._start)}"
        missing = len(broken_words())
        return f"{writer}; {missing} faults in the vetted words" if missing else writer

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

    def lay_over(self, adapter: Adapter | None) -> None:
        """Let the next texts be written with this adapter over the model; None: without one.

        An adapter that the settings name stays: who set it by hand meant it.
        """
        if self._settings.adapter_path is not None:
            return
        start = start_of(self._settings, adapter)
        with self._changed:
            self._next_start = start
            self._changed.notify_all()

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
            self.pulse.beat(LOOK_S + LIMIT_S)
            finding = None
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._waiting or self._next_start, LOOK_S)
                if self._closing:
                    break
                if self._waiting and self._next_start is None:
                    _, finding = self._waiting.popitem(last=False)
            self.pulse.beat(self._settings.start_s + self._settings.deadline_s + LIMIT_S)
            if self._next_start is not None:
                self._take_next_start()
            elif finding is not None:
                self._reword(finding)
            else:
                self._look_after()
        self._drop_decoder()
        self.pulse.rest()

    def _take_next_start(self) -> None:
        """Give up the process that is there; the next text begins another one, as it is to be started now."""
        self._drop_decoder()
        with self._changed:
            if self._next_start is not None:
                self._start, self._next_start = self._next_start, None
            self._adapter_losses = 0
            off = self._start.off
        if off:  # the model itself is gone, or does not fit any more
            self._rest(off)

    def _look_after(self) -> None:
        """Start the language model's process anew where it has died or stands still while nobody asks it."""
        decoder = self._decoder
        if decoder is None or decoder.alive:
            return
        self._note("lost")
        self._drop_decoder()
        self._count_adapter_loss(None)
        try:
            self._ready_decoder()
        except DecoderLost as error:
            self._drop_decoder()
            self._count_adapter_loss(error)
            self._give_up_if_hopeless(str(error))
        except Exception:  # the border of the thread, as in `_reword`
            log.exception("explain.start.failed")
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
            self._count_adapter_loss(error)
            self._give_up_if_hopeless(str(error))
        except Exception:  # the border of the thread: one finding that cannot be worded must not end the others' texts
            log.exception("explain.reword.failed", extra={"facts": {"kind": finding.kind}})
            self._note("lost")
        else:
            if explanation is not None:
                if decoder.adapter:
                    self._adapter_losses = 0
                    self._note("adapted")
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
                prompt=prompt_of(finding),
                grammar=gbnf(finding),
                # Even one token per two characters is above what a tokenizer needs for English.
                max_tokens=longest(finding) // 2,
                seed=finding.onset % 1_000_003 + attempt,
                within_s=deadline_s - time.monotonic(),
            )
            if refusal(text, finding) is None and checked_against(finding) == template.checked:
                checked = f"{template.checked}{f', adapter/{decoder.adapter[:12]}' if decoder.adapter else ''}"
                written = replace(template, rev=1, text=text, made_by="llm", checked=checked, refused=attempt)
                return replace(written, model_sha256=decoder.sha256)
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
        if too_little := too_little_free(self._settings, self._start.adapter):
            self._rest(too_little)
            return None
        self._starts_s.append(now_s)
        decoder = Decoder(self._start.command)
        with self._changed:
            self._decoder = decoder
            if self._closing:
                decoder.kill()
        decoder.wait_ready(self._settings.start_s)
        return decoder

    def _count_adapter_loss(self, error: DecoderLost | None) -> None:
        """Go on without the adapter where the process keeps ending with it, before the model has to rest for it."""
        adapter = self._start.adapter
        if adapter is None or isinstance(error, NotLoaded):
            return
        self._adapter_losses += 1
        if self._adapter_losses < min(ADAPTER_LOSSES, self._settings.restarts_per_minute):
            return
        log.warning("explain.adapter.lost", extra={"facts": {"sha256": adapter.sha256}})
        alone = start_of(self._settings, None)
        with self._changed:
            self._start = replace(alone, without="the process ended again and again with it")
            self._adapter_losses = 0
            self._starts_s.clear()
        self._on_adapter_lost(adapter.sha256)

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


def _loaded(decoder: Decoder | None, start: Start) -> str:
    """Name the model that is loaded, and its adapter or why it goes without."""
    if decoder is None or not decoder.model:
        return "not loaded yet"
    if without := decoder.adapter_refused or start.without:
        return f"{decoder.model} without its adapter: {without}"
    return f"{decoder.model} with adapter {decoder.adapter[:12]}" if decoder.adapter else decoder.model
