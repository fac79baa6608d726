"""The trained network of the diagnosis as a release bundle: probabilities in the graph, weights of half precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from biosignal.ecg.leads import INDEPENDENT
from biosignal.ecg.measuring import Beat
from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.npz import write_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.model.similar import Reviewed, arrays_of
from biosignal.synthetic.ecg import synthetic_ecg
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT, NAME
from biosignal.tasks.ecg_diagnosis.seen import WINDOW_S, window_of
from biosignal.tasks.ecg_diagnosis.waves import numbers_of
from export.diagnosis.calibrating import ALL, FEW, SOME, Joined
from export.diagnosis.network import STARTS, pieces_of
from export.diagnosis.trees import Trees
from export.onnx_file import NoParity, examples_of, exported

TOLERANCE = 1e-3
PARITY = 5e-3
"""Weights of half precision move a probability by less than this."""
LEAST_NUMBERS = 256
"""Smaller arrays stay as they are."""
GOLDEN_FS_HZ = 250.0
GOLDEN_SETS = ((0, 1, 2, 3, 4, 5, 6, 7), (1,))
GOLDEN_BEATS = tuple(
    Beat(qrs=(at, at + 0.1), p=(at - 0.18, at - 0.08), t=(at + 0.2, at + 0.36)) for at in (1.0, 1.9, 2.7, 3.6, 4.5, 5.4)
)
"""Where the waves of a golden window are said to be: the trees are to be asked, whatever lies there."""
LICENCE = (
    "Apache-2.0 for the weights; trained on PTB-XL of PhysioNet (Wagner 2020, doi:10.1038/s41597-020-0495-6), "
    "CC BY 4.0, with noise of the MIT-BIH Noise Stress Test Database (Moody 1984), ODC-By 1.0"
)


class Head(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """A slope and an offset for the logit of each statement: what reviews teach anew. As trained it changes nothing."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(count))
        self.register_buffer("bias", torch.zeros(count))

    def forward(self, logits: Tensor) -> Tensor:
        """Shape (window, statement)."""
        return logits * self.weight + self.bias


class Served(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Whole windows to probabilities of the statements that are told, by how many leads are shown.

    Where nothing was measured the network speaks alone. The embedding is the logits that both together say.
    """

    def __init__(self, network: nn.Module, trees: Trees, both: Joined) -> None:
        super().__init__()
        self.network = network
        self.trees = trees
        self.last = nn.Linear(network.embedding, trees.count)
        self.head = Head(trees.count)
        with torch.no_grad():
            self.last.weight.copy_(network.head.weight[: trees.count])
            self.last.bias.copy_(network.head.bias[: trees.count])
        for name, whole in (
            ("of_network", np.concatenate([both.network, both.alone])),
            ("of_trees", np.concatenate([both.trees, np.zeros_like(both.trees)])),
            ("offsets", np.concatenate([both.offsets, both.alone_offsets])),
        ):
            self.register_buffer(name, torch.from_numpy(whole.astype(np.float32)))

    def forward(self, ecg: Tensor, mask: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Give scores and the embedding they follow from."""
        count = len(STARTS)
        pieces = pieces_of(ecg)
        masks = mask[:, None, :].expand(-1, count, -1).reshape(-1, mask.shape[1])
        seen = self.network.seen(pieces, masks)
        numbers, known = measured[:, 0], measured[:, 1]
        which = _case(mask.sum(dim=1, keepdim=True), (known.sum(dim=1, keepdim=True) > 0).to(ecg.dtype))
        of_network = self.last(seen.reshape(-1, count, seen.shape[1]).mean(dim=1))
        logits = of_network * (which @ self.of_network) + which @ self.offsets
        said = logits + self.trees(numbers, known) * (which @ self.of_trees)
        return torch.sigmoid(self.head(said)), said


def _case(shown: Tensor, is_measured: Tensor) -> Tensor:
    """Mark by how many leads a window is read: all, most, a few, one; first measured, then not. Shape (window, 8)."""
    every, some, one = ((of).to(is_measured.dtype) for of in (shown >= ALL, shown >= SOME, shown < FEW))
    which = torch.cat([every, some - every, 1.0 - some - one, one], dim=1)
    return torch.cat([which * is_measured, which * (1.0 - is_measured)], dim=1)


def halved(content: bytes) -> bytes:
    """Store large arrays in half precision; a cast in the graph brings each back."""
    whole = onnx.load_model_from_string(content)
    graph, casts = whole.graph, []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.size >= LEAST_NUMBERS and (small := _small(array)) is not None:
            name, stored = tensor.name, f"{tensor.name}.small"
            back = TensorProto.FLOAT if array.dtype == np.float32 else TensorProto.INT64
            tensor.CopyFrom(numpy_helper.from_array(small, stored))
            casts.append(helper.make_node("Cast", [stored], [name], to=back))
    kept = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *kept])
    _name_shortly(graph)
    onnx.checker.check_model(whole, full_check=True)
    made: bytes = whole.SerializeToString(deterministic=True)
    return made


