"""The threads that send: one looks what is new, and each webhook that has something due is served by one of its own.

A message is marked as delivered after it was taken, so that a clinic which ends in between sends it once more.
"""

import hashlib
import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from biosignal import __version__
from biosignal.errors import BedsideError
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.webhook_tables import DeliveryRow, WebhookRow
from cloud_service.pulse import Loop
from cloud_service.settings import WebhookSettings
from cloud_service.webhooks.hooks import MOST_HOOKS, active
from cloud_service.webhooks.line import fill, is_behind, next_due, note_delivered, note_failed, remove_old
from cloud_service.webhooks.messages import signature
from cloud_service.webhooks.receiver import post, receiver_of

log = logging.getLogger("bedside.webhooks")
LOOK_S = 1.0
STILL_AFTER_S = 30.0
REMOVE_EVERY = 600
"""Looks between two times at which old messages are let go of."""
MOST_AT_A_TIME = 100
"""After so many messages a webhook's thread is free for others."""


class WebhookSender:
    """Fills the lines of all webhooks and sends what is due.

    Parameters
    ----------
    now : the clinic's clock, in UTC. spread : a random number between 0 and 1.
    """

    def __init__(
        self,
        database: Database,
        settings: WebhookSettings,
        *,
        now: Callable[[], datetime] = utc_now,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._database, self._settings, self._now, self._spread = database, settings, now, spread
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(MOST_HOOKS, thread_name_prefix="clinic.webhook")
        self._served: dict[int, Future[int]] = {}
        self.loop = Loop("webhooks", self._run, limit_s=STILL_AFTER_S)

    @property
    def is_on(self) -> bool:
        """Whether messages are sent by this process."""
        return self._settings.enabled

    def start(self) -> None:
        """Begin, where it is on."""
        if self.is_on:
            self.loop.start()

    def stop(self) -> None:
        """Finish the messages in hand and end."""
        self._stopping.set()
        if self.is_on:
            self.loop.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def look(self) -> list[int]:
        """Put in what is new; gives the webhooks that there are."""
        with self._database.read() as session:
            hooks = active(session)
            behind = [hook.row for hook in hooks if is_behind(session, hook, self._now())]
        if behind:
            with self._database.write() as session:
                for hook in active(session):
                    if hook.row in behind:
                        fill(session, hook, self._now())
        return [hook.row for hook in hooks]

    def serve(self, hook: int) -> int:
        """Send what is due of one webhook, in order of each device; says how many were tried."""
        for tried in range(MOST_AT_A_TIME):
            with self._database.read() as session:
                row, sent_to = next_due(session, hook, self._now()), session.get(WebhookRow, hook)
            if row is None or sent_to is None or sent_to.ended is not None or self._stopping.is_set():
                return tried
            self._send(row, sent_to)
        return MOST_AT_A_TIME

    def _send(self, row: DeliveryRow, hook: WebhookRow) -> None:
        why: str | None = None
        try:
            receiver = receiver_of(hook.url, self._settings.allow)
            body = row.body.encode()
            post(receiver, body, self._headers(row, hook, body), self._settings)
        except BedsideError as error:
            why = str(error)
        with self._database.write() as session:
            stored = session.get(DeliveryRow, row.row)
            if stored is None:
                return
            if why is None:
                note_delivered(stored, self._now())
            else:
                note_failed(stored, why, self._now(), self._settings, self._spread())
            facts = {"webhook": hook.name, "state": stored.state, "tries": stored.tries, "why": why or ""}
        if why is not None:
            log.warning("webhook.not_taken", extra=facts)

    def _headers(self, row: DeliveryRow, hook: WebhookRow, body: bytes) -> dict[str, str]:
        stamp = int(self._now().timestamp())
        return {
            "Content-Type": "application/json",
            "User-Agent": f"bedside-clinic/{__version__}",
            "Bedside-Delivery": hashlib.sha256(f"{hook.name} {row.key}".encode()).hexdigest()[:32],
            "Bedside-Timestamp": str(stamp),
            "Bedside-Signature": f"v1={signature(hook.secret, stamp, body)}",
        }

    def _run(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_S):
            self.loop.beat()
            try:
                for hook in self.look():
                    if (before := self._served.get(hook)) is None or before.done():
                        self._served[hook] = self._pool.submit(self._guarded, hook)
                looks += 1
                if looks % REMOVE_EVERY == 1:
                    with self._database.write() as session:
                        remove_old(session, self._now() - timedelta(days=self._settings.keep_days))
            except SQLAlchemyError as error:
                log.warning("webhooks.look.failed", extra={"why": type(error).__name__})
            except Exception:  # the border of the thread: without it nothing would be sent any more
                log.exception("webhooks.look.failed")

    def _guarded(self, hook: int) -> int:
        try:
            return self.serve(hook)
        except SQLAlchemyError as error:
            log.warning("webhooks.serve.failed", extra={"why": type(error).__name__})
        except Exception:  # the border of the thread, as above
            log.exception("webhooks.serve.failed")
        return 0
