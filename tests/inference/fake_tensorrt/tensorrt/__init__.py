"""TensorRT's Python API, 10.3 to 11, run by ONNX Runtime: for machines without a GPU.

FAKE_TRT_VERSION picks the API generation. FAKE_TRT_CONTROL names a file whose words, read at every step, make it fail:
hang-build, segv-build, no-build, hog-build, hang-load, segv-load, hang, segv, raise, false-execute, false-address,
false-shape, drift, drift-build, print, noisy, parse-error, no-context.
"""

import enum
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from pycuda import driver as cuda

__version__ = os.environ.get("FAKE_TRT_VERSION", "10.3.0")
MAJOR = int(__version__.split(".")[0])
MAGIC = b"fake plan\n"
if os.environ.get("FAKE_TRT_IMPORTED"):
    Path(os.environ["FAKE_TRT_IMPORTED"]).touch()


def told(word):
    control = os.environ.get("FAKE_TRT_CONTROL")
    return bool(control) and Path(control).exists() and word in Path(control).read_text().split()


def maybe(step):
    """Misbehave at a step as the control file says."""
    suffix = f"-{step}" if step else ""
    if told(f"hang{suffix}"):
        time.sleep(600)
    if told(f"segv{suffix}"):
        os.kill(os.getpid(), 11)
    if told(f"raise{suffix}"):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


