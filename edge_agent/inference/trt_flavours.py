"""What the TensorRT host needs: the driver, and one of two flavours of TensorRT with its way to CUDA.

``tensorrt`` comes with JetPack and reaches CUDA through pycuda. ``tensorrt_rtx`` is TensorRT for RTX from PyPI, for a
PC with an RTX card; it reaches CUDA through the runtime library of its own wheel, so that nothing has to be compiled.
"""

import contextlib
import ctypes
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

SM_COUNT, CC_MAJOR, CC_MINOR = 16, 75, 76  # CUdevice_attribute numbers, cuda.h
TO_DEVICE, TO_HOST = 1, 2  # cudaMemcpyKind numbers, driver_types.h
TENSORRT, TENSORRT_RTX = "tensorrt", "tensorrt_rtx"
MODULES = {TENSORRT: ("tensorrt",), TENSORRT_RTX: ("tensorrt_rtx_bindings", "tensorrt_rtx")}
"""By flavour, the names it may be imported under; those of the wheels first, as the package around them is a shell."""


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
        raise Refused("the NVIDIA driver does not say what its GPU is")
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


class Cuda(Protocol):
    """The little of CUDA that the host needs. `current` makes the one context current for the time of a command."""

    version: str

    def current(self) -> contextlib.AbstractContextManager[None]:
        """Make the context current on this thread."""

    def stream(self) -> Any:
        """Make a stream; give what the other calls take for it."""

    def handle(self, stream: Any) -> int:
        """Address of a stream, as TensorRT takes it."""

    def wait(self, stream: Any) -> None:
        """Wait until all that was asked of a stream is done."""

    def end(self, stream: Any) -> None:
        """Give a stream back."""

    def pinned(self, shape: tuple[int, ...]) -> Any:
        """Make a float32 array in page-locked host memory, which asynchronous copies need."""

    def unpin(self, array: Any) -> None:
        """Give page-locked memory back; nobody may look at the array any more."""

    def device(self, size: int) -> Any:
        """Take `size` bytes of GPU memory; `int` of it is its address."""

    def free(self, memory: Any) -> None:
        """Give GPU memory back."""

    def to_device(self, memory: Any, array: Any, stream: Any) -> None:
        """Copy an array to the GPU once the stream comes to it."""

    def to_host(self, array: Any, memory: Any, stream: Any) -> None:
        """Copy GPU memory into an array once the stream comes to it."""

    def close(self) -> None:
        """Let go of the context."""


