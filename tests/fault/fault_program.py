"""A program of ours as a real process that a test may kill without notice, with all its children."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENTRY = {
    "edge-agent": ("edge_agent",),
    "cloud-service": ("cloud_service.cli",),
    "faulty-agent": ("tests.fault.fault_daemon",),
}


class Program:
    """One of the two programs with fixed arguments; started any number of times, one at a time.

    It runs as ``python -m``, so the code under test is the one beside this file and not what happens to be installed.
    """

    def __init__(self, name: str, arguments: list[str], folder: Path) -> None:
        self.name = name
        self.starts = 0
        self.unasked: list[str] = []
        self._command = [sys.executable, "-m", *ENTRY[arguments[0]], *arguments[1:]]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self._folder / f"{self.name}.log"

    @property
    def said(self) -> Path:
        return self._folder / f"{self.name}.said"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *more: str) -> None:
        """Start it; returns at once."""
        assert not self.is_alive
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        with self.said.open("ab") as out, self.log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*self._command, *more],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                cwd=ROOT,
                env=environment,
                start_new_session=True,
            )
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL it and all below it, at once."""
        if self._process is None:
            return
        family = [self._process.pid, *descendants(self._process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        wait_until_gone(family[1:])

    def kill_alone(self) -> None:
        """SIGKILL the program and leave its children to see to themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def kill_children(self) -> None:
        """SIGKILL what it started and not the program itself."""
        for pid in descendants(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self, within_s: float = 30.0) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        if self.is_alive:
            self._process.send_signal(signal.SIGTERM)
        return self.wait(within_s)

    def wait(self, within_s: float) -> int:
        """Wait until it ends by itself; its exit code.

        Raises
        ------
        AssertionError : it did not.
        """
        assert self._process is not None
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within_s:.0f} s: {self.last_words()}") from None

    def tend(self) -> None:
        """Start it again if it ended by itself, as a service manager would, and remember that it did."""
        if self._process is not None and self._process.poll() is not None:
            self.unasked.append(f"{self._process.returncode}: {self.last_words(2)}")
            self.start()

    def last_words(self, lines: int = 5) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return " | ".join(text.strip().splitlines()[-lines:])


def descendants(pid: int) -> list[int]:
    """All processes below one, as /proc tells."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def wait_until_gone(pids: list[int], within_s: float = 10.0) -> None:
    until = time.monotonic() + within_s
    while any(_is_running(pid) for pid in pids):
        assert time.monotonic() < until, "a killed process is still there"
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
