"""The keeper: the one thread that writes. Events first, then waves, then what hangs on both: strips and live waves."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

from biosignal.errors import BadInput
from biosignal.events import Durable, Explanation, Finding, Trend
from biosignal.signal.blocks import SampleBlock
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from edge_agent.analysis.restart import wants_strip
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.events import EventStore
from edge_agent.store.strips import cut_strip
from edge_agent.store.waveforms import WaveStore

log = logging.getLogger(__name__)
LIVE_FRAME_S = 0.2
RETRY_S = 1.0
TURN_S = 0.5


class Lane(IntEnum):
    """Order of sending; a lower lane always goes first."""

    FINDINGS = 0
    LIVE = 1
    BACKLOG = 2
    LOGS = 3


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
    retries: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


class Keeper:
    """Writes batches in order. An event is written until it is written; waves that cannot be are counted.

    `put` never waits, so it may be called under any lock. Who produces faster than the disk takes asks `wait_for_room`
    first, without a lock (a replay); otherwise waves that find no room are dropped and counted, events never.

    Parameters
    ----------
    on_stored : told of the events of a batch that are on disk now, and when the batch's item had arrived.
    live : publishes one encoded wave frame; asked only while `is_watched`.
    room : how many batches may wait before waves are dropped.
    """

    def __init__(
        self,
        events: EventStore,
        waves: WaveStore,
        *,
        on_stored: Callable[[tuple[Durable, ...], float | None], None],
        live: Callable[[bytes], None],
        is_watched: Callable[[], bool],
        room: int = 256,
        retry_s: float = RETRY_S,
    ) -> None:
        self.counts = KeeperCounts()
        self.turns = 0
        self._events = events
        self._waves = waves
        self._on_stored = on_stored
        self._live = live
        self._is_watched = is_watched
        self._room = room
        self._retry_s = retry_s
        self._waiting: deque[Batch] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._strips: dict[str, Finding] = {}
        self._frame: list[SampleBlock] = []
        self._give_up = threading.Event()
        self._troubles: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="edge.keeper", daemon=True)

    @property
    def trouble(self) -> str | None:
        """Why a store fails, in a sentence; None when both work."""
        return next(iter(tuple(self._troubles.values())), None)

    @property
    def ended(self) -> bool:
        """Whether the thread came to its end."""
        return self._thread.ident is not None and not self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Whether everything handed over is written."""
        return not self._waiting

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Hand over a batch; returns at once."""
        with self._changed:
            if len(self._waiting) >= self._room and batch.block is not None:
                batch = replace(batch, block=None)
                self.counts.waves_dropped += 1
                self._troubles["room"] = "the store is too slow for the signal: waves were dropped"
            if batch.events or batch.block is not None or batch.closes is not None:
                self._waiting.append(batch)
                self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until a batch would find room; False when it does not in that time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._waiting) < self._room, timeout_s)

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
                self.turns += 1
                if not self._waiting and not self._ending:
                    self._changed.wait(TURN_S)
                if not self._waiting:
                    if self._ending:
                        return
                    continue
                batch = self._waiting[0]
            self._keep(batch)
            with self._changed:
                self._waiting.popleft()
                if len(self._waiting) < self._room // 2:
                    self._troubles.pop("room", None)
                self._changed.notify_all()

    def _keep(self, batch: Batch) -> None:
        try:
            self._write_events(batch.events, batch.arrived_s)
            if batch.block is not None:
                self._write_waves(batch.block)
            self._cut_strips(closed=batch.closes)
            if batch.block is not None:
                self._show(batch.block)
            if batch.closes is not None:
                self._flush()
        except Exception as error:  # border of the thread: one bad batch must not end all writing
            self._troubles["keeper"] = f"a batch could not be written: {type(error).__name__}: {error}"
            log.exception("store.batch.failed")
        else:
            self._troubles.pop("keeper", None)

    def _write_events(self, kept: tuple[Durable, ...], arrived_s: float | None = None) -> None:
        stored: list[Durable] = []
        for lane in Lane:
            here = [event for event in kept if lane_of(event) is lane]
            stored += self._write_lane(here, lane)
        if not stored:
            return
        self._count(stored)
        self._on_stored(tuple(stored), arrived_s)
        for event in stored:
            if isinstance(event, Finding) and event.rev == 0 and wants_strip(event):
                self._strips.setdefault(event.id, event)

    def _write_lane(self, here: list[Durable], lane: Lane) -> list[Durable]:
        """Write until written; what the store refuses for what it is, is left out, counted and logged."""
        while here:
            try:
                self._events.add_many(here, lane=int(lane))
            except StoreTrouble as error:
                self._troubles["events"] = str(error)
                self.counts.retries += 1
                self.turns += 1
                log.warning("store.events.failed", extra={"facts": {"why": str(error), "events": len(here)}})
                if self._give_up.wait(self._retry_s):
                    return []
            except BadInput as error:
                if len(here) > 1:
                    return [kept for event in here for kept in self._write_lane([event], lane)]
                self.counts.events_refused += 1
                log.warning("store.event.refused", extra={"facts": {"why": str(error), "id": here[0].id}})
                return []
            else:
                self._troubles.pop("events", None)
                break
        return here

    def _count(self, kept: list[Durable]) -> None:
        self.counts.events += len(kept)
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
        for finding in tuple(self._strips.values()):
            final = finding.recording == closed
            try:
                strip = cut_strip(self._waves, finding, final=final)
            except StoreTrouble as error:
                self._troubles["waves"] = str(error)
                continue
            if strip is not None:
                self._write_events((strip,))
                self.counts.strips += 1
            if strip is not None or final:
                del self._strips[finding.id]

    def _show(self, block: SampleBlock) -> None:
        if not self._is_watched():
            self._frame.clear()
            return
        if self._frame and (self._frame[-1].end != block.start or self._frame[-1].recording != block.recording):
            self._send_frame()
        self._frame.append(block)
        if sum(part.length for part in self._frame) >= LIVE_FRAME_S * block.fs_hz:
            self._send_frame()

    def _send_frame(self) -> None:
        first = self._frame[0]
        samples = np.concatenate([part.samples for part in self._frame], axis=1)
        self._frame.clear()
        for lead, row in zip(first.leads, samples, strict=True):
            counts, gain, offset, _ = quantise(row, lead.unit)
            chunk = WaveChunk(
                recording=first.recording,
                lead=lead.name,
                start=first.start,
                fs_hz=first.fs_hz,
                unit=lead.unit,
                gain=gain,
                offset=offset,
                counts=counts,
            )
            self._live(encode_wave(chunk))

    def _flush(self) -> None:
        try:
            self._waves.flush()
        except StoreTrouble as error:
            self._troubles["waves"] = str(error)


def lane_of(event: Durable) -> Lane:
    """Which lane an event is sent in."""
    if isinstance(event, Trend):
        return Lane.LOGS
    if isinstance(event, Explanation) and event.made_by != "template":
        return Lane.LIVE
    return Lane.FINDINGS
