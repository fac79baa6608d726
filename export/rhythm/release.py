"""The trained network of the rhythm as a release bundle: ONNX file, golden vectors, manifest."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_beats.windows import inputs_for_record
from biosignal.tasks.ecg_rhythm.kinds import CLASSES, CONTRACT, NAME
from biosignal.tasks.ecg_rhythm.seen import LastBeats
from export.onnx_file import NoParity, examples_of, exported
from export.rhythm.network import Served

TOLERANCE = 1e-4
PARITY = 1e-5
GOLDEN = (("ectopy", 75.0), ("flutter", 75.0), ("af-paroxysmal", 75.0))
"""Scenarios of the synthetic patient, and how many seconds of each."""
GOLDEN_BEATS = (7, 15, 31, 60)
LICENCE = (
    "Apache-2.0 for the weights; trained on CinC 2017 and the Long-Term AF Database of PhysioNet (ODC-By 1.0), "
    "PTB-XL (CC BY 4.0) and the VitalDB arrhythmia database (MIT)"
)
INPUTS = tuple(spec.name for spec in CONTRACT.inputs)


def golden_inputs() -> dict[str, NDArray[np.float32]]:
    """What the network is asked of the synthetic patient, at its true beats, after some of them."""
    kept: dict[str, list[NDArray[np.float32]]] = {name: [] for name in INPUTS}
    for name, seconds in GOLDEN:
        recording = SyntheticRecording(SCENARIOS[name], seed=3)
        samples = recording.samples(0, round(seconds * recording.fs_hz))[0].astype(np.float32)
        beats = [beat.sample for beat in recording.truth.beats if beat.sample < len(samples)]
        last = LastBeats()
        for index, window in enumerate(inputs_for_record(samples, recording.fs_hz, beats)):
            last.add(window.rr_before_s, amplitude=window.amplitude, ventricular=None)
            last.show(window.beat[0])
            if index in GOLDEN_BEATS:
                for key, tensor in last.tensors().items():
                    kept[key].append(tensor)
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def _sealed(
    manifest: Manifest,
    content: bytes,
    card: str,
    inputs: Mapping[str, NDArray[np.float32]],
    answers: Mapping[str, NDArray[np.float32]],
) -> Mapping[str, bytes]:
    return seal(manifest, {"model.onnx": content, "golden.npz": golden_npz(inputs, answers), "card.md": card.encode()})


def bundle_of(served: Served, version: str, training: Mapping[str, Any], card: str) -> Bundle:
    """Put a bundle together: expected outputs come from ONNX Runtime on the CPU.

    Raises
    ------
    BundleRefused : the device would not take it. NoParity : it does not compute what was trained.
    """
    content = exported(served.eval(), examples_of(CONTRACT), ("scores",))
    manifest = Manifest(
        name=NAME,
        version=version,
        task=NAME,
        classes=CLASSES,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing=CONTRACT.preprocessing,
        inputs=CONTRACT.inputs,
        outputs=(TensorSpec(name="scores", shape=CONTRACT.scores_shape, role=Role.SCORES, unit="probability"),),
        golden_tolerance=TOLERANCE,
        files={},
        training=training,
        licence=LICENCE,
    )
    inputs = golden_inputs()
    zeros = {"scores": np.zeros((len(inputs["seen"]), *CONTRACT.scores_shape), np.float32)}
    backend = OnnxCpuBackend(open_bundle(_sealed(manifest, content, card, inputs, zeros)))
    scores = backend.infer(inputs)
    with torch.no_grad():
        wanted = served(*(torch.from_numpy(inputs[name]) for name in INPUTS)).numpy()
    worst = float(np.max(np.abs(scores["scores"] - wanted)))
    if not worst <= PARITY:
        raise NoParity("ONNX Runtime and torch differ", worst=worst, allowed=PARITY)
    return open_bundle(_sealed(manifest, content, card, inputs, scores))
