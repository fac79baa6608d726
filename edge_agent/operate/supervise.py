"""Looking after the running daemon: its metrics, status file and watchdog, fed from what the parts count."""

import logging
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from biosignal import __version__
from biosignal.errors import BedsideError
from biosignal.events import LoopStatus, Rung
from biosignal.liveness import valid_for_s
from edge_agent.operate.clock import Clock
from edge_agent.operate.metrics import Live, Metrics, MetricsEndpoint
from edge_agent.operate.settings import Settings
from edge_agent.operate.status_file import AgentStatus, ServedModel, ShownReading, write_status
from edge_agent.operate.watchdog import LoopWatch, Notifier
from edge_agent.operate.watcher import Watcher
from edge_agent.sources.port import SourceState
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.keeper import KeeperCounts
from edge_agent.sync.port import SyncCounters

if TYPE_CHECKING:
    from edge_agent.agent.agent import Agent

log = logging.getLogger(__name__)


class Supervisor:
    """Watches over an agent from its main thread; `turn` is called about twice a second. Whether its loops hang is
    looked at on a thread of its own, as the main one may hang, too.
    """

    def __init__(self, agent: "Agent", settings: Settings, *, clock: Clock, notifier: Notifier | None = None) -> None:
        self._agent = agent
        self._settings = settings
        self._clock = clock
        self._notifier = notifier or Notifier()
        self._metrics = Metrics()
        self._endpoint: MetricsEndpoint | None = None
        self._watch: LoopWatch | None = None
        self._watcher: Watcher | None = None
        self._counted: dict[tuple[object, ...], float] = {}
        self._said: dict[tuple[str, str], str] = {}
        self._began_s = clock.monotonic_s()
        self._started_utc_s = clock.utc_s()
        self._next_status_s = self._began_s

    # ---- life ----------------------------------------------------------------------------------------------------

    @property
    def metrics_port(self) -> int | None:
        """Where metrics are served; None where they are not."""
        return self._endpoint.port if self._endpoint is not None else None

    def start(self) -> None:
        """Serve metrics, write the first status, let systemd know that the daemon serves."""
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
        self._metrics.show(lambda: _live(self._agent))
        self._watch = LoopWatch(self._notifier, self._agent.hanging.watched())
        self._watcher = Watcher(self._watch, self._agent.hanging.show, end_when_hung=operate.end_when_hung)
        self._watcher.start()
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
        if self._watcher is not None:
            self._watcher.stop()
        self._count_all()
        self._write_status()
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    def inferred(self, task: str, rung: Rung, seconds: float) -> None:
        """One window was answered."""
        self._metrics.inference_s.labels(task=task, rung=rung.value).observe(seconds)

    def delivered(self, seconds: float) -> None:
        """A finding is in the store so long after its samples arrived."""
        self._metrics.delivery_s.observe(seconds)

    # ---- watchdog ------------------------------------------------------------------------------------------------

    def loops(self) -> tuple[LoopStatus, ...]:
        """How old every loop is, now; waits for nobody."""
        return self._watch.look() if self._watch is not None else ()

    @property
    def hanging(self) -> dict[str, float]:
        """The loops that hang, and for how many seconds, as last looked at."""
        return {loop.name: loop.age_s for loop in self._watcher.hanging} if self._watcher is not None else {}

    # ---- log and status ------------------------------------------------------------------------------------------

    def _say_changes(self) -> None:
        health = self._agent.source.health()
        self._say("sources.state.changed", health.state.value, why=health.reason)
        for one in self._agent.models.status():
            facts = {"task": one.task, "bundle": one.bundle, "why": one.reason}
            self._say("inference.rung.served", one.rung.value, of=one.task, **facts)
        connected, _, sentence = self._line()
        self._say("sync.state.changed", "connected" if connected else "not connected", why=sentence)
        self._say("store.state.changed", self._agent.keeper.trouble or "sound")

    def _say(self, event: str, state: str, *, of: str = "", **facts: object) -> None:
        """Log a state where it changed; `of` says whose it is, where several have one."""
        if self._said.get((event, of)) != state:
            self._said[(event, of)] = state
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
        health = self._agent.source.health()
        rungs = ", ".join(f"{one.task} on {one.rung.value}" for one in self._agent.models.status())
        connected, _, _ = self._line()
        line = "connected" if connected else "not connected"
        return f"{health.state.value}; {rungs}; {line}; {self._agent.stores.outbox} events wait"

    def _write_status(self) -> None:
        agent = self._agent
        health = agent.source.health()
        connected, connected_since_s, sentence = self._line()
        counts = agent.stores.counts()
        now = agent.status()
        status = AgentStatus(
            pid=os.getpid(),
            written_utc_s=self._clock.utc_s(),
            started_utc_s=self._started_utc_s,
            version=__version__,
            source_state=health.state.value,
            source_reason=health.reason,
            source_since_utc_s=self._utc_of(health.since_monotonic_s),
            models=tuple(
                ServedModel(task=one.task, bundle=one.bundle, rung=one.rung.value, reason=one.reason)
                for one in agent.models.status()
            ),
            leads=agent.analysis.plan.sentences(),
            connected=connected,
            connected_since_utc_s=self._utc_of(connected_since_s),
            connection_reason=sentence,
            outbox=agent.stores.outbox,
            rejected=counts.rejected if counts is not None else 0,
            explainer=agent.explainer.state(),
            lost_samples=agent.analysis.counts.samples_lost,
            metrics_port=self.metrics_port,
            sample_age_s=now.sample_age_s,
            loops=now.loops,
            sounder=agent.sounder.state.value,
            sounder_reason=agent.sounder.trouble or "",
            readings=tuple(
                ShownReading(
                    task=one.task,
                    quantity=one.quantity,
                    leads=one.leads,
                    value=one.value,
                    label=one.label,
                    valid_until_utc_s=self._clock.utc_s() + valid_for_s(now, one),
                )
                for one in now.readings
                if one.value is not None or one.label is not None
            ),
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
        for (task, label), number in tuple(counts.marks.items()):
            self._count(metrics.marks, number, task=task, label=label)
        self._count(metrics.task_failures, counts.task_failures)
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
            self._count_each(metrics.line, sync.counters)
        self._count_each(metrics.store, agent.keeper.counts)
        self._gauge_all()

    def _count_each(self, counter: Any, counts: KeeperCounts | SyncCounters) -> None:
        """Show every number that a part counts, by its name."""
        for field in fields(counts):
            if isinstance(number := getattr(counts, field.name), int):
                self._count(counter, number, what=field.name)

    def _gauge_all(self) -> None:
        agent, metrics = self._agent, self._metrics
        for one in agent.models.status():
            metrics.serving(task=one.task, rung=one.rung.value, bundle=one.bundle or "none")
        if (stored := agent.stores.counts()) is not None:
            metrics.outbox.set(stored.outbox)
            metrics.rejected.set(stored.rejected)
        try:
            metrics.wave_bytes.set(agent.waves.counts().size_bytes)
        except StoreTrouble as error:
            log.warning("store.counts.failed", extra={"facts": {"why": str(error)}})
        waiting = agent.reader.samples_read - agent.reader.samples_dropped - agent.analysis.counts.samples
        metrics.queue_samples.set(max(0, waiting))

    def _count(self, counter: Any, total: float, **labels: str) -> None:
        """Bring a counter up to what the part counted."""
        key = (counter, *labels.values())
        behind = total - self._counted.get(key, 0)
        self._counted[key] = total
        target = counter.labels(**labels) if labels else counter
        target.inc(behind)


def _live(agent: "Agent") -> Live:
    """What is so at this moment, for whoever asks for the metrics."""
    now = agent.status()
    return Live(
        streaming=now.source == SourceState.STREAMING.value,
        connected=agent.sync is not None and agent.sync.connected,
        sample_age_s=now.sample_age_s,
        loops=now.loops,
        readings=tuple(one for one in now.readings if one.value is not None),
    )
