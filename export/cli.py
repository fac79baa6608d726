"""``python -m export``: train a model, and score what is released on sets of recordings."""

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput, BedsideError
from biosignal.model.bundle import Bundle
from biosignal.tasks.ecg_beats.kinds import NAME as BEATS
from biosignal.tasks.ecg_diagnosis.kinds import NAME as DIAGNOSIS
from biosignal.tasks.ecg_front.kinds import NAME as FRONT
from biosignal.tasks.ecg_rhythm.kinds import NAME as RHYTHM
from biosignal.tasks.ecg_waves.kinds import NAME as WAVES
from biosignal.tasks.eeg_seizure.kinds import NAME as SEIZURES
from biosignal.tasks.eeg_sleep.kinds import NAME as SLEEP
from export.asking.evaluate import evaluate_asking
from export.asking.lines import asking_lines
from export.compared import NETWORKS, compare_lines
from export.diagnosis.audit import audit, audit_lines
from export.diagnosis.completion import completion_lines, evaluate_completion
from export.diagnosis.evaluate import diagnosis_lines, evaluate_diagnosis
from export.llm.verbs import LLM, add_llm, run_llm
from export.notes.evaluate import evaluate_notes, notes_lines
from export.recordings import folder_of
from export.release import admitted, read_bundle, write_bundle
from export.report.artefact import evaluate_artefacts
from export.report.delineation import delineation_lines, delineation_of
from export.report.evaluate import WHAT, Request
from export.report.evaluate import evaluate as evaluate_set
from export.report.page import lines_of
from export.report.response import measure, response_lines
from export.report.served import served
from export.seizure.evaluate import evaluate_seizures
from export.seizure.limits_file import read_limits
from export.seizure.tune import tune
from export.sleep.corpus import PLACES
from export.sleep.lines import sleep_lines
from export.sleep.scores import Shown, evaluate_sleep
from export.speed.lines import speed_lines
from export.speed.measure import measure_speed

STAGES, SEIZURE, ARTEFACT, DELINEATION, STATED = "sleep", "seizure", "artefact", "delineation", "diagnosis"
"""What `evaluate` scores of features, of EEG with its own list of seizures, of synthetic cases, of waves, of PTB-XL."""
FILLED = "completion"
"""What it scores of samples that are filled for the eye."""

OF_A_FOLDER = (*WHAT, STAGES, SEIZURE, DELINEATION, STATED, FILLED)
PACKAGE_OF = {FRONT: "front", RHYTHM: "rhythm", DIAGNOSIS: "diagnosis", SLEEP: "sleep", WAVES: "waves"}
"""Where the training of a task lies; it is imported when it is asked for, as it needs torch."""


class TorchMissing(BadInput):
    """Training needs torch, and that of the diagnosis scikit-learn; one is not installed."""

    remedy = "install them: python -m pip install 'torch>=2.4' 'scikit-learn>=1.5', or 'bedside[train]'"


