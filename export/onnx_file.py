"""The trained network as one ONNX file, and the proof that it computes the same."""

import io
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime as ort
import torch

from biosignal.errors import RefusedForSafety
from biosignal.model.contract import ModelContract
from biosignal.tasks.ecg_beats.kinds import CONTRACT
from export.dataset import BeatSet
from export.network import BeatClassifier, tensors_of

OPSET = 17
PARITY = 1e-5


class NoParity(RefusedForSafety):
    """The ONNX file does not compute what the trained network computes."""

    remedy = "report the versions of torch, onnx and onnxruntime; nothing was written"


def exported(network: torch.nn.Module, inputs: Mapping[str, torch.Tensor], outputs: Sequence[str]) -> bytes:
    """Write a network with a dynamic batch axis, its tensors by these names; `inputs` are examples, in order."""
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter keeps names and writes one file
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            held,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
        )
    whole = onnx.load_model_from_string(held.getvalue())
    onnx.checker.check_model(whole, full_check=True)
    content: bytes = whole.SerializeToString(deterministic=True)
    return content


def examples_of(contract: ModelContract) -> dict[str, torch.Tensor]:
    """Zeros for each input of a contract, two windows."""
    return {spec.name: torch.zeros(2, *spec.shape) for spec in contract.inputs}


def to_onnx(model: BeatClassifier) -> bytes:
    """Write the network of the beats, its head as one Gemm with `head.weight` and `head.bias`.

    Raises
    ------
    NoParity : its head is another.
    """
    content = exported(model, examples_of(CONTRACT), ("scores", "embedding"))
    _check_head(onnx.load_model_from_string(content))
    return content


def _check_head(whole: onnx.ModelProto) -> None:
    users = [node for node in whole.graph.node if "head.weight" in node.input or "head.bias" in node.input]
    names = {tensor.name for tensor in whole.graph.initializer}
    if len(users) != 1 or users[0].op_type != "Gemm" or users[0].input[0] != "embedding" or "head.bias" not in names:
        raise NoParity("the head is not one Gemm on the embedding", nodes=[node.op_type for node in users])


def worst_difference(model: BeatClassifier, content: bytes, beats: BeatSet) -> float:
    """Give the largest absolute difference between torch and ONNX Runtime over all outputs.

    Raises
    ------
    NoParity : it is above `PARITY`, relative to one or the output's own size.
    """
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    got = session.run(["scores", "embedding"], dict(beats.inputs))
    with torch.no_grad():
        wanted = [value.numpy() for value in model(*tensors_of(beats))]
    worst = max(
        float(np.max(np.abs(have - want) / np.maximum(1.0, np.abs(want))))
        for have, want in zip(got, wanted, strict=True)
    )
    if not worst <= PARITY:
        raise NoParity("ONNX Runtime and torch differ", worst=worst, allowed=PARITY)
    return worst
