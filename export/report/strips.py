"""Short strips by their rhythm: as the PhysioNet/CinC Challenge of 2017 asked, or by what was stated of them."""

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.report.analysed import Analysed, Rhythm
from export.report.quality import auroc
from export.report.reading import Signals
from export.report.sets import NoSet
from export.report.sureness import calibration_error, risk_by_coverage

LABELS = ("N", "A", "O", "~")
SCORED = LABELS[:3]
"""The mean of their F1 is the challenge's figure."""
OF_CLASS: Mapping[str, str] = {"sinus": "N", "af": "A", "afl": "O", "other-rhythm": "O", "unclear": "~"}
WEIGHT: Mapping[str, float] = {"N": 1.0, "A": 1.0, "O": 1.0, "~": 1.0}
"""What each label's probability is multiplied by before the greatest is taken."""
SUREST = 0.9
FIBRILLATION = "AFIB"
EVEN = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class StripScore:
    """One strip: what it is, what it was called, and how sure that was, 0 to 1."""

    record: str
    label: str
    said: str
    sure: float


def score_strip(signals: Signals, found: Analysed, label: Sequence[str]) -> StripScore:
    """Score one strip.

    Raises
    ------
    NoSet : nobody said what its rhythm is.
    """
    if not label or label[0] not in LABELS:
        raise NoSet("nobody said what the rhythm of the strip is", record=signals.name)
    said, sure = verdict(found.rhythms)
    return StripScore(record=signals.name, label=label[0], said=said, sure=sure)


def verdict(rhythms: Sequence[Rhythm]) -> tuple[str, float]:
    """Call a strip by the names its stretches were given: their mean, the last one counted again as much.

    One without any name is too noisy.
    """
    known = [one.scores for one in rhythms if one.scores]
    if not known:
        return LABELS[3], 1.0
    share = dict.fromkeys(LABELS, 0.0)
    for scores, weight in [*((one, 0.5 / len(known)) for one in known), (known[-1], 0.5)]:
        for name, value in scores.items():
            share[OF_CLASS[name]] += weight * value
    weighed = {name: value * WEIGHT[name] for name, value in share.items()}
    said = max(weighed, key=lambda name: weighed[name])
    return said, weighed[said] / sum(weighed.values())


def strip_figures(scores: Sequence[StripScore]) -> dict[str, Any]:
    """Put the strips together: `gross` with F1 by label, of all and of the surest, and `ece`; `matrix` by label.

    In percent. `ece` is the expected calibration error of the label that was chosen, `coverage` what is wrong of the
    surest strips.
    """
    sure, right = np.array([one.sure for one in scores]), np.array([one.said == one.label for one in scores], bool)
    surest = sorted(scores, key=lambda one: -one.sure)[: round(SUREST * len(scores))]
    return {
        "gross": _figures(scores) | {"surest_90": _figures(surest), "ece": calibration_error(sure, right)},
        "coverage": risk_by_coverage(sure, right),
        "average": {},
        "interval": {"f1_mean": _interval(scores)},
        "matrix": {label: dict(Counter(one.said for one in scores if one.label == label)) for label in LABELS},
        "records": [
            {"record": one.record, "label": one.label, "said": one.said, "sure": round(one.sure, 4)} for one in scores
        ],
    }


def _figures(scores: Sequence[StripScore]) -> dict[str, Any]:
    by_label = {label: _f1(scores, label) for label in LABELS}
    known = [value for label in SCORED if (value := by_label[label]) is not None]
    return {
        "strips": len(scores),
        "f1_n": by_label["N"],
        "f1_a": by_label["A"],
        "f1_o": by_label["O"],
        "f1_noise": by_label["~"],
        "f1_mean": round(float(np.mean(known)), 4) if known else None,
    }


def _f1(scores: Sequence[StripScore], label: str) -> float | None:
    right = sum(one.label == one.said == label for one in scores)
    either = sum(one.label == label for one in scores) + sum(one.said == label for one in scores)
    return round(200 * right / either, 4) if either else None


def _interval(scores: Sequence[StripScore]) -> list[float] | None:
    random = np.random.default_rng(0)
    values = []
    for _ in range(500):
        drawn = [scores[index] for index in random.integers(0, len(scores), len(scores))]
        if (value := _figures(drawn)["f1_mean"]) is not None:
            values.append(value)
    return [round(float(np.quantile(values, part)), 4) for part in (0.025, 0.975)] if values else None


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedScore:
    """One strip: whether fibrillation was stated of it, and how probable it was said to be; None: nothing was."""

    record: str
    stated: bool
    probable: float | None


def score_stated(signals: Signals, found: Analysed, label: Sequence[str]) -> StatedScore:
    """Score one strip of which a cardiologist stated what there is.

    Raises
    ------
    NoSet : nothing was stated of it.
    """
    if not label:
        raise NoSet("nothing was stated of the record", record=signals.name)
    known = [one.scores for one in found.rhythms if one.scores]
    stated = FIBRILLATION in ast.literal_eval(label[0])
    return StatedScore(record=signals.name, stated=stated, probable=known[-1]["af"] if known else None)


def stated_figures(scores: Sequence[StatedScore]) -> dict[str, Any]:
    """Put the strips together: of fibrillation against everything else, `gross` and `coverage`.

    `auroc` is the area under the curve, `ece` the expected calibration error in percent; in `coverage` a strip is wrong
    where the likelier of the two was.
    """
    known = [(one.stated, one.probable) for one in scores if one.probable is not None]
    probable, is_stated = np.array([one for _, one in known]), np.array([one for one, _ in known], bool)
    value = auroc(probable, is_stated)
    return {
        "gross": {
            "strips": len(scores),
            "stated": sum(one.stated for one in scores),
            "without_a_name": len(scores) - len(known),
            "auroc": None if value is None else round(value, 4),
            "ece": calibration_error(probable, is_stated),
        },
        "coverage": risk_by_coverage(np.maximum(probable, 1.0 - probable), (probable >= EVEN) == is_stated),
        "average": {},
        "interval": {},
        "records": [
            {"record": one.record, "stated": one.stated, "probable": one.probable and round(one.probable, 4)}
            for one in scores
        ],
    }
