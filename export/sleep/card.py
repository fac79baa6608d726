"""The card of a bundle of sleep stages."""

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


def card_of(version: str, training: Mapping[str, Any], figures: str = "") -> str:
    """Write the card; `figures` are those of subjects that were kept out."""
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
        figures=figures,
    )