class PyCuda:
    """CUDA through pycuda, in the primary context, which TensorRT shares."""

    def __init__(self) -> None:
        import numpy as np
        import pycuda.driver as cuda

        cuda.init()
        self._np, self._cuda = np, cuda
        self._context = cuda.Device(0).retain_primary_context()
        self.version = ".".join(str(part) for part in cuda.get_version())

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make the context current on this thread: pycuda does not leave it so."""
        self._context.push()
        try:
            yield
        finally:
            self._context.pop()

    def stream(self) -> Any:
        """Make a stream."""
        return self._cuda.Stream()

    def handle(self, stream: Any) -> int:
        """Address of a stream."""
        return int(stream.handle)

    def wait(self, stream: Any) -> None:
        """Wait for a stream."""
        stream.synchronize()

    def end(self, stream: Any) -> None:
        """Nothing to do: pycuda gives a stream back when nobody holds it."""

    def pinned(self, shape: tuple[int, ...]) -> Any:
        """Make a page-locked float32 array."""
        return self._cuda.pagelocked_empty(shape, self._np.float32)

    def unpin(self, array: Any) -> None:
        """Nothing to do: pycuda gives the memory back when nobody holds the array."""

    def device(self, size: int) -> Any:
        """Take GPU memory."""
        return self._cuda.mem_alloc(size)

    def free(self, memory: Any) -> None:
        """Give GPU memory back."""
        memory.free()

    def to_device(self, memory: Any, array: Any, stream: Any) -> None:
        """Copy to the GPU."""
        self._cuda.memcpy_htod_async(memory, array, stream)

    def to_host(self, array: Any, memory: Any, stream: Any) -> None:
        """Copy from the GPU."""
        self._cuda.memcpy_dtoh_async(array, memory, stream)

    def close(self) -> None:
        """Let go of the primary context."""
        self._context.detach()


class CudaRuntime:
    """CUDA through libcudart and ctypes. The runtime keeps the primary context current on the thread that chose it."""

    def __init__(self) -> None:
        import numpy as np

        self._np = np
        self._library = _libcudart()
        self._library.cudaGetErrorString.restype = ctypes.c_char_p
        self._call("cudaSetDevice", ctypes.c_int(0))
        self._call("cudaFree", ctypes.c_void_p(0))  # makes the context now, where a failure has a sentence
        version = ctypes.c_int(0)
        self._call("cudaRuntimeGetVersion", ctypes.byref(version))
        self.version = f"{version.value // 1000}.{version.value % 1000 // 10}"

    def _call(self, name: str, *arguments: Any) -> None:
        if code := getattr(self._library, name)(*arguments):
            said = self._library.cudaGetErrorString(code) or b"?"
            raise RuntimeError(f"{name} gave {code}: {said.decode('utf-8', 'replace')}")

    def current(self) -> contextlib.AbstractContextManager[None]:
        """Nothing to do: the context stays current on the host's one thread."""
        return contextlib.nullcontext()

    def stream(self) -> Any:
        """Make a stream."""
        return self._made("cudaStreamCreate")

    def handle(self, stream: Any) -> int:
        """Address of a stream."""
        return int(stream)

    def wait(self, stream: Any) -> None:
        """Wait for a stream."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(stream))

    def end(self, stream: Any) -> None:
        """Give a stream back."""
        self._call("cudaStreamDestroy", ctypes.c_void_p(stream))

    def pinned(self, shape: tuple[int, ...]) -> Any:
        """Make a page-locked float32 array."""
        count = int(self._np.prod(shape))
        address = self._made("cudaHostAlloc", ctypes.c_size_t(4 * count), ctypes.c_uint(0))
        return self._np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)

    def unpin(self, array: Any) -> None:
        """Give page-locked memory back."""
        self._call("cudaFreeHost", ctypes.c_void_p(array.ctypes.data))

    def device(self, size: int) -> Any:
        """Take GPU memory."""
        return self._made("cudaMalloc", ctypes.c_size_t(size))

    def free(self, memory: Any) -> None:
        """Give GPU memory back."""
        self._call("cudaFree", ctypes.c_void_p(memory))

    def to_device(self, memory: Any, array: Any, stream: Any) -> None:
        """Copy to the GPU."""
        self._copy(memory, array.ctypes.data, array.nbytes, TO_DEVICE, stream)

    def to_host(self, array: Any, memory: Any, stream: Any) -> None:
        """Copy from the GPU."""
        self._copy(array.ctypes.data, memory, array.nbytes, TO_HOST, stream)

    def close(self) -> None:
        """Nothing to do: the context ends with the process."""

    def _copy(self, to: int, source: int, size: int, kind: int, stream: int) -> None:
        self._call(
            "cudaMemcpyAsync",
            ctypes.c_void_p(to),
            ctypes.c_void_p(source),
            ctypes.c_size_t(size),
            ctypes.c_int(kind),
            ctypes.c_void_p(stream),
        )

    def _made(self, name: str, *arguments: Any) -> int:
        address = ctypes.c_void_p(0)
        self._call(name, ctypes.byref(address), *arguments)
        return int(address.value or 0)


def _libcudart() -> Any:
    """Load the runtime library: of the wheels of NVIDIA where they are installed, else the system's."""
    found = importlib.util.find_spec("nvidia")
    folders = list(found.submodule_search_locations or ()) if found else []
    wheels = [str(path) for folder in folders for path in sorted(Path(folder).glob("*/lib/libcudart.so.*"))]
    for name in (*wheels, "libcudart.so.12", "libcudart.so.13", "libcudart.so"):
        with contextlib.suppress(OSError):
            return ctypes.CDLL(name)
    raise Refused(f"the interpreter {sys.executable} lacks a package: libcudart is not found")


class Toolkit:
    """TensorRT itself: parser, builder and runtime. `version` names the flavour where it is not JetPack's."""

    def __init__(self, flavour: str = "") -> None:
        self.flavour, name = _choose(flavour)
        self.trt = importlib.import_module(name)
        number = str(self.trt.__version__)
        self.version = number if self.flavour == TENSORRT else f"rtx {number}"
        self.logger = _logger(self.trt)

    @property
    def last_words(self) -> str:
        """The last errors that TensorRT logged."""
        return "; ".join(self.logger.last)


def _choose(flavour: str) -> tuple[str, str]:
    if flavour and flavour not in MODULES:
        raise Refused(f"there is no flavour {flavour!r} of TensorRT; there is {TENSORRT} and {TENSORRT_RTX}")
    for one in (flavour,) if flavour else MODULES:
        for name in MODULES[one]:
            if importlib.util.find_spec(name) is not None:
                return one, name
    lacking = flavour or f"{TENSORRT}' nor '{TENSORRT_RTX}"
    raise Refused(f"the interpreter {sys.executable} lacks a package: No module named '{lacking}'")


class Gpu:
    """TensorRT, CUDA and the one context, brought in only after the probe."""

    def __init__(self, flavour: str = "") -> None:
        self.found = probe()
        try:
            chosen, _ = _choose(flavour)
            self.cuda: Cuda = PyCuda() if chosen == TENSORRT else CudaRuntime()
            self.toolkit = Toolkit(chosen)
        except ImportError as missing:
            raise Refused(f"the interpreter {sys.executable} lacks a package: {missing}") from missing

    def facts(self) -> dict[str, Any]:
        """Give everything a plan depends on."""
        return {
            **self.found,
            "flavour": self.toolkit.flavour,
            "tensorrt": self.toolkit.version,
            "cuda": self.cuda.version,
            "python": sys.version.split()[0],
        }


def _logger(trt: Any) -> Any:
    class Logger(trt.ILogger):  # type: ignore[misc]  # tensorrt has no types
        """Errors go to standard error; the last ones go with a refusal."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.last = [*self.last[-2:], message[:300]]
                sys.stderr.write(message[:2000] + "\n")

    return Logger()
