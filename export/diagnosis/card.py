"""The card of a bundle of the diagnosis: every figure in it comes from the training that made the bundle."""

from collections.abc import Mapping, Sequence
from typing import Any

CARD = """# ecg-diagnosis {version}

Research software, not a medical device. It says how probable each of {statements} statements on ten seconds of an ECG
is: the superclasses {superclasses} and {others} others. It sees I, II and V1 to V6 at 100 Hz, or whichever of them
are there; a lead that is missing is marked as missing. A network, `{architecture}`, reads pieces of 2.56 s; where all
eight leads are there, random kernels under a ridge are added. {parameters:,} learned numbers, {random:,} random ones.

## What trained it

Seed {seed}. {records:,} records of PTB-XL, folds 1 to 8 of a part of the set, each shown {epochs} times in pieces of
2.56 s; muscle noise and wander of the Noise Stress Test Database were mixed in. The part is no random draw of the set:
figures are not to be compared with others on PTB-XL.

## Figures

Area under the ROC curve. *Kept out*: each record of folds 1 to 8 scored by a network that had not seen its fold. *Fold
9*: never trained, never tuned on; its records are few, and differences of .01 mean little.

| leads | part | records | macro | {heads} |
|---|---|---|---|{rule}
{rows}

Alone, eight leads, kept out: {alone}.
The second is the baseline that the network has to beat.

The other statements, eight leads:

| statement | records that trained | kept out | fold 9 |
|---|---|---|---|
{others_rows}

A finding opens where a statement persists above these probabilities (95 of 100 records without it lie below):
{limits}.

## Figures and limits

`python -m export evaluate diagnosis --data-dir DIR/ptbxl` scores it through the stage of the daemon, with interval,
calibration, noise and sets of leads. One country, one maker of recorders, 1989 to 1996. Nobody under monitoring trained
it: MLII and other places of monitoring leads are not quite those of twelve leads. Probabilities with fewer leads are
calibrated on I and II together, and on each of them alone, and with most leads on three sets; others have not been
calibrated. Statements whose area is below .8 are told badly.
"""
LEADS = {
    "all": ("eight",),
    "most": ("all but V6", "all but V1", "I, II, V2, V4, V6"),
    "few": ("I, II",),
    "one": ("I", "II"),
}


def card_of(version: str, training: Mapping[str, Any], superclasses: Sequence[str]) -> str:
    """Write the card."""
    return CARD.format(
        version=version,
        statements=len(training["counts"]),
        superclasses=", ".join(superclasses),
        others=len(training["counts"]) - len(superclasses),
        architecture=training["architecture"],
        parameters=training["parameters"],
        random=training["random"],
        alone=", ".join(f"{name} {_shown(one['macro_auc'])}" for name, one in training["alone"].items()),
        seed=training["seed"],
        records=len(training["records"]["ptbxl"]),
        epochs=training["recipe"]["epochs"],
        heads=" | ".join(superclasses),
        rule="---|" * len(superclasses),
        rows="\n".join(_rows(training, superclasses)),
        others_rows="\n".join(_others(training)),
        limits=", ".join(f"{code} {limit:.2f}" for code, limit in training["limits"].items()),
    )


def _rows(training: Mapping[str, Any], superclasses: Sequence[str]) -> list[str]:
    rows = []
    for part, called in (("kept_out", "kept out"), ("reported", "fold 9")):
        figures = training[part]
        for name, leads in LEADS.items():
            for place, of_set in zip(leads, figures["by_leads"][name], strict=True):
                each = " | ".join(_shown(of_set["auc"][code]) for code in superclasses)
                rows.append(f"| {place} | {called} | {figures['records']} | {_shown(of_set['macro_auc'])} | {each} |")
    return rows


def _others(training: Mapping[str, Any]) -> list[str]:
    kept, reported = training["kept_out"]["statements"], training["reported"]["statements"]
    return [
        f"| {code} | {training['counts'][code]} | {_shown(kept[code])} | {_shown(reported[code])} |" for code in kept
    ]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".lstrip("0")
