"""The daemon, put together: the one place where the rooms are introduced to each other."""

import logging
import signal
import sys
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType

from biosignal import __version__
from biosignal.errors import BadInput, BedsideError
from biosignal.events import (
    AlarmState,
    Command,
    CommandAnswer,
    Durable,
    Explanation,
    Finding,
    ModelReport,
    Priority,
    Rung,
    Status,
)
from biosignal.model.backend import Backend
from biosignal.stream.pipeline import TASK, EcgSettings
from edge_agent.analysis.analysis import Analysis
from edge_agent.analysis.orders import Orders
from edge_agent.analysis.reader import Reader
from edge_agent.analysis.restart import leftovers
from edge_agent.explain.explainer import Explainer, ExplainerSettings
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.inference.bundle_folder import find_bundle
from edge_agent.inference.ladder import Ladder, LadderBackend
from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from edge_agent.operate.clock import Clock, HostClock
from edge_agent.operate.settings import Settings
from edge_agent.operate.supervise import Supervisor, TimedBackend, logging_to
from edge_agent.sources import open_source
from edge_agent.sources.port import SourceHealth, SourceState, choose_leads
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.events import EventStore
from edge_agent.store.keeper import Batch, Keeper
from edge_agent.store.reading import StoreCounts
from edge_agent.store.waveforms import WaveStore
from edge_agent.sync.client import SyncClient
from edge_agent.sync.port import SyncSettings
from edge_agent.updates.room import Switched, UpdateRoom
from edge_agent.updates.shelf import BundleShelf, NothingRunnable
from edge_agent.updates.trial import TrialSettings
from edge_agent.updates.tuf_client import UpdateClient, UpdateSettings

log = logging.getLogger(__name__)
MIB = 1 << 20
FULL_OUTBOX = 2_000
"""A replay waits while so many events wait for the clinic; a live source never does."""
SALVAGE_SHOWN_S = 60.0
TEND_S = 0.5
COUNTS_OLD_S = 0.25


