"""The TensorRT host: a program of its own, run by the interpreter that has tensorrt and pycuda.

It imports the standard library, numpy, tensorrt and pycuda, and nothing of ours, and speaks frames over its standard
input and output (4 bytes header length, 8 bytes body length, both big-endian, a JSON header, a body). It owns the CUDA
context on its one thread. After a failure in which the context may be dead it says so and exits.

Commands: probe, facts, build, load, infer, close. Works with TensorRT 10.3 up to 11.
"""

import os
import sys

if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # noqa: PTH100, PTH120 before any import
    del sys.path[0]  # our neighbours must not answer for the packages imported below

import contextlib
import ctypes
import json
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FRAME = struct.Struct(">IQ")
HEADER_MAX, BODY_MAX = 1 << 20, 1 << 30
SM_COUNT, CC_MAJOR, CC_MINOR = 16, 75, 76  # CUdevice_attribute numbers, cuda.h


class Refused(Exception):
    """A command that cannot be done; the reason is the answer. `fatal`: this process must not go on."""

    def __init__(self, reason: str, *, fatal: bool = False) -> None:
        super().__init__(reason)
        self.fatal = fatal


def probe() -> dict[str, Any]:
    """Ask the driver alone whether there is a GPU: without one, tensorrt's runtime ends in a segmentation fault."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError as missing:
        raise Refused("no NVIDIA driver: libcuda.so.1 cannot be loaded") from missing
    if (code := library.cuInit(0)) != 0:
        raise Refused(f"the NVIDIA driver does not start: cuInit gave {code}")
    count, device, version = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
    if library.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value < 1:
        raise Refused("the NVIDIA driver finds no GPU")
    name = ctypes.create_string_buffer(128)
    asked = [
        library.cuDriverGetVersion(ctypes.byref(version)),
        library.cuDeviceGet(ctypes.byref(device), 0),
        library.cuDeviceGetName(name, 128, device),
    ]
    numbers = {}
    for what in (SM_COUNT, CC_MAJOR, CC_MINOR):
        value = ctypes.c_int(0)
        asked.append(library.cuDeviceGetAttribute(ctypes.byref(value), what, device))
        numbers[what] = value.value
    if any(asked):
        raise Refused("the NVIDIA driver does not tell about its GPU")
    return {
        "devices": count.value,
        "gpu": name.value.decode("utf-8", "replace"),
        "compute_capability": f"{numbers[CC_MAJOR]}.{numbers[CC_MINOR]}",
        "sm_count": numbers[SM_COUNT],
        "driver_cuda": version.value,
        "driver": _driver_release(),
    }


def _driver_release() -> str:
    for path in ("/sys/module/nvidia/version", "/etc/nv_tegra_release", "/proc/driver/nvidia/version"):
        with contextlib.suppress(OSError):
            return Path(path).read_text(encoding="utf-8", errors="replace").strip().splitlines()[0][:200]
    return "unknown"


class Gpu:
    """tensorrt, pycuda and the primary context, brought in only after the probe."""

    def __init__(self) -> None:
        self.found = probe()
        try:
            import numpy as np
            import pycuda.driver as cuda
            import tensorrt as trt
        except ImportError as missing:
            raise Refused(f"the interpreter {sys.executable} lacks a package: {missing}") from missing
        self.np, self.cuda, self.trt = np, cuda, trt
        cuda.init()
        self.context = cuda.Device(0).retain_primary_context()
        self.logger = _logger(trt)

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make the context current on this thread for the time of one command."""
        self.context.push()
        try:
            yield
        finally:
            self.context.pop()

    def facts(self) -> dict[str, Any]:
        """Tell everything a plan depends on."""
        built_for = ".".join(str(part) for part in self.cuda.get_version())
        return {
            **self.found,
            "tensorrt": str(self.trt.__version__),
            "cuda": built_for,
            "python": sys.version.split()[0],
        }


