"""The live strip: waves over a websocket while someone watches."""

import asyncio
import contextlib
import time
from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from biosignal.errors import BadInput
from cloud_service.clinic.command_desk import WATCH_S, watch_arguments
from cloud_service.clinic.context import Clinic, ClinicPart, Viewer, clinic_of, is_same_origin, login_of
from cloud_service.clinic.status import shown_status
from cloud_service.clinic.watching import Item, Watcher
from cloud_service.clinic.waves import wave
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.ingest.presence import Presence

router = APIRouter(tags=["live"])
NOT_LOGGED_IN, FOREIGN, NO_DEVICE = 4401, 4403, 4404
CHECK_LOGIN_S = 10.0
BEAT_S = 1.0
"""A page that hears nothing for a few of these has lost its clinic."""


class Lease(BaseModel):
    """Waves are wanted for `remaining_s` more seconds."""

    device: str
    remaining_s: float


@router.post("/devices/{name}/watch")
def watch(name: str, login: Viewer, clinic: ClinicPart) -> Lease:
    """Ask a device for live waves for 30 s; repeat to go on."""
    device = _device(clinic, name)
    if device is None:
        raise HTTPException(404, "no such device")
    _renew(clinic, device, login.name)
    return Lease(device=name, remaining_s=clinic.watching.remaining_s(device.site, name))


@router.websocket("/devices/{name}/live")
async def live(socket: WebSocket, name: str) -> None:
    """Send waves and status as JSON text while the socket is open, and once a second what time it is.

    ``{"type": "now", "now": ...}``; ``{"type": "wave", recording, lead, start, fs_hz, unit, samples}``;
    ``{"type": "status", "online": ...}`` with the fields of `cloud_service.clinic.status.Status`;
    ``{"type": "dropped", "frames": n}`` when this page was too slow.
    Closes with 4401 (log in), 4403 (another site's page), 4404 (no such device).
    """
    clinic = clinic_of(socket)
    await socket.accept()
    login = await run_in_threadpool(login_of, socket)
    device = await run_in_threadpool(_device, clinic, name)
    if not is_same_origin(socket):
        await socket.close(FOREIGN)
    elif login is None:
        await socket.close(NOT_LOGGED_IN)
    elif device is None:
        await socket.close(NO_DEVICE)
    else:
        with clinic.views.open(device.site, name) as watcher, contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await run_in_threadpool(_renew, clinic, device, login.name)
            leaving = asyncio.create_task(_left(socket), name="live.left")
            try:
                await _stream(socket, clinic, device, watcher, leaving)
            finally:
                leaving.cancel()


async def _left(socket: WebSocket) -> None:
    """Read until the page goes: without a reader, one that went while no waves came would be watched for ever."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _stream(
    socket: WebSocket, clinic: Clinic, device: DeviceRow, watcher: Watcher, leaving: asyncio.Task[None]
) -> None:
    if device.status is not None:
        await socket.send_json(_status(device.status, online=device.online, received=device.last_seen))
    checked_s, reported, said_s = time.monotonic(), 0, 0.0
    while not leaving.done():
        if time.monotonic() - said_s >= BEAT_S:
            said_s = time.monotonic()
            await socket.send_json({"type": "now", "now": utc_now().isoformat()})
        for item in await watcher.take(BEAT_S):
            message = _message(item)
            if message is not None:
                await socket.send_json(message)
        if watcher.dropped > reported:
            await socket.send_json({"type": "dropped", "frames": watcher.dropped - reported})
            reported = watcher.dropped
        if time.monotonic() - checked_s >= CHECK_LOGIN_S:
            checked_s = time.monotonic()
            if await run_in_threadpool(login_of, socket) is None:
                await socket.close(NOT_LOGGED_IN)
                return
            clinic.watching.watch(device.site, device.name)


def _renew(clinic: Clinic, device: DeviceRow, issuer: str) -> None:
    if clinic.watching.watch(device.site, device.name):
        clinic.commands.send(
            device=device.name, name="watch", issuer=issuer, arguments=watch_arguments(), valid_s=WATCH_S
        )


def _message(item: Item) -> dict[str, Any] | None:
    if isinstance(item, Presence):
        return _status(item.status, online=item.online, received=item.received)
    try:
        return {"type": "wave", **wave(item).model_dump()}
    except BadInput:
        return None  # a damaged frame of a strip that is drawn once: the gap shows


def _status(status: dict[str, Any], *, online: bool, received: datetime | None) -> dict[str, Any]:
    shown = shown_status(status, online=online, received=received, now=utc_now())
    return {"type": "status", "online": online, **shown.model_dump(mode="json")}


def _device(clinic: Clinic, name: str) -> DeviceRow | None:
    with clinic.database.read() as session:
        return session.get(DeviceRow, name)
