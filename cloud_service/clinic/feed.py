"""Pushing what is new to open pages, within a second of its commit."""

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from biosignal.wire.envelope import KINDS
from cloud_service.clinic.context import ClinicPart, Viewer, login_of
from cloud_service.clinic.escalation import Step, Waiting
from cloud_service.clinic.own_alarms import OwnAlarm
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import EventRow
from cloud_service.pulse import Budget

log = logging.getLogger("bedside.feed")
router = APIRouter(tags=["feed"])
POLL_S = 0.5
LOOK_BACK = 200
CHECK_LOGIN_S = 15.0
BEAT_S = 1.0
"""A page that hears nothing for a few of these has lost its clinic."""
STILL_AFTER_S = 30.0
CATCH_UP = 500
SHOWN = (
    *("task", "kind", "state", "priority", "stream", "onset", "start", "end", "length", "label", "lead", "leads"),
    *("finding", "by", "made_by", "source", "command", "name", "outcome", "reason", "bundle", "step"),
)
"""Fields of a body that a page is given at once, whichever of them an event of whatever kind has."""
LONGEST = 200
LEADS = 64
_ROW = re.compile(r"[0-9]{1,18}")
Item = dict[str, Any]


class Feed:
    """Reads new rows of the event log while somebody listens, whichever process wrote them.

    As a part of the clinic it has an age, and is started anew when its task has ended.
    """

    name = "feed"
    limit_s = STILL_AFTER_S

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._budget = Budget(clock)
        self._beaten = clock()
        self._listeners: set[asyncio.Queue[Item]] = set()
        self._readers: list[str] = []
        self.on_page: frozenset[str] = frozenset()
        """Who has a page open: a connection of theirs stands. Any thread may ask."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._begin()

    async def stop(self) -> None:
        """End."""
        self._loop = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def age_s(self) -> float:
        """Seconds since its task last came round, on the steady clock."""
        return max(0.0, self._clock() - self._beaten)

    @property
    def restarts(self) -> int:
        """How often its task was started anew."""
        return self._budget.spent

    def why_still(self) -> str:
        """Say why pages hear of nothing new; empty while they do."""
        if self._task is None or self._task.done():
            return "the feed is not running"
        return f"the feed has stood still for {self.age_s:.0f} s" if self.age_s > self.limit_s else ""

    def revive(self) -> None:
        """Start its task anew, from any thread, if it has ended and the budget allows."""
        loop, task = self._loop, self._task
        if loop is None or loop.is_closed() or task is None or not task.done() or not self._budget.take():
            return
        loop.call_soon_threadsafe(self._begin)

    def announce(self, item: Item) -> None:
        """Tell open pages, from any thread, of something that is no event of a device."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._publish, item)

    def poke(self) -> None:
        """Say from any thread that something was committed."""
        if self._loop is not None and self._wake is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    @contextmanager
    def listen(self, reader: str | None = None) -> Iterator[asyncio.Queue[Item]]:
        """Hear of new events; a listener that does not keep up loses the oldest. `reader` is the person at the page."""
        mine: asyncio.Queue[Item] = asyncio.Queue(CATCH_UP)
        self._listeners.add(mine)
        readers = [] if reader is None else [reader]
        self._readers += readers
        self.on_page = frozenset(self._readers)
        try:
            yield mine
        finally:
            self._listeners.discard(mine)
            for name in readers:
                self._readers.remove(name)
            self.on_page = frozenset(self._readers)

    def since(self, row: int, limit: int = CATCH_UP) -> list[Item]:
        """Events after `row`, in order of arrival."""
        with self._database.read() as session:
            rows = session.scalars(select(EventRow).where(EventRow.row > row).order_by(EventRow.row).limit(limit))
            return [summary(one) for one in rows]

    def newest(self) -> int:
        """Row of the newest event."""
        with self._database.read() as session:
            return session.scalar(select(func.max(EventRow.row))) or 0

    def _begin(self) -> None:
        self._beaten = self._clock()
        self._task = asyncio.create_task(self._run(), name="clinic.feed")

    async def _run(self) -> None:
        assert self._wake is not None
        seen: set[int] = set()
        newest: int | None = None
        while True:
            self._beaten = self._clock()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()
            try:
                if self._listeners and newest is not None:
                    newest, seen = await self._round(newest, seen)
                    continue
                start = await self._beginning(newest, seen)
                # Whoever began to listen meanwhile must not miss what came since: the earlier beginning stays then.
                if newest is None or not self._listeners:
                    newest, seen = start
            except SQLAlchemyError as error:
                log.warning("feed.read.failed", extra={"why": type(error).__name__})
            except Exception:  # the border of the task: without it every open page would fall silent for good
                log.exception("feed.round.failed")

    async def _beginning(self, before: int | None, seen: set[int]) -> tuple[int, set[int]]:
        """Where the next round begins while nobody listens: behind what there is."""
        newest = await run_in_threadpool(self.newest)
        if newest == before:
            return newest, seen
        return newest, {item["row"] for item in await run_in_threadpool(self.since, newest - LOOK_BACK)}

    async def _round(self, newest: int, seen: set[int]) -> tuple[int, set[int]]:
        """Look back a little each time: transactions of several writers do not commit in the order of their rows."""
        items = await run_in_threadpool(self.since, newest - LOOK_BACK)
        for item in items:
            if item["row"] not in seen:
                self._publish(item)
        rows = {item["row"] for item in items}
        return max(rows | {newest}), rows

    def _publish(self, item: Item) -> None:
        for listener in self._listeners:
            if listener.full():
                listener.get_nowait()
            listener.put_nowait(item)


