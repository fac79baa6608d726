"""The card of a bundle of sleep stages."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CARD = """# eeg-sleep {version}

Research software, not a medical device. It says of each 30 s epoch of one EEG derivation whether the patient was awake
(W), in N1, N2, N3 or REM sleep (R). It never looks ahead and normalises by no whole night: it sees 60 numbers of an
epoch, how the epoch stands in the night so far, and what two recurrent members of 96 numbers each remember of the
night. {parameters:,} parameters. Eye movements and the chin are not looked at.

## What trained it

Seed {seed}. Features of the cassette nights of Sleep-EDF Expanded that others computed from the raw nights and we could
have; stages by the rules of Rechtschaffen and Kales, S3 and S4 joined as N3:

| what | nights | subjects | steps |
|---|---|---|---|
| shares of power in four bands, nights scaled one by one | {relative} | {relative_subjects} | {first_steps} |
| both together: microvolts, of Fpz-Cz and, less often, Pz-Oz | {nights} | {subjects} | {steps} |

Subjects of the second row: {names}. Every night was shown from its first epoch on, hours of daytime wake among them,
and as if the electrodes had come half an hour before sleep; amplitudes were changed by up to {gain:g}, and in part of
the stretches the microvolts were hidden, so that a recording of unknown scale has an answer.

All subjects at hand trained this bundle, so no figure of it on them says how good it is: what `crossvalidate` gives,
whole subjects kept out, does.

{figures}

## Figures and limits

[docs/accuracy.md](../../../docs/accuracy.md) has them in full, with the commands. Adults without a diagnosed disorder
of sleep, 25 to 101 years, recorded at home between 1987 and 1991 with one type of recorder; microvolts of {subjects}
of them, 25 to 34 years. Nobody with apnoea, epilepsy, sedation, encephalopathy or a neonatal EEG trained or tested
it, and no other laboratory: expect less there. Four of ten epochs of N1 are missed, and its F1 follows how
much of it there is. Behind a gap of more than ten minutes the night begins anew. No arousals, no respiratory events,
no movement time.
"""
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
"""Figures that `crossvalidate` gave for subjects who were kept out."""
TRIED_RECIPE = "edb4dff0114c"
"""Of which recipe they are: whoever changes it runs `crossvalidate` again and puts both here."""
NOT_TRIED = "This recipe was not tried on subjects kept out: run `python -m export crossvalidate eeg-sleep`."


def card_of(version: str, training: Mapping[str, Any]) -> str:
    """Write the card, with the figures of subjects that were kept out if they are of this recipe."""
    recipe, nights = training["recipe"], training["nights"]
    subjects = training["records"]["sleepedf"]
    return CARD.format(
        version=version,
        parameters=training["parameters"],
        seed=training["seed"],
        relative=nights["relative"],
        relative_subjects=len(training["relative_only"]),
        first_steps=recipe["first_steps"],
        nights=nights["with microvolts"],
        subjects=len(subjects),
        steps=recipe["steps"],
        names=", ".join(subjects),
        gain=recipe["gain"],
        figures=figures_of(training),
    )


def figures_of(training: Mapping[str, Any]) -> str:
    """Give the figures of subjects kept out if they are of this recipe."""
    return TRIED if fingerprint(training) == TRIED_RECIPE else NOT_TRIED


def fingerprint(training: Mapping[str, Any]) -> str:
    """Name a recipe and the nights it was shown by their content."""
    told = {name: training[name] for name in ("recipe", "sharpness", "n1_favour", "nights")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
