"""The keeper: the one thread that writes. Events first, then waves, then what hangs on both: strips and live waves."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from biosignal.blocks import SampleBlock
from biosignal.events import Durable, Explanation, Finding, Trend
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.events import EventStore
from edge_agent.store.strips import cut_strip
from edge_agent.store.waveforms import WaveStore

log = logging.getLogger(__name__)
LIVE_FRAME_S = 0.2
RETRY_S = 1.0


class Lane(IntEnum):
    """Order of sending; a lower lane always goes first."""

    FINDINGS = 0
    LIVE = 1
    BACKLOG = 2
    LOGS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one item of the source brought: events to keep, and the block itself. `closes` names an ended recording."""

    events: tuple[Durable, ...] = ()
    block: SampleBlock | None = None
    closes: str | None = None


@dataclass(slots=True)
class KeeperCounts:
    """What the keeper did since the start."""

    events: int = 0
    strips: int = 0
    blocks: int = 0
    wave_failures: int = 0
    waves_dropped: int = 0
    retries: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


class Keeper:
    """Writes batches in order. An event is written until it is written; waves that cannot be are counted.

    Parameters
    ----------
    on_stored : told of events that are on disk now.
    patient : `put` waits for room (a replay); else waves that find none are dropped and counted, events never.
    live : publishes one encoded wave frame; asked only while `is_watched`.
    """

    def __init__(
        self,
        events: EventStore,
        waves: WaveStore,
        *,
        on_stored: Callable[[tuple[Durable, ...]], None],
        patient: bool,
        live: Callable[[bytes], None],
        is_watched: Callable[[], bool],
        room: int = 256,
    ) -> None:
        self.counts = KeeperCounts()
        self._events = events
        self._waves = waves
        self._on_stored = on_stored
        self._patient = patient
        self._live = live
        self._is_watched = is_watched
        self._queue: queue.Queue[Batch | None] = queue.Queue(maxsize=room)
        self._strips: dict[str, Finding] = {}
        self._frame: list[SampleBlock] = []
        self._stop = threading.Event()
        self._pushed_aside: deque[Durable] = deque()
        self._troubles: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="edge.keeper", daemon=True)

    @property
    def trouble(self) -> str | None:
        """Why a store fails, in a sentence; None when both work."""
        return next(iter(self._troubles.values()), None)

    def start(self) -> None:
        """Start writing."""
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Hand over a batch."""
        if self._patient:
            self._queue.put(batch)
            return
        try:
            self._queue.put_nowait(batch)
        except queue.Full:
            self._pushed_aside.extend(batch.events)
            self.counts.waves_dropped += batch.block is not None

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what is queued, then end the thread."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        self._stop.set()

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            self._write_events(batch.events)
            while self._pushed_aside and self._queue.empty():
                self._write_events([self._pushed_aside.popleft()])
            if batch.block is not None:
                self._write_waves(batch.block)
            self._cut_strips(closed=batch.closes)
            if batch.block is not None:
                self._show(batch.block)
            if batch.closes is not None:
                self._flush()

    def _write_events(self, events: Iterable[Durable]) -> None:
        kept = tuple(events)
        for lane in Lane:
            here = [event for event in kept if lane_of(event) is lane]
            while here:
                try:
                    self._events.add_many(here, lane=int(lane))
                except StoreTrouble as error:
                    self._troubles["events"] = str(error)
                    self.counts.retries += 1
                    if self._stop.wait(RETRY_S):
                        return
                else:
                    break
        if kept:
            self._troubles.pop("events", None)
            self._count(kept)
            self._on_stored(kept)
        for event in kept:
            if isinstance(event, Finding) and _wants_strip(event):
                self._strips.setdefault(event.id, event)

    def _count(self, kept: tuple[Durable, ...]) -> None:
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
                self._write_events([strip])
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


def _wants_strip(finding: Finding) -> bool:
    evidence = finding.evidence
    return finding.stream == "live" and finding.rev == 0 and evidence.strip_end > evidence.strip_start
