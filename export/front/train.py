"""From the sets to a released front end: what ``python -m export train --task ecg-front`` does."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from biosignal.model.bundle import Bundle
from biosignal.tasks.ecg_front.channels import RATE_HZ
from export.front.corpus import NOISE_PATIENTS, Strip, corpus
from export.front.fitting import Recipe, fit, noises
from export.front.release import bundle_of
from export.network import parameters_of

VERSION = "1.1.1"
QUICK_STEPS = 3
CARD = """# ecg-front {version}

Research software, not a medical device. One small network looks at each ECG lead at 125 Hz and says, every 8 ms,
whether there is a QRS complex, whether it is ventricular, whether the heart fibrillates or is in ventricular
tachycardia, and whether the lead is good, noisy or without contact. It remembers 4 s, no more. {parameters:,}
parameters.

## What trained it

{hours:.0f} hours of single leads, seed {seed}, {steps:,} steps of about 60 windows of 12 s, then {settling:,} gentler
ones with fewer made-up spikes and less noise that was found:

| set | recordings | hours of leads | what was known |
|---|---|---|---|
{sets}

Never used: DS2 and the paced records of `mitdb`, 118 and 119 (the noise stress test is made of them), the electrode
motion of `nstdb` (`em`), `cinc2015`, fold 9 of PTB-XL, and every fifth record of each other set (the third, eighth, ...
in order of names), which are kept out so that they can be scored. `mitdb` taught neither fibrillation nor tachycardia.
Beats of `cinc2017` are those that our detector found forwards and backwards, those of `ptbxl` the ones found on three
leads; where they differ nothing was taught. A lead of `mitdb` and `svdb` counts as noisy where our detector errs on it
and not on the other one. Electrode motion, lost contact, rails, open inputs, pacing spikes, wide paced complexes and
stretches without a beat over a live baseline were made up, and what is noise in `cinc2017`, `cinc2011` and `vfdb` was
added elsewhere, see `export/front/windows.py`.

Two versions were scored on DS2 in the making. The first took narrow premature beats of its record 222 for pacing spikes
(232 missed on its first lead); that is why the last steps have fewer of them, so figures on DS2 are not wholly unseen.

## Figures and limits

[docs/accuracy.md](../../../docs/accuracy.md) has them, for each set apart, and says which records trained this bundle.
Leads without a known scale (`raw`) are not judged. Adults; hospital and hand-held recordings between 1975 and 2017.
"""


def train(data: Path, *, seed: int, steps: int | None, quick: bool) -> Bundle:
    """Train and put the bundle together. Progress goes to stderr; all of it takes about 50 minutes on two cores.

    Raises
    ------
    NoRecordings : a set is missing or a record cannot be read.
    """
    strips = corpus(data, quick=quick)
    recipe = Recipe()
    if quick or steps is not None:
        steps = QUICK_STEPS if steps is None else steps
        recipe = replace(recipe, steps=steps, settling_steps=min(steps, recipe.settling_steps))
    model = fit(strips, noises(data / "nstdb"), recipe, seed=seed)
    training = training_of(strips, recipe, seed=seed, parameters=parameters_of(model))
    bundle = bundle_of(model, VERSION, training, card_of(training))
    print(f"trained {bundle.identity}, {training['parameters']:,} parameters", file=sys.stderr)
    return bundle


def training_of(strips: Iterable[Strip], recipe: Recipe, *, seed: int, parameters: int) -> dict[str, Any]:
    """Say what trained it, as the manifest keeps it."""
    records: dict[str, list[str]] = {}
    hours: dict[str, float] = {}
    for strip in strips:
        records.setdefault(strip.group, []).append(strip.name)
        hours[strip.group] = hours.get(strip.group, 0.0) + strip.z.size / RATE_HZ / 3600
    records["synthetic"] = sorted(set(records.get("synthetic", [])))
    return {
        "data": "public recordings of PhysioNet and a synthetic patient",
        "records": records,
        "hours": {group: round(value, 1) for group, value in hours.items()},
        "seed": seed,
        "recipe": asdict(recipe),
        "parameters": parameters,
        "kept_out": ["every fifth record of each set but mitdb", *NOISE_PATIENTS],
        "versions": {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__},
    }


_KNOWN = {
    "mitdb": "beats and their class, 20 records of DS1",
    "svdb": "beats and their class, runs of five as tachycardia",
    "cudb": "beats, fibrillation",
    "vfdb": "rhythms: fibrillation, flutter, tachycardia, asystole, noise",
    "cinc2017": "beats where found twice; noisy strips",
    "cinc2011": "acceptable or not, by experts",
    "ptbxl": "beats where found on three leads; paced or not",
    "synthetic": "everything",
}


def card_of(training: Mapping[str, Any]) -> str:
    """Write the card."""
    rows = [
        f"| `{group}` | {len(names):,} | {training['hours'][group]} | {_KNOWN[group]} |"
        for group, names in training["records"].items()
    ]
    return CARD.format(
        version=VERSION,
        parameters=training["parameters"],
        hours=sum(training["hours"].values()),
        seed=training["seed"],
        steps=training["recipe"]["steps"],
        settling=training["recipe"]["settling_steps"],
        sets="\n".join(rows),
    )
