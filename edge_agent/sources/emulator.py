"""An emulated board at the far end of a pseudo terminal, which a daemon opens like any serial port."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import threading
import time
import tty
from pathlib import Path

from edge_agent.operate.clock import Clock
from edge_agent.sources.emulation import Emulation, Happening, Plugged, Sent, Unplugged

STEP_S = 0.02  # of the board's time
DEAF_S = 0.5  # nobody read for so long: what the port cannot hold is lost from now on, as on a real one
READ_BYTES = 4096


class BoardClock:
    """The board's own time as a clock: a reader on it sees no lateness of this machine, whatever else runs here."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked = 0

    def monotonic_s(self) -> float:
        """Seconds of the board."""
        self.asked += 1
        return self.now_s

    def utc_s(self) -> float:
        """Seconds since 1970 UTC, of this machine."""
        return time.time()


class Emulator:
    """Plays an emulation on a pty, at `speed` times real time or as fast as it is read.

    Linux and macOS; a pty has no DTR, no baud rate and no bridge: those are not emulated.

    Parameters
    ----------
    link : a name that leads to the pty while it is plugged in; the pty's own name changes with every replug.
    clock : where given, its time is moved on with the board's.
    """

    def __init__(
        self,
        emulation: Emulation,
        *,
        speed: float = 1.0,
        link: Path | None = None,
        clock: BoardClock | None = None,
        host: Clock | None = None,
    ) -> None:
        self.emulation = emulation
        self.dropped_bytes = 0
        self.path = ""
        self._speed = speed
        self._link = link
        self._clock = clock
        self._monotonic_s = host.monotonic_s if host is not None else time.monotonic
        self._ends: tuple[int, int] | None = None
        self._deaf = False  # nobody reads: what the port cannot hold is dropped at once
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="edge.emulator", daemon=True)
        self.plug()

    def start(self) -> None:
        """Play on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End, and take the port away."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)
        self.unplug()

    def run(self) -> None:
        """Play until the record is through or `stop`; the port stays until `stop`."""
        began_s = self._monotonic_s()
        emulation = self.emulation
        while not self._stop.is_set() and not emulation.ended:
            self._answer()
            happenings = emulation.advance(STEP_S)
            if self._clock is not None:
                self._clock.now_s = emulation.time_s
            for happening in happenings:
                self._happen(happening)
            early_s = began_s + emulation.time_s / self._speed - self._monotonic_s()
            if early_s > 0:
                self._stop.wait(early_s)
            elif early_s < -1:
                began_s -= early_s  # this machine is too slow: play on from here, do not hurry after it

    def plug(self) -> None:
        """Make a new pty, and lead the link to it."""
        if self._ends is not None:
            return
        master, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._ends = (master, slave)
        self.path = os.ttyname(slave)
        if self._link is not None:
            fresh = self._link.with_name(self._link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.path)
            fresh.replace(self._link)

    def unplug(self) -> None:
        """Take the pty away: a reader's next call fails."""
        if self._ends is None:
            return
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        for end in self._ends:
            os.close(end)
        self._ends = None

    def _happen(self, happening: Happening) -> None:
        if isinstance(happening, Unplugged):
            self.unplug()
        elif isinstance(happening, Plugged):
            self.plug()
        elif isinstance(happening, Sent):
            self._send(happening.data)

    def _answer(self) -> None:
        """Hear what the host says, and say what the board answers."""
        if self._ends is None or not select.select([self._ends[0]], [], [], 0)[0]:
            return
        with contextlib.suppress(BlockingIOError, OSError):
            answer = self.emulation.receive(os.read(self._ends[0], READ_BYTES))
            if answer:
                os.write(self._ends[0], answer)

    def _send(self, data: bytes) -> None:
        """Put bytes on the line; on the board's own clock wait until they are read, so that time stays with them."""
        until_s = self._monotonic_s() + DEAF_S
        asked = self._clock.asked if self._clock is not None else 0
        while data and self._ends is not None and not self._stop.is_set():
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._ends[0], data) :]
            if data and (self._deaf or self._monotonic_s() > until_s):
                self.dropped_bytes += len(data)
                self._deaf = True
                return
            if data:
                self._stop.wait(0.001)
        self._deaf = False
        while (
            self._clock is not None
            and self._unread(asked)
            and not self._stop.is_set()
            and self._monotonic_s() < until_s
        ):
            self._stop.wait(0.0005)

    def _unread(self, asked: int) -> bool:
        """Whether the reader has not come round since; the kernel may hold bytes that the port does not count yet."""
        if self._ends is None:
            return False
        if self._clock is not None and self._clock.asked == asked:
            return True
        waiting: int = struct.unpack("i", fcntl.ioctl(self._ends[1], termios.FIONREAD, b"\0\0\0\0"))[0]
        return waiting > 0
