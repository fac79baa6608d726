"""A listening socket that bounds who stands in it: connections in all, of one address, and of those that say nothing.

It works below TLS and below every protocol, so an unfinished handshake counts as well. A connection waits until
`Door.proved` is called for it; when too many wait, the one that has waited longest is cut. So whoever opens connections
and stays silent pushes out nobody but the silent.
"""

import contextlib
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

WAITING = 128
"""How many connections may stand in one door without having asked for anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoorLimits:
    """Connections at once: in all, of one address, and of those that have not proved anything yet."""

    at_once: int
    per_address: int
    waiting: int = WAITING


class _Guest(socket.socket):
    """An accepted connection that says when it is closed."""

    def __init__(self, fileno: int, left: Callable[[], None]) -> None:
        super().__init__(fileno=fileno)
        self._left: Callable[[], None] | None = left

    def close(self) -> None:
        left, self._left = self._left, None
        super().close()
        if left is not None:
            left()

    def __del__(self) -> None:
        self.close()  # a connection that asyncio only dropped counts no longer


class Door(socket.socket):
    """A TCP socket to listen on; not for more than one thread or event loop."""

    def __init__(self, host: str, port: int, limits: DoorLimits) -> None:
        """Bind; `listen` is the server's.

        Raises
        ------
        OSError : the port cannot be used.
        """
        super().__init__(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._limits = limits
        self._inside: dict[Any, _Guest] = {}
        self._waiting: dict[Any, None] = {}  # in the order of their arrival
        self._of_address: Counter[str] = Counter()
        self.refused = 0
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind((host, port))
        except BaseException:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept the next connection that is within the limits; those that are not are closed at once."""
        while True:
            accepted, peer = super().accept()
            address = group_of(peer[0])
            if len(self._inside) >= self._limits.at_once:
                self._cut_oldest()
            full = len(self._inside) >= self._limits.at_once
            if full or self._of_address[address] >= self._limits.per_address:
                self.refused += 1
                accepted.close()
                continue
            if len(self._waiting) >= self._limits.waiting:
                self._cut_oldest()
            self._of_address[address] += 1
            guest = _Guest(accepted.detach(), partial(self._left, peer, address))
            guest.setblocking(False)
            self._inside[peer] = guest
            self._waiting[peer] = None
            return guest, peer

    def proved(self, peer: Any) -> None:
        """Let the connection from `peer` (address and port) stay: it has asked for something, or has logged in."""
        self._waiting.pop(peer, None)

    @property
    def inside(self) -> int:
        """How many connections are open."""
        return len(self._inside)

    def _left(self, peer: Any, address: str) -> None:
        self._inside.pop(peer, None)
        self._waiting.pop(peer, None)
        self._of_address[address] -= 1
        if self._of_address[address] <= 0:
            del self._of_address[address]

    def _cut_oldest(self) -> None:
        """End what has waited longest; its server sees the end of the stream and closes."""
        peer = next(iter(self._waiting), None)
        if peer is None:
            return
        del self._waiting[peer]
        with contextlib.suppress(OSError):
            self._inside[peer].shutdown(socket.SHUT_RDWR)


def group_of(address: str) -> str:
    """Give what counts as one address: of IPv6 the /64 network, because one machine has all of it."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.IPv6Network((known, 64), strict=False))
