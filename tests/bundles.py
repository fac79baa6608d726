"""Small valid bundles, and bundles with one thing wrong, for tests of any room."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.contract import ModelContract
from biosignal.model.npz import write_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from biosignal.tasks.task import Task, Wants

TASK = "ecg-beats"
CLASSES = ("N", "S", "V", "F")
CONTRACT = TASKS[TASK].model
INPUTS = {spec.name: spec.shape for spec in CONTRACT.inputs}
BEAT, EMBEDDING = INPUTS["beat"], 16
SMALL_CLASSES, SMALL_INPUTS = ("quiet", "loud"), {"level": (8,)}


def small_task(name: str = "loudness") -> Task:
    """A made-up task that uses a model; `bundle_files(**small(name))` are a bundle of it."""
    specs = tuple(TensorSpec(name=each, shape=shape, role=Role.INPUT) for each, shape in SMALL_INPUTS.items())
    contract = ModelContract(classes=SMALL_CLASSES, inputs=specs, preprocessing=f"{name}/1")
    return Task(name=name, label=name, wants=Wants(), make=None, model=contract)


def small(name: str = "loudness") -> dict:
    """Settings of `bundle_files` for a bundle of `small_task(name)`."""
    return {"task": name, "classes": SMALL_CLASSES, "inputs": SMALL_INPUTS}


def onnx_model(*, seed: int = 0, opset: int = 17, external: bool = False, classes: int = 4, inputs=INPUTS) -> bytes:
    """The inputs, flattened and joined -> embedding (ReLU) -> one Gemm `head` -> softmax scores."""
    rng = np.random.default_rng(seed)
    width = sum(int(np.prod(shape)) for shape in inputs.values())
    weights = {
        "trunk.weight": rng.normal(0, width**-0.5, (EMBEDDING, width)),
        "trunk.bias": rng.normal(0, 0.1, EMBEDDING),
        "head.weight": rng.normal(0, 1, (classes, EMBEDDING)),
        "head.bias": rng.normal(0, 0.1, classes),
    }
    tensors = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    if external:
        tensors[0].data_location = TensorProto.EXTERNAL
        tensors[0].ClearField("raw_data")
        tensors[0].external_data.add(key="location", value="../../etc/passwd")
    graph = helper.make_graph(
        [
            *(helper.make_node("Flatten", [name], [f"flat.{name}"], axis=1) for name in inputs),
            helper.make_node("Concat", [f"flat.{name}" for name in inputs], ["joined"], axis=1),
            helper.make_node("Gemm", ["joined", "trunk.weight", "trunk.bias"], ["trunk"], transB=1),
            helper.make_node("Relu", ["trunk"], ["embedding"]),
            helper.make_node("Gemm", ["embedding", "head.weight", "head.bias"], ["logits"], transB=1, name="head"),
            helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
        ],
        "small",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in inputs.items()],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", classes]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", EMBEDDING]),
        ],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if not external:
        onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def windows(count: int, *, seed: int = 1, inputs=INPUTS) -> dict[str, np.ndarray]:
    """Random inputs of `count` windows."""
    rng = np.random.default_rng(seed)
    return {
        name: (
            rng.uniform(0.4, 1.4, (count, *shape)) if name.startswith("rr") else rng.normal(0, 1, (count, *shape))
        ).astype(np.float32)
        for name, shape in inputs.items()
    }


def bundle_manifest(*, version: str = "1.0.0", task: str = TASK, classes=CLASSES, inputs=INPUTS) -> Manifest:
    """The manifest of the small bundle, before it is sealed."""
    return Manifest(
        name=task,
        version=version,
        task=task,
        classes=classes,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing=CONTRACT.preprocessing if task == TASK else f"{task}/1",
        inputs=tuple(TensorSpec(name=name, shape=shape, role=Role.INPUT) for name, shape in inputs.items()),
        outputs=(
            TensorSpec(name="scores", shape=(len(classes),), role=Role.SCORES),
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
    task: str = TASK,
    classes: tuple[str, ...] = CLASSES,
    inputs: Mapping[str, tuple[int, ...]] = INPUTS,
    change: Callable[[Manifest], Manifest] = lambda manifest: manifest,
) -> dict[str, bytes]:
    """The files of a small bundle.

    `seed` draws its weights; `wrong_goldens` moves the expected outputs by 0.05; `wrong_hash` breaks the card after it
    was hashed; `external` points one weight outside; `anchor` adds that many embeddings; `change` edits the manifest.
    """
    bare = bundle_manifest(version=version, task=task, classes=classes, inputs=inputs)
    shapes = {"classes": len(classes), "inputs": inputs}
    model = onnx_model(seed=seed, opset=opset, external=external, **shapes)
    given = windows(golden_windows, inputs=inputs)
    outputs = _outputs(bare, onnx_model(seed=seed, **shapes), given)
    if wrong_goldens:
        outputs = {name: value + np.float32(0.05) for name, value in outputs.items()}
    files = {"model.onnx": model, "golden.npz": golden_npz(given, outputs), "card.md": b"# A small test model\n"}
    if anchor:
        files["anchor.npz"] = _anchor(anchor)
    sealed = seal(change(bare), files)
    if wrong_hash:
        sealed["card.md"] += b"!"
    return sealed


def make_bundle(**settings) -> Bundle:
    """`bundle_files`, opened."""
    return open_bundle(bundle_files(**settings))


def _outputs(manifest: Manifest, model: bytes, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    bare = Bundle(manifest, {"model.onnx": model, "manifest.json": b"{}"})
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
