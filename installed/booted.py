"""A system that has booted its own systemd, in a container with a network of its own: nothing of it meets the host."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from installed.debian import StepFailed, System, kept_environment

BOOT_S = 60.0


@contextlib.contextmanager
def booted(root: Path) -> Iterator[System]:
    """Boot a system; ends with everything in it.

    Raises
    ------
    StepFailed : its systemd does not come up.
    """
    log = root.parent / "boot.log"
    command = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--private-network", "-D", str(root)]
    with log.open("wb") as file:
        container = subprocess.Popen(
            [*command, "-b", "--console=pipe"], stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        system = _come_up(container, root)
        if system is None:
            raise StepFailed(f"systemd did not come up: {log.read_text(errors='replace')[-400:]}")
        yield system
    finally:
        container.terminate()
        try:
            container.wait(30)
        except subprocess.TimeoutExpired:
            container.kill()
            container.wait()


def _come_up(container: "subprocess.Popen[bytes]", root: Path) -> System | None:
    until = time.monotonic() + BOOT_S
    while time.monotonic() < until and container.poll() is None:
        found = subprocess.run(
            ["pgrep", "-P", str(container.pid), "-x", "systemd"], capture_output=True, text=True, check=False
        )
        if found.stdout.strip():
            environment = {**kept_environment(), "UV_OFFLINE": "1"}
            system = System(root, ("nsenter", "-t", found.stdout.split()[0], "-a"), environment)
            if system.run("systemctl is-system-running", check=False).strip() in ("running", "degraded"):
                return system
        time.sleep(0.5)
    return None


@dataclass(frozen=True)
class Unit:
    """One of our units in a booted system."""

    system: System
    name: str

    def shown(self, name: str) -> str:
        """One property, as `systemctl show` writes it."""
        return self.system.run(f"systemctl show -p {name} --value {self.name}").strip()

    @property
    def pid(self) -> int:
        """Its main process; 0 while there is none."""
        return int(self.shown("MainPID") or 0)

    @property
    def is_active(self) -> bool:
        """Whether systemd counts it as started."""
        return self.shown("ActiveState") == "active"

    def wait_active(self, within_s: float = 90.0) -> None:
        """Wait until it is started; fails with the end of its journal."""
        self._wait(lambda: self.is_active and self.pid > 0, within_s, "is active")

    def signal_and_wait(self, name: str, within_s: float) -> float:
        """Send a signal to its main process; seconds until another one is started in its place."""
        before, began = self.pid, time.monotonic()
        self.system.run(f"systemctl reset-failed {self.name}; kill -{name} {before}")
        self._wait(lambda: self.is_active and self.pid not in (0, before), within_s, f"is started again after {name}")
        return time.monotonic() - began

    def _wait(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        try:
            wait_for(condition, within_s, f"{self.name} {what}")
        except StepFailed as error:
            journal = self.system.run(f"journalctl -q -n 5 -o cat -u {self.name}", check=False)
            raise StepFailed(f"{error}; its journal: {' | '.join(journal.split(chr(10)))}") from error


def wait_for(condition: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait for something.

    Raises
    ------
    StepFailed : it did not come.
    """
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            raise StepFailed(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.5)
