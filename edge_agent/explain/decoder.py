"""The parent's side of the language model's process: starts it, asks it, kills it when it is late."""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from biosignal.errors import BedsideError

_LONGEST_LINE = 1 << 16
_LOOK_S = 0.5
_HALTED = frozenset("TtZXx")
"""States of a process, by proc(5), in which it does nothing any more: stopped, traced, dead."""
_HALTED_LOOKS = 2


class DecoderLost(BedsideError):
    """The language model's process did not start, died, or spoke nonsense."""

    remedy = "texts come from the template; `edge-agent doctor` shows why the language model does not run"


class NotLoaded(DecoderLost):
    """The language model's process is there and says why it cannot write."""


class DecoderLate(DecoderLost):
    """The language model's process did not answer in time and was killed."""


class Decoder:
    """One child process, for one thread; only `kill` may come from another.

    Raises
    ------
    DecoderLost : it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.model = ""
        self.sha256 = ""
        self.adapter = ""
        self.adapter_refused = ""
        self._buffer = b""
        self._count = 0
        self._halted = 0
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        except OSError as error:
            raise DecoderLost("the language model's process cannot be started", error=str(error)) from error

    @property
    def alive(self) -> bool:
        """Whether the process is there and was not found stopped each of the last times this was asked."""
        if self._process.poll() is not None:
            return False
        self._halted = self._halted + 1 if _state(self._process.pid) in _HALTED else 0
        return self._halted < _HALTED_LOOKS

    def wait_ready(self, within_s: float) -> None:
        """Wait until the model is loaded.

        Raises
        ------
        DecoderLate, DecoderLost, NotLoaded : it did not become ready; it is killed.
        """
        hello = self._read(within_s)
        if hello.get("ready") is not True:
            self.close()
            raise NotLoaded("the language model did not load", reason=str(hello.get("reason", "nonsense")))
        self.model = str(hello.get("model", ""))
        self.sha256 = str(hello.get("sha256", ""))
        self.adapter = str(hello.get("adapter", ""))
        self.adapter_refused = str(hello.get("refused", ""))

    def ask(self, *, prompt: str, grammar: str, max_tokens: int, seed: int, within_s: float) -> str:
        """Get one text.

        Raises
        ------
        DecoderLate : no answer within `within_s`; the process is killed.
        DecoderLost : the process died or answered nonsense; it is killed.
        """
        self._count += 1
        request = {"id": self._count, "prompt": prompt, "grammar": grammar, "max_tokens": max_tokens, "seed": seed}
        self._write((json.dumps(request) + "\n").encode())
        answer = self._read(within_s)
        if answer.get("id") != self._count or not isinstance(answer.get("text"), str):
            self.close()
            raise DecoderLost("the language model gave no text", error=str(answer.get("error", "nonsense")))
        return str(answer["text"])

    def kill(self) -> None:
        """End the process; whoever waits for its answer gets `DecoderLost`. May be called from another thread."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process and wait for it; safe to call twice."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
        except (OSError, ValueError) as error:
            self.close()
            raise DecoderLost("the language model's process is gone", error=str(error)) from error

    def _read(self, within_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = b""
        try:
            line = self._read_line(self._process.stdout.fileno(), time.monotonic() + within_s)
            answer = json.loads(line)
        except ValueError as error:
            self.close()
            raise DecoderLost("the language model's process spoke nonsense", line=line[:80]) from error
        except DecoderLost:
            self.close()
            raise
        return answer if isinstance(answer, dict) else {}

    def _read_line(self, source: int, deadline_s: float) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise DecoderLate("the language model was late and was stopped")
                if not selector.select(min(left_s, _LOOK_S)):
                    if not self.alive:
                        raise DecoderLost("the language model's process stands still and was ended")
                    continue
                part = os.read(source, _LONGEST_LINE)
                if not part or len(self._buffer) > _LONGEST_LINE:
                    raise DecoderLost("the language model's process ended or wrote without end")
                self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


def _state(pid: int) -> str:
    """The state of a process, a letter of proc(5); empty where the system does not say."""
    try:
        # Behind the name of the program, which may hold anything.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
