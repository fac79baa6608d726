"""The daemon, put together: the one place where the parts are introduced to each other."""

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import cast

from biosignal import __version__
from biosignal.errors import BadInput
from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Command,
    CommandAnswer,
    Durable,
    Explanation,
    Finding,
    LoopStatus,
    ModelReport,
    Reading,
    Rung,
    Status,
    TaskStatus,
)
from biosignal.liveness import standing, valid_for_s
from biosignal.model.backend import Backend
from biosignal.model.bundle import Bundle
from biosignal.stream.assign import Plan
from biosignal.tasks import TASKS
from biosignal.urgency import urgency
from biosignal.wording.bundle import WORDS, WordsBundle
from edge_agent.analysis.actor import ANALYSIS, AnalysisActor
from edge_agent.analysis.analysis import Analysis
from edge_agent.analysis.bedside import Bedside, changed, read_bedside
from edge_agent.analysis.commands import Commands
from edge_agent.analysis.hang import KIND as MONITOR_HANGING
from edge_agent.analysis.hang import HangAlarm
from edge_agent.analysis.inbox import Inbox
from edge_agent.analysis.reader import LIMIT_S, Reader
from edge_agent.analysis.recordings import Bed
from edge_agent.analysis.restart import leftovers
from edge_agent.explain.adapter_folder import AdapterFolder
from edge_agent.explain.approved import ApprovedWords, WordsInForce
from edge_agent.explain.approved import opened as opened_words
from edge_agent.explain.explainer import Explainer
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.findings.sounder import Sounder
from edge_agent.inference.models import Models
from edge_agent.operate.certificates import Certificates
from edge_agent.operate.clock import Clock, HostClock, utc_text
from edge_agent.operate.private_files import keep_to_ourselves
from edge_agent.operate.settings import Settings
from edge_agent.operate.supervise import Supervisor
from edge_agent.operate.watchdog import Watched
from edge_agent.pulse import Pulse
from edge_agent.sources import open_source
from edge_agent.sources.choosing import preferred_lead, with_declared_kinds
from edge_agent.sources.port import SourceHealth, SourceState
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.events import EventStore
from edge_agent.store.keeper import Batch, Keeper
from edge_agent.store.reading import StoreCounts
from edge_agent.store.waveforms import WaveStore
from edge_agent.sync.client import SyncClient
from edge_agent.updates.cargo import Cargo, Line, Served
from edge_agent.updates.fetching import fetch_by
from edge_agent.updates.shelf import BundleShelf, NothingRunnable
from edge_agent.updates.updater import Switched, Updater

log = logging.getLogger(__name__)
MIB = 1 << 20
MOST_FETCHED_S = 3600.0
"""So much of a recording is fetched by one command: some megabytes of twelve leads."""
FULL_OUTBOX = 2_000
"""A replay waits while so many events wait for the clinic; a live source never does."""
SALVAGE_SHOWN_S = 60.0
TEND_S = 0.5
STAND_IN_BYTES = 32 * MIB
"""Most that each store holds in memory while its file cannot be opened."""
COUNTS_OLD_S = 0.25
TEND_COUNTS_S = 2.0
"""So old may the count of what waits be that the status sends: each count costs a query."""
MAIN_LIMIT_S = 4.0
MAIN_GRACE_S = 6.0
"""Looking after the parts waits for the store, at most as long as a commit takes."""
STOP_LIMIT_S = 60.0
RESTART_S = 8.0
"""What the monitoring rests on gets so many seconds to come back before the daemon is started again."""
LINE_RESTART_S = 60.0
"""What the line rests on gets longer: monitoring and alarms at the bedside go on without it."""
BEDSIDE = "bedside"
PART_HANGING = "part-hanging"
SOUNDER_FAILED = "sounder-failed"
CERTIFICATE_ENDING = "certificate-ending"
DISK_OLD_S = 10.0
"""So old may the free space be that the status names."""