def parser() -> argparse.ArgumentParser:
    """Describe the verbs and their arguments."""
    whole = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    verbs = whole.add_subparsers(dest="verb", required=True)
    train = verbs.add_parser("train", help="train a model and write a release bundle")
    train.add_argument(
        "--task",
        choices=(BEATS, *PACKAGE_OF, SEIZURES),
        default=BEATS,
        help="whose model; default %(default)s",
    )
    train.add_argument("--data", type=Path, help="folder that holds the sets; default EDGE_DATA_DIR")
    train.add_argument(
        "--out", type=Path, required=True, help="folder to write the bundle to; of seizures the settings file"
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--epochs", type=_positive, help="default 7, 1 with --quick")
    train.add_argument(
        "--steps", type=_positive, help="of all but the beats; settings tried for seizures; 3 with --quick"
    )
    train.add_argument("--quick", action="store_true", help="a few records and steps, no evaluation")
    evaluate = verbs.add_parser("evaluate", help="score a set of recordings through the daemon's own pipeline")
    evaluate.add_argument("what", nargs="?", help=", ".join((*OF_A_FOLDER, ARTEFACT)))
    evaluate.add_argument("--data-dir", type=Path, help="folder of one set, as DIR/mitdb")
    evaluate.add_argument("--records", nargs="+", default=[], metavar="RECORD", help="these records or groups, as DS2")
    evaluate.add_argument("--from", dest="from_s", type=float, metavar="S", help="seconds of each record to leave out")
    evaluate.add_argument("--beats", choices=("detected", "reference"), default="detected")
    evaluate.add_argument(
        "--leads", default="all", help="leads that the pipeline is given: all, ecg, first, or the name of one"
    )
    evaluate.add_argument("--gain", type=_gain, default=1.0, help="of sleep: amplitude to show it with, 0.1 to 10")
    evaluate.add_argument("--relative", action="store_true", help="of sleep: without its microvolts")
    evaluate.add_argument("--posterior", action="store_true", help="of sleep: Pz-Oz in the place of Fpz-Cz")
    evaluate.add_argument(
        "--fold", type=_positive, help="of a diagnosis: this fold only; default all that did not train"
    )
    evaluate.add_argument("--bundle", type=Path, help="folder of a bundle to use in the place of the released one")
    evaluate.add_argument("--limits", type=Path, metavar="FILE", help="settings whose limits a seizure is found by")
    evaluate.add_argument("--jobs", type=_positive, default=1, help="records scored side by side")
    evaluate.add_argument(
        "--seed", type=_seed, default=0, help=f"of {ARTEFACT}, which draws its cases and needs no folder"
    )
    evaluate.add_argument("--json", action="store_true", help="print all figures as JSON")
    folds = verbs.add_parser("crossvalidate", help="train without a part of a set and score that part, each in turn")
    folds.add_argument("task", choices=(RHYTHM, SLEEP, WAVES), help="whose model")
    folds.add_argument("--data-dir", type=Path, required=True, help="folder of one set that trains it, as DIR/cinc2017")
    folds.add_argument("--folds", type=_positive, default=5)
    folds.add_argument("--seed", type=int, default=0)
    folds.add_argument("--steps", type=_positive, help="of training; 3 with --quick")
    folds.add_argument("--quick", action="store_true", help="train on, and score, a few records of each set")
    folds.add_argument("--jobs", type=_positive, default=1, help="records scored side by side")
    folds.add_argument("--json", action="store_true", help="print all figures as JSON")
    compared = verbs.add_parser("compare", help="train every network of the diagnosis alike, and put them in one table")
    compared.add_argument(
        "--data-dir", type=Path, required=True, help="folder of PTB-XL, as DIR/ptbxl, nstdb beside it"
    )
    compared.add_argument(
        "--kept",
        type=Path,
        default=Path(".build/compared"),
        help="folder where networks are kept once they are trained, so that a run can go on; default %(default)s",
    )
    compared.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="default all")
    compared.add_argument("--seed", type=_seed, default=0)
    compared.add_argument("--steps", type=_positive, help="how often each record is shown; as released, 1 with --quick")
    compared.add_argument("--quick", action="store_true", help="a few records and steps; such figures say nothing")
    compared.add_argument("--json", action="store_true", help="print all figures as JSON")
    checked = verbs.add_parser("audit", help="whether the statements on ten seconds serve all groups of people alike")
    checked.add_argument("--data-dir", type=Path, required=True, help="folder of PTB-XL, as DIR/ptbxl")
    checked.add_argument("--bundle", type=Path, help="folder of a bundle to use in the place of the released one")
    checked.add_argument("--fold", type=_positive, help="this fold only; default all that did not train")
    checked.add_argument("--json", action="store_true", help="print all figures as JSON")
    speed = verbs.add_parser("speed", help="size, time and cost of a bundle in each form it could be deployed in")
    speed.add_argument("--bundle", type=Path, help="folder of a bundle; default the released one of the diagnosis")
    speed.add_argument(
        "--data-dir", type=Path, help="folder of PTB-XL: calibrates eight bits and says what a form costs"
    )
    speed.add_argument("--json", action="store_true", help="print all figures as JSON")
    response = verbs.add_parser("response", help="how soon changes of the synthetic patient are told")
    response.add_argument("--bundle", type=Path, help="folder of a bundle to use in the place of the released one")
    response.add_argument("--json", action="store_true", help="print all figures as JSON")
    asked = verbs.add_parser("ask", help="what becomes of questions: refused, answered, and in which sentences")
    asked.add_argument("--data-dir", type=Path, help="folder of the set `text`, for MedQuAD's questions")
    asked.add_argument("--json", action="store_true", help="print all figures as JSON")
    sorted_ = verbs.add_parser("notes", help="how well what sorts people's notes sorts public medical notes")
    sorted_.add_argument("--data-dir", type=Path, required=True, help="folder of the set `text`, for MTSamples")
    sorted_.add_argument("--json", action="store_true", help="print all figures as JSON")
    add_llm(verbs)
    return whole


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _gain(text: str) -> float:
    try:
        gain = float(text)
    except ValueError:
        gain = float("nan")
    if not 0.1 <= gain <= 10.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no factor from 0.1 to 10")
    return gain


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; give the exit code."""
    chosen = parser().parse_args(arguments)
    try:
        if chosen.verb == "evaluate":
            return _evaluate(chosen)
        if chosen.verb == "response":
            return _respond(chosen)
        if chosen.verb == "audit":
            return _audit(chosen)
        if chosen.verb == "compare":
            return _compared(chosen)
        if chosen.verb == "ask":
            return _asked(chosen)
        if chosen.verb == "notes":
            return _notes(chosen)
        if chosen.verb == LLM:
            return run_llm(chosen)
        if chosen.verb == "speed":
            return _speed(chosen)
        if chosen.verb == "crossvalidate":
            return _crossvalidate(chosen)
        return _train(chosen)
    except BedsideError as error:
        print(f"error: {error}\nTry: {error.advice}", file=sys.stderr)
        return error.exit_code


def _need_torch(task: str) -> None:
    for name in ("torch", *(("sklearn",) if task == DIAGNOSIS else ())):
        if importlib.util.find_spec(name) is None:
            raise TorchMissing("what training needs is not installed", module=name)


def _respond(chosen: argparse.Namespace) -> int:
    figures = measure(served(chosen.bundle))
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(response_lines(figures)))
    return 0


def _audit(chosen: argparse.Namespace) -> int:
    figures = audit(chosen.data_dir, served(chosen.bundle), fold=chosen.fold)
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(audit_lines(figures)))
    return 0


def _compared(chosen: argparse.Namespace) -> int:
    _need_torch(DIAGNOSIS)
    from export.compare import compare

    figures = compare(
        chosen.data_dir, chosen.networks, kept=chosen.kept, seed=chosen.seed, steps=chosen.steps, quick=chosen.quick
    )
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(compare_lines(figures)))
    return 0


def _notes(chosen: argparse.Namespace) -> int:
    figures = evaluate_notes(chosen.data_dir)
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(notes_lines(figures)))
    return 0


def _asked(chosen: argparse.Namespace) -> int:
    figures = evaluate_asking(chosen.data_dir)
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(asking_lines(figures)))
    return 0


def _speed(chosen: argparse.Namespace) -> int:
    bundle = read_bundle(chosen.bundle) if chosen.bundle is not None else served().bundles[DIAGNOSIS]
    figures = measure_speed(bundle, chosen.data_dir)
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(speed_lines(figures)))
    return 0


def _crossvalidate(chosen: argparse.Namespace) -> int:
    _need_torch(chosen.task)
    if chosen.task == SLEEP:
        from export.sleep.crossvalidate import crossvalidate as crossvalidate_sleep

        nights = crossvalidate_sleep(
            chosen.data_dir, folds=chosen.folds, seed=chosen.seed, steps=chosen.steps, quick=chosen.quick
        )
        print(json.dumps(nights, indent=1) if chosen.json else "\n".join(sleep_lines(nights)))
        return 0
    if chosen.task == WAVES:
        from export.waves.crossvalidate import crossvalidate as crossvalidate_waves

        sets = crossvalidate_waves(chosen.data_dir.parent, seed=chosen.seed, steps=chosen.steps, quick=chosen.quick)
        lines = [line for one in sets.values() for line in delineation_lines(one)]
        print(json.dumps(sets, indent=1) if chosen.json else "\n".join(lines))
        return 0
    from export.rhythm.crossvalidate import crossvalidate

    figures = crossvalidate(
        chosen.data_dir,
        folds=chosen.folds,
        seed=chosen.seed,
        steps=chosen.steps,
        quick=chosen.quick,
        jobs=chosen.jobs,
    )
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(lines_of(figures)))
    return 0


def _tune(chosen: argparse.Namespace) -> int:
    if chosen.data is None:
        raise BadInput(
            "limits are tuned on annotated recordings",
            remedy=f"python -m export train --task {SEIZURES} --data DIR --out limits.toml",
        )
    tuned = tune(chosen.data, seed=chosen.seed, settings=chosen.steps, quick=chosen.quick)
    chosen.out.write_text(tuned.text(), encoding="utf-8")
    print(json.dumps(tuned.figures, indent=1))
    print(f"wrote {chosen.out}: limits for the daemon's settings, no bundle", file=sys.stderr)
    return 0


def _train(chosen: argparse.Namespace) -> int:
    if chosen.task == SEIZURES:
        return _tune(chosen)
    data = folder_of(chosen.data).parent
    _need_torch(chosen.task)
    report = admitted(bundle := _trained(chosen, data))
    write_bundle(bundle, chosen.out)
    print(f"wrote {bundle.identity} to {chosen.out}; golden vectors within {report.worst_difference:.1e}")
    return 0


def _trained(chosen: argparse.Namespace, data: Path) -> Bundle:
    if chosen.task == BEATS:
        from export.training import train as train_beats

        return train_beats(data, seed=chosen.seed, epochs=chosen.epochs, quick=chosen.quick)
    trainer: Any = importlib.import_module(f"export.{PACKAGE_OF[chosen.task]}.train")
    bundle: Bundle = trainer.train(data, seed=chosen.seed, steps=chosen.steps, quick=chosen.quick)
    return bundle


def _evaluate(chosen: argparse.Namespace) -> int:
    if chosen.what == STAGES and chosen.data_dir is not None:
        place = PLACES[1] if chosen.posterior else PLACES[0]
        shown = Shown(gain=chosen.gain, has_scale=not chosen.relative, place=place)
        nights = evaluate_sleep(chosen.data_dir, served(chosen.bundle), shown)
        print(json.dumps(nights, indent=1) if chosen.json else "\n".join(sleep_lines(nights)))
        return 0
    if chosen.what == DELINEATION and chosen.data_dir is not None:
        bounds = delineation_of(chosen.data_dir, served(chosen.bundle))
        print(json.dumps(bounds, indent=1) if chosen.json else "\n".join(delineation_lines(bounds)))
        return 0
    if chosen.what == STATED and chosen.data_dir is not None:
        stated = evaluate_diagnosis(chosen.data_dir, served(chosen.bundle), fold=chosen.fold)
        print(json.dumps(stated) if chosen.json else "\n".join(diagnosis_lines(stated)))
        return 0
    if chosen.what == FILLED and chosen.data_dir is not None:
        filled = evaluate_completion(chosen.data_dir, fold=chosen.fold)
        print(json.dumps(filled, indent=1) if chosen.json else "\n".join(completion_lines(filled)))
        return 0
    if chosen.what == ARTEFACT:
        figures = evaluate_artefacts(seed=chosen.seed, jobs=chosen.jobs)
    elif chosen.what == SEIZURE:
        figures = _seizures(chosen)
    else:
        figures = evaluate_set(_request(chosen))
    print(json.dumps(figures, indent=1) if chosen.json else "\n".join(lines_of(figures)))
    return 0


def _seizures(chosen: argparse.Namespace) -> dict[str, Any]:
    if chosen.data_dir is None:
        raise BadInput(
            "evaluate needs the folder of a set", remedy=f"python -m export evaluate {SEIZURE} --data-dir DIR/chbmit"
        )
    limits = None if chosen.limits is None else read_limits(chosen.limits)
    return evaluate_seizures(chosen.data_dir, records=chosen.records, limits=limits)


def _request(chosen: argparse.Namespace) -> Request:
    if chosen.what not in WHAT or chosen.data_dir is None:
        raise BadInput(
            "evaluate needs what to score and the folder of a set",
            scored=chosen.what,
            data_dir=chosen.data_dir and str(chosen.data_dir),
            remedy=f"python -m export evaluate {{{'|'.join(OF_A_FOLDER)}}} --data-dir DIR, or {ARTEFACT}",
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
