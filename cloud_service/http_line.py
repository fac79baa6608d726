"""One HTTP connection that is given only so long: for the head of each request, and for its body.

uvicorn ends a connection that is idle after an answer. One that never asks, or asks a byte at a time, it would keep.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from cloud_service.access.door import Door

HEAD_S = 10.0
BODY_S = 20.0
LARGEST_HEAD = 32 << 10


class PatientFor(H11Protocol):
    """uvicorn's protocol with an end to its patience; `door` is set by the server's own subclass."""

    door: Door
    head_s = HEAD_S
    body_s = BODY_S
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Let a connection stay once it has asked, and wait for the rest of what it asks."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self.door.proved(self.transport.get_extra_info("peername"))
            self._stop_waiting()
            if self.cycle.more_body:
                self._wait(self.body_s)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over; from here on the websocket's own pings watch it."""
        self._stop_waiting()
        self.door.proved(self.transport.get_extra_info("peername"))
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        answered = self.cycle
        super().on_response_complete()
        if self.cycle is answered and not self.transport.is_closing():
            self._wait(self.head_s)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _too_late(self) -> None:
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            self.transport.abort()


def protocol_behind(door: Door) -> type[PatientFor]:
    """Make the protocol of a server that listens at `door`."""
    facts: dict[str, Any] = {"door": door}
    return type("PatientAtDoor", (PatientFor,), facts)
