"""The forms of one model: single and half precision, eight bits, TorchScript."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]
Run = Callable[[Tensors], list[Floats]]
PRODUCTS = ("Conv", "Gemm", "MatMul")


def single(content: bytes) -> bytes:
    """Keep every weight in single precision: those that are stored in half are cast once, and not at each start."""
    whole = onnx.load_model_from_string(content)
    graph, stored = whole.graph, {one.name: one for one in whole.graph.initializer}
    kept = []
    for node in graph.node:
        half = stored.get(node.input[0]) if node.op_type == "Cast" else None
        if half is None or half.data_type != TensorProto.FLOAT16:
            kept.append(node)
            continue
        (to,) = (one.i for one in node.attribute if one.name == "to")
        values = numpy_helper.to_array(half).astype(onnx.helper.tensor_dtype_to_np_dtype(to))
        graph.initializer.remove(half)
        graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    made: bytes = whole.SerializeToString(deterministic=True)
    return made


def half(content: bytes) -> bytes:
    """Compute in half precision, with inputs and outputs in single."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    made: bytes = convert_float_to_float16(
        onnx.load_model_from_string(single(content)), keep_io_types=True
    ).SerializeToString()
    return made


def eight_bits(content: bytes, windows: Sequence[Tensors], kinds: Sequence[str]) -> bytes:
    """Quantize the products of these kinds to eight bits (Q/DQ, weights by channel), calibrated on windows."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime has no types
        def __init__(self) -> None:
            self._left: Iterator[Tensors] = iter(windows)

        def get_next(self) -> Tensors | None:
            return next(self._left, None)

    with tempfile.TemporaryDirectory() as folder, _without_advice():
        before, after = Path(folder) / "single.onnx", Path(folder) / "eight.onnx"
        before.write_bytes(single(content))
        quantize_static(
            before,
            after,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            op_types_to_quantize=list(kinds),
            activation_type=QuantType.QUInt8,  # signed ones have no fast way on processors of Intel and AMD
            weight_type=QuantType.QInt8,
        )
        return after.read_bytes()


@contextmanager
def _without_advice() -> Iterator[None]:
    """Leave out what the quantizer logs: it advises a preparation that changes nothing in graphs like these."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def on_onnx_runtime(content: bytes, outputs: Sequence[str]) -> Run:
    """Run a graph on one thread of the CPU, as the device does; the outputs in the order of their names."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    session: Any = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(inputs: Tensors) -> list[Floats]:
        made: list[Floats] = session.run(list(outputs), dict(inputs))
        return made

    return run