def _logger(trt: Any) -> Any:
    class Logger(trt.ILogger):  # type: ignore[misc]  # tensorrt has no types
        """Errors go to standard error; the last ones are told with a refusal."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.last = [*self.last[-2:], message[:300]]
                sys.stderr.write(message[:2000] + "\n")

    return Logger()


def build(gpu: Gpu, order: dict[str, Any], onnx: bytes, timing: bytes) -> tuple[bytes, bytes]:
    """Build plan and timing cache from ONNX: strongly typed, one profile with the batch free, TF32 off."""
    trt = gpu.trt
    builder = trt.Builder(gpu.logger)
    network = builder.create_network(_network_flags(trt))
    parser = trt.OnnxParser(network, gpu.logger)
    if not parser.parse(onnx):
        errors = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise Refused(f"TensorRT does not read the ONNX file: {errors}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, int(order["workspace_bytes"]))
    if hasattr(trt.BuilderFlag, "TF32"):
        config.clear_flag(trt.BuilderFlag.TF32)  # on by default, and its 10-bit mantissa breaks the golden tolerance
    profile = builder.create_optimization_profile()
    for name, (low, best, high) in order["profile"].items():
        profile.set_shape(name, tuple(low), tuple(best), tuple(high))
    if config.add_optimization_profile(profile) < 0:
        raise Refused("TensorRT refuses the optimisation profile")
    cache = config.create_timing_cache(timing)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Refused("TensorRT built no engine: " + "; ".join(gpu.logger.last))
    kept = config.get_timing_cache()
    return bytes(plan), b"" if kept is None else bytes(kept.serialize())


def _network_flags(trt: Any) -> int:
    strongly = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    if strongly is not None:
        return 1 << int(strongly)
    if int(str(trt.__version__).split(".")[0]) < 11:  # from 11 on every network is strongly typed
        raise Refused(f"TensorRT {trt.__version__} cannot build strongly typed networks; 10.3 or newer can")
    return 0


class Engine:
    """A plan ready to run: one execution context, one stream, page-locked and device buffers at the largest batch."""

    def __init__(self, gpu: Gpu, plan: bytes, wanted: dict[str, Any]) -> None:
        self._gpu, trt = gpu, gpu.trt
        self._runtime = trt.Runtime(gpu.logger)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise Refused("TensorRT does not load the plan: " + "; ".join(gpu.logger.last))
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise Refused("TensorRT makes no execution context: " + "; ".join(gpu.logger.last))
        self._inputs, self._outputs = self._tensors(trt, wanted)
        self.max_batch = min(int(self._engine.get_tensor_profile_shape(name, 0)[2][0]) for name in self._inputs)
        self._stream = gpu.cuda.Stream()
        self._host: dict[str, Any] = {}
        self._device: dict[str, Any] = {}
        for name, shape in {**self._inputs, **self._outputs}.items():
            self._host[name] = gpu.cuda.pagelocked_empty((self.max_batch, *shape), gpu.np.float32)
            self._device[name] = gpu.cuda.mem_alloc(self._host[name].nbytes)

    def _tensors(self, trt: Any, wanted: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        found: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            side = 0 if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT else 1
            if self._engine.get_tensor_dtype(name) != trt.DataType.FLOAT:
                raise Refused(f"the plan's tensor {name} is not float32")
            found[side][name] = tuple(int(dim) for dim in self._engine.get_tensor_shape(name))[1:]
        asked = tuple({name: tuple(shape) for name, shape in wanted[key].items()} for key in ("inputs", "outputs"))
        if found != asked:
            raise Refused(f"the plan's tensors are not those of the bundle: {found}")
        return asked[0], asked[1]  # the same as found, in the manifest's order, which is the order on the pipe

    def infer(self, batch: int, body: bytes) -> bytes:
        """Run `batch` windows: float32 inputs in manifest order, back come the outputs in manifest order."""
        np, cuda = self._gpu.np, self._gpu.cuda
        at = 0
        for name, shape in self._inputs.items():
            count = batch * int(np.prod(shape))
            part = np.frombuffer(body, np.float32, count=count, offset=at).reshape(batch, *shape)
            at += part.nbytes
            self._host[name][:batch] = part
            cuda.memcpy_htod_async(self._device[name], self._host[name][:batch], self._stream)
            if not self._context.set_input_shape(name, (batch, *shape)):
                raise Refused(f"TensorRT refuses the shape of {name}", fatal=True)
        for name, memory in self._device.items():
            if not self._context.set_tensor_address(name, int(memory)):
                raise Refused(f"TensorRT refuses the address of {name}", fatal=True)
        if not self._context.execute_async_v3(self._stream.handle):
            raise Refused("TensorRT did not start the run", fatal=True)
        for name in self._outputs:
            cuda.memcpy_dtoh_async(self._host[name][:batch], self._device[name], self._stream)
        self._stream.synchronize()
        return b"".join(self._host[name][:batch].tobytes() for name in self._outputs)

    def close(self) -> None:
        """Give back GPU memory, in the order that nothing outlives what it stands on."""
        self._stream.synchronize()
        for memory in self._device.values():
            memory.free()
        self._device, self._host = {}, {}
        del self._stream, self._context, self._engine, self._runtime


class Host:
    """Answers commands until told to close or the pipe ends."""

    def __init__(self) -> None:
        self._gpu: Gpu | None = None
        self._engine: Engine | None = None

    def answer(self, order: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Do one command; give the answer's header and body."""
        command = order.get("command")
        if command == "probe":
            return {"facts": probe()}, b""
        if command == "close":
            return {"closing": True}, b""
        if self._gpu is None:
            self._gpu = Gpu()
        if command == "facts":
            return {"facts": self._gpu.facts()}, b""
        with self._gpu.current():
            if command == "infer":
                return self._infer(int(order["batch"]), body)
            if command == "load":
                self._engine = Engine(self._gpu, body, order)
                return {"max_batch": self._engine.max_batch}, b""
            if command == "build":
                onnx_bytes = int(order["onnx_bytes"])
                started = time.monotonic()
                plan, timing = build(self._gpu, order, body[:onnx_bytes], body[onnx_bytes:])
                return {"plan_bytes": len(plan), "seconds": time.monotonic() - started}, plan + timing
        raise Refused(f"unknown command {command!r}")

    def _infer(self, batch: int, body: bytes) -> tuple[dict[str, Any], bytes]:
        if self._engine is None or not 0 < batch <= self._engine.max_batch:
            raise Refused("no engine is loaded for this batch")
        try:
            return {}, self._engine.infer(batch, body)
        except Refused:
            raise
        except Exception as failed:
            raise Refused(f"{type(failed).__name__}: {failed}", fatal=True) from failed

    def close(self) -> None:
        """Let go of engine and context."""
        if self._gpu is not None:
            if self._engine is not None:
                with self._gpu.current():
                    self._engine.close()
            self._gpu.context.detach()
        self._gpu = self._engine = None


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
    """Serve commands from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not fall between our frames
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    host, asked = Host(), sys.stdin.buffer
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
