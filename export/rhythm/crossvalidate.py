"""Training anew without a part of a set, and scoring that part by the whole pipeline: each part in turn."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.errors import BadInput
from export.release import write_bundle
from export.report.evaluate import Request, figures_of, prepared, scores_of
from export.report.served import served
from export.rhythm.corpus import Strip, strips
from export.rhythm.histories import Histories, histories
from export.rhythm.train import trained

OF_SET: Mapping[str, str] = {"cinc2017": "rhythm", "arrdb": "af"}
"""What is scored on a set that trains."""
QUICK_RECORDS = 2
"""How many records of each fold are scored where only the way there is tried."""


def crossvalidate(folder: Path, *, folds: int, seed: int, steps: int | None, quick: bool, jobs: int) -> dict[str, Any]:
    """Score every record of a set by a network that was trained without it, the other sets beside `folder` as always.

    Returns
    -------
    The figures of all records together as `evaluate` gives them, with the bundle of the last fold, and `folds`: `gross`
    of each.

    Raises
    ------
    BadInput : the set does not train this network, or has fewer records than folds.
    NoRecordings : a set that trains is missing.
    """
    first, names = prepared(Request(what=_scored_as(folder), folder=folder))
    names = names[: QUICK_RECORDS * folds] if quick else names
    if len(names) < folds:
        raise BadInput("there are fewer records than folds", records=len(names), folds=folds)
    known, found = histories(folder.parent, quick=quick), strips(folder.parent, served().models(), quick=quick)
    order = np.random.default_rng(seed).permutation(len(names))
    scores: list[Any] = []
    rows: list[Any] = []
    parts = []
    for fold in range(folds):
        kept = sorted(names[index] for index in order[fold::folds])
        rest = without(found, known, first.known.name, kept)
        bundle = trained(*rest, seed=seed, steps=steps, quick=quick)
        with tempfile.TemporaryDirectory() as place:
            write_bundle(bundle, Path(place) / "bundle")
            request = replace(first.request, bundle=Path(place) / "bundle", records=tuple(kept), jobs=jobs)
            work, _ = prepared(request)
            of_fold = scores_of(work, kept)
        figures = figures_of(work, of_fold)
        parts.append(figures["gross"])
        rows += figures["records"]
        scores += of_fold
    return figures_of(work, scores) | {"records": rows, "folds": parts}


def _scored_as(folder: Path) -> str:
    name = folder.resolve().name
    if name not in OF_SET:
        raise BadInput("this set does not train the network", folder=str(folder), sets=", ".join(OF_SET))
    return OF_SET[name]


def without(
    found: Sequence[Strip], known: Histories, of_set: str, names: Sequence[str]
) -> tuple[list[Strip], Histories]:
    """Leave out records of one set."""
    left = [strip for strip in found if strip.group != of_set or strip.name not in names]
    patients = [f"{of_set}/{name}" for name in names]
    return left, known.where(~np.isin(known.patient, patients))
