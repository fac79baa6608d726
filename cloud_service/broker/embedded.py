"""The embedded broker: amqtt behind a guard that decides about a CONNECT before any session is touched.

amqtt 0.12 merges a CONNECT into the session of its client id, or deletes that session, and asks for the password after
that. So a connection is read here up to its CONNECT, name, password, listener and last will are checked, and only who
may come in is handed on, under a client id that cannot be anybody else's.
"""

import asyncio
import contextlib
import logging
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from amqtt.adapters import BufferReader, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.errors import AMQTTError, MQTTError, NoDataError
from amqtt.mqtt.connack import (
    BAD_USERNAME_PASSWORD,
    IDENTIFIER_REJECTED,
    NOT_AUTHORIZED,
    UNACCEPTABLE_PROTOCOL_VERSION,
    ConnackPacket,
)
from amqtt.mqtt.connect import ConnectPacket

from cloud_service.access.door import Door, DoorLimits
from cloud_service.access.passwords import password_matches
from cloud_service.broker.accounts import AccountsOnDisk
from cloud_service.broker.packets import PacketReader
from cloud_service.broker.rights import CLINIC, DEVICES, client_id, may_write

log = logging.getLogger("bedside.broker")
LARGEST_PACKET = 1 << 20
LARGEST_CONNECT = 1 << 16
CONNECT_S = 5.0  # from the connection to the end of its CONNECT
PACKET_S = 60.0  # for one packet of whoever is logged in: 1 MB on a line of 17 kB/s
CONNECT = 1  # packet type, MQTT 3.1.1, table 2.1
LEVEL = 4  # of MQTT 3.1.1
CLOSE_S = 2.0
CHECKS_AT_ONCE = 2  # a check of a password takes 64 MiB
AMQTT_NAMES = {DEVICES: "default", CLINIC: CLINIC}
"""What amqtt calls our listeners: one of them must be its default."""
ADMITTED: ContextVar[str] = ContextVar("admitted", default="")
"""The account that the guard let in on this connection."""


class GuardedBroker(Broker):  # type: ignore[misc]  # amqtt is untyped for us
    """amqtt, for those whom the guard lets in."""

    def __init__(self, config: dict[str, Any], *, accounts: Path, limits: DoorLimits) -> None:
        super().__init__(config)
        self._disk = AccountsOnDisk(accounts)
        self._limits = limits
        self._doors: dict[str, Door] = {}
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def _create_server_instance(
        self, listener_name: str, _listener_type: Any, address: str | None, port: int, ssl_context: Any
    ) -> asyncio.Server:
        door = Door(address or "127.0.0.1", port, self._limits)
        self._doors[listener_name] = door
        tls = {"ssl": ssl_context, "ssl_handshake_timeout": CONNECT_S} if ssl_context else {}
        return await asyncio.start_server(partial(self.stream_connected, listener_name=listener_name), sock=door, **tls)

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Let one connection in, or end it."""
        packets = PacketReader(reader, largest=LARGEST_CONNECT, packet_s=CONNECT_S)
        out = StreamWriterAdapter(writer)
        try:
            if await self._comes_in(packets, out, listener_name):
                self._doors[listener_name].proved(writer.get_extra_info("peername"))
                await self._client_connected(listener_name, packets, out)
        except Exception as error:  # noqa: BLE001  # the border of a connection: whatever was sent on it, the others go on
            log.warning("broker.connection.failed", extra={"why": f"{type(error).__name__}: {error}"})
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(out.close(), CLOSE_S)
            writer.transport.abort()

    async def _comes_in(self, packets: PacketReader, out: StreamWriterAdapter, listener: str) -> bool:
        try:
            connect = await asyncio.wait_for(_connect_of(packets, out), CONNECT_S)
        except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
            return False
        if connect is None:
            return False
        refusal = await self._refusal(connect, listener)
        if refusal is not None:
            await ConnackPacket.build(0, refusal).to_stream(out)
            return False
        packets.largest, packets.packet_s = LARGEST_PACKET, PACKET_S
        packets.idle_s = connect.keep_alive * 1.5 if connect.keep_alive else None  # MQTT 3.1.1, 3.1.2.10
        packets.put_back(connect.to_bytes())
        ADMITTED.set(connect.username)
        return True

    async def _refusal(self, connect: ConnectPacket, listener: str) -> int | None:
        """Say why a CONNECT is refused; None lets it in, and its client id is then the account's own."""
        accounts = self._disk.now()
        name, password = connect.username or "", connect.password or ""
        account = accounts.get(name)
        async with self._checks:
            known = await asyncio.to_thread(password_matches, account.argon2 if account else None, password)
        if account is None or not known or listener != AMQTT_NAMES[DEVICES if account.site else CLINIC]:
            return int(NOT_AUTHORIZED)
        own = client_id(account, connect.client_id or "")
        if own is None:
            return int(IDENTIFIER_REJECTED)
        if connect.will_flag and not may_write(accounts, name, connect.will_topic or ""):
            return int(NOT_AUTHORIZED)
        connect.client_id = own
        return None


async def _connect_of(packets: PacketReader, out: StreamWriterAdapter) -> ConnectPacket | None:
    """Read the first packet; None where it is no CONNECT of ours, which is answered if MQTT has an answer."""
    raw = await packets.packet()
    if raw[0] >> 4 != CONNECT:
        return None
    try:
        if _level(raw) != LEVEL:
            await ConnackPacket.build(0, UNACCEPTABLE_PROTOCOL_VERSION).to_stream(out)
            return None
        connect = await ConnectPacket.from_stream(BufferReader(raw))
        if not connect.username_flag or connect.username is None:
            await ConnackPacket.build(0, BAD_USERNAME_PASSWORD).to_stream(out)
            return None
    except (AMQTTError, MQTTError, NoDataError, ValueError, IndexError):
        return None
    return connect


def _level(raw: bytes) -> int:
    """Read the protocol level; 0 where the packet is not of MQTT."""
    at = 1 + next(place for place, byte in enumerate(raw[1:], start=1) if not byte & 0x80)
    return raw[at + 6] if raw[at : at + 6] == b"\x00\x04MQTT" else 0
