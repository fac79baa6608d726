"""The language model as a device runs it: the daemon's own child process, asked over pipes, its cost measured."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from biosignal.errors import BadInput

MODULE = "edge_agent.explain.child"
MEMORY_MB = 700
"""The daemon's own cap."""


class ModelLost(BadInput):
    """The language model's process did not start or ended."""

    remedy = "install it: make llm, and give its GGUF file by --model"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A text, and what it cost: seconds that passed, seconds of the processor, tokens read and written."""

    text: str
    seconds: float
    cpu_s: float
    asked_tokens: int
    tokens: int


class Child:
    """One process that holds a model, for one caller; to be closed.

    Raises
    ------
    ModelLost : it cannot be started, or refuses the model.
    """

    def __init__(self, model: Path, adapter: Path | None = None, adapter_sha256: str = "", *, memory_mb: int) -> None:
        laid_over = [] if adapter is None else ["--adapter", str(adapter), "--adapter-sha256", adapter_sha256]
        # It keeps its place in the queue: what is measured is one process, not how busy the machine is.
        limits = ["--memory-mb", str(memory_mb), "--nice", "0"]
        command = [sys.executable, "-m", MODULE, "--model", str(model), *limits, *laid_over]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        hello = self._read()
        if hello.get("ready") is not True or hello.get("refused"):
            self.close()
            raise ModelLost("the language model did not load", reason=hello.get("reason") or hello.get("refused"))
        self.sha256 = str(hello["sha256"])

    def ask(self, prompt: str, *, grammar: str, max_tokens: int, seed: int) -> Said:
        """Get a text; an empty grammar leaves the words free.

        Raises
        ------
        ModelLost : the process ended or gave no text.
        """
        request = {"id": seed, "prompt": prompt, "grammar": grammar, "max_tokens": max_tokens, "seed": seed}
        began_s, cpu_s = time.monotonic(), self._cpu_s()
        stdin: IO[str] | None = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        answer = self._read()
        if "text" not in answer:
            raise ModelLost("the language model gave no text", reason=answer.get("error", "it ended"))
        return Said(
            text=str(answer["text"]),
            seconds=time.monotonic() - began_s,
            cpu_s=self._cpu_s() - cpu_s,
            asked_tokens=int(answer["asked_tokens"]),
            tokens=int(answer["tokens"]),
        )

    def peak_mb(self) -> float:
        """Say how much memory it held at most, in MB."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {}
        return answer

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
