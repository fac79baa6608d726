"""From annotated leads to a released network: what ``python -m export train --task ecg-waves`` does."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from biosignal.model.bundle import Bundle
from export.network import parameters_of
from export.waves.card import card_of
from export.waves.corpus import Strip, corpus
from export.waves.fitting import Recipe, fit
from export.waves.release import bundle_of

VERSION = "1.0.0"
QUICK_STEPS = 3


def recipe_of(*, steps: int | None, quick: bool) -> Recipe:
    """Give the recipe, with fewer steps where asked."""
    if steps is None and not quick:
        return Recipe()
    return replace(Recipe(), steps=QUICK_STEPS if steps is None else steps)


def train(data: Path, *, seed: int, steps: int | None, quick: bool) -> Bundle:
    """Train and put the bundle together. Progress goes to stderr; all of it takes about 6 minutes on one core.

    Raises
    ------
    NoRecordings : a set is missing or a record cannot be read.
    """
    strips = corpus(data, quick=quick)
    recipe = recipe_of(steps=steps, quick=quick)
    network = fit(strips, data / "nstdb", recipe, seed=seed)
    training = training_of(strips, recipe, seed=seed, parameters=parameters_of(network))
    bundle = bundle_of(network, VERSION, training, card_of(VERSION, training))
    print(f"trained {bundle.identity}, {training['parameters']:,} parameters", file=sys.stderr)
    return bundle


def training_of(strips: Sequence[Strip], recipe: Recipe, *, seed: int, parameters: int) -> dict[str, Any]:
    """Say what trained it, as the manifest keeps it."""
    records: dict[str, list[str]] = {}
    for strip in strips:
        names = records.setdefault(strip.group, [])
        if strip.name not in names:
            names.append(strip.name)
    return {
        "data": "annotated leads of PhysioNet; PTB-XL where it says that there is no P wave",
        "records": records,
        "leads": len(strips),
        "seed": seed,
        "recipe": asdict(recipe),
        "parameters": parameters,
        "versions": {"torch": torch.__version__.partition("+")[0]},
    }
