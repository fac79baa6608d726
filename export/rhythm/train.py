"""From the sets to a released network: what ``python -m export train --task ecg-rhythm`` does."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from biosignal.model.bundle import Bundle
from biosignal.tasks.ecg_rhythm.intervals import COUNT
from export.network import parameters_of
from export.report.served import served as released
from export.report.sets import KEPT_OUT_FOLDS
from export.rhythm.corpus import PTBXL_LEADS, Strip, strips
from export.rhythm.fitting import Recipe, fit
from export.rhythm.histories import Histories, histories
from export.rhythm.network import RhythmNetwork, Served
from export.rhythm.release import bundle_of

VERSION = "1.0.0"
QUICK_STEPS = 3
UNSEEN = 2.2
"""What is added to the logit of fibrillation where no shapes are seen: chosen on patients of a fold kept out."""
CARD = """# ecg-rhythm {version}

Research software, not a medical device. It is asked every four beats, from eight beats on, what rhythm one lead shows:
sinus rhythm, atrial fibrillation, atrial flutter, another one, or that it cannot be told. It sees the last 64 intervals
between beats in {numbers} numbers and the shapes of the last 32 beats; without shapes it answers by the intervals.
{parameters:,} parameters.

## What trained it

Seed {seed}, {steps:,} steps:

| set | what of it | what was known |
|---|---|---|
| `cinc2017` | {cinc2017:,} strips | normal, fibrillation, another rhythm, too noisy |
| `ptbxl` | {ptbxl:,} leads ({leads}) of 10 s, folds 1 to 8 | statements of rhythm |
| `arrdb` | intervals of {arrdb} patients | rhythm at each beat |
| `ltafdb` | intervals of {ltafdb} patients | rhythm at each beat |

Never used: `mitdb`, `svdb`, `cinc2015`, fold {fold} of `ptbxl`. The beats of the strips are those that the daemon's own
pipeline found. Histories were learned clean and with up to 5 % of the beats missed and made up. Only 13 recordings of
flutter were there: most of what it knows of flutter was made up, a sawtooth that each QRS follows at the same place.

Its probabilities are those of strips. Behind half a minute of much ectopy it is too sure of fibrillation: the rule that
opens the finding asks for more there, by limits chosen on 30 records of `svdb`. To train on those records was tried and
given up: their leads look like those of no set with fibrillation, and the network learned the leads.

## Figures and limits

[docs/accuracy.md](../../../docs/accuracy.md) has them. It does not tell supraventricular tachycardia, multifocal
tachycardia, sinus node disease or block from one another: those are `other-rhythm`, or `sinus` where they are as
regular; fast regular rhythms may be called flutter. Paced rhythm hides the P wave. Adults; hospital and hand-held
recordings between 1984 and 2017.
"""


def train(data: Path, *, seed: int, steps: int | None, quick: bool) -> Bundle:
    """Train and put the bundle together. Progress goes to stderr; all of it takes about half an hour on two cores.

    Raises
    ------
    NoRecordings : a set is missing or a record cannot be read.
    """
    known = histories(data, quick=quick)
    found = strips(data, released().models(), quick=quick)
    return trained(found, known, seed=seed, steps=steps, quick=quick)


def trained(found: Sequence[Strip], known: Histories, *, seed: int, steps: int | None, quick: bool) -> Bundle:
    """Fit on what was read, and put the bundle together."""
    recipe = Recipe()
    if quick or steps is not None:
        recipe = replace(recipe, steps=QUICK_STEPS if steps is None else steps)
    members: list[RhythmNetwork] = [fit(found, known, recipe, seed=seed + index) for index in range(recipe.members)]
    served = Served(members, unseen=UNSEEN)
    training = training_of(found, known, recipe, seed=seed, parameters=parameters_of(served))
    bundle = bundle_of(served, VERSION, training, card_of(training))
    print(f"trained {bundle.identity}, {training['parameters']:,} parameters", file=sys.stderr)
    return bundle


def training_of(
    found: Sequence[Strip], known: Histories, recipe: Recipe, *, seed: int, parameters: int
) -> dict[str, Any]:
    """Say what trained it, as the manifest keeps it."""
    records: dict[str, set[str]] = {}
    for strip in found:
        records.setdefault(strip.group, set()).add(strip.name)
    for patient in np.unique(known.patient).tolist():
        group, _, name = patient.partition("/")
        records.setdefault(group, set()).add(name)
    return {
        "data": "public recordings of PhysioNet, PTB-XL and the VitalDB arrhythmia database",
        "records": {group: sorted(names) for group, names in records.items()},
        "strips": {group: sum(strip.group == group for strip in found) for group in ("cinc2017", "ptbxl")},
        "histories": len(known.rhythm),
        "seed": seed,
        "recipe": asdict(recipe),
        "unseen": UNSEEN,
        "parameters": parameters,
        "kept_out": [f"fold {fold} of ptbxl" for fold in KEPT_OUT_FOLDS],
        "versions": {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__},
    }


def card_of(training: Mapping[str, Any]) -> str:
    """Write the card."""
    records = training["records"]
    return CARD.format(
        version=VERSION,
        numbers=COUNT,
        parameters=training["parameters"],
        seed=training["seed"],
        steps=training["recipe"]["steps"],
        leads=", ".join(PTBXL_LEADS),
        cinc2017=training["strips"]["cinc2017"],
        ptbxl=training["strips"]["ptbxl"],
        arrdb=len(records.get("arrdb", ())),
        ltafdb=len(records.get("ltafdb", ())),
        fold=KEPT_OUT_FOLDS[0],
    )
