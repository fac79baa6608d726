"""From the sets to a released beat classifier: what ``python -m export train`` does."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from biosignal.model.bundle import Bundle
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.ecg_beats.kinds import CONTRACT
from biosignal.tasks.ecg_beats.windows import RR_SHAPE
from biosignal.tasks.ecg_front.kinds import NAME as FRONT
from export.card import card
from export.dataset import CONDITIONS, BeatSet, beats_as_inputs, join
from export.evaluation import evaluate
from export.fitting import Recipe, fit
from export.intervals import IntervalSet, annotated_intervals
from export.network import BeatClassifier, parameters_of
from export.onnx_file import to_onnx, worst_difference
from export.recordings import DS1, DS2, NoRecordings, read_recording
from export.release import GATE, bundle_of, golden_inputs, manifest_of
from export.report.served import released

VERSION = "2.0.0"
QUICK_RECORDS = ("106", "208", "209", "223")
QUICK_MORE = ("802", "892")
LEADS = ("ECG1", "ECG2")
"""Of `svdb`: both train, each as a recording of its own."""


def train(data: Path, *, seed: int, epochs: int | None, quick: bool) -> Bundle:
    """Train under the folder that holds the sets, and put the bundle together. Progress goes to stderr.

    Raises
    ------
    NoRecordings : a set is missing or a record cannot be read.
    """
    plain, beats = training_beats(data, seed=seed, quick=quick)
    intervals = annotated_intervals(data, seed=seed, quick=quick)
    recipe = _recipe(epochs, quick=quick)
    model = fit(beats, intervals, recipe, seed=seed)
    content = to_onnx(model)
    parity = worst_difference(model, content, plain.where(np.arange(0, len(plain), 7)))
    print(f"torch and ONNX Runtime differ by at most {parity:.1e}", file=sys.stderr)
    training = _training(model, recipe, plain, intervals, data=data, seed=seed, quick=quick)
    manifest = manifest_of(VERSION, model.head.in_features, training)
    figures: dict[str, Any] | None = None
    if not quick:
        draft = bundle_of(manifest, content, "draft")
        front = OnnxCpuBackend(released(FRONT))
        figures = evaluate(OnnxCpuBackend(draft), data / "mitdb", DS2, front)
    return bundle_of(manifest, content, card(VERSION, training, figures), plain, seed=seed)


def training_beats(data: Path, *, seed: int, quick: bool) -> tuple[BeatSet, BeatSet]:
    """Make the undisturbed beats of DS1, and all beats to train on, disturbed ones too."""
    plain, more = [], []
    for name in QUICK_RECORDS if quick else DS1:
        print(f"reading record {name}", file=sys.stderr, flush=True)
        recording = read_recording(data / "mitdb", name)
        plain.append(beats_as_inputs(recording, CONDITIONS[0], seed=seed))
        if not quick:
            more += [
                beats_as_inputs(recording, one, seed=seed + index) for index, one in enumerate(CONDITIONS) if index
            ]
    return join(plain), join([*plain, *more, *_ambulatory_beats(data / "svdb", seed=seed, quick=quick)])


def _ambulatory_beats(folder: Path, *, seed: int, quick: bool) -> Iterator[BeatSet]:
    """Make the beats of `svdb`: of its first lead undisturbed, of its second one disturbed."""
    for name in ambulatory_records(folder, quick=quick):
        print(f"reading record {name}", file=sys.stderr, flush=True)
        first = read_recording(folder, name, lead=LEADS[0])
        yield beats_as_inputs(first, CONDITIONS[0], seed=seed)
        if not quick:
            yield beats_as_inputs(read_recording(folder, name, lead=LEADS[1]), CONDITIONS[1], seed=seed)


def ambulatory_records(folder: Path, *, quick: bool) -> list[str]:
    """Give the records of `svdb` that train."""
    names = sorted(path.stem for path in folder.glob("*.hea"))
    if not names:
        raise NoRecordings("a set that trains is not there", folder=str(folder))
    return list(QUICK_MORE) if quick else names


def _recipe(epochs: int | None, *, quick: bool) -> Recipe:
    recipe = Recipe()
    if quick:
        recipe = replace(recipe, epochs=1, members=1, rhythm=replace(recipe.rhythm, epochs=1))
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def _training(
    model: BeatClassifier, recipe: Recipe, plain: BeatSet, intervals: IntervalSet, *, data: Path, seed: int, quick: bool
) -> Mapping[str, Any]:
    """Say what trained it, as the manifest keeps it."""
    beats = {"mitdb": list(QUICK_RECORDS if quick else DS1), "svdb": ambulatory_records(data / "svdb", quick=quick)}
    return {
        "data": "beats of two sets of PhysioNet, annotated intervals of two more",
        "records": {**beats, **intervals.patients},
        "seed": seed,
        "beats": len(plain),
        "counts": np.bincount(plain.label, minlength=len(CONTRACT.classes)).tolist(),
        "intervals": len(intervals),
        "recipe": asdict(recipe),
        "members": recipe.members,
        "parameters": parameters_of(model),
        "rr_features": RR_SHAPE[0],
        "preprocessing": CONTRACT.preprocessing,
        "golden": len(golden_inputs()["rr"]),
        "gate_patients": list(GATE),
        "versions": {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__},
    }
