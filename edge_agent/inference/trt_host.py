"""The TensorRT host: a child process that holds the plans of all tasks in one CUDA context.

Run by path under the interpreter that has TensorRT (on JetPack the system's). Of our package it imports the two files
beside it that need nothing installed but numpy, TensorRT and CUDA. Speaks frames on standard input and output (4 bytes
header length, 8 bytes body length, both big-endian, a JSON header, a body). All work is done on its one thread. After a
failure in which the context may be dead it says so and exits.

Commands: probe, facts, build, load NAME, infer NAME, unload NAME, close. Works with TensorRT 10.3 up to 11, and with
TensorRT for RTX.
"""

import os
import sys

if __name__ == "__main__":
    # The package is found by its place; its folders must not lie on the module path, where their names would answer
    # for the packages imported below.
    from types import ModuleType

    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]  # noqa: PTH100, PTH120
    package = sys.modules["edge_agent"] = ModuleType("edge_agent")
    package.__path__ = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]  # noqa: PTH100, PTH120

import contextlib
import json
import struct
import threading
import time
from pathlib import Path
from typing import Any

from edge_agent.inference.trt_engine import Engine, build
from edge_agent.inference.trt_flavours import TENSORRT_RTX, Gpu, Refused, Toolkit, probe

FRAME = struct.Struct(">IQ")
HEADER_MAX, BODY_MAX = 1 << 20, 1 << 30


class Host:
    """Answers commands until asked to close or the pipe ends."""

    def __init__(self, flavour: str = "") -> None:
        self._flavour = flavour
        self._gpu: Gpu | None = None
        self._engines: dict[str, Engine] = {}

    def answer(self, order: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Do one command; give the answer's header and body."""
        command = order.get("command")
        if command == "probe":
            return {"facts": probe()}, b""
        if command == "close":
            return {"closing": True}, b""
        if command == "build" and order.get("target"):
            return self._build(Toolkit(self._flavour), order, body)
        if self._gpu is None:
            self._gpu = Gpu(self._flavour)
        if command == "facts":
            return {"facts": self._gpu.facts()}, b""
        with self._gpu.cuda.current():
            if command == "infer":
                return self._infer(str(order["name"]), int(order["batch"]), body)
            if command == "load":
                return self._load(self._gpu, order, body)
            if command == "unload":
                return self._unload(str(order["name"]))
            if command == "build":
                return self._build(self._gpu.toolkit, order, body)
        raise Refused(f"unknown command {command!r}")

    def _build(self, toolkit: Toolkit, order: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        if order.get("target") and toolkit.flavour != TENSORRT_RTX:
            raise Refused("only TensorRT for RTX builds for another GPU than the one that is here")
        onnx_bytes = int(order["onnx_bytes"])
        started = time.monotonic()
        plan, timing = build(toolkit, order, body[:onnx_bytes], body[onnx_bytes:])
        return {"plan_bytes": len(plan), "seconds": time.monotonic() - started}, plan + timing

    def _load(self, gpu: Gpu, order: dict[str, Any], plan: bytes) -> tuple[dict[str, Any], bytes]:
        name = str(order["name"])
        if name in self._engines:
            raise Refused(f"a plan is loaded under the name {name} already")
        engine = self._engines[name] = Engine(gpu, plan, order)
        return {"max_batch": engine.max_batch}, b""

    def _unload(self, name: str) -> tuple[dict[str, Any], bytes]:
        engine = self._engines.pop(name, None)
        if engine is None:
            raise Refused(f"no plan is loaded under the name {name}")
        engine.close()
        return {"loaded": sorted(self._engines)}, b""

    def _infer(self, name: str, batch: int, body: bytes) -> tuple[dict[str, Any], bytes]:
        engine = self._engines.get(name)
        if engine is None or not 0 < batch <= engine.max_batch:
            raise Refused(f"no plan is loaded under the name {name} for this batch")
        try:
            return {}, engine.infer(batch, body)
        except Refused:
            raise
        except Exception as failed:
            raise Refused(f"{type(failed).__name__}: {failed}", fatal=True) from failed

    def close(self) -> None:
        """Let go of every engine and of the context."""
        if self._gpu is not None:
            with self._gpu.cuda.current():
                for engine in self._engines.values():
                    engine.close()
            self._gpu.cuda.close()
        self._gpu, self._engines = None, {}


def _read(stream: Any, size: int) -> bytes:
    parts = []
    while size:
        part = stream.read(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _send(stream: Any, header: dict[str, Any], body: bytes) -> None:
    head = json.dumps(header).encode()
    stream.write(FRAME.pack(len(head), len(body)) + head)
    stream.write(body)
    stream.flush()


def _leave_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(4)


def main() -> int:
    """Serve commands from standard input until it ends; the first argument may name the flavour of TensorRT."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not fall between our frames
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    host, asked = Host(*sys.argv[1:2]), sys.stdin.buffer
    while True:
        try:
            head_bytes, body_bytes = FRAME.unpack(_read(asked, FRAME.size))
            if head_bytes > HEADER_MAX or body_bytes > BODY_MAX:
                return 2
            order = json.loads(_read(asked, head_bytes))
            body = _read(asked, body_bytes)
        except EOFError:
            return 0
        try:
            header, reply = host.answer(order, body)
            _send(answers, {"ok": True, **header}, reply)
            if order.get("command") == "close":
                host.close()
                return 0
        except Exception as failed:  # noqa: BLE001 the border of this process: the reason becomes the answer
            fatal = not isinstance(failed, Refused) or failed.fatal
            reason = str(failed) if isinstance(failed, Refused) else f"{type(failed).__name__}: {failed}"
            _send(answers, {"ok": False, "reason": reason[:1000], "fatal": fatal}, b"")
            if fatal:
                os._exit(3)  # after a failed launch clean-up may abort or hang; the driver cleans up behind us


if __name__ == "__main__":
    sys.exit(main())