class ILogger:
    class Severity(enum.IntEnum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3

    def __init__(self):
        self.ready = True


if MAJOR >= 11:
    NetworkDefinitionCreationFlag = enum.IntEnum(
        "NetworkDefinitionCreationFlag",
        {} if os.environ.get("FAKE_TRT_NO_FLAG") else {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1},
    )
    BuilderFlag = enum.IntEnum("BuilderFlag", {"DEBUG": 2, "TF32": 7, "VERSION_COMPATIBLE": 12})
elif __version__.startswith("8"):
    NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", {"EXPLICIT_BATCH": 0})
    BuilderFlag = enum.IntEnum("BuilderFlag", {"FP16": 0, "TF32": 7})
else:
    NetworkDefinitionCreationFlag = enum.IntEnum(
        "NetworkDefinitionCreationFlag", {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1}
    )
    BuilderFlag = enum.IntEnum("BuilderFlag", {"FP16": 0, "INT8": 1, "DEBUG": 2, "TF32": 7})


class MemoryPoolType(enum.IntEnum):
    WORKSPACE = 0


class TensorIOMode(enum.IntEnum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class DataType(enum.IntEnum):
    FLOAT = 0
    HALF = 1


class Profile:
    def __init__(self):
        self.shapes = {}

    def set_shape(self, name, low, best, high):
        self.shapes[name] = [list(low), list(best), list(high)]


class TimingCache:
    def __init__(self, blob):
        self.blob = blob

    def serialize(self):
        return memoryview(self.blob or b"timings of " + __version__.encode())


class Config:
    def __init__(self):
        self.flags, self.profiles, self.pools, self.cache = {int(BuilderFlag.TF32)}, [], {}, None

    def set_memory_pool_limit(self, pool, size):
        self.pools[pool.name] = size

    def clear_flag(self, flag):
        self.flags.discard(int(flag))

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, blob):
        return TimingCache(bytes(blob))

    def set_timing_cache(self, cache, ignore_mismatch):
        assert not ignore_mismatch
        if cache.blob and not cache.blob.endswith(__version__.encode()):
            return False
        self.cache = cache
        return True

    def get_timing_cache(self):
        return self.cache


class Network:
    def __init__(self, flags):
        strong = getattr(NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
        self.strongly_typed = MAJOR >= 11 or (strong is not None and bool(flags & 1 << int(strong)))
        self.onnx = None


class Builder:
    def __init__(self, logger):
        cuda.need_context()
        assert logger.ready
        self.logger = logger

    def create_network(self, flags=0):
        return Network(flags)

    def create_builder_config(self):
        return Config()

    def create_optimization_profile(self):
        return Profile()

    def build_serialized_network(self, network, config):
        maybe("build")
        if told("print"):
            os.write(1, b"[TRT] a library prints to standard output\n")
        if told("hog-build"):
            held = bytearray(400 << 20)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(600)
        if told("no-build") or not network.strongly_typed or not config.profiles:
            self.logger.log(ILogger.Severity.ERROR, "no implementation for a node")
            return None
        about = {
            "version": __version__,
            "strongly_typed": network.strongly_typed,
            "tf32": int(BuilderFlag.TF32) in config.flags,
            "profile": config.profiles[0].shapes,
            "pools": config.pools,
            "drift": told("drift-build"),
        }
        return memoryview(MAGIC + json.dumps(about).encode() + b"\n" + network.onnx)


class OnnxParser:
    def __init__(self, network, logger):
        self.network, self.errors = network, []

    def parse(self, data):
        if told("parse-error"):
            self.errors = ["node 0: unsupported operator"]
            return False
        self.network.onnx = bytes(data)
        return True

    @property
    def num_errors(self):
        return len(self.errors)

    def get_error(self, index):
        return self.errors[index]


class Runtime:
    def __init__(self, logger):
        cuda.need_context()
        self.logger = logger

    def deserialize_cuda_engine(self, plan):
        maybe("load")
        about, _, onnx = bytes(plan)[len(MAGIC) :].partition(b"\n")
        try:
            facts = json.loads(about)
        except ValueError:
            facts = {}
        if not bytes(plan).startswith(MAGIC) or facts.get("version") != __version__:
            self.logger.log(ILogger.Severity.ERROR, "the version tag does not match")
            return None
        try:
            return Engine(facts, onnx)
        except Exception:  # noqa: BLE001 whatever ONNX Runtime says about a cut plan
            self.logger.log(ILogger.Severity.ERROR, "the plan is damaged")
            return None


class Engine:
    """Lists outputs before inputs, and inputs backwards: no caller may rest on the order."""

    def __init__(self, facts, onnx):
        import onnxruntime as ort  # here, because most children never load a plan

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.facts, self.session = facts, ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        nodes = [*self.session.get_outputs()[::-1], *self.session.get_inputs()[::-1]]
        self.nodes = {node.name: node for node in nodes}

    @property
    def num_io_tensors(self):
        return len(self.nodes)

    def get_tensor_name(self, index):
        return list(self.nodes)[index]

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if name in self.facts["profile"] else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name):
        return DataType.FLOAT

    def get_tensor_shape(self, name):
        return (-1, *self.nodes[name].shape[1:])

    def get_tensor_profile_shape(self, name, profile):
        return [tuple(shape) for shape in self.facts["profile"][name]]

    def create_execution_context(self):
        return None if told("no-context") else ExecutionContext(self)


class ExecutionContext:
    def __init__(self, engine):
        self.engine, self.shapes, self.addresses = engine, {}, {}

    def set_input_shape(self, name, shape):
        low, _, high = self.engine.facts["profile"][name]
        fits = all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)) and not told("false-shape")
        if fits:
            self.shapes[name] = tuple(shape)
        return fits

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return not told("false-address")

    def execute_async_v3(self, stream_handle):
        maybe("")
        if told("false-execute") or set(self.addresses) != set(self.engine.nodes):
            return False
        cuda.STREAMS[stream_handle].work.append(self._run)
        return True

    def _run(self):
        inputs = {}
        for name, shape in self.shapes.items():
            size = 4 * int(np.prod(shape))
            inputs[name] = np.frombuffer(bytes(cuda.MEMORY[self.addresses[name]][:size]), np.float32).reshape(shape)
        names = [node.name for node in self.engine.session.get_outputs()]
        for name, value in zip(names, self.engine.session.run(names, inputs), strict=True):
            off = np.float32(0.01) if told("drift") or self.engine.facts["drift"] else np.float32(0)
            data = (value + off).tobytes()
            cuda.MEMORY[self.addresses[name]][: len(data)] = data


if told("noisy"):
    sys.stderr.write("x" * 200_000)
