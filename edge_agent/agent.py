"""The daemon, put together: the one place where the rooms are introduced to each other."""

import logging
import signal
import threading
import uuid
from dataclasses import replace
from pathlib import Path

from biosignal import __version__
from biosignal.backend import Backend
from biosignal.errors import BadInput, BedsideError
from biosignal.events import (
    Command,
    CommandAnswer,
    Durable,
    Explanation,
    Finding,
    ModelReport,
    Priority,
    Rung,
    Status,
    stable_id,
)
from biosignal.pipeline import TASK, EcgSettings
from edge_agent.analysis import Analysis
from edge_agent.bundle_folder import find_bundle
from edge_agent.explain.explainer import Explainer, ExplainerSettings
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.inference.ladder import Ladder, LadderBackend
from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from edge_agent.keeper import Batch, Keeper
from edge_agent.operate.clock import Clock, HostClock
from edge_agent.operate.settings import Settings
from edge_agent.reader import Reader
from edge_agent.restart import leftovers
from edge_agent.sources import open_source
from edge_agent.sources.port import SourceState, choose_leads
from edge_agent.store.events import EventStore
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


class Agent:
    """All rooms of the daemon, from `start` to `stop`."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or HostClock()
        self._boot = uuid.uuid4().hex
        self._stopping = threading.Event()
        self._source = open_source(settings.source, self._clock)
        facts = self._source.recording_facts()
        self._source.open("")
        state = settings.device.state_dir
        self.events = EventStore(state / "events.db", settings.device.name, self._boot)
        self.waves = WaveStore(state / "waveforms.db", settings.store.waveform_budget_mb * MIB)
        self.events.on_full = self.waves.shed
        left = leftovers(self.events, self.waves)
        self.events.add_many(left.closing)
        self._ladder = Ladder(TASK, _inference(settings))
        self._updates, backend, reason = self._open_models(state)
        self._backend = backend
        self._reason = reason
        live = facts.live
        self.keeper = Keeper(
            self.events,
            self.waves,
            on_stored=self._stored,
            patient=not live,
            live=self._show,
            is_watched=lambda: self.sync is not None and self.sync.watched,
        )
        self.explainer = Explainer(_explainer(settings), self._explained)
        alarms = AlarmMachine(settings.device.name, started_s=0.0)
        adopted = alarms.adopt(left.alarms, at=0)
        self.reader = Reader(
            self._source,
            live=live,
            room=max(8, round(settings.analysis.queue_s / settings.source.block_s)) if live else 8,
            hold=self._outbox_is_full,
        )
        self.analysis = Analysis(
            self.reader.queue,
            facts=facts,
            lead=facts.leads[choose_leads(facts, settings.analysis.lead)[0]].name,
            settings=EcgSettings(mains_hz=settings.analysis.mains_hz or None),
            device=settings.device.name,
            boot=self._boot,
            subject=settings.device.subject,
            previous=left.recording,
            alarms=alarms,
            put=self.keeper.put,
            on_beat=self._beat,
            clock=self._clock,
            timed=live or settings.source.speed == 1.0,
            backend=backend,
            reason=reason,
        )
        self.keeper.put(Batch(events=tuple(adopted)))
        self.sync = self._open_sync()
        self._salvaged = [str(store.salvage) for store in (self.events, self.waves) if store.salvage is not None]

    # ---- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every thread; the source last."""
        self.keeper.start()
        self.analysis.start()
        for sentence in self._salvaged:
            self.analysis.trouble("store-trouble", sentence)
        if self.sync is not None:
            self.sync.start()
        if self._updates is not None:
            self._updates.start()
        self.reader.start()
        log.info("agent.start.completed", extra={"facts": {"recording": self.analysis.recording.id}})

    def tend(self) -> None:
        """Look after the rooms; called about twice a second."""
        health = self._source.health()
        gone = health.state in (SourceState.LOST, SourceState.STALLED)
        self.analysis.trouble("source-lost", health.reason or health.state.value if gone else None)
        self.analysis.trouble("backend-lost", self._why_no_answer())
        dropped = self.reader.samples_dropped
        self.analysis.trouble("overflow", f"{dropped} samples dropped since the start" if dropped else None)
        self.analysis.trouble("store-trouble", self.keeper.trouble)

    def stop(self) -> None:
        """Stop in order: source, analysis, store, line; what is queued is written."""
        self.reader.stop()
        self.analysis.stop()
        if self._updates is not None:
            self._updates.stop()
        self.explainer.close()
        self.keeper.stop()
        if self.sync is not None:
            self.sync.stop()
        if isinstance(self._backend, LadderBackend):
            self._backend.close()
        self.waves.close()
        self.events.close()

    def run_until(self, stop: threading.Event) -> None:
        """Tend the rooms until told to stop, or until a finite source has ended and everything was received."""
        while not stop.wait(0.5):
            self.tend()
            if self.analysis.ended.is_set() and (self.sync is None or not self.events.counts().outbox):
                return

    # ---- what the rooms ask --------------------------------------------------------------------------------------

    def status(self) -> Status:
        """How the device is, now."""
        now = self.analysis.now
        alarms = self.analysis.alarms
        backend = self._backend
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
            rung=backend.rung if backend is not None else Rung.RULES,
            rung_reason=backend.reason if isinstance(backend, LadderBackend) else self._reason,
            bundles=((TASK, backend.bundle),) if backend is not None else (),
            outbox=self.events.counts().outbox,
            explainer=self.explainer.state(),
            version=__version__,
        )

    def _outbox_is_full(self) -> bool:
        return self.sync is not None and self.events.counts().outbox > FULL_OUTBOX

    def _stored(self, events: tuple[Durable, ...]) -> None:
        for event in events:
            if isinstance(event, Finding):
                self.explainer.submit(event)
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
        backend = self._backend
        if backend is None:
            return self._reason
        if backend.rung is Rung.RULES and isinstance(backend, LadderBackend):
            return backend.reason
        return None

    # ---- commands ------------------------------------------------------------------------------------------------

    def command(self, command: Command) -> CommandAnswer:
        """Carry out a command of the clinic."""
        try:
            outcome = self._carry_out(command)
        except BedsideError as error:
            outcome = ("refused", str(error))
        if isinstance(outcome, CommandAnswer):
            return outcome
        return CommandAnswer(
            id=stable_id(self._settings.device.name, "answer", command.id),
            command=command.id,
            name=command.name,
            outcome=outcome[0],
            reason=outcome[1],
        )

    def _carry_out(self, command: Command) -> CommandAnswer | tuple[str, str]:
        if command.name == "acknowledge":
            self.analysis.acknowledge(_needed(command, "alarm"), command.issuer)
        elif command.name == "pause-audio":
            seconds = command.argument("seconds")
            self.analysis.pause_audio(command.issuer, _number(seconds, "seconds") if seconds else None)
        elif command.name == "assign-subject":
            self.analysis.assign_subject(_needed(command, "subject"))
        elif command.name == "set-limits":
            self._set_limits(command)
        elif command.name == "new-model":
            if self._updates is None:
                return "refused", "this device takes no model updates: updates.url and updates.root are not set"
            return self._updates.on_command(command)
        elif command.name != "watch":
            return "refused", f"this version knows no command {command.name}"
        return "done", ""

    def _set_limits(self, command: Command) -> None:
        rules = self.analysis.rules
        known = {name for name in rules.__slots__ if isinstance(getattr(rules, name), float | int)}
        wanted = {name: text for name, text in command.arguments if name != "device"}
        strange = sorted(set(wanted) - known)
        if strange or not wanted:
            raise BadInput("no such limit", unknown=strange, known=sorted(known))
        changed = {name: type(getattr(rules, name))(_number(text, name)) for name, text in wanted.items()}
        self.analysis.set_limits(replace(rules, **changed))

    # ---- models --------------------------------------------------------------------------------------------------

    def _open_models(self, state: Path) -> tuple[UpdateRoom | None, Backend | None, str]:
        settings = self._settings
        factory = find_bundle(TASK, folder=settings.inference.models_dir, version=settings.inference.beats)
        if factory is None:
            return None, None, f"there is no released bundle for {TASK}; set inference.models_dir"
        room = UpdateRoom(
            TrialSettings(windows=settings.updates.trial_windows),
            BundleShelf(state / "models", {TASK: factory}),
            device=settings.device.name,
            fetch=self._fetcher(state),
            admit=self._ladder.serve,
            on_switch=self._switch,
            where=lambda _: self._where(),
            report=self._report,
        )
        try:
            running = room.open(TASK)
        except (NothingRunnable, BedsideError) as error:
            log.exception("inference.open.failed")
            return room, None, str(error)
        return room, running.backend, ""

    def _fetcher(self, state: Path) -> "_Fetch":
        updates = self._settings.updates
        if not updates.enabled or updates.url is None or updates.root is None:
            return _Fetch(None)
        try:
            root = updates.root.read_bytes()
        except OSError as error:
            raise BadInput("cannot read the trusted root", setting="updates.root", file=str(updates.root)) from error
        return _Fetch(
            UpdateClient(
                UpdateSettings(
                    state_dir=state / "updates", base_url=updates.url, trusted_root=root, ca_file=updates.ca_file
                )
            )
        )

    def _switch(self, _task: str, backend: Backend | None, reason: str) -> Switched:
        before, self._backend, self._reason = self._backend, backend, reason
        answered = self.analysis.switch(backend, reason)
        if before is not None and before is not backend:
            before.close()
        return replace(self._where(), at=answered.at, windows_missed=answered.missed)

    def _where(self) -> Switched:
        now = self.analysis.now
        return Switched(
            recording=now.recording, at=now.sample, rung=self._backend.rung if self._backend is not None else Rung.RULES
        )

    def _report(self, report: ModelReport) -> None:
        self.events.add(report)
        if self.sync is not None:
            self.sync.nudge()

    # ---- the line ------------------------------------------------------------------------------------------------

    def _open_sync(self) -> SyncClient | None:
        sync, device = self._settings.sync, self._settings.device
        if not sync.enabled:
            return None
        return SyncClient(
            SyncSettings(
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
            ),
            self.events,
            self.command,
            self.status,
        )


class _Fetch:
    """Gives the bytes of a signed target, or says that this device takes none."""

    def __init__(self, client: UpdateClient | None) -> None:
        self._client = client

    def __call__(self, target: str) -> bytes:
        if self._client is None:
            raise BadInput("this device takes no model updates", remedy="set updates.url and updates.root")
        return self._client.fetch(target)


def run(settings: Settings) -> int:
    """Run the daemon until SIGTERM or SIGINT; 0 when it was stopped cleanly."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    agent = Agent(settings)
    agent.start()
    try:
        agent.run_until(stop)
    finally:
        agent.stop()
    return 0 if agent.reader.failure is None else agent.reader.failure.exit_code


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


def _needed(command: Command, name: str) -> str:
    value = command.argument(name)
    if not value:
        raise BadInput("the command lacks an argument", command=command.name, argument=name)
    return value


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadInput("an argument is not a number", argument=name, value=text) from error
