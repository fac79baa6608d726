"""Talk to systemd: ready, status, and a watchdog ping only while the work gets on.

Source: sd_notify(3): datagrams of ``KEY=value`` lines to the socket named by NOTIFY_SOCKET; ``@`` is the abstract
namespace. Without systemd everything here does nothing.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Mapping

from edge_agent.operate.clock import Clock


class Notifier:
    """Sends notifications; `environment` (default: the process's) names the socket and the watchdog's time."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        values = os.environ if environment is None else environment
        address = values.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        pid = values.get("WATCHDOG_PID", "")
        micros = values.get("WATCHDOG_USEC", "")
        mine = not pid or pid == str(os.getpid())
        self.watchdog_s: float | None = int(micros) / 1e6 if micros.isdecimal() and int(micros) and mine else None

    def ready(self, status: str = "") -> None:
        """The daemon serves."""
        self._send(READY="1", STATUS=status)

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(STATUS=text)

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._send(STOPPING="1")

    def alive(self) -> None:
        """Pet the watchdog once."""
        self._send(WATCHDOG="1")

    def _send(self, **fields: str) -> None:
        if not self._address:
            return
        lines = "\n".join(f"{name}={value.splitlines()[0]}" for name, value in fields.items() if value)
        # systemd restarting itself must not take the monitoring down.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            out.sendto(lines.encode(), self._address)


class ProgressWatch:
    """Pets the watchdog while every named loop of the daemon keeps turning.

    A loop that waits on purpose (for a port to come back, for samples) says so by `advance` each time round: waiting is
    work, hanging is not.

    Parameters
    ----------
    loops : names of the loops that must turn.
    limit_s : how long one may stay without a turn; default, half of systemd's time.
    """

    def __init__(
        self, notifier: Notifier, *, loops: tuple[str, ...], clock: Clock, limit_s: float | None = None
    ) -> None:
        self._notifier = notifier
        self._clock = clock
        self._limit_s = limit_s if limit_s is not None else (notifier.watchdog_s or 60.0) / 2
        self._lock = threading.Lock()
        now_s = clock.monotonic_s()
        self._seen_s = dict.fromkeys(loops, now_s)

    def advance(self, loop: str) -> None:
        """`loop` went round once."""
        with self._lock:
            self._seen_s[loop] = self._clock.monotonic_s()

    def hanging(self) -> dict[str, float]:
        """Loops that hang, and for how many seconds."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            ages = {loop: now_s - seen_s for loop, seen_s in self._seen_s.items()}
        return {loop: age_s for loop, age_s in ages.items() if age_s > self._limit_s}

    def check(self) -> dict[str, float]:
        """Pet the watchdog if all loops turn; return those that do not."""
        hanging = self.hanging()
        if not hanging:
            self._notifier.alive()
        return hanging

    @property
    def every_s(self) -> float:
        """How often `check` must be called."""
        return (self._notifier.watchdog_s or 60.0) / 4
