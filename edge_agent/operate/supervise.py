"""Looking after the running daemon: its log, metrics, status file and watchdog, fed from what the rooms count."""

import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from biosignal import __version__
from biosignal.errors import BedsideError
from biosignal.events import Rung
from biosignal.model.backend import Backend
from biosignal.stream.pipeline import TASK
from edge_agent.operate.clock import Clock
from edge_agent.operate.log import Log
from edge_agent.operate.metrics import Metrics, MetricsEndpoint
from edge_agent.operate.settings import Settings
from edge_agent.operate.status_file import AgentStatus, write_status
from edge_agent.operate.watchdog import Notifier, ProgressWatch
from edge_agent.sources.port import SourceState
from edge_agent.store.errors import StoreTrouble

if TYPE_CHECKING:
    from edge_agent.agent import Agent

log = logging.getLogger(__name__)
OURS = ("edge_agent", "biosignal")
LOOPS = ("reader", "analysis", "keeper")
TRACE_FRAMES = 4


class LogHandler(logging.Handler):
    """Turns the records of the standard `logging` into events.

    The message of a record of ours is the event's name; its values are in ``extra={"facts": {...}}``, or are the other
    names in `extra`. What libraries say is let through from warnings on, all under one name.
    """

    _PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "facts"}
    _KEPT_OUT = frozenset({"event", "error", "samples", "subject", "patient", "password", "token", "secret"})

    def __init__(self, events: Log) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            self._write(record)
        except Exception:  # noqa: BLE001 - a log that cannot be written must not end the work
            self.handleError(record)

    def _write(self, record: logging.LogRecord) -> None:
        facts = self._facts(record)
        if not record.name.startswith(OURS):
            if record.levelno >= logging.WARNING:
                self._events.warning("library.message.logged", logger=record.name, text=record.getMessage(), **facts)
            return
        name = record.getMessage()
        if record.exc_info and isinstance(error := record.exc_info[1], BaseException):
            facts["trace"] = _trace(error)
            self._events.error(name, error=error, **facts)
        elif record.levelno >= logging.ERROR:
            self._events.error(name, **facts)
        elif record.levelno >= logging.WARNING:
            self._events.warning(name, **facts)
        elif record.levelno >= logging.INFO:
            self._events.info(name, **facts)
        else:
            self._events.debug(name, **facts)

    def _facts(self, record: logging.LogRecord) -> dict[str, Any]:
        given = dict(getattr(record, "facts", {}))
        given |= {name: value for name, value in vars(record).items() if name not in self._PLAIN}
        return {name: value for name, value in given.items() if name not in self._KEPT_OUT}


def _trace(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-TRACE_FRAMES:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames))


@contextmanager
def logging_to(stream: TextIO, *, clock: Clock, level: str) -> Iterator[None]:
    """Write everything that is logged as events to `stream`, until left."""
    handler = LogHandler(Log(stream, clock=clock, level=level))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


class TimedBackend:
    """A backend whose windows are timed: told (rung, seconds) after each."""

    def __init__(self, backend: Backend, told: Callable[[Rung, float], None]) -> None:
        self._backend = backend
        self._told = told

    @property
    def bundle(self) -> str:
        """``name/version`` of the bundle it serves."""
        return self._backend.bundle

    @property
    def rung(self) -> Rung:
        """Which rung of the ladder gave the last answer."""
        return self._backend.rung

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        """Run once, and tell how long it took."""
        began_s = time.perf_counter()
        outputs = self._backend.infer(inputs)
        self._told(self._backend.rung, time.perf_counter() - began_s)
        return outputs

    def close(self) -> None:
        """Give back what the backend holds."""
        self._backend.close()


