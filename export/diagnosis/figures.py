"""Figures of statements: areas under the curve, calibration, limits of a wanted specificity."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, PERSISTING
from export.diagnosis.corpus import SUPERCLASSES, Corpus

Floats = NDArray[Any]
BINS = 10
DRAWS = 1000
SPECIFIC = 0.95


def auc(is_so: Floats, score: Floats) -> float:
    """Give the area under the ROC curve, ties counted half; NaN where only one kind is there."""
    positives = int(np.count_nonzero(is_so))
    negatives = len(is_so) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[is_so > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def macro_auc(targets: Floats, scores: Floats) -> float:
    """Give the mean area over statements that have records of both kinds; shape (record, statement) each."""
    each = [auc(targets[:, place], scores[:, place]) for place in range(targets.shape[1])]
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")


def interval(targets: Floats, scores: Floats, *, seed: int = 0, draws: int = DRAWS) -> tuple[float, float]:
    """Give the 95 % interval of the macro area by drawing records again."""
    random = np.random.default_rng(seed)
    drawn = [random.integers(0, len(targets), len(targets)) for _ in range(draws)]
    found = [macro_auc(targets[rows], scores[rows]) for rows in drawn]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def ece(targets: Floats, scores: Floats) -> float:
    """Give the expected calibration error, ten bins of one width a statement, statements weighed by how often they are
    made.
    """
    weights = targets.mean(axis=0)
    each = [_ece(targets[:, place], scores[:, place]) for place in range(targets.shape[1])]
    return float(np.average(each, weights=weights)) if weights.sum() > 0 else float("nan")


def ece_if_true(scores: Floats, *, seed: int = 0, draws: int = 200) -> tuple[float, float, float]:
    """Give the calibration error that these probabilities would show of so many records if each were exactly true.

    Its mean, and between what lie 95 of 100: an error inside these is none that can be told from chance.
    """
    random = np.random.default_rng(seed)
    drawn = [ece((random.random(scores.shape) < scores).astype(float), scores) for _ in range(draws)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(np.nanmean(drawn)), float(low), float(high)


def _ece(is_so: Floats, score: Floats) -> float:
    bins = np.minimum((score * BINS).astype(int), BINS - 1)
    apart = 0.0
    for one in range(BINS):
        inside = bins == one
        if inside.any():
            apart += float(inside.mean()) * abs(float(is_so[inside].mean()) - float(score[inside].mean()))
    return apart


def share_of_superclass(corpus: Corpus) -> Floats:
    """Say of each record and statement whether it is known: superclasses only where the record has one or more."""
    is_super = np.array([code in SUPERCLASSES for code in corpus.statements])
    has_one = np.max(corpus.targets[:, is_super], axis=1, keepdims=True) > 0
    return np.where(is_super[np.newaxis], has_one, True)


def macro_of(corpus: Corpus, said: Mapping[str, Sequence[Floats]]) -> dict[str, Any]:
    """Give areas by set of leads: the macro area and each superclass, and of all leads each statement."""
    known = share_of_superclass(corpus)
    places = [corpus.statements.index(code) for code in SUPERCLASSES]
    rows = known[:, places[0]]
    found: dict[str, Any] = {}
    for name, parts in said.items():
        of_set = []
        for part in parts:
            each = {
                code: auc(corpus.targets[rows, at], part[rows, at])
                for code, at in zip(SUPERCLASSES, places, strict=True)
            }
            macro = float(np.mean(list(each.values())))
            of_set.append({"macro_auc": rounded(macro), "auc": {code: rounded(one) for code, one in each.items()}})
        found[name] = of_set
    most = said["all"][0]
    others = {
        code: rounded(auc(corpus.targets[:, at], most[:, at]))
        for at, code in enumerate(corpus.statements)
        if code in CLASSES and code not in SUPERCLASSES
    }
    return {"records": int(rows.sum()), "by_leads": found, "statements": others}


def gain_of(corpus: Corpus, before: Floats, after: Floats, *, draws: int = DRAWS) -> dict[str, Any]:
    """Give how much larger the areas of the superclasses are, each with its 95 % interval by drawing records again."""
    places = [corpus.statements.index(code) for code in SUPERCLASSES]
    rows = np.flatnonzero(share_of_superclass(corpus)[:, places[0]])
    targets, one, two = (part[rows][:, places] for part in (corpus.targets, before, after))
    random = np.random.default_rng(0)
    drawn = [random.integers(0, len(rows), len(rows)) for _ in range(draws)]
    gains = np.array([_gains(targets[at], one[at], two[at]) for at in (np.arange(len(rows)), *drawn)])
    low, high = np.nanpercentile(gains[1:], [2.5, 97.5], axis=0) if draws else (gains[0], gains[0])
    return {
        code: [rounded(float(part)) for part in (gains[0, at], low[at], high[at])]
        for at, code in enumerate((*SUPERCLASSES, "macro"))
    }


def _gains(targets: Floats, before: Floats, after: Floats) -> list[float]:
    each = [auc(y, b) - auc(y, a) for y, a, b in zip(targets.T, before.T, after.T, strict=True)]
    return [*each, float(np.nanmean(each))]


def limits_of(corpus: Corpus, logits: Floats) -> dict[str, float]:
    """Give the probability below which 95 of 100 records without a statement lie, of those that become findings."""
    known, found = share_of_superclass(corpus), {}
    for code in PERSISTING:
        at = corpus.statements.index(code)
        without = known[:, at] & (corpus.targets[:, at] == 0)
        said = 1.0 / (1.0 + np.exp(-logits[without, at]))
        found[code] = round(float(np.quantile(said, SPECIFIC)), 3) if without.any() else 0.5
    return found


def rounded(value: float, digits: int = 4) -> float | None:
    """Round what is a number; nothing where it is none."""
    return round(value, digits) if np.isfinite(value) else None
