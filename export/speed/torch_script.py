"""A bundle's graph in torch, node by node, and traced to TorchScript. Needs torch."""

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from biosignal.errors import BadInput
from export.speed.forms import Floats, Run, Tensors

Attributes = Mapping[str, Any]
TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16, 11: torch.float64}


class NotInTorch(BadInput):
    """The graph has a node that is not read here."""

    remedy = "this bundle has no row for TorchScript"


class Graph(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Computes an ONNX graph; shapes are those of what it is given, so it is traced once for each size of batch.

    Raises
    ------
    NotInTorch : a node is of a kind that is not read.
    """

    def __init__(self, content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__()
        graph = onnx.load_model_from_string(content).graph
        self._inputs, self._outputs, self._nodes = list(inputs), list(outputs), list(graph.node)
        if unknown := {node.op_type for node in self._nodes} - NODES.keys():
            raise NotInTorch("the graph has nodes that are not read", kinds=sorted(unknown)[:8])
        self._weights = {one.name: _tensor(numpy_helper.to_array(one)) for one in graph.initializer}

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Give the outputs for the inputs, each in its order."""
        known: dict[str, Any] = {**self._weights, **dict(zip(self._inputs, given, strict=True))}
        for node in self._nodes:
            attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            values = [known[name] if name else None for name in node.input]
            known[node.output[0]] = NODES[node.op_type](values, attributes)
        return tuple(known[name] for name in self._outputs)


def traced(content: bytes, examples: Tensors, outputs: Sequence[str]) -> torch.jit.ScriptModule:
    """Trace a graph for the batch of `examples`, its weights frozen into it."""
    torch.set_num_threads(1)
    graph = Graph(content, list(examples), outputs).eval()
    with torch.no_grad(), warnings.catch_warnings():
        # That shapes are fixed while tracing is meant; newer versions of torch advise against TorchScript altogether.
        warnings.simplefilter("ignore")
        return torch.jit.freeze(torch.jit.trace(graph, _given(examples), check_trace=False))


def size_of(script: torch.jit.ScriptModule) -> int:
    """Say how many bytes it takes as a file."""
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(script, held)
    return len(held.getvalue())


def in_torch(script: torch.jit.ScriptModule) -> Run:
    """Run what was traced; the outputs in their order."""

    def run(inputs: Tensors) -> list[Floats]:
        with torch.no_grad():
            return [one.numpy() for one in script(*_given(inputs))]

    return run


def _given(inputs: Tensors) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(np.ascontiguousarray(one)) for one in inputs.values())


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array))


def _conv(values: list[Any], given: Attributes) -> Tensor:
    x, weight, *bias = values
    pads = list(given.get("pads", [0, 0]))
    half = len(pads) // 2
    around = [side for axis in reversed(range(half)) for side in (pads[axis], pads[axis + half])]
    return torch.conv1d(
        nn.functional.pad(x, around),
        weight,
        bias[0] if bias else None,
        stride=list(given.get("strides", [1])),
        dilation=list(given.get("dilations", [1])),
        groups=int(given.get("group", 1)),
    )


def _gemm(values: list[Any], given: Attributes) -> Tensor:
    a, b, *c = values
    made = (a.T if given.get("transA") else a) @ (b.T if given.get("transB") else b) * given.get("alpha", 1.0)
    return made + c[0] * given.get("beta", 1.0) if c else made


def _slice(values: list[Any], _given: Attributes) -> Tensor:
    x, starts, ends = values[:3]
    axes = values[3].tolist() if len(values) > 3 else range(len(starts))
    steps = values[4].tolist() if len(values) > 4 else [1] * len(starts)
    places = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        places[axis] = slice(start, end, step)
    return x[tuple(places)]


def _reduced(how: Callable[..., Tensor]) -> Callable[[list[Any], Attributes], Tensor]:
    def reduce(values: list[Any], given: Attributes) -> Tensor:
        x = values[0]
        axes = values[1].tolist() if len(values) > 1 else list(given.get("axes", range(x.ndim)))
        return how(x, dim=axes, keepdim=bool(given.get("keepdims", 1)))

    return reduce


def _unsqueezed(values: list[Any], _given: Attributes) -> Tensor:
    x, axes = values
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _reshaped(values: list[Any], _given: Attributes) -> Tensor:
    x, shape = values
    return x.reshape([x.shape[place] if one == 0 else one for place, one in enumerate(shape.tolist())])


def _filled(values: list[Any], given: Attributes) -> Tensor:
    value = _tensor(numpy_helper.to_array(given["value"])) if "value" in given else torch.zeros(1)
    return value.expand(values[0].tolist()).clone()


def _gathered(values: list[Any], given: Attributes) -> Tensor:
    x, places = values
    axis = int(given.get("axis", 0))
    return x.index_select(axis, places.reshape(-1)).reshape([*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]])


def _flattened(values: list[Any], given: Attributes) -> Tensor:
    shape, axis = values[0].shape, int(given.get("axis", 1))
    return values[0].reshape(int(np.prod(shape[:axis])), -1)


def _expanded(values: list[Any], _given: Attributes) -> Tensor:
    shape = torch.broadcast_shapes(tuple(values[0].shape), tuple(values[1].tolist()))
    return values[0].expand(shape)


NODES: Mapping[str, Callable[[list[Any], Attributes], Any]] = {
    "Abs": lambda v, _: v[0].abs(),
    "Add": lambda v, _: v[0] + v[1],
    "Cast": lambda v, a: v[0].to(TYPES[a["to"]]),
    "Concat": lambda v, a: torch.cat(v, dim=a["axis"]),
    "Constant": lambda _, a: _tensor(numpy_helper.to_array(a["value"])),
    "ConstantOfShape": _filled,
    "Conv": _conv,
    "Equal": lambda v, _: v[0] == v[1],
    "Expand": _expanded,
    "Flatten": _flattened,
    "Gather": _gathered,
    "Gemm": _gemm,
    "Greater": lambda v, _: v[0] > v[1],
    "GreaterOrEqual": lambda v, _: v[0] >= v[1],
    "Less": lambda v, _: v[0] < v[1],
    "LessOrEqual": lambda v, _: v[0] <= v[1],
    "Log": lambda v, _: v[0].log(),
    "MatMul": lambda v, _: v[0] @ v[1],
    "Mod": lambda v, _: v[0] % v[1],
    "Mul": lambda v, _: v[0] * v[1],
    "Neg": lambda v, _: -v[0],
    "ReduceMax": _reduced(torch.amax),
    "ReduceMean": _reduced(torch.mean),
    "ReduceMin": _reduced(torch.amin),
    "ReduceSum": _reduced(torch.sum),
    "Relu": lambda v, _: torch.relu(v[0]),
    "Reshape": _reshaped,
    "Shape": lambda v, _: torch.tensor(tuple(v[0].shape)),
    "Sigmoid": lambda v, _: torch.sigmoid(v[0]),
    "Sign": lambda v, _: v[0].sign(),
    "Slice": _slice,
    "Sqrt": lambda v, _: v[0].sqrt(),
    "Sub": lambda v, _: v[0] - v[1],
    "Unsqueeze": _unsqueezed,
    "Where": lambda v, _: torch.where(v[0], v[1], v[2]),
}
