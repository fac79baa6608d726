"""The trained front end as a release bundle: one ONNX file that hands its state on, golden vectors, manifest."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_front.channels import Channels
from biosignal.tasks.ecg_front.kinds import CONTRACT, NAME, OUTPUTS, STATE, STATE_IN, STATE_OUT, STEPS
from export.front.corpus import resampled
from export.front.network import FrontNetwork, Served
from export.onnx_file import NoParity, examples_of, exported

TOLERANCE = 1e-4
PARITY = 1e-5
GOLDEN = (("ectopy", 20), ("vf-at-minute-1", 250))
"""Scenarios of the synthetic patient, and the step whose window is kept of each lead."""
LICENCE = (
    "Apache-2.0 for the weights; trained on mitdb, svdb, cudb, vfdb, nstdb (bw, ma), CinC 2011 and CinC 2017 of "
    "PhysioNet (ODC-By 1.0) and on PTB-XL (CC BY 4.0)"
)


def to_onnx(model: FrontNetwork) -> bytes:
    """Write one step of the network, with a dynamic batch axis: the leads of a recording.

    Raises
    ------
    NoParity : ONNX Runtime and torch differ over ten steps.
    """
    served = Served(model).eval()
    if model.state_size() != STATE:
        raise NoParity("the network hands on another state than the task declares", has=model.state_size(), want=STATE)
    return exported(served, examples_of(CONTRACT) | {STATE_IN: torch.zeros(2, STATE)}, ("scores", STATE_OUT))


def golden_channels() -> list[NDArray[np.float32]]:
    """Make the channels of the synthetic patient, shape (lead, channel, sample), two leads a scenario."""
    made = []
    for name, _ in GOLDEN:
        recording = SyntheticRecording(SCENARIOS[name], seed=3)
        samples = recording.samples(0, round(75 * recording.fs_hz))[:2]
        z = resampled(samples, recording.fs_hz).astype(np.float64)
        made.append(Channels(len(z)).push(z[:, : z.shape[1] // STEPS * STEPS]))
    return made


def golden_inputs(backend: OnnxCpuBackend) -> dict[str, NDArray[np.float32]]:
    """Run the network over the synthetic patient and keep some windows with the state it had there."""
    kept: dict[str, list[NDArray[np.float32]]] = {"channels": [], STATE_IN: []}
    for channels, (_, wanted) in zip(golden_channels(), GOLDEN, strict=True):
        state = np.zeros((len(channels), STATE), np.float32)
        for step in range(wanted + 1):
            window = np.ascontiguousarray(channels[:, :, STEPS * step : STEPS * (step + 1)])
            if step == wanted:
                kept["channels"].append(window)
                kept[STATE_IN].append(state)
            state = np.asarray(backend.infer({"channels": window, STATE_IN: state})[STATE_OUT], np.float32)
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def check_parity(model: FrontNetwork, backend: OnnxCpuBackend) -> float:
    """Give the largest difference between torch over a whole minute and ONNX Runtime a step at a time.

    Raises
    ------
    NoParity : it is above `PARITY`.
    """
    channels = golden_channels()[0][:, :, : STEPS * 200]
    with torch.no_grad():
        state = torch.zeros(len(channels), STATE)
        wanted = Served(model).eval()(torch.from_numpy(channels), state)[0].numpy()
    state_now = np.zeros((len(channels), STATE), np.float32)
    got = []
    for start in range(0, channels.shape[2], STEPS):
        window = np.ascontiguousarray(channels[:, :, start : start + STEPS])
        outputs = backend.infer({"channels": window, STATE_IN: state_now})
        got.append(outputs["scores"])
        state_now = np.asarray(outputs[STATE_OUT], np.float32)
    worst = float(np.max(np.abs(np.concatenate(got, axis=1) - wanted)))
    if not worst <= PARITY:
        raise NoParity("ONNX Runtime and torch differ", worst=worst, allowed=PARITY)
    return worst


def bundle_of(model: FrontNetwork, version: str, training: Mapping[str, Any], card: str) -> Bundle:
    """Put a bundle together: expected outputs come from ONNX Runtime on the CPU.

    Raises
    ------
    BundleRefused : the device would not take it. NoParity : it does not compute what was trained.
    """
    content = to_onnx(model)
    manifest = Manifest(
        name=NAME,
        version=version,
        task=NAME,
        classes=OUTPUTS,
        pipeline_version=(1, 1),
        siblings=(),
        preprocessing=CONTRACT.preprocessing,
        inputs=(*CONTRACT.inputs, TensorSpec(name=STATE_IN, shape=(STATE,), role=Role.STATE_IN)),
        outputs=(
            TensorSpec(name="scores", shape=CONTRACT.scores_shape, role=Role.SCORES, unit="probability"),
            TensorSpec(name=STATE_OUT, shape=(STATE,), role=Role.STATE_OUT),
        ),
        golden_tolerance=TOLERANCE,
        files={},
        training=training,
        licence=LICENCE,
    )
    zeros = {
        "channels": np.zeros((1, *CONTRACT.inputs[0].shape), np.float32),
        STATE_IN: np.zeros((1, STATE), np.float32),
    }
    answers = {
        "scores": np.zeros((1, *CONTRACT.scores_shape), np.float32),
        STATE_OUT: np.zeros((1, STATE), np.float32),
    }
    files = {"model.onnx": content, "golden.npz": golden_npz(zeros, answers), "card.md": card.encode()}
    backend = OnnxCpuBackend(open_bundle(seal(manifest, files)))
    check_parity(model, backend)
    inputs = golden_inputs(backend)
    files["golden.npz"] = golden_npz(inputs, backend.infer(inputs))
    return open_bundle(seal(manifest, files))
