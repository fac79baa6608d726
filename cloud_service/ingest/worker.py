"""The thread between broker and database: batches, commits, then sends receipts."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from biosignal.events import Receipt
from cloud_service.database.connection import Database, is_unavailable
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import Committed, commit
from cloud_service.ingest.presence import Presence, note
from cloud_service.ingest.waiting import Waiting
from cloud_service.pulse import Loop
from cloud_service.settings import IngestSettings

log = logging.getLogger("bedside.ingest")
FIRST_WAIT_S = 0.2
STILL_AFTER_S = 60.0
"""A turn of the loop longer than this is a standstill: six times what a database may keep a writer waiting."""
SendReceipt = Callable[[str, str, Receipt], None]


@dataclass(kw_only=True, slots=True)
class IngestCounts:
    """What happened since the start.

    `dropped`: arrived while the queue was full; the devices send them again. `mishaps`: batches that ended in an error
    nobody had foreseen; nothing of them was receipted, so the devices send those again, too.
    """

    new: int = 0
    known: int = 0
    refused: int = 0
    dropped: int = 0
    database_failures: int = 0
    mishaps: int = 0


class IngestWorker:
    """Takes messages from any thread; stores them in one thread of its own.

    What waits is bounded. What does not fit is dropped and counted, and what waits when the process dies is gone:
    neither got a receipt, so the device still has it.
    """

    def __init__(
        self,
        database: Database,
        settings: IngestSettings,
        *,
        send_receipt: SendReceipt,
        on_committed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._in_hand: float | None = None
        self._database = database
        self._settings = settings
        self._send_receipt = send_receipt
        self._on_committed = on_committed
        self._waiting = Waiting(most=settings.queue, batch=settings.batch)
        self._stopping = threading.Event()
        self.loop = Loop("ingest", lambda: self._run(), limit_s=STILL_AFTER_S, clock=clock)
        self.counts = IngestCounts()

    def start(self) -> None:
        """Begin."""
        self.loop.start()

    def stop(self) -> None:
        """Finish the batch in hand and end."""
        self._stopping.set()
        self.loop.join()

    def take(self, item: Message | Presence) -> None:
        """Queue what came; never blocks the network thread."""
        if not self._waiting.put(item):
            self.counts.dropped += 1

    @property
    def waiting(self) -> int:
        """How many are queued."""
        return len(self._waiting)

    @property
    def turn_age_s(self) -> float:
        """How long ago the loop last came round; with nothing to do it comes round five times a second."""
        return self.loop.age_s

    @property
    def unstored_s(self) -> float:
        """For how long the batch in hand has waited for its commit; 0 where nothing waits."""
        since = self._in_hand
        return max(0.0, self._clock() - since) if since is not None else 0.0

    def why_still(self) -> str:
        """Say why nothing is stored any more; empty while the thread works."""
        return self.loop.why_still()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.loop.beat()
            try:
                batch = self._waiting.take(0.2)
                if batch:
                    self._in_hand = self._clock()
                    self._store_until_done(batch)
                self._in_hand = None
            except Exception:  # the border of the thread: it must outlive whatever one batch brings about
                self.counts.mishaps += 1
                log.exception("ingest.batch.failed")
                self._stopping.wait(FIRST_WAIT_S)

    def _store_until_done(self, batch: list[Message | Presence]) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stopping.is_set() and not self._store(batch):
            self.loop.beat()
            self._stopping.wait(random.uniform(0, wait_s))
            wait_s = min(wait_s * 2, self._settings.retry_max_s)

    def _store(self, batch: list[Message | Presence]) -> bool:
        """Store a batch; gives False where the database is away and the batch must be stored again."""
        messages = [item for item in batch if isinstance(item, Message)]
        latest = {(item.site, item.device): item for item in batch if isinstance(item, Presence)}
        try:
            done = commit(self._database, messages) if messages else Committed()
            self._publish(done)
            if latest:
                note(self._database, latest.values())
        except (SQLAlchemyError, ValueError, OverflowError) as error:
            self.counts.database_failures += 1
            log.warning("ingest.commit.failed", extra={"why": str(error).splitlines()[0][:200]})
            # Every message has a place by now, at worst among the dead letters. So what the database will never hold
            # is a status, and the device sends another in a few seconds.
            return not (isinstance(error, SQLAlchemyError) and is_unavailable(error))
        return True

    def _publish(self, done: Committed) -> None:
        self.counts.new += done.new
        self.counts.known += done.known
        self.counts.refused += done.refused
        for (site, device), receipt in done.receipts().items():
            self._send_receipt(site, device, receipt)
        self._on_committed()
