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

VERSION = "1.0.1"
SET = "sleepedf"
QUICK_STEPS = 3
QUICK_NIGHTS = 3


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
    return bundle_of(members, VERSION, training, card_of(VERSION, training), front[::2])


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
