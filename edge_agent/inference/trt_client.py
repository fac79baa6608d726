"""The parent's side of the TensorRT host: frames with a deadline; a child that is late is ended."""

import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biosignal.model.backend import BackendFailed
from edge_agent.inference.settings import TensorRtSettings
from edge_agent.inference.trt_host import FRAME, HEADER_MAX

HOST = Path(__file__).with_name("trt_host.py")
ANSWER_MAX = 1 << 30
NOT_INHERITED = frozenset({"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"})
TICK_S = 0.1


class ChildRefused(BackendFailed):
    """The host answered that it cannot; it is still there."""

    remedy = "the next rung of the ladder serves; the reason names what the device lacks"


class ChildLost(BackendFailed):
    """The host died, hung or spoke nonsense, and is gone."""

    remedy = "it is started again, five times a minute at most; then the next rung of the ladder serves"


class TrtChild:
    """One host process. Not thread-safe: one owner at a time; `stop`, set from any thread, ends a call under way."""

    def __init__(self, settings: TensorRtSettings, *, nice: int = 0, stop: threading.Event | None = None) -> None:
        self._stop = stop or threading.Event()
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        environment |= {"PYTHONPATH": os.pathsep.join(settings.python_path)} if settings.python_path else {}
        try:
            self._process = subprocess.Popen(
                [settings.interpreter, "-u", str(HOST), *([settings.flavour] if settings.flavour else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment, **settings.environment},
                bufsize=0,
                start_new_session=True,
            )
        except OSError as missing:
            raise ChildRefused(
                "the interpreter for TensorRT does not start",
                remedy="set `inference.tensorrt.python` to the interpreter that has TensorRT",
                python=settings.interpreter,
                reason=missing.strerror,
            ) from missing
        if nice:
            os.setpriority(os.PRIO_PROCESS, self._process.pid, nice)
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._stdin, self._stdout, self._stderr = (pipe for pipe in pipes if pipe is not None)
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)
        self._said = b""
        self._lost = ""

    @property
    def pid(self) -> int:
        """The host's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._lost and self._process.poll() is None

    def call(
        self,
        command: str,
        body: bytes = b"",
        *,
        timeout_s: float,
        memory_bytes: int | None = None,
        **order: Any,
    ) -> tuple[Mapping[str, Any], bytes]:
        """Send a command and wait for its answer.

        `memory_bytes` bounds the host's resident memory while it works. A soft limit of the process would not do:
        CUDA reserves far more address space than it uses.

        Raises
        ------
        ChildRefused : it answered with a reason.
        ChildLost : it died, was late, took too much memory, or broke the protocol; it is gone.
        """
        if self._lost:
            raise ChildLost(self._lost)
        head = json.dumps({"command": command, **order}).encode()
        out = FRAME.pack(len(head), len(body)) + head + body
        answer = self._exchange(command, memoryview(out), time.monotonic() + timeout_s, timeout_s, memory_bytes)
        head_bytes, _ = FRAME.unpack_from(answer)
        try:
            header = json.loads(answer[FRAME.size : FRAME.size + head_bytes])
            okay = header["ok"]
        except (ValueError, KeyError, TypeError) as broken:
            raise self._lose(f"the TensorRT process answered `{command}` with no frame") from broken
        if okay:
            return header, bytes(answer[FRAME.size + head_bytes :])
        if header.get("fatal"):
            raise self._lose(f"the TensorRT process failed at `{command}`: {header.get('reason')}")
        raise ChildRefused(str(header.get("reason")))

    def _exchange(
        self, command: str, out: memoryview, deadline: float, timeout_s: float, memory_bytes: int | None
    ) -> bytearray:
        answer, wanted = bytearray(), FRAME.size
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._stdout, selectors.EVENT_READ)
            waiting.register(self._stderr, selectors.EVENT_READ)
            waiting.register(self._stdin, selectors.EVENT_WRITE)
            while len(answer) < wanted:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._lose(f"the TensorRT process did not answer `{command}` within {timeout_s:g} s")
                for key, _ in waiting.select(min(left, TICK_S)):
                    if key.fileobj is self._stdin:
                        out = self._write(command, out)
                        if not out:
                            waiting.unregister(self._stdin)
                    elif key.fileobj is self._stderr:
                        if not self._hear():
                            waiting.unregister(self._stderr)
                    else:
                        wanted = self._read(command, answer, wanted)
                if self._stop.is_set():
                    raise self._lose(f"`{command}` was called off")
                if memory_bytes and (used := resident_bytes(self.pid)) > memory_bytes:
                    raise self._lose(f"the TensorRT process took {used >> 20} MiB at `{command}`, above its limit")
        return answer

    def _write(self, command: str, out: memoryview) -> memoryview:
        try:
            return out[os.write(self._stdin.fileno(), out[:65536]) :]
        except BlockingIOError:
            return out
        except OSError as gone:
            raise self._lose(self._death(command)) from gone

    def _hear(self) -> bytes:
        try:
            said = os.read(self._stderr.fileno(), 65536)
        except BlockingIOError:
            return b" "
        self._said = (self._said + said)[-4000:]
        return said

    def _read(self, command: str, answer: bytearray, wanted: int) -> int:
        """Take what is there; give the size of the whole frame as far as it is known."""
        try:
            part = os.read(self._stdout.fileno(), min(1 << 20, wanted - len(answer)))
        except BlockingIOError:
            return wanted
        if not part:
            raise self._lose(self._death(command))
        answer += part
        if len(answer) < FRAME.size:
            return wanted
        head_bytes, body_bytes = FRAME.unpack_from(answer)
        if head_bytes > HEADER_MAX or body_bytes > ANSWER_MAX:
            raise self._lose(f"the TensorRT process answered `{command}` with no frame")
        return int(FRAME.size + head_bytes + body_bytes)

    def _death(self, command: str) -> str:
        try:
            code = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            return f"the TensorRT process closed its pipe at `{command}`"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return f"the TensorRT process died at `{command}`: {how}"

    def _lose(self, reason: str) -> ChildLost:
        self._lost = reason
        self._end()
        last = self._said.decode("utf-8", "replace").strip().splitlines()[-1:]
        return ChildLost(reason, **({"last_words": last[0][:200]} if last else {}))

    def close(self) -> None:
        """Ask it to leave, then end it; safe to call twice."""
        if self.alive:
            try:
                self.call("close", timeout_s=2.0)
                self._process.wait(2.0)
            except (BackendFailed, subprocess.TimeoutExpired):
                pass
        self._lost = self._lost or "the TensorRT process was closed"
        self._end()

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._stdin, self._stdout, self._stderr):
            if not pipe.closed:
                if pipe is self._stderr:
                    self._hear()
                pipe.close()


def resident_bytes(pid: int) -> int:
    """Memory a process holds now; 0 when it is gone or the system does not say."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
