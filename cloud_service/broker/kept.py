"""The broker that runs as a child of `serve`: looked after, named when it stands still, started again on its ports."""

import dataclasses
import logging
import threading
from pathlib import Path

from biosignal.errors import BedsideError
from cloud_service.broker.accounts import accounts_file
from cloud_service.broker.process import START_S, RunningBroker, refresh_mosquitto, start_broker
from cloud_service.pulse import Budget, Loop
from cloud_service.settings import BrokerSettings

log = logging.getLogger("bedside.broker")
LOOK_S = 1.0
LOOKS = 2
"""A process that was found stopped at so many looks one after the other stands still."""
ASKED_AGAIN = (2, 5, 15)
"""So many looks after the accounts were last changed the broker is asked again to take them in: mosquitto forgets a
signal that reaches it while it is at it, and a device that was just added would be refused until the next change."""


class KeptBroker:
    """A broker's child process as a part of the clinic, see `pulse.Part`.

    One that ends or is stopped is named at once, and replaced a look later, so that nobody misses that it was down: at
    most as often as the budget of a part allows. It also takes in accounts that other processes write.

    Raises
    ------
    ExposedWithoutTls, PortTaken, BrokerUnreachable, BadInput : it does not start, see `start_broker`.
    """

    name = "broker"

    def __init__(self, settings: BrokerSettings, state_dir: Path, *, kind: str = "auto") -> None:
        self.running: RunningBroker = start_broker(settings, state_dir, kind=kind)
        # Devices and the clinic know its ports: the next one must have the same.
        self._settings = dataclasses.replace(settings, port=self.running.port, clinic_port=self.running.clinic_port)
        self._state_dir = state_dir
        self._accounts_seen = self._accounts_changed()
        self._looks_since = ASKED_AGAIN[-1]
        self._why = ""
        self._halted = 0
        self._budget = Budget()
        self._stop = threading.Event()
        self._loop = Loop(self.name, self._run, limit_s=START_S + 10.0)
        self.limit_s = self._loop.limit_s

    def start(self) -> None:
        """Begin to look after it."""
        self._loop.start()

    def stop(self) -> None:
        """End its process."""
        self._stop.set()
        self._loop.join(START_S)
        self.running.stop()

    def reload(self) -> None:
        """Let it take in accounts that were written since."""
        refresh_mosquitto(self._state_dir)
        self.running.reload()

    @property
    def age_s(self) -> float:
        """Seconds since it was last looked after, on the steady clock."""
        return self._loop.age_s

    @property
    def restarts(self) -> int:
        """How often it was started anew."""
        return self._budget.spent

    def why_still(self) -> str:
        """Say why no bed can be heard; empty while its process runs."""
        return self._why or self._loop.why_still()

    def revive(self) -> None:
        """Look after it again where that has ended; the process itself is started anew by who looks after it."""
        self._loop.revive()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self._loop.beat()
            was_down = bool(self._why)
            self._why = self._why_down()
            if self._why and not was_down:
                log.error("broker.down", extra={"why": self._why})
            elif self._why and self._budget.take():
                self._start_again()
            elif not self._why:
                self._pass_on_accounts()

    def _why_down(self) -> str:
        if not self.running.is_alive():
            return "the broker's process has ended"
        self._halted = self._halted + 1 if self.running.is_halted() else 0
        return "the broker's process is stopped" if self._halted >= LOOKS else ""

    def _start_again(self) -> None:
        self.running.kill()
        try:
            self.running = start_broker(self._settings, self._state_dir, kind=self.running.kind)
        except BedsideError as error:
            self._why = f"the broker does not start again: {error}"
            log.warning("broker.start.failed", extra={"why": str(error)})
        else:
            self._why, self._halted = "", 0
            log.warning("broker.started_again", extra={"times": self.restarts})

    def _pass_on_accounts(self) -> None:
        now = self._accounts_changed()
        self._looks_since += 1
        if now != self._accounts_seen:
            self._accounts_seen, self._looks_since = now, 0
            self.reload()
        elif self._looks_since in ASKED_AGAIN:
            self.running.reload()

    def _accounts_changed(self) -> int:
        return accounts_file(self._state_dir).stat().st_mtime_ns
