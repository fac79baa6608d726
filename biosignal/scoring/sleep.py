"""How stages of sleep, called epoch by epoch, compare to those a reader gave.

`whole` counts every epoch that the reader scored. `gross` counts those from half an hour before the first epoch of
sleep to half an hour behind the last, as most papers on Sleep-EDF do since Supratak 2017
(doi:10.1109/TNSRE.2017.2721116); which epochs those are, the reader's stages say. Kappa is Cohen's (1960,
doi:10.1177/001316446002000104). F1 of a stage that neither reader nor machine named in any epoch is undefined; macro F1
is the mean of all stages, and counts it as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.scoring.calibration import calibration

EDGE_EPOCHS = 60
"""Half an hour."""
WAKE = 0
UNSCORED = -1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StageScore:
    """Confusion of some nights: `matrix` int64, shape (stage of the reader, stage called); `ece` of the top stage."""

    stages: tuple[str, ...]
    matrix: NDArray[np.int64]
    ece: float | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were compared."""
        return int(self.matrix.sum())

    @property
    def accuracy(self) -> float | None:
        """Share of epochs called as the reader did, 0 to 1; None without an epoch."""
        return float(np.trace(self.matrix) / self.epochs) if self.epochs else None

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance; None where chance alone agrees on all, or without an epoch."""
        if not self.epochs:
            return None
        shares = self.matrix / self.epochs
        chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
        return None if chance >= 1.0 else float((np.trace(shares) - chance) / (1.0 - chance))

    @property
    def f1(self) -> tuple[float | None, ...]:
        """F1 of each stage, 0 to 1; None where neither named it."""
        both = self.matrix.sum(axis=0) + self.matrix.sum(axis=1)
        hits = np.diag(self.matrix)
        return tuple(None if not total else float(2 * hit / total) for hit, total in zip(hits, both, strict=True))

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 over all stages, 0 to 1; None without an epoch."""
        return float(np.mean([one or 0.0 for one in self.f1])) if self.epochs else None

    def to_json(self) -> dict[str, Any]:
        """Write it as JSON values: percent, but kappa and ece."""
        return {
            "epochs": self.epochs,
            "accuracy": _percent(self.accuracy),
            "macro_f1": _percent(self.macro_f1),
            "kappa": None if self.kappa is None else round(self.kappa, 4),
            "f1": {stage: _percent(one) for stage, one in zip(self.stages, self.f1, strict=True)},
            "share": {
                stage: _percent(float(row.sum()) / self.epochs if self.epochs else None)
                for stage, row in zip(self.stages, self.matrix, strict=True)
            },
            "ece": None if self.ece is None else round(self.ece, 4),
            "confusion": self.matrix.tolist(),
        }


def around_sleep(reference: NDArray[np.int64]) -> slice:
    """Half an hour before the first epoch of sleep to half an hour behind the last; all where nobody slept."""
    asleep = np.flatnonzero(reference > WAKE)
    if not len(asleep):
        return slice(0, len(reference))
    return slice(max(0, int(asleep[0]) - EDGE_EPOCHS), int(asleep[-1]) + 1 + EDGE_EPOCHS)


def score_stages(reference: NDArray[np.int64], scores: NDArray[np.floating], *, stages: Sequence[str]) -> StageScore:
    """Compare a reader's stages to probabilities.

    Parameters
    ----------
    reference : index into `stages` for each epoch, shape (epoch,); `UNSCORED` is left out.
    scores : probabilities, shape (epoch, stage); an epoch whose row has NaN was not answered and is left out.

    Raises
    ------
    BadInput : lengths differ, or a stage is none of `stages`.
    """
    if scores.shape != (len(reference), len(stages)) or np.any(reference >= len(stages)):
        raise BadInput("stages and probabilities differ in shape", stages=len(reference), scores=scores.shape)
    kept = (reference > UNSCORED) & np.isfinite(scores).all(axis=1)
    truth, stated = reference[kept], scores[kept]
    matrix = np.zeros((len(stages), len(stages)), np.int64)
    np.add.at(matrix, (truth, stated.argmax(axis=1)), 1)
    ece = calibration(stated.astype(np.float32), truth).top_label if len(truth) else None
    return StageScore(stages=tuple(stages), matrix=matrix, ece=ece)


def surest(reference: NDArray[np.int64], scores: NDArray[np.floating], share: float) -> tuple[float, float] | None:
    """Accuracy of the surest part of the epochs, 0 to 1, and the probability from which on they count.

    Returns
    -------
    None without an epoch that was scored.
    """
    kept = (reference > UNSCORED) & np.isfinite(scores).all(axis=1)
    truth, stated = reference[kept], scores[kept]
    if not len(truth):
        return None
    top = stated.max(axis=1)
    order = np.argsort(-top, kind="stable")[: max(1, int(share * len(truth)))]
    right = stated.argmax(axis=1)[order] == truth[order]
    return float(right.mean()), float(top[order[-1]])


def onset_of(
    is_in: NDArray[np.bool_], epochs: int, *, but: int = 0, known: NDArray[np.bool_] | None = None
) -> int | None:
    """First epoch asleep, or in REM sleep, of so many in a row, of which all are so `but` a few; None: there is none.

    Epochs that are not `known` neither begin, nor end, nor count in a row.
    """
    places = np.arange(len(is_in)) if known is None else np.flatnonzero(known)
    rows = is_in[places]
    for first in range(len(rows) - epochs + 1):
        if rows[first] and np.count_nonzero(rows[first : first + epochs]) >= epochs - but:
            return int(places[first])
    return None


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100.0 * value, 2)
