"""Whether a classifier's probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Expected calibration errors, 0 to 1.

    Parameters
    ----------
    top_label : of the chosen class's probability, 15 equal bins (Guo et al. 2017, arXiv:1706.04599).
    by_class : of each class's probability.
    weighted : `by_class`, weighted by how often the class occurs. A plain mean looks tiny for rare classes.
    brier : mean over beats of the summed squared error.
    """

    top_label: float
    by_class: tuple[float, ...]
    weighted: float
    brier: float


def calibration(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """Compare probabilities, shape (beat, class), with true classes, shape (beat,); at least one beat."""
    probabilities = scores.astype(np.float64)
    truth = np.eye(probabilities.shape[1])[labels]
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    by_class = tuple(expected_error(probabilities[:, one], truth[:, one]) for one in range(probabilities.shape[1]))
    return Calibration(
        top_label=expected_error(probabilities.max(axis=1), right),
        by_class=by_class,
        weighted=float(np.dot(by_class, truth.mean(axis=0))),
        brier=float(((probabilities - truth) ** 2).sum(axis=1).mean()),
    )


def expected_error(stated: NDArray[np.float64], happened: NDArray[np.float64]) -> float:
    """Give how far stated probabilities, shape (answer,), are from how often it happened, 1 or 0: 0 to 1, 15 bins."""
    bins = np.minimum((stated * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=stated - happened, minlength=BINS)
    return float(np.abs(gaps).sum() / stated.size)
