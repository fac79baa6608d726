"""The keeper: the one thread that writes. Events first, then waves, then what hangs on both: strips and live waves."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from biosignal.errors import BadInput
from biosignal.events import Durable, Finding
from biosignal.signal.blocks import SampleBlock
from edge_agent.pulse import Pulse
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.events import EventStore
from edge_agent.store.lanes import Lane, lane_of
from edge_agent.store.live import LiveFrames
from edge_agent.store.retention import TRIM_ROWS
from edge_agent.store.strips import cut_strip, strip_leads
from edge_agent.store.waveforms import WaveStore

log = logging.getLogger(__name__)
RETRY_S = 1.0
BRING_BACK_S = (2.0, 60.0)
"""So long after a failure a store's file is tried again: the first time, and at most."""
TURN_S = 0.5
BRING_BACK_LIMIT_S = 60.0
"""A damaged file is salvaged before it serves."""
LIMIT_S = 4.0
"""A write that takes longer is shown: the store is slow, or stands still."""
GRACE_S = 11.0
"""A worn card takes ten seconds to write what it is given: that is no reason for an alarm, or to begin anew."""
EVENTS_BUDGET_BYTES = 500 << 20
HOLD_S = 10.0
"""So long logs and strips wait for a commit that happens anyway."""
TRIM_EVERY = 500
"""After so many events and turns the events are held against their budget."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one item of the source brought: events to keep, and the block itself.

    `closes` names an ended recording; `arrived_s` is when the item came, on the steady clock.
    """

    events: tuple[Durable, ...] = ()
    block: SampleBlock | None = None
    closes: str | None = None
    arrived_s: float | None = None


@dataclass(slots=True)
class KeeperCounts:
    """What the keeper did since the start."""

    events: int = 0
    strips: int = 0
    blocks: int = 0
    wave_failures: int = 0
    waves_dropped: int = 0
    events_refused: int = 0
    events_trimmed: int = 0
    retries: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


