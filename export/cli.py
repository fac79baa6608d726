"""``python -m export``: train a model, and score what is released on sets of recordings."""

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.errors import BadInput, BedsideError
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.ecg_beats.kinds import CONTRACT
from biosignal.tasks.ecg_beats.kinds import NAME as BEATS
from biosignal.tasks.ecg_beats.windows import RR_SHAPE
from biosignal.tasks.ecg_front.kinds import NAME as FRONT
from export.card import card
from export.dataset import CONDITIONS, BeatSet, beats_as_detected, beats_as_inputs, join
from export.evaluation import evaluate
from export.recordings import DS1, DS2, folder_of, read_recording
from export.release import GATE, admitted, bundle_of, golden_inputs, manifest_of, write_bundle
from export.report.evaluate import WHAT, Request
from export.report.evaluate import evaluate as evaluate_set
from export.report.page import lines_of
from export.report.response import measure, response_lines
from export.report.served import served

VERSION = "1.0.0"
QUICK_RECORDS = ("106", "208", "209", "223")
CHOICE = (
    "Tried there, S F1 and V F1 of two seeds together: class weights to the power 0.5, 34.4 and 89.8; the same without "
    "the long template, 35.7 and 90.0; the same without the long rhythm context, 30.0 and 89.3; to the power 0.35, "
    "35.7 and 90.5; that with our detector's beats as well, 38.9 and 91.0, taken. Seeds alone move either by 2 points."
)

SCORED = (
    "Models scored on DS2 in the making: two. The first had the same recipe and seed and an earlier version of our "
    "detector: V 97.06 / 90.36 and S 19.33 / 20.36 on reference beats (from 5:00, e and j as S), V 96.87 / 84.62 and "
    "S 18.95 / 19.34 on detector beats. The second is this one, with the detector it is released with; nothing else "
    "was changed in between."
)
SEEN = (
    "Each beat was seen on its reference position, on moved positions with added noise at 360 and 250 Hz, and where "
    "our own detector put it."
)
SEEN_QUICK = "Each beat was seen on its reference position."


class TorchMissing(BadInput):
    """Training needs torch, which is not installed."""

    remedy = "install it: python -m pip install 'torch>=2.4', or 'bedside[train]'"


