"""Small valid bundles, and bundles with one thing wrong, for tests of any room."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.npz import write_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend

CLASSES = ("N", "S", "V", "F")
BEAT, RR, EMBEDDING = (2, 122), (8,), 16


def onnx_model(*, seed: int = 0, opset: int = 17, external: bool = False) -> bytes:
    """Beat and rr, flattened and joined -> embedding (ReLU) -> one Gemm `head` -> softmax scores."""
    rng = np.random.default_rng(seed)
    width = BEAT[0] * BEAT[1] + RR[0]
    weights = {
        "trunk.weight": rng.normal(0, width**-0.5, (EMBEDDING, width)),
        "trunk.bias": rng.normal(0, 0.1, EMBEDDING),
        "head.weight": rng.normal(0, 1, (len(CLASSES), EMBEDDING)),
        "head.bias": rng.normal(0, 0.1, len(CLASSES)),
    }
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    if external:
        tensors[0].data_location = TensorProto.EXTERNAL
        tensors[0].ClearField("raw_data")
        tensors[0].external_data.add(key="location", value="../../etc/passwd")
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["beat"], ["flat"], axis=1),
            helper.make_node("Concat", ["flat", "rr"], ["joined"], axis=1),
            helper.make_node("Gemm", ["joined", "trunk.weight", "trunk.bias"], ["trunk"], transB=1),
            helper.make_node("Relu", ["trunk"], ["embedding"]),
            helper.make_node("Gemm", ["embedding", "head.weight", "head.bias"], ["logits"], transB=1, name="head"),
            helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
        ],
        "ecg-beats",
        [
            helper.make_tensor_value_info("beat", TensorProto.FLOAT, ["batch", *BEAT]),
            helper.make_tensor_value_info("rr", TensorProto.FLOAT, ["batch", *RR]),
        ],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(CLASSES)]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", EMBEDDING]),
        ],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if not external:
        onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def windows(count: int, *, seed: int = 1) -> dict[str, np.ndarray]:
    """Random inputs of `count` windows."""
    rng = np.random.default_rng(seed)
    return {
        "beat": rng.normal(0, 1, (count, *BEAT)).astype(np.float32),
        "rr": rng.uniform(0.4, 1.4, (count, *RR)).astype(np.float32),
    }


def bundle_manifest(*, version: str = "1.0.0") -> Manifest:
    """The manifest of the small bundle, before it is sealed."""
    return Manifest(
        name="ecg-beats",
        version=version,
        task="ecg-beats",
        classes=CLASSES,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing="ecg-beats/1",
        inputs=(
            TensorSpec(name="beat", shape=BEAT, role=Role.INPUT, unit="normalised", rate_hz=128.0),
            TensorSpec(name="rr", shape=RR, role=Role.INPUT),
        ),
        outputs=(
            TensorSpec(name="scores", shape=(len(CLASSES),), role=Role.SCORES),
            TensorSpec(name="embedding", shape=(EMBEDDING,), role=Role.EMBEDDING),
        ),
        golden_tolerance=1e-4,
        files={},
        training={"data": "seeded random weights", "seed": 0},
        licence="MIT",
    )


def bundle_files(
    *,
    version: str = "1.0.0",
    seed: int = 0,
    wrong_goldens: bool = False,
    wrong_hash: bool = False,
    external: bool = False,
    opset: int = 17,
    anchor: int = 0,
    golden_windows: int = 3,
    change: Callable[[Manifest], Manifest] = lambda manifest: manifest,
) -> dict[str, bytes]:
    """The files of a small bundle.

    `seed` draws its weights; `wrong_goldens` moves the expected outputs by 0.05; `wrong_hash` breaks the card after it
    was hashed; `external` points one weight outside; `anchor` adds that many embeddings; `change` edits the manifest.
    """
    model = onnx_model(seed=seed, opset=opset, external=external)
    inputs = windows(golden_windows)
    outputs = _outputs(onnx_model(seed=seed), inputs)
    if wrong_goldens:
        outputs = {name: value + np.float32(0.05) for name, value in outputs.items()}
    files = {"model.onnx": model, "golden.npz": golden_npz(inputs, outputs), "card.md": b"# A small test model\n"}
    if anchor:
        files["anchor.npz"] = _anchor(anchor)
    sealed = seal(change(bundle_manifest(version=version)), files)
    if wrong_hash:
        sealed["card.md"] += b"!"
    return sealed


def make_bundle(**settings) -> Bundle:
    """`bundle_files`, opened."""
    return open_bundle(bundle_files(**settings))


def _outputs(model: bytes, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    bare = Bundle(bundle_manifest(), {"model.onnx": model, "manifest.json": b"{}"})
    return dict(OnnxCpuBackend(bare).infer(inputs))


def _anchor(count: int) -> bytes:
    rng = np.random.default_rng(7)
    part = (np.arange(count) % 2).astype(np.uint8)
    return write_npz(
        {
            "embedding": rng.normal(0, 1, (count, EMBEDDING)).astype(np.float16),
            "label": (np.arange(count) % len(CLASSES)).astype(np.uint8),
            "patient": (100 + part).astype(np.uint16),
            "part": part,
        }
    )
