"""A trained network as a release bundle: files, hashes, golden vectors, anchor, card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.model.admission import AdmissionReport, admit
from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.npz import write_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.synthetic.ecg import synthetic_ecg
from biosignal.tasks.ecg_beats.kinds import CLASSES, CONTRACT, NAME
from biosignal.tasks.ecg_beats.windows import inputs_for_record, stacked
from biosignal.tasks.lookup import contract_of
from export.dataset import BeatSet

TOLERANCE = 1e-4
LICENCE = (
    "Apache-2.0 for the weights; trained on the MIT-BIH Arrhythmia Database (Moody and Mark 2001, "
    "doi:10.1109/51.932724), the Supraventricular Arrhythmia Database (Greenwald 1990) and the Long-Term AF Database "
    "(Petrutiu 2007), PhysioNet, ODC-By 1.0, and on the VitalDB arrhythmia database, MIT"
)
# Patients of DS1 whose beats are the gate of a refitted head, with all four classes; the others' are for refitting.
GATE = (119, 205, 207, 220, 223, 114, 116, 124)
ANCHOR_PER_CLASS = (3400, 1000, 2000, 450)  # in the order of the classes, over both parts


def golden_inputs() -> Mapping[str, NDArray[np.float32]]:
    """Make the golden inputs from the synthetic patient, by the device's own preprocessing, at two rates."""
    windows = []
    for seed, fs_hz in ((1, 250.0), (2, 360.0)):
        ecg = synthetic_ecg(seed=seed, fs_hz=fs_hz, duration_s=60.0)
        windows += inputs_for_record(ecg.samples, fs_hz, ecg.beats)[::2]
    return stacked(windows)


def manifest_of(version: str, width: int, training: Mapping[str, Any]) -> Manifest:
    """Describe a model of this trainer as its task's contract wants it; `seal` adds the hashes."""
    return Manifest(
        name=NAME,
        version=version,
        task=NAME,
        classes=CONTRACT.classes,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing=CONTRACT.preprocessing,
        inputs=CONTRACT.inputs,
        outputs=(
            TensorSpec(name="scores", shape=(len(CLASSES),), role=Role.SCORES, unit="probability"),
            TensorSpec(name="embedding", shape=(width,), role=Role.EMBEDDING),
        ),
        golden_tolerance=TOLERANCE,
        files={},
        training=training,
        licence=LICENCE,
    )


def bundle_of(manifest: Manifest, model: bytes, card: str, anchor: BeatSet | None = None, *, seed: int = 0) -> Bundle:
    """Put a bundle together: expected outputs come from ONNX Runtime on the CPU.

    Raises
    ------
    BundleRefused : the device would not take it.
    """
    inputs = golden_inputs()
    zeros = {
        "scores": np.zeros((len(inputs["rr"]), len(CLASSES)), np.float32),
        "embedding": np.zeros((len(inputs["rr"]), *manifest.output(Role.EMBEDDING).shape), np.float32),
    }
    draft = open_bundle(
        seal(manifest, {"model.onnx": model, "golden.npz": golden_npz(inputs, zeros), "card.md": card.encode()})
    )
    backend = OnnxCpuBackend(draft)
    files = {"model.onnx": model, "golden.npz": golden_npz(inputs, backend.infer(inputs)), "card.md": card.encode()}
    if anchor is not None:
        files["anchor.npz"] = anchor_npz(backend, anchor, seed=seed)
    return open_bundle(seal(manifest, files))


def anchor_npz(backend: OnnxCpuBackend, beats: BeatSet, *, seed: int) -> bytes:
    """Write embeddings of some beats of every class, by patient in two parts: to refit on and as the gate."""
    random = np.random.default_rng(seed)
    chosen = []
    for label, wanted in enumerate(ANCHOR_PER_CLASS):
        of_class = np.flatnonzero(beats.label == label)
        chosen.append(random.permutation(of_class)[:wanted])
    some = beats.where(np.sort(np.concatenate(chosen)))
    embedding = backend.infer(some.inputs)["embedding"]
    return write_npz(
        {
            "embedding": embedding.astype(np.float16),
            "label": some.label.astype(np.uint8),
            "patient": some.patient.astype(np.uint16),
            "part": np.isin(some.patient, GATE).astype(np.uint8),
        }
    )


def admitted(bundle: Bundle) -> AdmissionReport:
    """Hold a bundle against its task's contract and admit it, as the device does."""
    backend = OnnxCpuBackend(bundle)
    try:
        return admit(backend, bundle, contract_of(bundle.manifest.task))
    finally:
        backend.close()


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle's files.

    Raises
    ------
    BadInput : the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in bundle.files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise BadInput("the bundle cannot be written", folder=str(folder), reason=str(error)) from error


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle from its folder and check it.

    Raises
    ------
    BadInput : the folder cannot be read.
    BundleRefused : it holds no bundle this program takes.
    """
    try:
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
    except OSError as error:
        raise BadInput("the bundle cannot be read", folder=str(folder), reason=str(error)) from error
    return open_bundle(files)
