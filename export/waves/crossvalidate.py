"""Training without some records and scoring those: ``python -m export crossvalidate ecg-waves``."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.ecg_waves.kinds import CONTRACT, NAME
from export.report.delineation import evaluate_delineation
from export.waves.corpus import FOLDS, corpus, fold_of
from export.waves.fitting import fit
from export.waves.release import bundle_of
from export.waves.train import recipe_of

SETS = ("ludb", "qtdb")


def crossvalidate(data: Path, *, seed: int, steps: int | None, quick: bool) -> dict[str, dict[str, Any]]:
    """Score every record of both sets by a network that knows no lead of it: figures by set.

    What never trains, the three-digit records of `qtdb`, is read by the network of the first fold.

    Raises
    ------
    NoRecordings : a set is missing or a record cannot be read.
    """
    strips = corpus(data, quick=quick)
    folds, recipe = fold_of(strips), recipe_of(steps=steps, quick=quick)
    models: list[Model] = []
    for fold in range(FOLDS):
        part = [strip for strip, own in zip(strips, folds, strict=True) if own != fold]
        network = fit(part, data / "nstdb", recipe, seed=seed, title=f"fold {fold + 1} of {FOLDS}: ")
        models.append(Model(NAME, CONTRACT, OnnxCpuBackend(bundle_of(network, "0.0.1", {}, ""))))
    found = {}
    for group in SETS:
        own = {strip.name: fold for strip, fold in zip(strips, folds, strict=True) if strip.group == group}
        print(group, file=sys.stderr)
        of_record = {name: models[fold] for name, fold in own.items()}
        found[group] = evaluate_delineation(data / group, _chosen(of_record, otherwise=models[0]))
    return found


def _chosen(of_record: Mapping[str, Model], *, otherwise: Model) -> Callable[[str], Model]:
    return lambda name: of_record.get(name, otherwise)