class Agent:
    """All parts of the daemon, from `start` to `stop`.

    Raises
    ------
    BadInput : the source is missing or unreadable, or a setting cannot be.
    StoreMisplaced, StoreUnsafe, StoreInUse, StoreForeign : there can be no store here until a person changes something.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self.clock = clock or HostClock()
        self._boot = uuid.uuid4().hex
        self.pulse = Pulse("main", MAIN_LIMIT_S, MAIN_GRACE_S)
        self._hang = HangAlarm()
        self._counts: StoreCounts | None = None
        self._counted_s = float("-inf")
        self._certificates = Certificates(settings, self.clock)
        self._disk_free_mb: int | None = None
        self._disk_s = float("-inf")
        self.running = False
        self._analyses = False
        self.no_line = "" if settings.sync.enabled else "switched off in the settings (sync.enabled = false)"
        self.sync: SyncClient | None = None
        with ExitStack() as opened:
            self._open(settings, opened)
            self._opened = opened.pop_all()

    def _open(self, settings: Settings, opened: ExitStack) -> None:
        self._source = with_declared_kinds(open_source(settings.source, self.clock), settings.analysis.lead)
        facts = self._source.recording_facts()
        prefer = preferred_lead(facts, settings.analysis.lead)
        self._source.open("")
        state = settings.device.state_dir
        keep_to_ourselves(state)
        self._open_store(settings, state, opened)
        left = leftovers(self.events, self.waves)
        self.events.add_many(left.closing)
        self.supervisor = Supervisor(self, settings, clock=self.clock)
        self.models = Models(
            settings.inference,
            cache_dir=state / "engines",
            on_window=self.supervisor.inferred,
            on_rung=self._rung_changed,
        )
        opened.callback(self.models.close)
        self.explainer = Explainer(settings.explain, self._explained, on_adapter_lost=self._adapter_lost)
        opened.callback(self.explainer.close)
        self._words = WordsInForce(AdapterFolder(state / "words", self.explainer.lay_over))
        opened.callback(self._words.close)
        self._updates = self._open_updates(state)
        self.models.open(self._open_model)
        self._open_words()
        self.keeper = Keeper(
            self.events,
            self.waves,
            on_stored=self._stored,
            live=self._show,
            is_watched=lambda: self.sync is not None and self.sync.watched,
            on_back=self._store_is_back,
            events_budget_bytes=settings.store.events_budget_mb * MIB,
        )
        alarms = AlarmMachine(settings.device.name, started_s=0.0)
        adopted = alarms.adopt(left.alarms, at=left.end)
        bedside = self._bedside(settings)
        self._note_limits(bedside)
        live = facts.live
        inbox = Inbox(max(8, round(settings.analysis.queue_s / settings.source.block_s)) if live else 8)
        self.reader = Reader(
            self._source,
            inbox,
            live=live,
            clock=self.clock,
            hold=self._outbox_is_full,
            limit_s=LIMIT_S + _between_blocks_s(settings),
        )
        analysis = Analysis(
            facts=facts,
            models=self.models,
            bed=Bed(device=settings.device.name, boot=self._boot, subject=bedside.subject),
            alarms=alarms,
            put=self.keeper.put,
            clock=self.clock,
            timed=live or settings.source.speed == 1.0,
            limits=settings.limits,
            own_limits=bedside.limits,
            prefer=prefer,
            previous=left.recording,
            on_window=self._updates.window,
        )
        self._analyses = True
        self.analysis = AnalysisActor(analysis, inbox, live=live, may_push=self.keeper.wait_for_place)
        self.sounder = Sounder(settings.alarms, self._alarms)
        self.keeper.put(Batch(events=tuple(adopted)))
        self.commands = Commands(
            settings.device.name,
            self.analysis,
            new_model=self._updates.on_command,
            send_again=self._send_again,
            fetch_waves=self._fetch_waves,
            keep=self._keep_bedside,
        )
        self.sync = self._open_sync()

    def _bedside(self, settings: Settings) -> Bedside:
        """Whose bed it is: the patient of the settings file, else the one who lay there when the daemon ended."""
        kept = read_bedside(self.events.noted(BEDSIDE), settings.limits) or Bedside()
        named = settings.device.subject
        return Bedside(subject=named) if named not in (None, kept.subject) else kept

    def _keep_bedside(self, bedside: Bedside) -> None:
        self._note_limits(bedside)
        self.events.note(BEDSIDE, bedside.text())

    def _note_limits(self, bedside: Bedside) -> None:
        declared = {name: task.limits() for name, task in TASKS.items() if task.limits is not None}
        self._limits = changed({**self._settings.limits, **bedside.limits}, declared)

    def _open_store(self, settings: Settings, state: Path, opened: ExitStack) -> None:
        self.events = EventStore(
            state / "events.db",
            settings.device.name,
            self._boot,
            utc_now=self._utc_text,
            reserve_bytes=settings.store.free_reserve_mb * MIB,
            stand_in_bytes=STAND_IN_BYTES,
        )
        opened.callback(self.events.close)
        self.waves = WaveStore(
            state / "waveforms.db",
            settings.store.waveform_budget_mb * MIB,
            commit_s=settings.store.commit_s,
            send_all=settings.sync.enabled and settings.sync.waves == "all",
            utc_now=self._utc_text,
            stand_in_bytes=STAND_IN_BYTES,
        )
        opened.callback(self._close_waves)
        self.events.on_full = self.waves.shed
        self._note_salvage()

    def _note_salvage(self) -> None:
        found = [str(store.salvage) for store in (self.events, self.waves) if store.salvage is not None]
        self._salvaged = "; ".join(found)
        self._salvaged_s = self.clock.monotonic_s()

    def _store_is_back(self) -> None:
        """What could not be opened at the start is open: bring to an end what the last run left open in it."""
        self._note_salvage()
        left = leftovers(self.events, self.waves, boot=self._boot)
        self.events.add_many(left.closing)
        self.analysis.adopt(left.alarms)

    # ---- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every thread; the source last."""
        self.running = True
        self.keeper.start()
        self.analysis.start()
        self.sounder.start()
        self.tend()
        if self.sync is not None:
            self.sync.start()
        if self._updates is not None:
            self._updates.start()
        self.supervisor.start()
        self.reader.start()
        log.info("agent.start.completed", extra={"facts": {"recording": self.analysis.now.recording}})

    def tend(self) -> None:
        """Look after the parts; called about twice a second."""
        if time.monotonic() - self._counted_s >= TEND_COUNTS_S:
            self.store_counts()
        health = self.source_health()
        if health.state in (SourceState.LOST, SourceState.STALLED):
            self.analysis.set_trouble("source-lost", health.reason or health.state.value)
        elif health.state is not SourceState.OPENING:
            self.analysis.set_trouble("source-lost", None)
        self.analysis.set_trouble("backend-lost", self._why_no_answer())
        self.analysis.set_trouble(SOUNDER_FAILED, self.sounder.trouble)
        self._certificates.look()
        self.analysis.set_trouble(CERTIFICATE_ENDING, self._certificates.trouble)
        self._look_at_disk()
        self.analysis.set_trouble("clinic-outdated", self.sync.clinic_outdated if self.sync is not None else None)
        self.analysis.set_trouble("store-trouble", self.keeper.trouble or self._why_short() or self._why_salvaged())

    def _look_at_disk(self) -> None:
        if time.monotonic() - self._disk_s < DISK_OLD_S:
            return
        self._disk_s = time.monotonic()
        with suppress(OSError):  # a disk that does not answer is said by the store
            self._disk_free_mb = shutil.disk_usage(self._settings.device.state_dir).free // 1_000_000

    def stop(self) -> None:
        """Stop in order: source, analysis, store, line; what is queued is written.

        While there is a line, the clinic is given `operate.stop_s` to receive what waits.
        """
        log.info("agent.stop.begun")
        self.pulse.beat(self._settings.operate.stop_s + STOP_LIMIT_S)
        self.running = False
        self.supervisor.stopping()
        self.analysis.end_reason = "stopped"
        self.reader.stop()
        self.analysis.stop()
        self.sounder.stop()
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
        """Tend the parts until `stop` is set, or until a finite source has ended and everything was received.

        Raises
        ------
        BedsideError : why the source or the analysis ended before its time.
        """
        self.pulse.beat()
        while not stop.wait(TEND_S):
            self.pulse.beat()
            self._tend_safely()
            self.supervisor.turn()
            if self.analysis.ended.is_set():
                if (failure := self.analysis.failure or self.reader.failure) is not None:
                    raise failure
                if self.keeper.idle and (self.sync is None or not self._unsent()):
                    return

    def _unsent(self) -> bool:
        return bool(self.events.outbox(1)) or self.waves.waiting > 0

    def _tend_safely(self) -> None:
        try:
            self.tend()
        except Exception:  # looking after the parts must not end them
            log.exception("agent.tend.failed")

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

    # ---- what the parts ask --------------------------------------------------------------------------------------

    def source_health(self) -> SourceHealth:
        """How the source is, now."""
        return self._source.health()

    def status(self) -> Status:
        """How the device is, now; waits for nobody, whatever hangs."""
        now, plan, health = self.analysis.now, self.analysis.plan, self.source_health()
        counts = self._counts
        age_s = max(0.0, self.clock.monotonic_s() - now.arrived_s) if now.arrived_s is not None else None
        status = Status(
            online=True,
            recording=now.recording,
            sample=now.sample,
            fs_hz=now.fs_hz,
            leads=self._source.recording_facts().leads,
            readings=now.readings,
            alarms=self._alarms(),
            tasks=tuple(self._task_status(plan)),
            outbox=counts.outbox if counts is not None else 0,
            explainer=self.explainer.state() + self._words.state(),
            version=__version__,
            source=health.state.value,
            source_reason=health.reason,
            sample_age_s=age_s,
            loops=self.supervisor.loops(),
            boot=self._boot,
            sent_utc_s=self.clock.utc_s(),
            limits=self._limits,
            sounder=self.sounder.state,
            disk_free_mb=self._disk_free_mb,
            certificate_ends_utc_s=self._certificates.ends_utc_s,
        )
        return replace(status, readings=tuple(_held(status)))

    def _alarms(self) -> tuple[AlarmEvent, ...]:
        """All that stand. One about the analysis itself is the newest of its state and priority."""
        everything = (*self._hang.alarms, *self.analysis.alarms)
        return tuple(sorted(everything, key=lambda alarm: urgency(alarm.state, alarm.priority, 0.0)))

    def watched(self) -> tuple[Watched, ...]:
        """Every thread and child process that has work; without the vital ones nobody is monitored."""

        def waits() -> bool:
            return self.source_health().state is not SourceState.STREAMING

        vital = (self.pulse, self.analysis.pulse, self.keeper.pulse)
        line = self.sync.pulses if self.sync is not None else ()
        beside = (self.explainer.pulse, self._updates.pulse, self.models.pulse, self.sounder.pulse)
        return (
            Watched(pulse=self.reader.pulse, vital=True, restart_s=RESTART_S, excused=waits),
            *(Watched(pulse=pulse, vital=True, restart_s=RESTART_S) for pulse in vital),
            *(Watched(pulse=pulse, vital=False, restart_s=LINE_RESTART_S) for pulse in line),
            *(Watched(pulse=pulse, vital=False) for pulse in beside),
        )

    def hangs(self, loops: tuple[LoopStatus, ...]) -> None:
        """Others hang or are late than before: say it on the line, and as an alarm of those that hang.

        Called by the thread that watches.
        What the analysis can say of the others it says; of itself it cannot.
        """
        vital = {one.pulse.name for one in self.watched() if one.vital}
        own = [loop for loop in loops if loop.name == ANALYSIS]
        others = [loop for loop in loops if loop.name in vital and loop not in own]
        beside = [loop for loop in loops if loop.name not in vital]
        now = self.analysis.now
        if own:
            self.keeper.put(Batch(events=self._hang.raise_at(self.analysis.place, now.sample, _sentence(own))))
        else:
            self.keeper.put(Batch(events=self._hang.end_at(now.sample)))
        self.analysis.set_trouble(MONITOR_HANGING, _sentence(others) if others else None)
        self.analysis.set_trouble(PART_HANGING, _sentence(beside) if beside else None)
        if self.sync is not None:
            self.sync.send_status()

    def _task_status(self, plan: Plan) -> Iterator[TaskStatus]:
        """Which leads each task reads, and what answers for it."""
        served = {one.task: one for one in self.models.status()}
        idle = dict(plan.idle)
        for name, task in TASKS.items():
            if task.make is None:
                continue
            leads = tuple(dict.fromkeys(lead for one in plan.of(name) for lead in one.names))
            model = served.get(name)
            yield TaskStatus(
                task=name,
                leads=leads,
                reason=idle.get(name, ""),
                bundle=model.bundle if model is not None else None,
                rung=model.rung if model is not None else None,
                rung_reason=model.reason if model is not None else "",
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
        """Whether space for findings is there and held back; what was given up is held again as soon as it can be."""
        if not self.events.hold_reserve():
            return "the disk is full: waves are dropped, findings go into the space held back for them"
        return None

    def _outbox_is_full(self) -> bool:
        return self.sync is not None and self.outbox() > FULL_OUTBOX

    def _stored(self, events: tuple[Durable, ...], arrived_s: float | None) -> None:
        for bundle, stands in self._words.heard(events):
            self._updates.window(WORDS, bundle, stands)
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

    def _adapter_lost(self, sha256: str) -> None:
        if (bundle := self._words.brought(sha256)) is not None:
            self._updates.window(WORDS, bundle, False)

    def _show(self, frame: bytes) -> None:
        if self.sync is not None:
            self.sync.publish_wave(frame)

    def _why_no_answer(self) -> str | None:
        """Which of the tasks at work have no classifier, and why."""
        at_work = {one.task.name for one in self.analysis.plan.assignments}
        silent = [one for one in self.models.status() if one.rung is Rung.RULES and one.task in at_work]
        return "; ".join(f"{one.task}: {one.reason or 'no classifier answers'}" for one in silent) or None

    def _why_salvaged(self) -> str | None:
        """A damaged file that was set aside, until somebody has seen it or a minute has passed."""
        seen = any(a.kind == "store-trouble" and a.state is AlarmState.ACKNOWLEDGED for a in self.analysis.alarms)
        if seen or self.clock.monotonic_s() - self._salvaged_s >= SALVAGE_SHOWN_S:
            self._salvaged = ""
        return self._salvaged or None

    def command(self, command: Command) -> CommandAnswer:
        """Carry out a command of the clinic."""
        answered = self.commands.carry_out(command)
        log.info("agent.command.answered", extra={"facts": {"command": command.name, "outcome": answered.outcome}})
        return answered

    # ---- models --------------------------------------------------------------------------------------------------

    def _open_updates(self, state: Path) -> Updater:
        settings = self._settings
        return Updater(
            settings.updates.trial,
            BundleShelf(
                state / "models",
                self.models.released,
                lines={WORDS: Line(opened=opened_words, windows=settings.updates.trial.texts)},
            ),
            device=settings.device.name,
            fetch=fetch_by(settings.updates, state / "updates"),
            admit=self._admit,
            on_switch=self._switch,
            where=self._where,
            report=self._report,
        )

    def _rung_changed(self, task: str, rung: Rung, reason: str) -> None:
        # On the thread of the analysis: `tend` raises the finding.
        log.warning("inference.rung.changed", extra={"facts": {"task": task, "rung": rung, "why": reason}})

    def _admit(self, bundle: Cargo) -> Served:
        if isinstance(bundle, WordsBundle):
            return ApprovedWords(bundle)
        assert isinstance(bundle, Bundle)
        return self.models.serve(bundle)

    def _open_model(self, task: str) -> Backend:
        return cast(Backend, self._updates.open_backend(task))

    def _open_words(self) -> None:
        """Write texts in the approved words on the shelf; whatever is wrong with them, in the vetted ones."""
        try:
            self._words.take_up(cast(ApprovedWords, self._updates.open_backend(WORDS)), "at start")
        except NothingRunnable:
            log.info("explain.words.vetted-alone")
        except Exception:  # border: words must not keep the daemon from starting
            log.exception("explain.words.open.failed")

    def _switch(self, task: str, served: Served | None, reason: str) -> Switched:
        if task == WORDS:
            self._words.take_up(cast(ApprovedWords | None, served), reason)
            return self._where(task)
        backend = cast(Backend | None, served)
        before = self.models[task].backend
        answered = self.analysis.switch(task, backend, reason)
        if before is not None and before is not backend:
            before.close()
        return replace(self._where(task), at=answered.at, windows_missed=answered.missed)

    def _where(self, task: str) -> Switched:
        rung = next((one.rung for one in self.models.status() if one.task == task), Rung.RULES)
        if not self._analyses:  # what is passed over at start is reported before anything is recorded
            return Switched(recording=None, at=0, rung=rung)
        now = self.analysis.now
        return Switched(recording=now.recording, at=now.sample, rung=rung)

    def _report(self, report: ModelReport) -> None:
        self.events.add(report)
        log.info("updates.model.reported", extra={"facts": {"bundle": report.bundle, "step": report.step}})
        if self.sync is not None:
            self.sync.nudge()

    def _send_again(self, since: str | None) -> str:
        try:
            return str(self.events.send_again(since))
        finally:  # a full disk ends it half-way: what was queued until then goes
            if self.sync is not None:
                self.sync.look_again()

    def _fetch_waves(self, recording: str, start_s: float, end_s: float) -> str:
        if self._settings.sync.waves == "findings":
            raise BadInput("this device sends no waves but the strips of findings", setting="sync.waves = findings")
        if not 0 <= start_s < end_s <= start_s + MOST_FETCHED_S:
            raise BadInput("ask for a stretch of at most an hour", start_s=start_s, end_s=end_s)
        chunks = self.waves.ask(recording, start_s, end_s)
        if not chunks:
            raise BadInput("it holds nothing of this stretch, or not yet: ten seconds are written when they are whole")
        if self.sync is not None:
            self.sync.nudge()
        return f"{chunks} pieces of waves are on their way"

    # ---- the line ------------------------------------------------------------------------------------------------

    def _open_sync(self) -> SyncClient | None:
        sync, device = self._settings.sync, self._settings.device
        if not sync.enabled:
            return None
        try:
            return SyncClient(
                sync,
                self.events,
                self.command,
                self.status,
                site=device.site,
                device=device.name,
                waves=None if sync.waves == "findings" else self.waves,
                now=self._utc,
            )
        except BadInput as error:
            # A certificate file that is gone must not end the monitoring; status and doctor say it.
            self.no_line = f"{error}; {error.advice}"
            log.exception("sync.open.failed")
            return None

    def _utc(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.clock.utc_s())

    def _utc_text(self) -> str:
        return utc_text(self.clock.utc_s())


def _held(status: Status) -> Iterator[Reading]:
    """The readings of a status; those that hold no longer, without a value, as nobody knows it any more."""
    hangs = any(loop.name == ANALYSIS for loop in standing(status))
    for reading in status.readings:
        holds = valid_for_s(status, reading) > 0 and not hangs
        yield reading if holds else replace(reading, value=None, label=None)


def _sentence(loops: list[LoopStatus]) -> str:
    return "; ".join(f"{loop.name} has done nothing for more than {loop.stands_after_s:g} s" for loop in loops)


def _between_blocks_s(settings: Settings) -> float:
    """How long a slowed replay takes for three blocks; others take no time to speak of."""
    speed = settings.source.speed
    return 3 * settings.source.block_s / speed if 0 < speed < 1 else 0.0
