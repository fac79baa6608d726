"""How far a figure would move with other patients: records drawn with replacement."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
Counts = NDArray[np.float64]


def interval(counts: Counts, figure: Callable[[Counts], Counts]) -> list[float] | None:
    """Give the 95 % interval of a figure of pooled counts; always the same draws for as many records.

    Parameters
    ----------
    counts : shape (record, count).
    figure : of sums, shape (draw, count): the figure of each draw, NaN where it is undefined.

    Returns
    -------
    Lower and upper end, None below two records or where no draw defines the figure.
    """
    if len(counts) < 2:
        return None
    drawn = np.random.default_rng(0).integers(0, len(counts), (RESAMPLES, len(counts)))
    times = np.stack([np.bincount(row, minlength=len(counts)) for row in drawn])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = figure(times @ counts)
    values = values[np.isfinite(values)]
    return [round(float(np.quantile(values, part)), 4) for part in (0.025, 0.975)] if len(values) else None


def share(part: float, whole: float, *, scale: float = 100.0, digits: int = 4) -> float | None:
    """Give `part` of `whole`, in percent unless another scale is given; None where there is no whole."""
    return round(scale * part / whole, digits) if whole else None


def mean(values: list[float | None]) -> float | None:
    """Give the mean of those that are defined."""
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None
