"""The trained network of sleep as a release bundle: one step that hands its memory on, golden vectors, an anchor."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from biosignal.eeg.epoch_powers import measured
from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.npz import write_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.scoring.sleep import around_sleep
from biosignal.tasks.eeg_sleep.kinds import CLASSES, CONTRACT, KIND, NAME, STATE, STATE_IN, STATE_OUT
from biosignal.tasks.eeg_sleep.night import COUNT, inputs_of
from export.onnx_file import NoParity, examples_of, exported
from export.sleep.corpus import PLACES, Taught
from export.sleep.fitting import kind_of
from export.sleep.network import HIDDEN_AND_SEEN, Member, Served, logits_of

TOLERANCE = 1e-4
PARITY = 1e-4
GOLDEN_EPOCHS = 24
GATE = ("02", "05")
"""Subjects whose epochs are the gate of a refitted head."""
ANCHOR_EVERY = 16
LICENCE = (
    "Apache-2.0 for the weights; trained on Sleep-EDF Expanded of PhysioNet, cassette nights (Kemp 2000, "
    "doi:10.1109/10.867928), ODC-By 1.0, as features"
)


def golden_night() -> NDArray[np.float32]:
    """Make a short night of noise whose spectrum and size change, and measure it as the device does: inputs."""
    random = np.random.default_rng(7)
    rows = []
    for epoch in range(GOLDEN_EPOCHS):
        slow = np.cumsum(random.normal(0.0, 1.0 + epoch % 5, 3000))
        slow -= np.linspace(slow[0], slow[-1], 3000)
        rows.append(measured(slow * 0.6 + random.normal(0.0, 4.0, 3000)))
    return inputs_of(np.array(rows))


def golden_inputs(backend: OnnxCpuBackend) -> dict[str, NDArray[np.float32]]:
    """Every third epoch of the golden night with the memory the network had there, with microvolts and without."""
    kept: dict[str, list[NDArray[np.float32]]] = {"epoch": [], "kind": [], STATE_IN: []}
    night = golden_night()
    for kind in (kind_of(PLACES[0], has_scale=True), kind_of(PLACES[1], has_scale=False)):
        state = np.zeros((1, STATE), np.float32)
        for place, row in enumerate(night):
            asked = {"epoch": row[np.newaxis], "kind": kind[np.newaxis], STATE_IN: state}
            if place % 3 == 0:
                for name, tensor in asked.items():
                    kept[name].append(tensor)
            state = np.asarray(backend.infer(asked)[STATE_OUT], np.float32)
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def check_parity(members: Sequence[Member], backend: OnnxCpuBackend, night: NDArray[np.float32]) -> float:
    """Give the largest difference between torch over a whole night and ONNX Runtime an epoch at a time.

    Raises
    ------
    NoParity : it is above `PARITY`.
    """
    kind = kind_of(PLACES[0], has_scale=True)
    wanted = logits_of(members, night, kind)
    wanted = np.exp(wanted - wanted.max(axis=1, keepdims=True))
    wanted /= wanted.sum(axis=1, keepdims=True)
    got, _ = stepped(backend, night, kind)
    worst = float(np.max(np.abs(got - wanted)))
    if not worst <= PARITY:
        raise NoParity("ONNX Runtime and torch differ", worst=worst, allowed=PARITY)
    return worst


def stepped(
    backend: OnnxCpuBackend, night: NDArray[np.float32], kind: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run a night an epoch at a time: scores, shape (epoch, class), and embeddings, shape (epoch, number)."""
    state = np.zeros((1, STATE), np.float32)
    scores, seen = [], []
    for row in night:
        answer = backend.infer({"epoch": row[np.newaxis], "kind": kind[np.newaxis], STATE_IN: state})
        state = np.asarray(answer[STATE_OUT], np.float32)
        scores.append(answer["scores"])
        seen.append(answer["embedding"])
    return np.concatenate(scores), np.concatenate(seen)


def bundle_of(
    members: Sequence[Member], version: str, training: Mapping[str, Any], card: str, nights: Sequence[Taught]
) -> Bundle:
    """Put a bundle together: expected outputs come from ONNX Runtime on the CPU, the anchor from `nights`.

    Raises
    ------
    BundleRefused : the device would not take it. NoParity : it does not compute what was trained.
    """
    served = Served(list(members)).eval()
    names = ("scores", "embedding", STATE_OUT)
    content = exported(served, examples_of(CONTRACT) | {STATE_IN: torch.zeros(2, STATE)}, names)
    manifest = Manifest(
        name=NAME,
        version=version,
        task=NAME,
        classes=CLASSES,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing=CONTRACT.preprocessing,
        inputs=(*CONTRACT.inputs, TensorSpec(name=STATE_IN, shape=(STATE,), role=Role.STATE_IN)),
        outputs=(
            TensorSpec(name="scores", shape=(len(CLASSES),), role=Role.SCORES, unit="probability"),
            TensorSpec(name="embedding", shape=(HIDDEN_AND_SEEN * len(members),), role=Role.EMBEDDING),
            TensorSpec(name=STATE_OUT, shape=(STATE,), role=Role.STATE_OUT),
        ),
        golden_tolerance=TOLERANCE,
        files={},
        training=training,
        licence=LICENCE,
    )
    zeros = {"epoch": np.zeros((1, COUNT)), "kind": np.zeros((1, KIND)), STATE_IN: np.zeros((1, STATE))}
    answers = {spec.name: np.zeros((1, *spec.shape)) for spec in manifest.outputs}
    golden = golden_npz(_float32(zeros), _float32(answers))
    files = {"model.onnx": content, "golden.npz": golden, "card.md": card.encode()}
    backend = OnnxCpuBackend(open_bundle(seal(manifest, files)))
    check_parity(members, backend, nights[0].inputs[:600])
    inputs = golden_inputs(backend)
    files["golden.npz"] = golden_npz(inputs, backend.infer(inputs))
    files["anchor.npz"] = anchor_npz(backend, nights)
    return open_bundle(seal(manifest, files))


def anchor_npz(backend: OnnxCpuBackend, nights: Sequence[Taught]) -> bytes:
    """Write embeddings of every sixteenth epoch around sleep, by subject in two parts: to refit on and as the gate."""
    parts: dict[str, list[NDArray[Any]]] = {"embedding": [], "label": [], "patient": [], "part": []}
    for night in nights:
        _, seen = stepped(backend, night.inputs, kind_of(night.place, has_scale=True))
        span = around_sleep(night.stages)
        kept = span.start + np.flatnonzero(night.stages[span] >= 0)[::ANCHOR_EVERY]
        parts["embedding"].append(seen[kept].astype(np.float16))
        parts["label"].append(night.stages[kept].astype(np.uint8))
        parts["patient"].append(np.full(len(kept), int(night.subject), np.uint16))
        parts["part"].append(np.full(len(kept), night.subject in GATE, np.uint8))
    return write_npz({name: np.concatenate(arrays) for name, arrays in parts.items()})


def _float32(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    return {name: array.astype(np.float32) for name, array in arrays.items()}
