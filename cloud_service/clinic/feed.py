"""Pushing what is new to open pages, within a second of its commit."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from biosignal.wire.envelope import KINDS
from cloud_service.clinic.context import ClinicPart, Viewer, login_of
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import EventRow

log = logging.getLogger("bedside.feed")
router = APIRouter(tags=["feed"])
POLL_S = 0.5
LOOK_BACK = 200
CHECK_LOGIN_S = 15.0
CATCH_UP = 500
SHOWN = (
    *("task", "kind", "state", "priority", "stream", "onset", "start", "end", "length", "label", "lead", "leads"),
    *("finding", "by", "made_by", "source", "command", "name", "outcome", "reason", "bundle", "step"),
)
"""Fields of a body that a page is given at once, whichever of them an event of whatever kind has."""
LONGEST = 200
LEADS = 64
Item = dict[str, Any]


class Feed:
    """Reads new rows of the event log while somebody listens, whichever process wrote them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[asyncio.Queue[Item]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="clinic.feed")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def poke(self) -> None:
        """Say from any thread that something was committed."""
        if self._loop is not None and self._wake is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Item]]:
        """Hear of new events; a listener that does not keep up loses the oldest."""
        mine: asyncio.Queue[Item] = asyncio.Queue(CATCH_UP)
        self._listeners.add(mine)
        try:
            yield mine
        finally:
            self._listeners.discard(mine)

    def since(self, row: int, limit: int = CATCH_UP) -> list[Item]:
        """Events after `row`, in order of arrival."""
        with self._database.read() as session:
            rows = session.scalars(select(EventRow).where(EventRow.row > row).order_by(EventRow.row).limit(limit))
            return [summary(one) for one in rows]

    def newest(self) -> int:
        """Row of the newest event."""
        with self._database.read() as session:
            return session.scalar(select(func.max(EventRow.row))) or 0

    async def _run(self) -> None:
        assert self._wake is not None
        seen: set[int] = set()
        newest: int | None = None
        while True:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()
            if not self._listeners:
                newest = None
                continue
            try:
                newest, seen = await self._round(newest, seen)
            except SQLAlchemyError as error:
                log.warning("feed.read.failed", extra={"why": type(error).__name__})
            except Exception:  # the border of the task: without it every open page would fall silent for good
                log.exception("feed.round.failed")

    async def _round(self, newest: int | None, seen: set[int]) -> tuple[int, set[int]]:
        """Look back a little each time: transactions of several writers do not commit in the order of their rows."""
        if newest is None:
            newest = await run_in_threadpool(self.newest)
            seen = {item["row"] for item in await run_in_threadpool(self.since, newest - LOOK_BACK)}
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
    request: Request, _login: Viewer, clinic: ClinicPart, last_event_id: str | None = Header(default=None)
) -> StreamingResponse:
    """Server-sent events, one per committed event; ``Last-Event-ID`` makes up for an interruption."""
    return StreamingResponse(_events(request, clinic.feed, last_event_id), media_type="text/event-stream")


async def _events(request: Request, source: Feed, last: str | None) -> AsyncIterator[str]:
    with source.listen() as mine:
        yield "retry: 1000\n\n"
        sent = int(last) if last and last.isdigit() else None
        for item in await run_in_threadpool(source.since, sent) if sent is not None else ():
            sent = item["row"]
            yield _written(item)
        caught_up = sent
        looked_s = time.monotonic()
        while True:
            new = await _next(mine)
            if new is None or time.monotonic() - looked_s >= CHECK_LOGIN_S:  # also where there is always something
                if await run_in_threadpool(login_of, request) is None:
                    return
                looked_s = time.monotonic()
            if new is None:
                yield ": still here\n\n"
            elif caught_up is None or new["row"] > caught_up:
                yield _written(new)


async def _next(mine: asyncio.Queue[Item]) -> Item | None:
    try:
        return await asyncio.wait_for(mine.get(), CHECK_LOGIN_S)
    except asyncio.TimeoutError:
        return None


def _written(item: Item) -> str:
    # a page hears of named events only by naming them: a kind nobody knows comes as a plain message
    named = f"event: {item['kind']}\n" if item["kind"] in KINDS else ""
    return f"id: {item['row']}\n{named}data: {json.dumps(item)}\n\n"