class Keeper:
    """Writes batches in order. An event is written until it is written; waves that cannot be are counted.

    `put` never waits, so it may be called under any lock. Who produces faster than the disk takes asks `wait_for_place`
    first, without a lock (a replay); otherwise waves that find no place are dropped and counted, events never.

    Parameters
    ----------
    on_stored : called with the events of a batch that are on disk now, and when the batch's item had arrived.
    live : publishes one encoded wave frame; asked only while `is_watched`.
    queue_size : how many batches may wait before waves are dropped.
    on_back : called when the files of all stores are open again after one could not be opened.
    events_budget_bytes : past it the oldest received events are deleted.
    """

    def __init__(
        self,
        events: EventStore,
        waves: WaveStore,
        *,
        on_stored: Callable[[tuple[Durable, ...], float | None], None],
        live: Callable[[bytes], None],
        is_watched: Callable[[], bool],
        on_back: Callable[[], None] = lambda: None,
        queue_size: int = 256,
        events_budget_bytes: int = EVENTS_BUDGET_BYTES,
        retry_s: float = RETRY_S,
    ) -> None:
        self.counts = KeeperCounts()
        self.pulse = Pulse("keeper", LIMIT_S, GRACE_S)
        self._events = events
        self._waves = waves
        self._on_stored = on_stored
        self._on_back = on_back
        self._is_away = self._away() is not None
        self._back_wait_s = BRING_BACK_S[0]
        self._next_back_s = time.monotonic() + self._back_wait_s
        self._live = LiveFrames(live, is_watched)
        self._queue_size = queue_size
        self._budget = events_budget_bytes
        self._since_trim = 0
        self._retry_s = retry_s
        self._waiting: deque[Batch] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._strips: dict[tuple[str, str], Finding] = {}
        self._held: list[Durable] = []
        self._held_since_s = 0.0
        self._give_up = threading.Event()
        self._troubles: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="edge.keeper", daemon=True)

    @property
    def trouble(self) -> str | None:
        """Why a store fails, in a sentence; None when both work."""
        return self._away() or next(iter(tuple(self._troubles.values())), None)

    def _away(self) -> str | None:
        why = self._events.away or self._waves.away
        if why is None:
            return None
        forgotten = f"; {self._events.forgotten} events were forgotten" if self._events.forgotten else ""
        return f"monitoring goes on without a store, what is new is held in memory{forgotten}: {why}"

    @property
    def ended(self) -> bool:
        """Whether the thread came to its end."""
        return self._thread.ident is not None and not self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Whether everything handed over is written."""
        return not self._waiting and not self._held

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Hand over a batch; returns at once."""
        with self._changed:
            if len(self._waiting) >= self._queue_size and batch.block is not None:
                batch = replace(batch, block=None)
                self.counts.waves_dropped += 1
                self._troubles["queue"] = "the store is too slow for the signal: waves were dropped"
            if batch.events or batch.block is not None or batch.closes is not None:
                self._waiting.append(batch)
                self._changed.notify_all()

    def wait_for_place(self, timeout_s: float) -> bool:
        """Wait until a batch would find a place; False when it does not in that time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._waiting) < self._queue_size, timeout_s)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what is queued, then end the thread; after `timeout_s` a store that still fails is given up."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            self._give_up.set()
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self.pulse.beat()
                if not self._waiting and not self._ending:
                    self._changed.wait(TURN_S)
                batch = self._waiting[0] if self._waiting else None
                ended = batch is None and self._ending
            self._turn(batch)
            if ended:
                self._bring_back(at_once=True)
                self.pulse.rest()
                return
            with self._changed:
                if batch is not None:
                    self._waiting.popleft()
                if len(self._waiting) < self._queue_size // 2:
                    self._troubles.pop("queue", None)
                self._changed.notify_all()

    def _turn(self, batch: Batch | None) -> None:
        try:
            if batch is None:
                self._write_events((), at_once=True)
            else:
                self._keep(batch)
            self._trim()
            self._bring_back()
        except Exception as error:  # border of the thread: one bad batch must not end all writing
            self._troubles["keeper"] = f"a batch could not be written: {type(error).__name__}: {error}"
            log.exception("store.batch.failed")
        else:
            self._troubles.pop("keeper", None)

    def _keep(self, batch: Batch) -> None:
        self._write_events(batch.events, batch.arrived_s)
        if batch.block is not None:
            self._write_waves(batch.block)
        self._cut_strips(closed=batch.closes)
        if batch.closes is not None:
            self._write_events((), at_once=True)
        if batch.block is not None:
            self._live.add(batch.block)
        if batch.closes is not None:
            self._flush()

    def _write_events(
        self, kept: tuple[Durable, ...], arrived_s: float | None = None, *, at_once: bool = False
    ) -> None:
        """Write events in one transaction, so that a finding is never without what it rests on.

        Logs and strips wait some seconds for a commit that happens anyway: each commit costs as much as it holds.
        """
        now_s = time.monotonic()
        if not self._held:
            self._held_since_s = now_s
        self._held += kept
        urgent = any(lane_of(event) is not Lane.LOGS for event in kept)
        if not self._held or not (at_once or urgent or now_s - self._held_since_s > HOLD_S):
            return
        stored = self._write(self._held)
        self._held = []
        self._count(stored)
        self._on_stored(tuple(stored), arrived_s)
        for event in stored:
            if isinstance(event, Finding) and event.rev == 0:
                self._strips.update({(event.id, lead): event for lead in strip_leads(event)})

    def _write(self, here: list[Durable]) -> list[Durable]:
        """Write until written; what the store refuses for what it is, is left out, counted and logged."""
        while here:
            try:
                self._events.add_many(here)
            except StoreTrouble as error:
                self._troubles["events"] = str(error)
                self.counts.retries += 1
                self.pulse.beat()
                log.warning("store.events.failed", extra={"facts": {"why": str(error), "events": len(here)}})
                if self._give_up.wait(self._retry_s):
                    return []
            except BadInput as error:
                if len(here) > 1:
                    return [kept for event in here for kept in self._write([event])]
                self.counts.events_refused += 1
                log.warning("store.event.refused", extra={"facts": {"why": str(error), "id": here[0].id}})
                return []
            else:
                self._troubles.pop("events", None)
                break
        return here

    def _bring_back(self, *, at_once: bool = False) -> None:
        """Try every so often to open what could not be opened at the start."""
        if not self._is_away or not (at_once or time.monotonic() >= self._next_back_s):
            return
        self.pulse.beat(BRING_BACK_LIMIT_S)
        back = [store.bring_back() for store in (self._events, self._waves)]
        if all(back):
            self._is_away = False
            log.info("store.files.back")
            self._on_back()
            return
        log.warning("store.files.away", extra={"facts": {"why": self._away()}})
        self._back_wait_s = min(2 * self._back_wait_s, BRING_BACK_S[1])
        self._next_back_s = time.monotonic() + self._back_wait_s

    def _trim(self) -> None:
        """Hold the events against their budget, every so often; step by step while there is too much."""
        self._since_trim += 1
        if self._since_trim < TRIM_EVERY:
            return
        try:
            deleted = self._events.trim(self._budget)
        except StoreTrouble as error:
            log.warning("store.trim.failed", extra={"facts": {"why": str(error)}})
            deleted = 0
        self.counts.events_trimmed += deleted
        self._since_trim = TRIM_EVERY if deleted == TRIM_ROWS else 0

    def _count(self, kept: list[Durable]) -> None:
        self.counts.events += len(kept)
        self._since_trim += len(kept)
        for event in kept:
            name = type(event).__name__
            self.counts.by_kind[name] = self.counts.by_kind.get(name, 0) + 1

    def _write_waves(self, block: SampleBlock) -> None:
        self.counts.blocks += 1
        try:
            self._waves.append(block)
        except StoreTrouble as error:
            self.counts.wave_failures += 1
            self._troubles["waves"] = str(error)
        else:
            self._troubles.pop("waves", None)

    def _cut_strips(self, *, closed: str | None) -> None:
        for (id_, lead), finding in tuple(self._strips.items()):
            final = finding.recording == closed
            try:
                strip = cut_strip(self._waves, finding, lead=lead, final=final)
            except StoreTrouble as error:
                self._troubles["waves"] = str(error)
                continue
            if strip is not None:
                self._held.append(strip)
                self.counts.strips += 1
            if strip is not None or final:
                del self._strips[id_, lead]

    def _flush(self) -> None:
        try:
            self._waves.flush()
        except StoreTrouble as error:
            self._troubles["waves"] = str(error)
