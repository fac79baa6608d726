"""The reader: takes samples from the source and hands them on, whatever the rest of the daemon is doing."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from biosignal.errors import BedsideError
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from edge_agent.operate.clock import Clock
from edge_agent.sources.port import Source

log = logging.getLogger(__name__)
OVERFLOW = "overflow"


class Arrival(NamedTuple):
    """What the source gave, and when it came on the steady clock."""

    signal: Signal
    at_s: float


Incoming: TypeAlias = "queue.Queue[Arrival | None]"


class SourceFailed(BedsideError):
    """The source met something it has no name for."""

    remedy = "run `edge-agent doctor`, keep the log, and report this as a fault"


class Reader:
    """One thread between a source and a bounded queue.

    A live source never waits: what does not fit is dropped, counted, and followed by a `Gap`. A replay waits for room,
    and while `hold` says so (a full outbox, say). The queue ends with None. `turns` grows while the thread is not
    hanging; a source that waits for its port says so by its health.

    Parameters
    ----------
    live : whether the source goes on without us.
    room : length of the queue in items.
    hold : tells whether a replay should wait.
    """

    def __init__(
        self, source: Source, *, live: bool, room: int, clock: Clock, hold: Callable[[], bool] = lambda: False
    ) -> None:
        self.queue: Incoming = queue.Queue(maxsize=room)
        self.samples_read = 0
        self.samples_dropped = 0
        self.turns = 0
        self.failure: BedsideError | None = None
        self._source = source
        self._live = live
        self._clock = clock
        self._hold = hold
        self._stop = threading.Event()
        self._lost: Gap | None = None
        self._thread = threading.Thread(target=self._run, name="edge.reader", daemon=True)

    @property
    def ended(self) -> bool:
        """Whether the thread came to its end."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the source and the thread."""
        self._stop.set()
        self._source.close()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            for item in self._source.read():
                if self._stop.is_set():
                    break
                self.turns += 1
                self.offer(item)
        except BedsideError as error:
            self.failure = error
            log.exception("sources.read.failed")
        except Exception as error:  # border of the thread: a source that breaks must be seen, not be silent
            self.failure = SourceFailed("the source failed in itself", why=f"{type(error).__name__}: {error}")
            log.exception("sources.read.failed")
        finally:
            if self._lost is not None:
                self._put_patiently(self._arrived(self._lost))
            self._put_patiently(None)

    def offer(self, item: Signal) -> None:
        """Hand one item on, as the thread does with all the source yields."""
        if isinstance(item, SampleBlock):
            self.samples_read += item.length
        if not self._live:
            while self._hold() and not self._stop.wait(0.05):
                self.turns += 1
            self._put_patiently(self._arrived(item))
        elif self._lost is None:
            if not self._put_at_once(item):
                self._lose(item)
        elif self.queue.maxsize - self.queue.qsize() >= 2:
            # Room for the gap and for the item: this thread alone fills the queue.
            self._put_at_once(self._lost)
            self._lost = None
            self._put_at_once(item)
        else:
            self._lose(item)

    def _lose(self, item: Signal) -> None:
        start = item.start if self._lost is None else self._lost.start
        self._lost = Gap(recording=item.recording, start=start, length=item.end - start, reason=OVERFLOW)
        if isinstance(item, SampleBlock):
            self.samples_dropped += item.length

    def _arrived(self, item: Signal) -> Arrival:
        return Arrival(item, self._clock.monotonic_s())

    def _put_at_once(self, item: Signal) -> bool:
        try:
            self.queue.put_nowait(self._arrived(item))
        except queue.Full:
            return False
        return True

    def _put_patiently(self, arrival: Arrival | None) -> None:
        while True:
            try:
                self.queue.put(arrival, timeout=0.1)
            except queue.Full:
                self.turns += 1
                if self._stop.is_set():
                    return
            else:
                return