class Agent:
    """All rooms of the daemon, from `start` to `stop`.

    Raises
    ------
    BadInput : the source is missing or unreadable, or a setting cannot be.
    StoreUnwritable, StoreUnsafe, StoreInUse, StoreForeign : the store cannot be opened here.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self.clock = clock or HostClock()
        self._boot = uuid.uuid4().hex
        self._began_s = self.clock.monotonic_s()
        self._counts: StoreCounts | None = None
        self._counted_s = float("-inf")
        self._backend: Backend | None = None
        self._reason = ""
        self.running = False
        self.no_line = "" if settings.sync.enabled else "switched off in the settings (sync.enabled = false)"
        self.sync: SyncClient | None = None
        with ExitStack() as opened:
            self._open(settings, opened)
            self._opened = opened.pop_all()

    def _open(self, settings: Settings, opened: ExitStack) -> None:
        self._source = open_source(settings.source, self.clock)
        facts = self._source.recording_facts()
        lead = facts.leads[choose_leads(facts, settings.analysis.lead)[0]].name
        self._source.open("")
        state = settings.device.state_dir
        self.events = EventStore(state / "events.db", settings.device.name, self._boot)
        opened.callback(self.events.close)
        self.waves = WaveStore(state / "waveforms.db", settings.store.waveform_budget_mb * MIB)
        opened.callback(self._close_waves)
        self.events.on_full = self.waves.shed
        found = [str(store.salvage) for store in (self.events, self.waves) if store.salvage is not None]
        self._salvaged = "; ".join(found)
        left = leftovers(self.events, self.waves)
        self.events.add_many(left.closing)
        self._updates, self._backend, self._reason = self._open_models(state)
        opened.callback(self._close_backend)
        self.keeper = Keeper(
            self.events,
            self.waves,
            on_stored=self._stored,
            live=self._show,
            is_watched=lambda: self.sync is not None and self.sync.watched,
        )
        self.explainer = Explainer(_explainer(settings), self._explained)
        opened.callback(self.explainer.close)
        alarms = AlarmMachine(settings.device.name, started_s=0.0)
        adopted = alarms.adopt(left.alarms, at=left.end)
        live = facts.live
        self.reader = Reader(
            self._source,
            live=live,
            room=max(8, round(settings.analysis.queue_s / settings.source.block_s)) if live else 8,
            clock=self.clock,
            hold=self._outbox_is_full,
        )
        self.supervisor = Supervisor(self, settings, clock=self.clock)
        self.analysis = Analysis(
            self.reader.queue,
            facts=facts,
            lead=lead,
            settings=EcgSettings(mains_hz=settings.analysis.mains_hz or None),
            device=settings.device.name,
            boot=self._boot,
            subject=settings.device.subject,
            previous=left.recording,
            alarms=alarms,
            put=self.keeper.put,
            room=self.keeper.wait_for_room,
            on_beat=self._beat,
            clock=self.clock,
            timed=live or settings.source.speed == 1.0,
            backend=self._timed(self._backend),
            reason=self._reason,
        )
        self.keeper.put(Batch(events=tuple(adopted)))
        self.orders = Orders(
            settings.device.name,
            self.analysis,
            new_model=self._updates.on_command if self._updates is not None else None,
            no_updates=f"this device takes no model updates: {self._reason}",
        )
        self.sync = self._open_sync()

    # ---- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every thread; the source last."""
        self.running = True
        self.keeper.start()
        self.analysis.start()
        self.tend()
        if self.sync is not None:
            self.sync.start()
        if self._updates is not None:
            self._updates.start()
        self.supervisor.start()
        self.reader.start()
        log.info("agent.start.completed", extra={"facts": {"recording": self.analysis.now.recording}})

    def tend(self) -> None:
        """Look after the rooms; called about twice a second."""
        health = self.source_health()
        if health.state in (SourceState.LOST, SourceState.STALLED):
            self.analysis.trouble("source-lost", health.reason or health.state.value)
        elif health.state is not SourceState.OPENING:
            self.analysis.trouble("source-lost", None)
        self.analysis.trouble("backend-lost", self._why_no_answer())
        self.analysis.trouble("store-trouble", self.keeper.trouble or self._why_short() or self._why_salvaged())

    def stop(self) -> None:
        """Stop in order: source, analysis, store, line; what is queued is written.

        While there is a line, the clinic is given `operate.stop_s` to receive what waits.
        """
        log.info("agent.stop.begun")
        self.running = False
        self.supervisor.stopping()
        self.analysis.end_reason = "stopped"
        self.reader.stop()
        self.analysis.stop()
        if self._updates is not None:
            self._updates.stop()
        self.explainer.close()
        self.keeper.stop()
        if self.sync is not None:
            self._wait_for_receipts(self.sync)
            self.sync.stop()
        self.supervisor.stop()
        self._opened.close()
        log.info("agent.stop.completed")

    def run_until(self, stop: threading.Event) -> None:
        """Tend the rooms until told to stop, or until a finite source has ended and everything was received.

        Raises
        ------
        BedsideError : why the source or the analysis ended before its time.
        """
        while not stop.wait(TEND_S):
            self.tend()
            self.supervisor.turn()
            if self.analysis.ended.is_set():
                if (failure := self.analysis.failure or self.reader.failure) is not None:
                    raise failure
                if self.keeper.idle and (self.sync is None or not self.events.outbox(1)):
                    return

    def _wait_for_receipts(self, sync: SyncClient) -> None:
        sync.nudge()
        until_s = time.monotonic() + self._settings.operate.stop_s
        while sync.connected and self.events.outbox(1) and time.monotonic() < until_s:
            time.sleep(0.05)

    def _close_waves(self) -> None:
        try:
            self.waves.close()
        except StoreTrouble:
            log.exception("store.waves.failed")

    def _close_backend(self) -> None:
        if self._backend is not None:
            self._backend.close()

    # ---- what the rooms ask --------------------------------------------------------------------------------------

    def source_health(self) -> SourceHealth:
        """How the source is, now."""
        return self._source.health()

    @property
    def rung(self) -> tuple[Rung, str]:
        """The rung that serves, and why."""
        backend = self._backend
        if backend is None:
            return Rung.RULES, self._reason
        return backend.rung, backend.reason if isinstance(backend, LadderBackend) else self._reason

    @property
    def bundle(self) -> str | None:
        """``name/version`` of the bundle that serves; None where there is none."""
        return self._backend.bundle if self._backend is not None else None

    def status(self) -> Status:
        """How the device is, now; waits for nobody."""
        now = self.analysis.now
        alarms = self.analysis.alarms
        rung, reason = self.rung
        bundle = self.bundle
        return Status(
            online=True,
            recording=now.recording,
            sample=now.sample,
            lead=now.lead,
            fs_hz=now.fs_hz,
            bpm=now.bpm,
            quality=now.quality,
            alarm=alarms[0].priority if alarms else Priority.NONE,
            alarm_kind=alarms[0].kind if alarms else None,
            rung=rung,
            rung_reason=reason,
            bundles=((TASK, bundle),) if bundle is not None else (),
            outbox=self.outbox(),
            explainer=self.explainer.state(),
            version=__version__,
        )

    def store_counts(self) -> StoreCounts | None:
        """The store in numbers, at most a quarter of a second old; the last ones known where it fails."""
        now_s = time.monotonic()
        if now_s - self._counted_s >= COUNTS_OLD_S:
            self._counted_s = now_s
            try:
                self._counts = self.events.counts()
            except StoreTrouble as error:
                log.warning("store.counts.failed", extra={"facts": {"why": str(error)}})
        return self._counts

    def outbox(self) -> int:
        """How many events wait for the clinic."""
        counts = self.store_counts()
        return counts.outbox if counts is not None else 0

    def _why_short(self) -> str | None:
        """Whether the room held back for findings was given up; it is taken again as soon as there is space."""
        if self.events.low_on_space and not self.events.hold_reserve():
            return "the disk is full: waves are dropped, findings go into the room held back for them"
        return None

    def _outbox_is_full(self) -> bool:
        return self.sync is not None and self.outbox() > FULL_OUTBOX

    def _stored(self, events: tuple[Durable, ...], arrived_s: float | None) -> None:
        findings = [event for event in events if isinstance(event, Finding)]
        for finding in findings:
            self.explainer.submit(finding)
        if findings and arrived_s is not None:
            self.supervisor.delivered(self.clock.monotonic_s() - arrived_s)
        if self.sync is not None:
            self.sync.nudge()

    def _explained(self, explanation: Explanation) -> None:
        if explanation.made_by != "template":
            self.keeper.put(Batch(events=(explanation,)))

    def _show(self, frame: bytes) -> None:
        if self.sync is not None:
            self.sync.publish_wave(frame)

    def _beat(self, bundle: str, healthy: bool) -> None:
        if self._updates is not None:
            self._updates.window(bundle, healthy=healthy)

    def _why_no_answer(self) -> str | None:
        rung, reason = self.rung
        return reason or "no classifier answers" if rung is Rung.RULES else None

    def _why_salvaged(self) -> str | None:
        """A damaged file that was set aside, until somebody has seen it or a minute has passed."""
        seen = any(a.kind == "store-trouble" and a.state is AlarmState.ACKNOWLEDGED for a in self.analysis.alarms)
        if seen or self.clock.monotonic_s() - self._began_s >= SALVAGE_SHOWN_S:
            self._salvaged = ""
        return self._salvaged or None

    def command(self, command: Command) -> CommandAnswer:
        """Carry out a command of the clinic."""
        answered = self.orders.carry_out(command)
        log.info("agent.command.answered", extra={"facts": {"command": command.name, "outcome": answered.outcome}})
        return answered

    # ---- models --------------------------------------------------------------------------------------------------

    def _open_models(self, state: Path) -> tuple[UpdateRoom | None, Backend | None, str]:
        """Find what may serve. Whatever is wrong with models, the rules go on, and say why they are alone."""
        settings = self._settings
        room: UpdateRoom | None = None
        try:
            factory = find_bundle(TASK, folder=settings.inference.models_dir, version=settings.inference.beats)
            if factory is None:
                return None, None, f"there is no released bundle for {TASK}; set inference.models_dir"
            room = UpdateRoom(
                TrialSettings(windows=settings.updates.trial_windows),
                BundleShelf(state / "models", {TASK: factory}),
                device=settings.device.name,
                fetch=self._fetcher(state),
                admit=Ladder(TASK, _inference(settings), on_change=self._rung_changed).serve,
                on_switch=self._switch,
                where=lambda _: self._where(),
                report=self._report,
            )
            return room, room.open(TASK).backend, ""
        except (NothingRunnable, BedsideError) as error:
            log.exception("inference.open.failed")
            return room, None, str(error)

    def _rung_changed(self, rung: Rung, reason: str) -> None:
        # On the analysis's own thread, with its lock held: `tend` raises the finding.
        log.warning("inference.rung.changed", extra={"facts": {"rung": rung, "why": reason}})

    def _timed(self, backend: Backend | None) -> Backend | None:
        return TimedBackend(backend, self.supervisor.inferred) if backend is not None else None

    def _fetcher(self, state: Path) -> "_Fetch":
        updates = self._settings.updates
        if not updates.enabled or updates.url is None or updates.root is None:
            return _Fetch(None, "set updates.url and updates.root")
        try:
            root = updates.root.read_bytes()
        except OSError as error:
            why = f"the trusted root {updates.root} cannot be read: {error.strerror}"
            log.warning("updates.root.unreadable", extra={"facts": {"why": why}})
            return _Fetch(None, f"{why}; correct updates.root and start again")
        return _Fetch(
            UpdateClient(
                UpdateSettings(
                    state_dir=state / "updates", base_url=updates.url, trusted_root=root, ca_file=updates.ca_file
                )
            )
        )

    def _switch(self, _task: str, backend: Backend | None, reason: str) -> Switched:
        before, self._backend, self._reason = self._backend, backend, reason
        answered = self.analysis.switch(self._timed(backend), reason)
        if before is not None and before is not backend:
            before.close()
        return replace(self._where(), at=answered.at, windows_missed=answered.missed)

    def _where(self) -> Switched:
        now = self.analysis.now
        return Switched(recording=now.recording, at=now.sample, rung=self.rung[0])

    def _report(self, report: ModelReport) -> None:
        self.events.add(report)
        log.info("updates.model.reported", extra={"facts": {"bundle": report.bundle, "step": report.step}})
        if self.sync is not None:
            self.sync.nudge()

    # ---- the line ------------------------------------------------------------------------------------------------

    def _open_sync(self) -> SyncClient | None:
        sync, device = self._settings.sync, self._settings.device
        if not sync.enabled:
            return None
        try:
            settings = SyncSettings(
                host=sync.host,
                port=sync.port,
                site=device.site,
                device=device.name,
                username=sync.username,
                password=sync.password,
                tls=sync.tls,
                ca_file=sync.ca_file,
                client_cert=sync.client_cert,
                client_key=sync.client_key,
                receipt_timeout_s=sync.resend_s,
                backoff_most_s=sync.longest_retry_s,
            )
        except BadInput as error:
            # A certificate file that is gone must not end the monitoring; status and doctor say it.
            self.no_line = f"{error}; {error.advice}"
            log.exception("sync.open.failed")
            return None
        return SyncClient(settings, self.events, self.command, self.status, now=self._utc)

    def _utc(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.clock.utc_s())


