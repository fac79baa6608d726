"""Signal quality by record, held against the verdict of experts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from biosignal.events import QualityLevel
from export.report.analysed import Analysed
from export.report.interval import RESAMPLES, share
from export.report.reading import Signals
from export.report.sets import NoSet

ACCEPTABLE = "acceptable"
AT_SPECIFICITY = 0.95
_WORTH = {QualityLevel.USABLE: 1.0, QualityLevel.DEGRADED: 0.5, QualityLevel.REJECTED: 0.0}
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityScore:
    """One record: the mean worth of its seconds over all leads, 0 to 1, and what the experts said."""

    record: str
    score: float
    acceptable: bool


def score_quality(signals: Signals, found: Analysed, label: Sequence[str]) -> QualityScore:
    """Score one record: a usable second counts 1, a degraded one a half, a rejected one nothing.

    Raises
    ------
    NoSet : no expert said whether it is acceptable.
    """
    if not label:
        raise NoSet("nobody said whether the record is acceptable", record=signals.name)
    worth = [_WORTH[level] for levels in found.quality.values() for level in levels]
    return QualityScore(
        record=signals.name, score=float(np.mean(worth)) if worth else 0.0, acceptable=label[0] == ACCEPTABLE
    )


def quality_figures(scores: Sequence[QualityScore]) -> dict[str, Any]:
    """Put the records together: `gross` with the area under the curve of acceptable against unacceptable."""
    score = np.array([one.score for one in scores])
    good = np.array([one.acceptable for one in scores], bool)
    return {
        "gross": {
            "records": len(scores),
            "acceptable": int(good.sum()),
            "auroc": _rounded(auroc(score, good)),
            "se_at_sp95": _se_at_specificity(score, good),
            "accuracy_best": _best_accuracy(score, good),
        },
        "average": {},
        "interval": {"auroc": _interval(score, good)},
        "records": [
            {"record": one.record, "score": round(one.score, 4), "acceptable": one.acceptable} for one in scores
        ],
    }


def auroc(score: Values, positive: NDArray[np.bool_]) -> float | None:
    """Give the chance that a positive record scores above a negative one, ties half; None without both."""
    count = int(positive.sum())
    other = len(positive) - count
    if not count or not other:
        return None
    ranks = float(rankdata(score)[positive].sum())
    return (ranks - count * (count + 1) / 2) / (count * other)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _cuts(score: Values) -> Values:
    """Every way to call records bad: those at or below a score."""
    return np.concatenate([[-np.inf], np.unique(score)])


def _se_at_specificity(score: Values, good: NDArray[np.bool_]) -> float | None:
    """Give the share of unacceptable records found where at least 95 % of the acceptable ones are let through."""
    if good.all() or not good.any():
        return None
    kept = [cut for cut in _cuts(score) if float(np.mean(score[good] > cut)) >= AT_SPECIFICITY]
    return share(int(np.sum(score[~good] <= max(kept))), int(np.sum(~good)))


def _best_accuracy(score: Values, good: NDArray[np.bool_]) -> float | None:
    """Give the accuracy at the best cut for these very records: an upper bound."""
    return share(max((int(np.sum((score > cut) == good)) for cut in _cuts(score)), default=0), len(score))


def _interval(score: Values, good: NDArray[np.bool_]) -> list[float] | None:
    random = np.random.default_rng(0)
    drawn = [random.integers(0, len(score), len(score)) for _ in range(RESAMPLES)] if len(score) > 1 else []
    values = [value for rows in drawn if (value := auroc(score[rows], good[rows])) is not None]
    return [round(float(np.quantile(values, part)), 4) for part in (0.025, 0.975)] if values else None
