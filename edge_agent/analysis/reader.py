"""The reader: takes samples from the source and hands them on, whatever the rest of the daemon is doing."""

import logging
import threading
from collections.abc import Callable

from biosignal.errors import BedsideError
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from edge_agent.analysis.inbox import Arrival, End, Inbox
from edge_agent.operate.clock import Clock
from edge_agent.pulse import Pulse
from edge_agent.sources.port import Source

log = logging.getLogger(__name__)
OVERFLOW = "overflow"
LIMIT_S = 4.0
"""A source that streams gives a block several times a second."""


class SourceFailed(BedsideError):
    """The source met something it has no name for."""

    remedy = "run `edge-agent doctor`, keep the log, and report this as a fault"


class Reader:
    """One thread between a source and the inbox of the analysis.

    A live source never waits: what finds no place is dropped, counted, and followed by a `Gap`. A replay waits for a
    place, and while `hold` says so (a full outbox, say). At the end comes an `End`. `pulse` tells whether the thread
    hangs; a source that waits for its port says so by its health.

    Parameters
    ----------
    inbox : where everything goes; this thread alone puts signals into it.
    live : whether the source goes on without us; `is_live` says it again.
    limit_s : the longest time between two blocks of a source that streams.
    hold : says whether a replay should wait.
    """

    def __init__(
        self,
        source: Source,
        inbox: Inbox,
        *,
        live: bool,
        clock: Clock,
        hold: Callable[[], bool] = lambda: False,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._inbox = inbox
        self._fs_hz = source.recording_facts().fs_hz
        self.samples_read = 0
        self.samples_dropped = 0
        self.pulse = Pulse("reader", limit_s)
        self.failure: BedsideError | None = None
        self._source = source
        self.is_live = live
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
        self.pulse.beat()
        try:
            for item in self._source.read():
                if self._stop.is_set():
                    break
                self.pulse.beat()
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
            self._put_patiently(End())
            self.pulse.rest()

    def offer(self, item: Signal) -> None:
        """Hand one item on, as the thread does with all the source yields."""
        is_beside = isinstance(item, SampleBlock) and item.fs_hz != self._fs_hz
        if isinstance(item, SampleBlock) and not is_beside:
            self.samples_read += item.length
        if is_beside and self.is_live:
            self._put_beside(item)
        elif not self.is_live:
            while self._hold() and not self._stop.wait(0.05):
                self.pulse.beat()
            self._put_patiently(self._arrived(item))
        elif self._lost is None:
            if not self._put_at_once(item):
                self._lose(item)
        elif self._inbox.free >= 2:
            # A place for the gap and one for the item: this thread alone fills the inbox.
            self._put_at_once(self._lost)
            self._lost = None
            self._put_at_once(item)
        else:
            self._lose(item)

    def _put_beside(self, item: Signal) -> None:
        """Leads of another rate follow the block of the recording's own rate: into the inbox, or into the same gap."""
        if self._lost is None:
            self._inbox.put(self._arrived(item), beyond=True)

    def _lose(self, item: Signal) -> None:
        start = item.start if self._lost is None else self._lost.start
        self._lost = Gap(recording=item.recording, start=start, length=item.end - start, reason=OVERFLOW)
        if isinstance(item, SampleBlock):
            self.samples_dropped += item.length

    def _arrived(self, item: Signal) -> Arrival:
        return Arrival(item, self._clock.monotonic_s())

    def _put_at_once(self, item: Signal) -> bool:
        return self._inbox.put(self._arrived(item))

    def _put_patiently(self, arrival: Arrival | End) -> None:
        while not self._inbox.put(arrival, timeout_s=0.1):
            self.pulse.beat()
            if self._stop.is_set():
                return