def parser() -> argparse.ArgumentParser:
    """Describe the verbs and their arguments."""
    whole = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    verbs = whole.add_subparsers(dest="verb", required=True)
    train = verbs.add_parser("train", help="train a model and write a release bundle")
    train.add_argument("--task", choices=(BEATS, FRONT), default=BEATS, help="whose model; default %(default)s")
    train.add_argument("--data", type=Path, help="folder that holds the sets; default EDGE_DATA_DIR")
    train.add_argument("--out", type=Path, required=True, help="folder to write the bundle to")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--epochs", type=_positive, help="default 6, 1 with --quick")
    train.add_argument("--steps", type=_positive, help="of the front end; default 9000, 3 with --quick")
    train.add_argument("--quick", action="store_true", help="a few records and steps, no evaluation")
    evaluate = verbs.add_parser("evaluate", help="score a set of recordings through the daemon's own pipeline")
    evaluate.add_argument("what", nargs="?", help=", ".join(WHAT))
    evaluate.add_argument("--data-dir", type=Path, help="folder of one set, as DIR/mitdb")
    evaluate.add_argument("--records", nargs="+", default=[], metavar="RECORD", help="these records or groups, as DS2")
    evaluate.add_argument("--from", dest="from_s", type=float, metavar="S", help="seconds of each record to leave out")
    evaluate.add_argument("--beats", choices=("detected", "reference"), default="detected")
    evaluate.add_argument(
        "--leads", choices=("all", "ecg", "first"), default="all", help="leads that the pipeline is given"
    )
    evaluate.add_argument("--bundle", type=Path, help="folder of a bundle to use in the place of the released one")
    evaluate.add_argument("--jobs", type=_positive, default=1, help="records scored side by side")
    evaluate.add_argument("--json", action="store_true", help="print all figures as JSON")
    response = verbs.add_parser("response", help="how soon changes of the synthetic patient are told")
    response.add_argument("--bundle", type=Path, help="folder of a bundle to use in the place of the released one")
    response.add_argument("--json", action="store_true", help="print all figures as JSON")
    return whole


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; give the exit code."""
    chosen = parser().parse_args(arguments)
    try:
        if chosen.verb == "evaluate":
            return _evaluate(chosen)
        if chosen.verb == "response":
            return _respond(chosen)
        return _train_front(chosen) if chosen.task == FRONT else _train(chosen)
    except BedsideError as error:
        print(f"error: {error}\nTry: {error.advice}", file=sys.stderr)
        return error.exit_code


def training_beats(data: Path | None, *, seed: int, quick: bool) -> tuple[BeatSet, BeatSet]:
    """Make the undisturbed beats of DS1, and all beats to train on: undisturbed, disturbed and as detected."""
    folder = folder_of(data)
    names = QUICK_RECORDS if quick else DS1
    conditions = CONDITIONS[:1] if quick else CONDITIONS
    sets: list[list[BeatSet]] = [[] for _ in conditions]
    detected = []
    for name in names:
        print(f"reading record {name}", file=sys.stderr, flush=True)
        recording = read_recording(folder, name)
        for index, condition in enumerate(conditions):
            sets[index].append(beats_as_inputs(recording, condition, seed=seed + index))
        if not quick:
            detected.append(beats_as_detected(recording))
    return join(sets[0]), join([one for group in [*sets, detected] for one in group])


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise TorchMissing("torch is not installed")


def _respond(chosen: argparse.Namespace) -> int:
    figures = measure(served(chosen.bundle))
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(response_lines(figures)))
    return 0


def _train_front(chosen: argparse.Namespace) -> int:
    folder = folder_of(chosen.data).parent
    _need_torch()
    from export.front.train import train

    bundle = train(folder, seed=chosen.seed, steps=chosen.steps, quick=chosen.quick)
    report = admitted(bundle)
    write_bundle(bundle, chosen.out)
    print(f"wrote {bundle.identity} to {chosen.out}; golden vectors within {report.worst_difference:.1e}")
    return 0


def _train(chosen: argparse.Namespace) -> int:
    folder = folder_of(chosen.data)
    _need_torch()
    import torch

    from export.fitting import Recipe, fit
    from export.network import parameters_of
    from export.onnx_file import to_onnx, worst_difference

    plain, beats = training_beats(chosen.data, seed=chosen.seed, quick=chosen.quick)
    recipe = Recipe(epochs=1, members=1) if chosen.quick else Recipe()
    if chosen.epochs is not None:
        recipe = replace(recipe, epochs=chosen.epochs)
    model = fit(beats, recipe, seed=chosen.seed)
    content = to_onnx(model)
    parity = worst_difference(model, content, plain.where(np.arange(0, len(plain), 7)))
    print(f"torch and ONNX Runtime differ by at most {parity:.1e}", file=sys.stderr)
    training = {
        "data": "MIT-BIH Arrhythmia Database 1.0.0, lead MLII, DS1",
        "records": list(QUICK_RECORDS if chosen.quick else DS1),
        "seed": chosen.seed,
        "beats": len(plain),
        "counts": np.bincount(plain.label, minlength=len(CONTRACT.classes)).tolist(),
        "recipe": asdict(recipe),
        "members": recipe.members,
        "parameters": parameters_of(model),
        "rr_features": RR_SHAPE[0],
        "preprocessing": CONTRACT.preprocessing,
        "choice": CHOICE,
        "scored": SCORED,
        "golden": len(golden_inputs()["rr"]),
        "gate_patients": list(GATE),
        "seen_as": SEEN_QUICK if chosen.quick else SEEN,
        "versions": {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__},
    }
    manifest = manifest_of(VERSION, model.head.in_features, training)
    figures: dict[str, Any] | None = None
    if not chosen.quick:
        draft = bundle_of(manifest, content, "draft")
        figures = evaluate(OnnxCpuBackend(draft), folder, DS2)
    bundle = bundle_of(manifest, content, card(VERSION, training, figures), plain, seed=chosen.seed)
    report = admitted(bundle)
    write_bundle(bundle, chosen.out)
    print(f"wrote {bundle.identity} to {chosen.out}; golden vectors within {report.worst_difference:.1e}")
    return 0


def _evaluate(chosen: argparse.Namespace) -> int:
    request = _request(chosen)
    figures = evaluate_set(request)
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(lines_of(figures)))
    return 0


def _request(chosen: argparse.Namespace) -> Request:
    if chosen.what not in WHAT or chosen.data_dir is None:
        raise BadInput(
            "evaluate needs what to score and the folder of a set",
            scored=chosen.what,
            data_dir=chosen.data_dir and str(chosen.data_dir),
            remedy=f"python -m export evaluate {{{'|'.join(WHAT)}}} --data-dir DIR/mitdb",
        )
    if chosen.beats == "reference" and chosen.what != "beats":
        raise BadInput("only classes can be scored at reference beats", scored=chosen.what, remedy="leave --beats out")
    if chosen.from_s is not None and not 0 <= chosen.from_s < float("inf"):
        raise BadInput("what is left out has a length", from_s=chosen.from_s, remedy="give --from 0 or --from 300")
    return Request(
        what=chosen.what,
        folder=chosen.data_dir,
        records=tuple(chosen.records),
        from_s=chosen.from_s,
        at_reference=chosen.beats == "reference",
        leads=chosen.leads,
        bundle=chosen.bundle,
        jobs=chosen.jobs,
    )
