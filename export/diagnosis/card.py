"""The card of a bundle of the diagnosis: every figure in it comes from the training that made the bundle."""

from collections.abc import Mapping, Sequence
from typing import Any

CARD = """# ecg-diagnosis {version}

Research software, not a medical device. It says how probable each of {statements} statements on ten seconds of an ECG
is: the superclasses {superclasses} and {others} others. It sees I, II and V1 to V6 at 100 Hz, or whichever of them
are there; a lead that is missing is marked as missing. A network, `{architecture}`, reads pieces of 2.56 s. {trees}
trees for each statement read what is measured of the waves, whose bounds `{waves}` sees: amplitudes, areas, intervals,
axes, indices of voltage. What both say is added, by weights of each statement and set of leads; where nothing was
measured the network speaks alone. {parameters:,} learned numbers. A slope and an offset of each statement's logit stand
last; they change nothing until a clinic's reviews teach them. `similar.npz` holds what both said of the records that
trained, by parts that had not seen them, with what people stated of each: a model that is taught anew is held to those
of folds 1 to 4 and judged by those of folds 5 to 8.

## What trained it

Seed {seed}. {records:,} records of PTB-XL, folds 1 to 8 of a part of the set, each shown {epochs} times in pieces of
2.56 s; muscle noise and wander of the Noise Stress Test Database were mixed in. The trees saw each record four
times with all leads, once in made-up muscle noise, and with I and II, I alone and II alone. The part is no random draw
of the set: figures are not to be compared with others on PTB-XL.

## Figures

Area under the ROC curve. *Kept out*: each record of folds 1 to 8 scored by a network and trees that had not
seen its fold; only the weights that join the two have. *Fold 9*: never trained, never tuned on; its records are few,
and differences of .01 mean little.

| leads | part | records | macro | {heads} |
|---|---|---|---|{rule}
{rows}

Alone, eight leads, kept out: {alone}; fold 9:
{reported_alone}. The random kernels are the baseline, and not in the bundle.

What the trees add to the network, with its 95 % interval over records:

| part | {heads} | macro |
|---|{rule}---|
{gains}

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
        trees=training["recipe"]["trees"],
        waves=training["waves"],
        alone=_alone(training["alone"]),
        reported_alone=_alone(training["reported_alone"]),
        gains="\n".join(_gains(training)),
        seed=training["seed"],
        records=len(training["records"]["ptbxl"]),
        epochs=training["recipe"]["epochs"],
        heads=" | ".join(superclasses),
        rule="---|" * len(superclasses),
        rows="\n".join(_rows(training, superclasses)),
        others_rows="\n".join(_others(training)),
        limits=", ".join(f"{code} {limit:.2f}" for code, limit in training["limits"].items()),
    )


def _alone(parts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(one['macro_auc'])}" for name, one in parts.items())


def _gains(training: Mapping[str, Any]) -> list[str]:
    rows = []
    for part, called in (("gain", "kept out"), ("reported_gain", "fold 9")):
        each = [_gain(*gain) for gain in training[part].values()]
        rows.append(f"| {called} | {' | '.join(each)} |")
    return rows


def _gain(mean: float | None, low: float | None, high: float | None) -> str:
    known = mean is not None and low is not None and high is not None
    return f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" if known else "-"


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