class _Fetch:
    """Gives the bytes of a signed target, or says that this device takes none."""

    def __init__(self, client: UpdateClient | None, remedy: str = "") -> None:
        self._client = client
        self._remedy = remedy

    def __call__(self, target: str) -> bytes:
        if self._client is None:
            raise BadInput("this device takes no model updates", remedy=self._remedy)
        return self._client.fetch(target)


class _AtOnce(BaseException):
    """Told to stop a second time: nothing is waited for any more, and no border of a thread catches this."""


def run(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT; 0 when it was stopped cleanly, 1 when it was told so twice.

    Raises
    ------
    BedsideError : it could not start, or its source or analysis failed.
    """
    stop = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise _AtOnce
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    clock = HostClock()
    try:
        with logging_to(sys.stderr, clock=clock, level=settings.operate.log_level):
            return _live(settings, clock, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _live(settings: Settings, clock: Clock, stop: threading.Event) -> int:
    agent = Agent(settings, clock=clock)
    try:
        try:
            agent.start()
            agent.run_until(stop)
        finally:
            agent.stop()
    except _AtOnce:
        log.warning("agent.stop.forced")
        return 1
    return 0


def _inference(settings: Settings) -> InferenceSettings:
    tensorrt = settings.inference.tensorrt
    return InferenceSettings(
        cross_check_every=settings.inference.cross_check_every,
        tensorrt=TensorRtSettings(
            enabled=tensorrt.enabled,
            python=tensorrt.python,
            python_path=tensorrt.python_path,
            cache_dir=tensorrt.cache_dir or settings.device.state_dir / "engines",
            max_batch=tensorrt.max_batch,
            build_timeout_s=tensorrt.build_timeout_s,
            start_timeout_s=tensorrt.start_timeout_s,
            infer_timeout_s=tensorrt.infer_timeout_s,
            wait_s=tensorrt.wait_s,
        ),
    )


def _explainer(settings: Settings) -> ExplainerSettings:
    explain = settings.explain
    return ExplainerSettings(
        enabled=explain.language_model,
        model=explain.model_path,
        memory_mb=explain.memory_mb,
        deadline_s=explain.deadline_s,
    )
