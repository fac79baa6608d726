"""A small model that needs no training: a beat unlike the running template is V, an early one that is like it is S.

It stands in where no trained bundle is released. Its rule is a real one, only a poor one.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from biosignal.bundle import Manifest, Role, TensorSpec, golden_npz, seal
from biosignal.ecg.beats import BEAT_SHAPE, RR_FEATURES, RR_SHAPE
from biosignal.npz import write_npz
from biosignal.onnx_cpu import OnnxCpuBackend

CLASSES = ("N", "S", "V", "F")
EMBEDDING = 8


def write_bundle(models_dir: Path) -> Path:
    """Write ``ecg-beats/1.0.0`` below `models_dir`."""
    model = _model()
    inputs = _windows(4)
    files = {"model.onnx": model, "golden.npz": golden_npz(inputs, _outputs(model, inputs)), "card.md": b"# Likeness\n"}
    files["anchor.npz"] = _anchor(model)
    folder = models_dir / "ecg-beats" / "1.0.0"
    folder.mkdir(parents=True)
    for name, data in seal(_manifest(), files).items():
        (folder / name).write_bytes(data)
    return folder


def _model() -> bytes:
    beat = BEAT_SHAPE[0] * BEAT_SHAPE[1]
    trunk = np.zeros((EMBEDDING, beat + RR_SHAPE[0]), np.float32)
    unlike, early = RR_FEATURES.index("likeness to running template"), RR_FEATURES.index("before/local")
    trunk[0, beat + unlike], trunk[1, beat + early], trunk[2, beat + unlike] = -1, -1, 1
    bias = np.zeros(EMBEDDING, np.float32)
    bias[0], bias[1], bias[3] = 0.8, -0.15, 1.0
    head = np.zeros((len(CLASSES), EMBEDDING), np.float32)
    head[0, 3], head[1, 1], head[1, 0], head[2, 0], head[3, 3] = 3.0, 30.0, -20.0, 25.0, -1.0
    weights = {
        "trunk.weight": trunk,
        "trunk.bias": bias,
        "head.weight": head,
        "head.bias": np.zeros(len(CLASSES), np.float32),
    }
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
            helper.make_tensor_value_info("beat", TensorProto.FLOAT, ["batch", *BEAT_SHAPE]),
            helper.make_tensor_value_info("rr", TensorProto.FLOAT, ["batch", *RR_SHAPE]),
        ],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(CLASSES)]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", EMBEDDING]),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _windows(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "beat": rng.normal(0, 1, (count, *BEAT_SHAPE)).astype(np.float32),
        "rr": rng.uniform(-1, 1, (count, *RR_SHAPE)).astype(np.float32),
    }


def _outputs(model: bytes, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from biosignal.bundle import Bundle

    bare = Bundle(_manifest(), {"model.onnx": model, "manifest.json": b"{}"})
    return dict(OnnxCpuBackend(bare).infer(inputs))


def _anchor(model: bytes) -> bytes:
    """What the rule itself says of seeded windows, as beats of four patients."""
    outputs = _outputs(model, _windows(400))
    part = (np.arange(400) % 2).astype(np.uint8)
    return write_npz(
        {
            "embedding": outputs["embedding"].astype(np.float16),
            "label": outputs["scores"].argmax(axis=1).astype(np.uint8),
            "patient": (100 + 2 * (np.arange(400) % 4 // 2) + part).astype(np.uint16),
            "part": part,
        }
    )


def _manifest() -> Manifest:
    return Manifest(
        name="ecg-beats",
        version="1.0.0",
        task="ecg-beats",
        classes=CLASSES,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing="ecg-beats/1",
        inputs=(
            TensorSpec(name="beat", shape=BEAT_SHAPE, role=Role.INPUT, unit="normalised", rate_hz=128.0),
            TensorSpec(name="rr", shape=RR_SHAPE, role=Role.INPUT),
        ),
        outputs=(
            TensorSpec(name="scores", shape=(len(CLASSES),), role=Role.SCORES),
            TensorSpec(name="embedding", shape=(EMBEDDING,), role=Role.EMBEDDING),
        ),
        golden_tolerance=1e-4,
        files={},
        training={"data": "none: a rule written by hand"},
        licence="MIT",
    )
