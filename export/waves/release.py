"""The trained network of the waves as a release bundle."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.contract import SCORES
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_waves.kinds import CLASSES, CONTRACT, NAME
from biosignal.tasks.ecg_waves.seen import WINDOW, shown
from export.onnx_file import NoParity, examples_of, exported
from export.waves.corpus import at_rate
from export.waves.network import Served, WaveNetwork

TOLERANCE = 1e-4
PARITY = 1e-4
GOLDEN = (("ectopy", 20.0), ("av-block", 12.0))
"""Scenarios of the synthetic patient, and the second from which a window of each of two leads is kept."""
LICENCE = (
    "Apache-2.0 for the weights; trained on ludb, qtdb and nstdb (bw, ma) of PhysioNet (ODC-By 1.0) and on PTB-XL "
    "(CC BY 4.0)"
)


def golden_inputs() -> dict[str, NDArray[np.float32]]:
    """Make windows of the synthetic patient."""
    windows = []
    for name, second in GOLDEN:
        recording = SyntheticRecording(SCENARIOS[name], seed=3)
        first = round(second * recording.fs_hz)
        samples = recording.samples(first, first + round(3 * recording.fs_hz))[:2]
        windows.append(shown(at_rate(samples, recording.fs_hz)[:, :WINDOW]))
    return {"lead": np.concatenate(windows)}


def bundle_of(network: WaveNetwork, version: str, training: Mapping[str, Any], card: str) -> Bundle:
    """Put a bundle together: expected outputs come from ONNX Runtime on the CPU.

    Raises
    ------
    BundleRefused : the device would not take it. NoParity : it does not compute what was trained.
    """
    served = Served(network).eval()
    manifest = Manifest(
        name=NAME,
        version=version,
        task=NAME,
        classes=CLASSES,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing=CONTRACT.preprocessing,
        inputs=CONTRACT.inputs,
        outputs=(TensorSpec(name=SCORES, shape=CONTRACT.scores_shape, role=Role.SCORES, unit="probability"),),
        golden_tolerance=TOLERANCE,
        files={},
        training=training,
        licence=LICENCE,
    )
    inputs = golden_inputs()
    with torch.no_grad():
        wanted = served(torch.from_numpy(inputs["lead"])).numpy()
    content = exported(served, examples_of(CONTRACT), (SCORES,))
    files = {"model.onnx": content, "golden.npz": golden_npz(inputs, {SCORES: wanted}), "card.md": card.encode()}
    given = OnnxCpuBackend(open_bundle(seal(manifest, files))).infer(inputs)
    worst = float(np.max(np.abs(given[SCORES] - wanted)))
    if not worst <= PARITY:
        raise NoParity("ONNX Runtime and torch differ", worst=worst, allowed=PARITY)
    files["golden.npz"] = golden_npz(inputs, given)
    return open_bundle(seal(manifest, files))
