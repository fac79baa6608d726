"""Talk to systemd: ready, status, and a watchdog ping only while the work gets on; and watch whether it does.

Source: sd_notify(3): datagrams of ``KEY=value`` lines to the socket named by NOTIFY_SOCKET; ``@`` is the abstract
namespace. Without systemd everything here does nothing.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from biosignal.events import LoopStatus
from edge_agent.pulse import Pulse

LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """All loops; those that are late, those that hang, and those for which the daemon is to be started again."""

    loops: tuple[LoopStatus, ...]
    late: tuple[LoopStatus, ...]
    hanging: tuple[LoopStatus, ...]
    doomed: tuple[LoopStatus, ...]


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

    def give_up(self) -> None:
        """Ask to be treated as if the watchdog had run out: killed, and started again (systemd 243 or later)."""
        self._send(WATCHDOG="trigger")

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A loop that is watched.

    Parameters
    ----------
    vital : nobody is monitored where it hangs: the watchdog is not petted meanwhile.
    restart_s : so long after it began to hang the daemon is started again; None: never for its sake.
    excused : says that it waits on purpose though its pulse does not know: a source without its port.
    """

    pulse: Pulse
    vital: bool
    restart_s: float | None = None
    excused: Callable[[], bool] = lambda: False


class LoopWatch:
    """Pets systemd's watchdog while every vital loop gets on; when one has hung for too long, asks to be started again.

    Any thread may look: nothing here waits for what is watched.
    """

    def __init__(self, notifier: Notifier, watched: tuple[Watched, ...]) -> None:
        self._notifier = notifier
        self._watched = watched
        self._patience_s = {one.pulse.name: one.restart_s for one in watched}
        self._vital = {one.pulse.name for one in watched if one.vital}

    def look(self) -> tuple[LoopStatus, ...]:
        """How old every loop is, now."""
        found = []
        for one in self._watched:
            if one.excused():
                one.pulse.beat()
            age_s, limit_s = one.pulse.age_s, one.pulse.limit_s
            found.append(LoopStatus(name=one.pulse.name, age_s=age_s, limit_s=limit_s, grace_s=one.pulse.grace_s))
        return tuple(found)

    def check(self) -> Verdict:
        """Pet the watchdog unless a vital loop hangs, and say what is to be done."""
        loops = self.look()
        late = tuple(loop for loop in loops if loop.is_late)
        hanging = tuple(loop for loop in late if loop.stands)
        doomed = tuple(loop for loop in hanging if self._is_doomed(loop))
        if doomed:
            self._notifier.give_up()
        elif not any(loop.name in self._vital for loop in hanging):
            self._notifier.alive()
        return Verdict(loops=loops, late=late, hanging=hanging, doomed=doomed)

    def _is_doomed(self, loop: LoopStatus) -> bool:
        patience_s = self._patience_s[loop.name]
        return patience_s is not None and loop.age_s > loop.stands_after_s + patience_s

    @property
    def every_s(self) -> float:
        """How often `check` must be called."""
        return min(LOOK_S, (self._notifier.watchdog_s or 60.0) / 4)