class Supervisor:
    """Watches over an agent from its main thread; `turn` is called about twice a second.

    `standing` are the loops that hang, and for how many seconds, as last looked at.
    """

    def __init__(self, agent: "Agent", settings: Settings, *, clock: Clock, notifier: Notifier | None = None) -> None:
        self._agent = agent
        self._settings = settings
        self._clock = clock
        self._notifier = notifier or Notifier()
        self._metrics = Metrics()
        self._endpoint: MetricsEndpoint | None = None
        self._watch = ProgressWatch(self._notifier, loops=LOOPS, clock=clock)
        self._turns = dict.fromkeys(LOOPS, -1)
        self._counted: dict[tuple[object, ...], float] = {}
        self._said: dict[str, str] = {}
        self.standing: dict[str, float] = {}
        self._began_s = clock.monotonic_s()
        self._started_utc_s = clock.utc_s()
        self._next_status_s = self._next_check_s = self._began_s

    # ---- life ----------------------------------------------------------------------------------------------------

    @property
    def metrics_port(self) -> int | None:
        """Where metrics are served; None where they are not."""
        return self._endpoint.port if self._endpoint is not None else None

    def start(self) -> None:
        """Serve metrics, write the first status, tell systemd that the daemon serves."""
        operate = self._settings.operate
        try:
            self._endpoint = MetricsEndpoint(self._metrics, host=operate.metrics_host, port=operate.metrics_port)
        except BedsideError as error:
            # Monitoring goes on without its metrics.
            log.warning("operate.metrics.refused", extra={"facts": {"why": str(error), "remedy": error.advice}})
        else:
            log.info(
                "operate.metrics.serving", extra={"facts": {"host": operate.metrics_host, "port": self.metrics_port}}
            )
        self.turn()
        self._notifier.ready(self._sentence())

    def turn(self) -> None:
        """Look at everything once: changes into the log, the watchdog, and when due status and metrics."""
        try:
            self._turn()
        except Exception:  # watching must not end what is watched
            log.exception("operate.turn.failed")

    def _turn(self) -> None:
        now_s = self._clock.monotonic_s()
        self._say_changes()
        self._note_turns()
        if now_s >= self._next_check_s:
            self._next_check_s = now_s + self._watch.every_s
            self.standing = self._watch.check()
            for loop, age_s in self.standing.items():
                log.error("operate.loop.standing", extra={"facts": {"loop": loop, "seconds": round(age_s, 1)}})
        if now_s >= self._next_status_s:
            self._next_status_s = now_s + self._settings.operate.status_s
            self._count_all()
            self._write_status()
            self._notifier.status(self._sentence())

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._notifier.stopping()

    def stop(self) -> None:
        """Count and write a last time, and serve no metrics any more."""
        self._count_all()
        self._write_status()
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    def inferred(self, rung: Rung, seconds: float) -> None:
        """One window was answered."""
        self._metrics.inference_s.labels(task=TASK, rung=rung.value).observe(seconds)

    def delivered(self, seconds: float) -> None:
        """A finding is in the store so long after its samples arrived."""
        self._metrics.delivery_s.observe(seconds)

    # ---- watchdog ------------------------------------------------------------------------------------------------

    def _note_turns(self) -> None:
        """A loop advances where its thread went round; one that has ended, or waits for its port, does not hang."""
        agent = self._agent
        waits = agent.source_health().state is not SourceState.STREAMING
        looks = {
            "reader": (agent.reader.turns, agent.reader.ended or waits),
            "analysis": (agent.analysis.turns, agent.analysis.ended.is_set()),
            "keeper": (agent.keeper.turns, agent.keeper.ended),
        }
        for loop, (turns, excused) in looks.items():
            if excused or turns != self._turns[loop]:
                self._turns[loop] = turns
                self._watch.advance(loop)

    # ---- log and status ------------------------------------------------------------------------------------------

    def _say_changes(self) -> None:
        health = self._agent.source_health()
        self._say("sources.state.changed", health.state.value, why=health.reason)
        rung, reason = self._agent.rung
        self._say("inference.rung.served", rung.value, why=reason, bundle=self._agent.bundle)
        connected, _, sentence = self._line()
        self._say("sync.state.changed", "connected" if connected else "not connected", why=sentence)
        self._say("store.state.changed", self._agent.keeper.trouble or "sound")

    def _say(self, event: str, state: str, **facts: object) -> None:
        if self._said.get(event) != state:
            self._said[event] = state
            log.info(event, extra={"facts": {"state": state, **facts}})

    def _line(self) -> tuple[bool, float, str]:
        """Whether there is a line, since when on the steady clock, and why."""
        sync = self._agent.sync
        if sync is None:
            return False, self._began_s, self._agent.no_line
        state = sync.state()
        sentence = state.sentence if state.remedy is None else f"{state.sentence}; {state.remedy}"
        return sync.connected, state.since_s, sentence

    def _sentence(self) -> str:
        health = self._agent.source_health()
        rung, _ = self._agent.rung
        connected, _, _ = self._line()
        line = "connected" if connected else "not connected"
        return f"{health.state.value}; {rung.value}; {line}; {self._agent.outbox()} events wait"

    def _write_status(self) -> None:
        agent = self._agent
        health = agent.source_health()
        rung, reason = agent.rung
        connected, connected_since_s, sentence = self._line()
        counts = agent.store_counts()
        status = AgentStatus(
            pid=os.getpid(),
            written_utc_s=self._clock.utc_s(),
            started_utc_s=self._started_utc_s,
            version=__version__,
            source_state=health.state.value,
            source_reason=health.reason,
            source_since_utc_s=self._utc_of(health.since_monotonic_s),
            rung=rung.value,
            rung_reason=reason,
            bundle=agent.bundle,
            connected=connected,
            connected_since_utc_s=self._utc_of(connected_since_s),
            connection_reason=sentence,
            outbox=agent.outbox(),
            rejected=counts.rejected if counts is not None else 0,
            explainer=agent.explainer.state(),
            lost_samples=agent.analysis.counts.samples_lost,
            metrics_port=self.metrics_port,
        )
        try:
            write_status(self._settings.device.state_dir, status)
        except OSError as error:
            log.warning("operate.status.failed", extra={"facts": {"why": error.strerror}})

    def _utc_of(self, steady_s: float) -> float:
        """Put a time of the steady clock on the wall clock of now; nothing here is older than the daemon."""
        return self._clock.utc_s() - max(0.0, self._clock.monotonic_s() - max(steady_s, self._began_s))

    # ---- metrics -------------------------------------------------------------------------------------------------

    def _count_all(self) -> None:
        agent, metrics = self._agent, self._metrics
        counts = agent.analysis.counts
        self._count(metrics.samples, agent.reader.samples_read)
        for reason, number in tuple(counts.gaps_by_reason.items()):
            self._count(metrics.gaps, number, reason=reason)
        for reason, number in tuple(counts.lost_by_reason.items()):
            self._count(metrics.lost, number, reason=reason)
        for label, number in tuple(counts.beats_by_label.items()):
            self._count(metrics.beats, number, label=label)
        for kind, number in tuple(counts.findings_by_kind.items()):
            self._count(metrics.findings, number, kind=kind)
        for (priority, state), number in tuple(counts.alarms_by_state.items()):
            self._count(metrics.alarms, number, priority=priority, state=state)
        for reason, number in tuple(counts.unanswered_by_reason.items()):
            self._count(metrics.unanswered, number, reason=reason)
        texts = agent.explainer.counts
        self._count(metrics.explanations, counts.texts, made_by="template")
        self._count(metrics.explanations, texts.accepted, made_by="llm")
        self._count(metrics.refused_texts, texts.refused)
        if (sync := agent.sync) is not None:
            self._count(metrics.sent, sync.counters.sent)
            self._count(metrics.resent, sync.counters.resent)
            self._count(metrics.confirmed, sync.counters.confirmed)
        self._gauge_all()

    def _gauge_all(self) -> None:
        agent, metrics = self._agent, self._metrics
        metrics.source_up.set(agent.source_health().state is SourceState.STREAMING)
        rung, _ = agent.rung
        metrics.serving(task=TASK, rung=rung.value, bundle=agent.bundle or "none")
        if (stored := agent.store_counts()) is not None:
            metrics.outbox.set(stored.outbox)
            metrics.rejected.set(stored.rejected)
        metrics.connected.set(self._line()[0])
        try:
            metrics.wave_bytes.set(agent.waves.counts().size_bytes)
        except StoreTrouble as error:
            log.warning("store.counts.failed", extra={"facts": {"why": str(error)}})
        waiting = agent.reader.samples_read - agent.reader.samples_dropped - agent.analysis.counts.samples
        metrics.queue_samples.set(max(0, waiting))

    def _count(self, counter: Any, total: float, **labels: str) -> None:
        """Bring a counter up to what the room counted."""
        key = (counter, *labels.values())
        behind = total - self._counted.get(key, 0)
        self._counted[key] = total
        target = counter.labels(**labels) if labels else counter
        target.inc(behind)
