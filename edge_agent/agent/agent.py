"""The daemon, put together: the one place where the parts are introduced to each other."""

import logging
import threading
import time
import uuid
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from functools import partial

from biosignal.errors import BadInput
from biosignal.events import AlarmEvent, Command, CommandAnswer, Durable, Explanation, Finding, ModelReport, Status
from biosignal.urgency import urgency
from edge_agent.agent.asked import fetch_waves, send_again
from edge_agent.agent.hanging import Hanging
from edge_agent.agent.serving import Serving
from edge_agent.agent.status import status_of
from edge_agent.agent.stores import MIB, Stores
from edge_agent.agent.troubles import show_troubles
from edge_agent.analysis.actor import AnalysisActor
from edge_agent.analysis.analysis import Analysis
from edge_agent.analysis.bedside import KeptBedside
from edge_agent.analysis.commands import Commands
from edge_agent.analysis.inbox import Inbox
from edge_agent.analysis.reader import LIMIT_S, Reader
from edge_agent.analysis.recordings import Bed
from edge_agent.analysis.restart import Leftovers, leftovers
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.findings.sounder import Sounder
from edge_agent.operate.certificates import Certificates
from edge_agent.operate.clock import Clock, HostClock
from edge_agent.operate.private_files import keep_to_ourselves
from edge_agent.operate.settings import Settings
from edge_agent.operate.supervise import Supervisor
from edge_agent.pulse import Pulse
from edge_agent.sources import open_source
from edge_agent.sources.choosing import preferred_lead, with_declared_kinds
from edge_agent.sources.port import SourceFacts
from edge_agent.store.keeper import Batch, Keeper
from edge_agent.sync.client import SyncClient

log = logging.getLogger(__name__)
FULL_OUTBOX = 2_000
"""A replay waits while so many events wait for the clinic; a live source never does."""
TEND_S = 0.5
TEND_COUNTS_S = 2.0
"""So old may the count of what waits be that the status sends: each count costs a query."""
MAIN_LIMIT_S = 4.0
MAIN_GRACE_S = 6.0
"""Looking after the parts waits for the store, at most as long as a commit takes."""
STOP_LIMIT_S = 60.0


