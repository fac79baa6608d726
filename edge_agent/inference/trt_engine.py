"""Builds plans from ONNX and runs them: the one code for both flavours of TensorRT."""

from typing import Any

from edge_agent.inference.trt_flavours import TENSORRT, Gpu, Refused, Toolkit


def build(toolkit: Toolkit, order: dict[str, Any], onnx: bytes, timing: bytes) -> tuple[bytes, bytes]:
    """Build plan and timing cache from ONNX: strongly typed, one profile with the batch free, TF32 off.

    `order` holds the profile and the workspace, and may name a `target`, a kind of GPU that need not be here.
    """
    trt, logger = toolkit.trt, toolkit.logger
    builder = trt.Builder(logger)
    network = builder.create_network(_network_flags(toolkit))
    parser = trt.OnnxParser(network, logger)
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
    keeps_timings = toolkit.flavour == TENSORRT  # TensorRT for RTX compiles without measuring
    if keeps_timings:
        _use_timings(config, timing)
    else:
        _aim(trt, config, str(order.get("target") or "CURRENT"))
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Refused(f"TensorRT built no engine: {toolkit.last_words}")
    kept = config.get_timing_cache() if keeps_timings else None
    return bytes(plan), b"" if kept is None else bytes(kept.serialize())


def _network_flags(toolkit: Toolkit) -> int:
    strongly = getattr(toolkit.trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    if strongly is not None:
        return 1 << int(strongly)
    if toolkit.flavour == TENSORRT and int(toolkit.version.split(".")[0]) < 11:  # from 11 on, every network is
        raise Refused(f"TensorRT {toolkit.version} cannot build strongly typed networks; 10.3 or newer can")
    return 0


def _use_timings(config: Any, timing: bytes) -> None:
    cache = config.create_timing_cache(timing)
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)


def _aim(trt: Any, config: Any, target: str) -> None:
    """Compile for one kind of GPU: by default the one that is here."""
    kind = getattr(trt.ComputeCapability, target, None)
    if kind is None:
        known = [name for name in trt.ComputeCapability.__members__ if name.startswith("SM")]
        raise Refused(f"TensorRT for RTX does not compile for {target}; it does for {', '.join(known)}")
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(kind, 0):
        raise Refused(f"TensorRT for RTX refuses the target {target}")


def deserialise(toolkit: Toolkit, plan: bytes) -> tuple[Any, Any]:
    """Give the runtime and the engine of a plan, which must not outlive the runtime."""
    runtime = toolkit.trt.Runtime(toolkit.logger)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise Refused(f"TensorRT does not load the plan: {toolkit.last_words}")
    return runtime, engine


class Engine:
    """A plan ready to run: one execution context, one stream, page-locked and device buffers at the largest batch."""

    def __init__(self, gpu: Gpu, plan: bytes, wanted: dict[str, Any]) -> None:
        self._cuda, self._trt = gpu.cuda, gpu.toolkit.trt
        self._runtime, self._engine = deserialise(gpu.toolkit, plan)
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise Refused(f"TensorRT makes no execution context: {gpu.toolkit.last_words}")
        self._inputs, self._outputs = self._tensors(wanted)
        self.max_batch = min(int(self._engine.get_tensor_profile_shape(name, 0)[2][0]) for name in self._inputs)
        self._stream = self._cuda.stream()
        self._host: dict[str, Any] = {}
        self._device: dict[str, Any] = {}
        for name, shape in {**self._inputs, **self._outputs}.items():
            self._host[name] = self._cuda.pinned((self.max_batch, *shape))
            self._device[name] = self._cuda.device(self._host[name].nbytes)

    def _tensors(self, wanted: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        found: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            side = 0 if self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT else 1
            if self._engine.get_tensor_dtype(name) != self._trt.DataType.FLOAT:
                raise Refused(f"the plan's tensor {name} is not float32")
            found[side][name] = tuple(int(dim) for dim in self._engine.get_tensor_shape(name))[1:]
        asked = tuple({name: tuple(shape) for name, shape in wanted[key].items()} for key in ("inputs", "outputs"))
        if found != asked:
            raise Refused(f"the plan's tensors are not those of the bundle: {found}")
        return asked[0], asked[1]  # the same as found, in the manifest's order, which is the order on the pipe

    def infer(self, batch: int, body: bytes) -> bytes:
        """Run `batch` windows: float32 inputs in manifest order, back come the outputs in manifest order."""
        import numpy as np

        at = 0
        for name, shape in self._inputs.items():
            count = batch * int(np.prod(shape))
            part = np.frombuffer(body, np.float32, count=count, offset=at).reshape(batch, *shape)
            at += part.nbytes
            self._host[name][:batch] = part
            self._cuda.to_device(self._device[name], self._host[name][:batch], self._stream)
            if not self._context.set_input_shape(name, (batch, *shape)):
                raise Refused(f"TensorRT refuses the shape of {name}", fatal=True)
        for name, memory in self._device.items():
            if not self._context.set_tensor_address(name, int(memory)):
                raise Refused(f"TensorRT refuses the address of {name}", fatal=True)
        if not self._context.execute_async_v3(self._cuda.handle(self._stream)):
            raise Refused("TensorRT did not start the run", fatal=True)
        for name in self._outputs:
            self._cuda.to_host(self._host[name][:batch], self._device[name], self._stream)
        self._cuda.wait(self._stream)
        return b"".join(self._host[name][:batch].tobytes() for name in self._outputs)

    def close(self) -> None:
        """Give back GPU memory, in the order that nothing outlives what it uses."""
        self._cuda.wait(self._stream)
        for memory in self._device.values():
            self._cuda.free(memory)
        for array in self._host.values():
            self._cuda.unpin(array)
        self._cuda.end(self._stream)
        self._device, self._host = {}, {}
        del self._stream, self._context, self._engine, self._runtime