def _small(array: NDArray[Any]) -> NDArray[Any] | None:
    """Give weights, or places that half precision holds exactly, in half precision; nothing where it cannot be."""
    small = array.astype(np.float16)
    is_exact = array.dtype == np.int64 and bool((small.astype(np.int64) == array).all())
    return small if array.dtype == np.float32 or is_exact else None


def _name_shortly(graph: onnx.GraphProto) -> None:
    """Give what passes between the nodes short names: the exporter's take 20 kB."""
    given = {tensor.name for tensor in graph.output}
    made = [name for node in graph.node for name in node.output if name not in given]
    short = {name: f"t{place}" for place, name in enumerate(made)}
    for node in graph.node:
        node.ClearField("name")
        for names in (node.input, node.output):
            names[:] = [short.get(name, name) for name in names]


def golden_inputs() -> dict[str, NDArray[np.float32]]:
    """Make windows of the synthetic patient, seen by several sets of leads."""
    count = round(WINDOW_S * GOLDEN_FS_HZ)
    patient = synthetic_ecg(seed=5, fs_hz=GOLDEN_FS_HZ, duration_s=WINDOW_S * len(GOLDEN_SETS)).samples
    random = np.random.default_rng(5)
    ecg, masks, measured = [], [], []
    for place, rows in enumerate(GOLDEN_SETS):
        part = patient[place * count : (place + 1) * count].astype(np.float32)
        known = {INDEPENDENT[row]: part * np.float32(random.uniform(-1.0, 1.5)) for row in rows}
        leads, mask = window_of(known, GOLDEN_FS_HZ)
        ecg.append(leads)
        masks.append(mask)
        measured.append(numbers_of(leads, mask, GOLDEN_BEATS))
    return {"ecg": np.stack(ecg), "mask": np.stack(masks), "measured": np.stack(measured)}


def bundle_of(served: Served, version: str, training: Mapping[str, Any], card: str, reviewed: Reviewed) -> Bundle:
    """Put a bundle together: expected outputs come from ONNX Runtime on the CPU.

    Parameters
    ----------
    reviewed : records that windows can be compared with.

    Raises
    ------
    BundleRefused : the device would not take it. NoParity : it does not compute what was trained.
    """
    served.eval()
    content = halved(exported(served, examples_of(CONTRACT), ("scores", "embedding")))
    manifest = Manifest(
        name=NAME,
        version=version,
        task=NAME,
        classes=CLASSES,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing=CONTRACT.preprocessing,
        inputs=CONTRACT.inputs,
        outputs=(
            TensorSpec(name="scores", shape=(len(CLASSES),), role=Role.SCORES, unit="probability"),
            TensorSpec(name="embedding", shape=(len(CLASSES),), role=Role.EMBEDDING),
        ),
        golden_tolerance=TOLERANCE,
        files={},
        training=training,
        licence=LICENCE,
    )
    inputs = golden_inputs()
    zeros = {spec.name: np.zeros((len(inputs["mask"]), *spec.shape), np.float32) for spec in manifest.outputs}
    files = {"model.onnx": content, "golden.npz": golden_npz(inputs, zeros), "card.md": card.encode()}
    files["similar.npz"] = write_npz(arrays_of(reviewed))
    backend = OnnxCpuBackend(open_bundle(seal(manifest, files)))
    answers = backend.infer(inputs)
    check_parity(served, inputs, answers["scores"])
    files["golden.npz"] = golden_npz(inputs, answers)
    return open_bundle(seal(manifest, files))


def check_parity(served: Served, inputs: Mapping[str, NDArray[np.float32]], scores: NDArray[np.float32]) -> float:
    """Give the largest difference between the trained network and the released one.

    Raises
    ------
    NoParity : it is above `PARITY`.
    """
    with torch.no_grad():
        wanted, _ = served(*(torch.from_numpy(inputs[spec.name]) for spec in CONTRACT.inputs))
    worst = float(np.max(np.abs(wanted.numpy() - scores)))
    if not worst <= PARITY:
        raise NoParity("ONNX Runtime and torch differ", worst=worst, allowed=PARITY)
    return worst
