"""From the features of the nights to a released network: what ``python -m export train --task eeg-sleep`` does."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from biosignal.model.bundle import Bundle
from biosignal.tasks.eeg_sleep.kinds import MEMBERS
from export.network import parameters_of
from export.sleep.card import card_of
from export.sleep.corpus import PLACES, Taught, read_scored, relative_nights, taught
from export.sleep.fitting import Recipe, begun, go_on
from export.sleep.network import N1_FAVOUR, SHARPNESS, Member
from export.sleep.release import bundle_of

VERSION = "1.0.0"
SET = "sleepedf"
QUICK_STEPS = 3
QUICK_NIGHTS = 3
TRIED = """Sixteen nights of eight subjects, each subject kept out in turn, Fpz-Cz, from half an hour before sleep to
half an hour behind it (percent, but kappa and the expected calibration error):

| shown | accuracy | macro F1 | kappa | F1 of W N1 N2 N3 R | ECE |
|---|---|---|---|---|---|
| as recorded | 86.6 | 82.8 | .815 | 91.3 59.3 90.0 85.4 88.0 | .017 |
| at half / twice the amplitude | 86.2 / 86.7 | 82.5 / 82.8 | .810 / .817 | N1 59.5 / 59.0 | .017 / .018 |
| without microvolts | 81.8 | 77.9 | .749 | 83.7 53.8 85.9 81.6 84.4 | .017 |
| Pz-Oz | 84.1 | 79.2 | .779 | 90.7 52.1 87.6 79.9 85.5 | .021 |

N1 was 9 % of these epochs. The surest 95 / 90 / 80 % were right in 88.6 / 90.4 / 93.5 %. By night 83.3 to 90.6. How
sharp the probabilities are and how far N1 is favoured was chosen on these answers; chosen without each subject in turn
the figures differ by a tenth."""
"""Figures of subjects who were kept out, by this recipe."""


@dataclass(frozen=True, slots=True, eq=False)
class Nights:
    """What trains: `few` nights of which every input is known, `many` of which only the relative ones are."""

    few: list[Taught]
    many: list[Taught]

    def without(self, subjects: Sequence[str]) -> "Nights":
        """Leave subjects out of both."""
        few = [night for night in self.few if night.subject not in subjects]
        return Nights(few, [night for night in self.many if night.subject not in subjects])


def nights_of(folder: Path, *, quick: bool) -> Nights:
    """Read both sets; a few nights of each if `quick`.

    Raises
    ------
    NoRecordings : a file is missing.
    """
    scored = read_scored(folder, places=PLACES)
    if quick:
        names = sorted({night.name for night in scored})[: 2 * QUICK_NIGHTS]
        scored = [night for night in scored if night.name in names]
    return Nights(taught(scored), relative_nights(folder, most=QUICK_NIGHTS if quick else None))


def recipe_of(*, steps: int | None, quick: bool) -> Recipe:
    """Give the recipe; `steps` shortens both its parts."""
    recipe = Recipe()
    if quick or steps is not None:
        steps = QUICK_STEPS if steps is None else steps
        recipe = replace(recipe, first_steps=min(steps, recipe.first_steps), steps=steps)
    return recipe


def train(data: Path, *, seed: int, steps: int | None, quick: bool) -> Bundle:
    """Train and put the bundle together. Progress goes to stderr; all of it takes about 10 minutes on one core.

    Raises
    ------
    NoRecordings : the set is missing.
    """
    nights = nights_of(data / SET, quick=quick)
    recipe = recipe_of(steps=steps, quick=quick)
    starts = first_fitted(nights, recipe, seed=seed)
    bundle = trained(nights, starts, recipe, seed=seed)
    print(f"trained {bundle.identity}, {bundle.manifest.training['parameters']:,} parameters", file=sys.stderr)
    return bundle


def first_fitted(nights: Nights, recipe: Recipe, *, seed: int) -> list[Member]:
    """Fit the members to the set that is large."""
    return [begun(nights.many, recipe, seed=seed + index) for index in range(MEMBERS)]


def trained(nights: Nights, starts: Sequence[Member], recipe: Recipe, *, seed: int) -> Bundle:
    """Fit members further to both sets, and put the bundle together."""
    members = [go_on(start, nights.few, nights.many, recipe, seed=seed + index) for index, start in enumerate(starts)]
    training = training_of(nights, recipe, seed=seed, parameters=sum(parameters_of(one) for one in members))
    front = [night for night in nights.few if night.place == PLACES[0]]
    return bundle_of(members, VERSION, training, card_of(VERSION, training, TRIED), front[::2])


def training_of(nights: Nights, recipe: Recipe, *, seed: int, parameters: int) -> Mapping[str, Any]:
    """Say what trained it, as the manifest keeps it."""
    return {
        "data": "features of Sleep-EDF Expanded, cassette nights",
        "records": {SET: sorted({f"SC4{night.subject}" for night in nights.few})},
        "relative_only": sorted({f"SC4{night.subject}" for night in nights.many}),
        "nights": {"with microvolts": len({night.name for night in nights.few}), "relative": len(nights.many)},
        "seed": seed,
        "sharpness": SHARPNESS,
        "n1_favour": N1_FAVOUR,
        "recipe": asdict(recipe),
        "parameters": parameters,
        "versions": {"torch": torch.__version__.partition("+")[0]},
    }
