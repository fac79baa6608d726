"""The trained network of the waves as a release bundle."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from biosignal.model.bundle import Bundle, Manifest, Role, TensorSpec, golden_npz, open_bundle, seal
from biosignal.model.contract import SCORES
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_waves.kinds import CLASSES, CONTRACT, NAME, STATE, STATE_IN, STATE_OUT
from biosignal.tasks.ecg_waves.seen import STEP, Channels
from export.onnx_file import NoParity, examples_of, exported
from export.waves.corpus import at_rate
from export.waves.network import Served, WaveNetwork

TOLERANCE = 1e-4
PARITY = 1e-4
GOLDEN = (("ectopy", 20.0), ("av-block", 12.0))
"""Scenarios of the synthetic patient, and the second from which a lead is run; its last step is kept."""
GOLDEN_S = 6.0
LICENCE = (
    "Apache-2.0 for the weights; trained on ludb, qtdb and nstdb (bw, ma) of PhysioNet (ODC-By 1.0) and on PTB-XL "
    "(CC BY 4.0)"
)


def golden_samples() -> list[NDArray[np.float64]]:
    """Make leads of the synthetic patient at 250 Hz, a lead a scenario, shape (1, sample)."""
    made = []
    for name, second in GOLDEN:
        recording = SyntheticRecording(SCENARIOS[name], seed=3)
        first = round(second * recording.fs_hz)
        samples = recording.samples(first, first + round(GOLDEN_S * recording.fs_hz))[:1]
        made.append(at_rate(samples, recording.fs_hz))
    return made


def stepped(backend: OnnxCpuBackend, samples: NDArray[np.float64]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Run a lead a step at a time: what the network is given and what it gives, of each step."""
    seen = Channels(len(samples))
    state = np.zeros((len(samples), STATE), np.float32)
    for start in range(0, samples.shape[1] - STEP + 1, STEP):
        given = {"channels": seen.push(samples[:, start : start + STEP]), STATE_IN: state}
        answer = backend.infer(given)
        yield {**given, **answer}
        state = np.asarray(answer[STATE_OUT], np.float32)


def check_parity(network: WaveNetwork, backend: OnnxCpuBackend) -> float:
    """Give the largest difference between torch over seconds and ONNX Runtime a step at a time.

    Raises
    ------
    NoParity : it is above `PARITY`.
    """
    worst = 0.0
    for samples in golden_samples():
        given = list(stepped(backend, samples))
        with torch.no_grad():
            channels = torch.from_numpy(np.concatenate([one["channels"] for one in given], axis=2))
            wanted = torch.softmax(network(channels), dim=2).numpy()
        got = np.concatenate([one[SCORES] for one in given], axis=1)
        worst = max(worst, float(np.max(np.abs(got - wanted))))
    if not worst <= PARITY:
        raise NoParity("ONNX Runtime and torch differ", worst=worst, allowed=PARITY)
    return worst


def bundle_of(network: WaveNetwork, version: str, training: Mapping[str, Any], card: str) -> Bundle:
    """Put a bundle together: expected outputs come from ONNX Runtime on the CPU.

    Raises
    ------
    BundleRefused : the device would not take it. NoParity : it does not compute what was trained.
    """
    if network.state_size() != STATE:
        raise NoParity(
            "the network hands on another state than the task declares", has=network.state_size(), want=STATE
        )
    served = Served(network).eval()
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
            TensorSpec(name=SCORES, shape=CONTRACT.scores_shape, role=Role.SCORES, unit="probability"),
            TensorSpec(name=STATE_OUT, shape=(STATE,), role=Role.STATE_OUT),
        ),
        golden_tolerance=TOLERANCE,
        files={},
        training=training,
        licence=LICENCE,
    )
    content = exported(served, examples_of(CONTRACT) | {STATE_IN: torch.zeros(2, STATE)}, (SCORES, STATE_OUT))
    zeros = {spec.name: np.zeros((1, *spec.shape), np.float32) for spec in (*manifest.inputs, *manifest.outputs)}
    files = {"model.onnx": content, "golden.npz": golden_npz(zeros, {}), "card.md": card.encode()}
    backend = OnnxCpuBackend(open_bundle(seal(manifest, files)))
    check_parity(network, backend)
    last = [list(stepped(backend, samples))[-1] for samples in golden_samples()]
    files["golden.npz"] = golden_npz({name: np.concatenate([one[name] for one in last]) for name in last[0]}, {})
    return open_bundle(seal(manifest, files))
