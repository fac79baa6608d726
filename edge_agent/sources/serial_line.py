"""An open serial port: alone on it, raw, with DTR left alone; what is said to a board, and the bridge's latency."""

import contextlib
import fcntl
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.operate.clock import Clock
from edge_agent.sources.board_commands import Step

READ_BYTES = 1 << 16
GOOD_LATENCY_MS = 1
LATENCY_FILES = ("/sys/bus/usb-serial/devices/{name}/latency_timer", "/sys/class/tty/{name}/device/latency_timer")


class Refused(OSError):
    """The board answers, and says no."""


class SerialLine:
    """A port opened for one reader; `tap` sees all bytes that come.

    Raises
    ------
    OSError : it is not there, not ours to open, held by another process, or no serial port.
    """

    def __init__(
        self,
        path: str,
        baud: int,
        *,
        clock: Clock,
        closed: threading.Event,
        poll_s: float = 0.04,
        tap: Callable[[bytes], object] = lambda data: None,
    ) -> None:
        import serial

        self._clock = clock
        self._closed = closed
        self._tap = tap
        try:
            self._port: Any = serial.Serial(path, baud, timeout=poll_s, write_timeout=2.0, exclusive=True)
        except ValueError as error:
            raise OSError(str(error)) from error
        _alone_and_quiet(self._port.fileno())
        self.latency_ms = latency_ms(path)

    @property
    def descriptor(self) -> int:
        """File descriptor of the open port."""
        return int(self._port.fileno())

    def read(self, gather_s: float = 0.0) -> bytes:
        """What came by now; waits for a first byte, but not long, and then `gather_s` for more.

        Raises
        ------
        OSError : the port is gone.
        """
        data: bytes = self._port.read(1)
        if data:
            self._closed.wait(gather_s)
            data += self._port.read(min(self._port.in_waiting, READ_BYTES))
            self._tap(data)
        return data

    def say(self, steps: tuple[Step, ...]) -> dict[str, bytes]:
        """Say one step after the other; the replies that have a name.

        Raises
        ------
        Refused : the board says no.
        OSError : the port is gone.
        """
        replies = {}
        for step in steps:
            if self._closed.is_set():
                break
            if step.send:
                self._port.write(step.send)
            reply = self._reply(step) if step.until else b""
            reply += self._settle(step.settle_s)
            if step.name:
                replies[step.name] = reply
            if step.refusal and step.refusal in reply:
                raise Refused(f"the board answers: {_printable(reply)}")
        return replies

    def say_last(self, steps: tuple[Step, ...]) -> None:
        """Say something without waiting for an answer: the port is closed next."""
        with contextlib.suppress(OSError):
            for step in steps:
                self._port.write(step.send)
            self._port.flush()

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._port.fileno(), termios.TIOCNXCL)
        with contextlib.suppress(OSError):
            self._port.close()

    def _reply(self, step: Step) -> bytes:
        reply = b""
        until_s = self._clock.monotonic_s() + step.wait_s
        while step.until not in reply and self._clock.monotonic_s() < until_s and not self._closed.is_set():
            reply = (reply + self.read())[-READ_BYTES:]
        return reply

    def _settle(self, seconds: float) -> bytes:
        came = b""
        until_s = self._clock.monotonic_s() + seconds
        while self._clock.monotonic_s() < until_s and not self._closed.is_set():
            came = (came + self.read())[-READ_BYTES:]
        return came


def latency_ms(path: str) -> int | None:
    """How long an FTDI bridge holds bytes back; None where the port is no such bridge."""
    name = Path(path).resolve().name
    for place in LATENCY_FILES:
        with contextlib.suppress(OSError, ValueError):
            return int(Path(place.format(name=name)).read_text())
    return None


def _alone_and_quiet(descriptor: int) -> None:
    """Keep other programs out, and leave DTR alone when the port is closed: its edge restarts an Arduino."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCEXCL)
    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(descriptor)
        attributes[2] &= ~termios.HUPCL
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def _printable(reply: bytes) -> str:
    return "".join(chr(octet) if 32 <= octet < 127 else " " for octet in reply[-120:]).strip()