class Agent:
    """All parts of the daemon, from `start` to `stop`.

    Raises
    ------
    BadInput : the source is missing or unreadable, or a setting cannot be.
    StoreMisplaced, StoreUnsafe, StoreInUse, StoreForeign : there can be no store here until a person changes something.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or HostClock()
        self.boot = uuid.uuid4().hex
        self.pulse = Pulse("main", MAIN_LIMIT_S, MAIN_GRACE_S)
        self.certificates = Certificates(settings, self.clock)
        self.hanging = Hanging(self)
        self.running = False
        self.no_line = "" if settings.sync.enabled else "switched off in the settings (sync.enabled = false)"
        self.sync: SyncClient | None = None
        with ExitStack() as opened:
            self._open(settings, opened)
            self._opened = opened.pop_all()

    def _open(self, settings: Settings, opened: ExitStack) -> None:
        self.source = with_declared_kinds(open_source(settings.source, self.clock), settings.analysis.lead)
        facts = self.source.recording_facts()
        prefer = preferred_lead(facts, settings.analysis.lead)
        self.source.open("")
        keep_to_ourselves(settings.device.state_dir)
        self.stores = Stores(settings, self.boot, self.clock, opened)
        self.events, self.waves = self.stores.events, self.stores.waves
        left = leftovers(self.events, self.waves)
        self.events.add_many(left.closing)
        self.supervisor = Supervisor(self, settings, clock=self.clock)
        self.serving = Serving(
            settings, opened, on_window=self.supervisor.inferred, on_text=self._explained, report=self._report
        )
        self.models, self.explainer = self.serving.models, self.serving.explainer
        self.keeper = Keeper(
            self.events,
            self.waves,
            on_stored=self._stored,
            live=self._show,
            is_watched=lambda: self.sync is not None and self.sync.watched,
            on_back=self._store_is_back,
            events_budget_bytes=settings.store.events_budget_mb * MIB,
        )
        self.bedside = KeptBedside(self.events, settings)
        self._open_analysis(settings, facts, left, prefer)
        self.sounder = Sounder(settings.alarms, self.alarms)
        self.commands = Commands(
            settings.device.name,
            self.analysis,
            new_model=self.serving.updates.on_command,
            send_again=partial(send_again, self),
            fetch_waves=partial(fetch_waves, self),
            keep=self.bedside.keep,
        )
        self.sync = self._open_sync()

    def _open_analysis(self, settings: Settings, facts: SourceFacts, left: Leftovers, prefer: str | None) -> None:
        live = facts.live
        alarms = AlarmMachine(settings.device.name, started_s=0.0)
        adopted = alarms.adopt(left.alarms, at=left.end)
        inbox = Inbox(max(8, round(settings.analysis.queue_s / settings.source.block_s)) if live else 8)
        self.reader = Reader(
            self.source,
            inbox,
            live=live,
            clock=self.clock,
            hold=lambda: self.sync is not None and self.stores.outbox > FULL_OUTBOX,
            limit_s=LIMIT_S + _between_blocks_s(settings),
        )
        analysis = Analysis(
            facts=facts,
            models=self.models,
            bed=Bed(device=settings.device.name, boot=self.boot, subject=self.bedside.last.subject),
            alarms=alarms,
            put=self.keeper.put,
            clock=self.clock,
            timed=live or settings.source.speed == 1.0,
            limits=settings.limits,
            own_limits=self.bedside.last.limits,
            prefer=prefer,
            previous=left.recording,
            on_window=self.serving.updates.window,
        )
        self.analysis = AnalysisActor(analysis, inbox, live=live, may_push=self.keeper.wait_for_place)
        self.serving.analysis = self.analysis
        self.keeper.put(Batch(events=tuple(adopted)))

    def _open_sync(self) -> SyncClient | None:
        sync, device = self.settings.sync, self.settings.device
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
        self.serving.updates.start()
        self.supervisor.start()
        self.reader.start()
        log.info("agent.start.completed", extra={"facts": {"recording": self.analysis.now.recording}})

    def tend(self) -> None:
        """Look after the parts; called about twice a second."""
        self.stores.counts(old_s=TEND_COUNTS_S)
        self.stores.look_at_disk()
        show_troubles(self)

    def stop(self) -> None:
        """Stop in order: source, analysis, store, line; what is queued is written.

        While there is a line, the clinic is given `operate.stop_s` to receive what waits.
        """
        log.info("agent.stop.begun")
        self.pulse.beat(self.settings.operate.stop_s + STOP_LIMIT_S)
        self.running = False
        self.supervisor.stopping()
        self.analysis.end_reason = "stopped"
        self.reader.stop()
        self.analysis.stop()
        self.sounder.stop()
        self.serving.updates.stop()
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
                if self.keeper.idle and (self.sync is None or not (self.events.outbox(1) or self.waves.waiting)):
                    return

    def _tend_safely(self) -> None:
        try:
            self.tend()
        except Exception:  # looking after the parts must not end them
            log.exception("agent.tend.failed")

    def _wait_for_receipts(self, sync: SyncClient) -> None:
        sync.nudge()
        until_s = time.monotonic() + self.settings.operate.stop_s
        while sync.connected and self.events.outbox(1) and time.monotonic() < until_s:
            time.sleep(0.05)

    # ---- what the parts ask of each other ------------------------------------------------------------------------

    def status(self) -> Status:
        """How the device is, now; waits for nobody, whatever hangs."""
        return status_of(self)

    def alarms(self) -> tuple[AlarmEvent, ...]:
        """All that stand. One about the analysis itself is the newest of its state and priority."""
        everything = (*self.hanging.alarm.alarms, *self.analysis.alarms)
        return tuple(sorted(everything, key=lambda alarm: urgency(alarm.state, alarm.priority, 0.0)))

    def command(self, command: Command) -> CommandAnswer:
        """Carry out a command of the clinic."""
        answered = self.commands.carry_out(command)
        log.info("agent.command.answered", extra={"facts": {"command": command.name, "outcome": answered.outcome}})
        return answered

    def _stored(self, events: tuple[Durable, ...], arrived_s: float | None) -> None:
        self.serving.heard(events)
        findings = [event for event in events if isinstance(event, Finding)]
        for finding in findings:
            self.explainer.submit(finding)
        if findings and arrived_s is not None:
            self.supervisor.delivered(self.clock.monotonic_s() - arrived_s)
        if self.sync is not None:
            self.sync.nudge()

    def _store_is_back(self) -> None:
        """What could not be opened at the start is open: bring to an end what the last run left open in it."""
        self.stores.note_salvage()
        left = leftovers(self.events, self.waves, boot=self.boot)
        self.events.add_many(left.closing)
        self.analysis.adopt(left.alarms)

    def _explained(self, explanation: Explanation) -> None:
        if explanation.made_by != "template":
            self.keeper.put(Batch(events=(explanation,)))

    def _show(self, frame: bytes) -> None:
        if self.sync is not None:
            self.sync.publish_wave(frame)

    def _report(self, report: ModelReport) -> None:
        self.events.add(report)
        log.info("updates.model.reported", extra={"facts": {"bundle": report.bundle, "step": report.step}})
        if self.sync is not None:
            self.sync.nudge()

    def _utc(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.clock.utc_s())


def _between_blocks_s(settings: Settings) -> float:
    """How long a slowed replay takes for three blocks; others take no time to speak of."""
    speed = settings.source.speed
    return 3 * settings.source.block_s / speed if 0 < speed < 1 else 0.0