def announcement(alarm: OwnAlarm) -> Item:
    """What pages are told when an alarm of the clinic's own changes."""
    body = {"kind": alarm.kind, "priority": alarm.priority, "state": alarm.state.value, "reason": alarm.why}
    named = {"row": None, "kind": "clinic.alarm", "id": alarm.id, "rev": 0, "device": alarm.device}
    stamp = utc_now().isoformat()
    return {**named, "recording": None, "at": alarm.since.isoformat(), "received": stamp, "body": body}


def escalation_item(one: Waiting, step: Step) -> Item:
    """What pages are told when somebody was told of an alarm."""
    body = {"kind": one.kind, "priority": one.priority.value, "name": step.to}
    return {"row": None, "kind": "clinic.escalation", "id": one.alarm, "device": one.device, "body": body}


def status_item(device: str) -> Item:
    """What pages are told when a device said how it is: that there is something new to ask for."""
    return {"row": None, "kind": "status", "device": device, "body": {}}


def summary(row: EventRow) -> Item:
    """What a page needs to know to fetch the rest."""
    stored = row.body if isinstance(row.body, dict) else {}  # what cannot be read must not end the feed
    body = {name: stored[name] for name in SHOWN if _is_short(stored.get(name))}
    named = {"row": row.row, "kind": row.kind, "id": row.id, "rev": row.rev, "device": row.device}
    return {**named, "recording": row.recording, "at": row.at, "received": row.received.isoformat(), "body": body}


def _is_short(value: object) -> bool:
    """Whether a value is a word or a number, or a few of them: what is larger a page fetches itself."""
    if isinstance(value, list):
        return len(value) <= LEADS and all(isinstance(one, str) and len(one) <= LONGEST for one in value)
    return isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= LONGEST)


@router.get("/feed", response_class=StreamingResponse)
async def feed(
    request: Request, login: Viewer, clinic: ClinicPart, last_event_id: str | None = Header(default=None)
) -> StreamingResponse:
    """Server-sent events, one per committed event; ``Last-Event-ID`` makes up for an interruption.

    ``now`` comes once a second with the time at the clinic, ``clinic.alarm`` for each change of an alarm of the
    clinic's own, ``clinic.escalation`` when somebody was told of an alarm that nobody answers, ``status`` when a device
    said how it is. These four have no row.
    """
    reader = None if login.is_token else login.name
    return StreamingResponse(_events(request, clinic.feed, last_event_id, reader), media_type="text/event-stream")


async def _events(request: Request, source: Feed, last: str | None, reader: str | None) -> AsyncIterator[str]:
    with source.listen(reader) as mine:
        yield "retry: 1000\n\n"
        sent = int(last) if last and _ROW.fullmatch(last) else None
        for item in await run_in_threadpool(source.since, sent) if sent is not None else ():
            sent = item["row"]
            yield _written(item)
        caught_up = sent
        checked_s, said_s = time.monotonic(), 0.0
        while True:
            now_s = time.monotonic()
            if now_s - checked_s >= CHECK_LOGIN_S:
                checked_s = now_s
                if await run_in_threadpool(login_of, request) is None:
                    return
            if now_s - said_s >= BEAT_S:
                said_s = now_s
                yield _unstored("now", {"now": utc_now().isoformat()})
            try:
                item = await asyncio.wait_for(mine.get(), BEAT_S)
            except asyncio.TimeoutError:
                continue
            if item["row"] is None:
                yield _unstored(item["kind"], item)
            elif caught_up is None or item["row"] > caught_up:
                yield _written(item)


def _unstored(name: str, item: Item) -> str:
    return f"event: {name}\ndata: {json.dumps(item)}\n\n"


def _written(item: Item) -> str:
    # a page hears of named events only by naming them: a kind nobody knows comes as a plain message
    named = f"event: {item['kind']}\n" if item["kind"] in KINDS else ""
    return f"id: {item['row']}\n{named}data: {json.dumps(item)}\n\n"
