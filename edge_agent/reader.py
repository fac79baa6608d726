"""The reader: takes samples from the source and hands them on, whatever the rest of the daemon is doing."""

import logging
import queue
import threading
from collections.abc import Callable

from biosignal.blocks import Gap, SampleBlock, Signal
from biosignal.errors import BedsideError
from edge_agent.sources.port import Source

log = logging.getLogger(__name__)
OVERFLOW = "overflow"


class Reader:
    """One thread between a source and a bounded queue.

    A live source never waits: what does not fit is dropped, counted, and followed by a `Gap`. A replay waits for room,
    and while `hold` says so (a full outbox, say). The queue ends with None.

    Parameters
    ----------
    live : whether the source goes on without us.
    room : length of the queue in items.
    hold : tells whether a replay should wait.
    """

    def __init__(self, source: Source, *, live: bool, room: int, hold: Callable[[], bool] = lambda: False) -> None:
        self.queue: queue.Queue[Signal | None] = queue.Queue(maxsize=room)
        self.samples_read = 0
        self.samples_dropped = 0
        self.failure: BedsideError | None = None
        self._source = source
        self._live = live
        self._hold = hold
        self._stop = threading.Event()
        self._lost: Gap | None = None
        self._thread = threading.Thread(target=self._run, name="edge.reader", daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the source and the thread."""
        self._stop.set()
        self._source.close()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            for item in self._source.read():
                if self._stop.is_set():
                    break
                self._offer(item)
        except BedsideError as error:
            self.failure = error
            log.exception("sources.read.failed")
        finally:
            self._put_patiently(None)

    def _offer(self, item: Signal) -> None:
        if isinstance(item, SampleBlock):
            self.samples_read += item.length
        if not self._live:
            while self._hold() and not self._stop.wait(0.05):
                pass
            self._put_patiently(item)
            return
        if self._lost is not None:
            self._extend(item)
            item, self._lost = self._lost, None
        try:
            self.queue.put_nowait(item)
        except queue.Full:
            self._lost = item if isinstance(item, Gap) and item.reason == OVERFLOW else self._gap_for(item)
            if isinstance(item, SampleBlock):
                self.samples_dropped += item.length

    def _extend(self, item: Signal) -> None:
        """Let the gap swallow one more item; it is delivered in that item's place when there is room."""
        assert self._lost is not None
        lost = self._lost
        self._lost = Gap(recording=lost.recording, start=lost.start, length=item.end - lost.start, reason=OVERFLOW)
        if isinstance(item, SampleBlock):
            self.samples_dropped += item.length

    def _gap_for(self, item: Signal) -> Gap:
        return Gap(recording=item.recording, start=item.start, length=item.end - item.start, reason=OVERFLOW)

    def _put_patiently(self, item: Signal | None) -> None:
        while True:
            try:
                self.queue.put(item, timeout=0.1)
            except queue.Full:
                if self._stop.is_set():
                    return
            else:
                return
