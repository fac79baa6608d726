"""Reads whole MQTT packets off a connection, none larger than allowed, and hands them to amqtt piece by piece.

amqtt 0.12 believes the length that a packet announces and waits for its bytes as long as it takes. Here a packet that
announces too much ends the connection before any of it is read, and so does one that does not come to its end in time.
"""

import asyncio
import contextlib

from amqtt.adapters import ReaderAdapter

LONGEST_LENGTH = 4  # bytes of "remaining length", MQTT 3.1.1, 2.2.3


class PacketReader(ReaderAdapter):  # type: ignore[misc]  # amqtt is untyped for us
    """One connection's packets.

    Parameters
    ----------
    largest : bytes of the largest packet; may be set anew.
    packet_s : seconds from a packet's first byte to its last; may be set anew.

    A silent connection ends when `idle_s` is set and as many seconds have passed since its last packet.
    """

    def __init__(self, stream: asyncio.StreamReader, *, largest: int, packet_s: float) -> None:
        self.largest = largest
        self.packet_s = packet_s
        self.idle_s: float | None = None
        self._stream = stream
        self._head = bytearray()  # survives a read that is cancelled
        self._rest = b""
        self._ended = False
        self._last_s = asyncio.get_running_loop().time()

    async def packet(self) -> bytes:
        """Read the next packet.

        Raises
        ------
        asyncio.IncompleteReadError : the connection ended, or had to be ended.
        """
        if not self._ended:
            with contextlib.suppress(asyncio.IncompleteReadError, asyncio.TimeoutError, OSError):
                packet = await self._next()
                if packet is not None:
                    return packet
        self._ended = True
        raise asyncio.IncompleteReadError(b"", 1)

    def put_back(self, packet: bytes) -> None:
        """Have `packet` read next."""
        self._rest = packet

    async def read(self, n: int = -1) -> bytes:
        """Give up to `n` bytes of one packet; a packet that is shorter than its contents say gives fewer."""
        if not self._rest:
            self._rest = await self.packet()
        count = len(self._rest) if n < 0 else n
        piece, self._rest = self._rest[:count], self._rest[count:]
        return piece

    def feed_eof(self) -> None:
        """End the reading."""
        self._stream.feed_eof()

    async def _next(self) -> bytes | None:
        loop = asyncio.get_running_loop()
        if not self._head:
            wait_s = None if self.idle_s is None else max(0.0, self._last_s + self.idle_s - loop.time())
            self._head += await asyncio.wait_for(self._stream.readexactly(1), wait_s)
        packet = await asyncio.wait_for(self._whole(), self.packet_s)
        self._last_s = loop.time()
        return packet

    async def _whole(self) -> bytes | None:
        while len(self._head) == 1 or self._head[-1] & 0x80:
            if len(self._head) > LONGEST_LENGTH:
                return None
            self._head += await self._stream.readexactly(1)
        length = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(self._head[1:]))
        if len(self._head) + length > self.largest:
            return None
        body = await self._stream.readexactly(length)
        packet, self._head = bytes(self._head) + body, bytearray()
        return packet
