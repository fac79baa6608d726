"""The thread that sends the status: it waits for no store and no receipt, so that it still speaks where these hang."""

import logging
import threading
from collections.abc import Callable

from edge_agent.pulse import Pulse
from edge_agent.sync.connection import Connection

log = logging.getLogger(__name__)
LIMIT_S = 4.0
"""To make and hand over a status takes milliseconds, and waits for nobody."""
LOOK_S = 1.0
"""So often it beats while it waits for the time of the next one."""


class Herald:
    """Sends the status over whatever line there is, every so many seconds and at once when told to.

    Parameters
    ----------
    line : the line there is now; None where there is none.
    message : topic and payload of the status as it is now; must return at once.
    every_s : seconds between two.
    """

    def __init__(
        self, line: Callable[[], Connection | None], message: Callable[[], tuple[str, bytes]], *, every_s: float
    ) -> None:
        self.pulse = Pulse("status", LIMIT_S)
        self._line, self._message, self._every_s = line, message, every_s
        self._due = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="sync.status", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def send_now(self) -> None:
        """Send one without waiting for its time; returns at once."""
        self._due.set()

    def stop(self) -> None:
        """End the thread."""
        self._stop = True
        self._due.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        while not self._stop:
            self._wait()
            try:
                self._send()
            except Exception:  # border of the thread: a status that cannot be made must not end all later ones
                log.exception("sync.status.failed")
        self.pulse.rest()

    def _wait(self) -> None:
        """Wait until one is due, and beat meanwhile: a wait of minutes must not hide a send that never returns."""
        left_s = self._every_s
        self.pulse.beat()
        while left_s > 0 and not self._due.wait(min(left_s, LOOK_S)):
            left_s -= LOOK_S
            self.pulse.beat()
        self._due.clear()

    def _send(self) -> None:
        line = self._line()
        if line is not None and line.alive and not self._stop:
            topic, payload = self._message()
            line.publish(topic, payload, qos=0, retain=True)
