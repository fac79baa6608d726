"""The console scripts as child processes, with what they say."""

import json
import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
STOP_S = 20.0


class DemoFailed(Exception):
    """A step did not happen."""

    def __init__(self, what: str, *, advice: str = "read the logs below .demo/log") -> None:
        super().__init__(what)
        self.advice = advice


class Part:
    """One running program: its JSON lines are read from stdout, its stderr goes to a log file."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        log.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = log / f"{name}.log"
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        with self.log.open("ab") as errors:
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the parts in order.
            self.process = subprocess.Popen(
                [str(BIN / arguments[0]), *arguments[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
            )
        threading.Thread(target=self._listen, name=f"demo.{name}", daemon=True).start()

    def said(self, *kinds: str, within_s: float) -> dict[str, Any]:
        """Wait for a JSON line of one of these types.

        Raises
        ------
        DemoFailed : it ended or did not say so in time.
        """
        until = time.monotonic() + within_s
        while (left_s := until - time.monotonic()) > 0:
            try:
                line = self._said.get(timeout=left_s)
            except queue.Empty:
                break
            if line is None:
                raise DemoFailed(f"{self.name} ended with code {self.process.wait()}: {self.last_words()}")
            if line.get("type") in kinds:
                return line
        raise DemoFailed(f"{self.name} did not say {' or '.join(kinds)} within {within_s:.0f} s: {self.last_words()}")

    @property
    def is_alive(self) -> bool:
        """Whether the program runs."""
        return self.process.poll() is None

    def stop(self, *, within_s: float = STOP_S) -> int:
        """Ask it to stop; kill it if it does not."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def last_words(self) -> str:
        """Give the end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if self.log.exists() else []
        return " | ".join(lines[-3:])

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            for line in said:
                try:
                    self._said.put(json.loads(line))
                except ValueError:
                    continue
        self._said.put(None)


def run_program(*arguments: str, environment: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Run a program to its end; its JSON lines.

    Raises
    ------
    DemoFailed : it failed; with what it said.
    """
    done = subprocess.run(
        [str(BIN / arguments[0]), *arguments[1:], "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        raise DemoFailed(f"{' '.join(arguments[:3])} failed: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def free_port(wanted: int = 0) -> int:
    """Give `wanted` or the next free port on loopback; 0 any."""
    for port in range(wanted, wanted + 100) if wanted else [0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed(f"no free port from {wanted} on", advice="give another one with --port")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    part.touch(mode=0o600)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
