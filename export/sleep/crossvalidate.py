"""Training without some subjects and scoring their nights: ``python -m export crossvalidate eeg-sleep``."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.errors import BadInput
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.eeg_sleep.kinds import CONTRACT, NAME
from export.sleep.corpus import PLACES, read_scored
from export.sleep.scores import Answered, Shown, answer, figures_of
from export.sleep.train import first_fitted, nights_of, recipe_of, trained

WAYS = {
    "gross": Shown(),
    "half amplitude": Shown(gain=0.5),
    "double amplitude": Shown(gain=2.0),
    "relative": Shown(has_scale=False),
    "Pz-Oz": Shown(place=PLACES[1]),
}
"""How the tested nights are shown; the first is what is reported, of the others `gross` alone."""


def crossvalidate(folder: Path, *, folds: int, seed: int, steps: int | None, quick: bool) -> dict[str, Any]:
    """Score every night by a network that knows none of its subject's, of either set.

    The first part of the training, to the large set, is done once, without all subjects that are tested.

    Returns
    -------
    The figures of all nights together as `evaluate` gives them, and `shown`: those of other amplitudes and derivations.

    Raises
    ------
    NoRecordings : a file is missing. BadInput : there are fewer subjects than folds.
    """
    nights, recipe = nights_of(folder, quick=quick), recipe_of(steps=steps, quick=quick)
    subjects = sorted({night.subject for night in nights.few})
    if not 2 <= folds <= len(subjects):
        raise BadInput(
            "each fold needs a subject", subjects=len(subjects), folds=folds, remedy=f"give 2 to {len(subjects)} folds"
        )
    starts = first_fitted(nights.without(subjects), recipe, seed=seed)
    scored = {place: read_scored(folder, places=(place,)) for place in PLACES}
    answered: dict[str, list[Answered]] = {name: [] for name in WAYS}
    order = [subjects[index] for index in np.random.default_rng(seed).permutation(len(subjects))]
    for fold in range(folds):
        kept = order[fold::folds]
        bundle = trained(nights.without(kept), starts, recipe, seed=seed)
        model = Model(NAME, CONTRACT, OnnxCpuBackend(bundle))
        for name, shown in WAYS.items():
            of_fold = [night for night in scored[shown.place] if night.subject in kept]
            answered[name] += [answer(night, model, shown) for night in of_fold]
        print(f"fold {fold + 1} of {folds}: without {', '.join(kept)}", file=sys.stderr, flush=True)
    figures = {name: figures_of(sorted(found, key=_name), WAYS[name]) for name, found in answered.items()}
    first = next(iter(WAYS))
    others = {name: one["gross"] for name, one in figures.items() if name != first}
    return figures[first] | {"folds": folds, "shown": others}


def _name(one: Answered) -> str:
    return one.night.name
