"""Whether answers are as often right as they say, and what is left of them where only the surest are taken."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.scoring.calibration import expected_error
from export.report.interval import share

KEPT_SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)


def calibration_error(stated: NDArray[np.float64], happened: NDArray[np.bool_]) -> float | None:
    """Give the expected calibration error in percent, over 15 equal bins; None without an answer.

    Parameters
    ----------
    stated, happened : shape (answer,): how probable something was said to be, 0 to 1, and whether it was so.
    """
    if not len(stated):
        return None
    return round(100.0 * expected_error(stated.astype(np.float64), happened.astype(np.float64)), 4)


def risk_by_coverage(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Give the share of wrong answers among the surest, a row for each of `KEPT_SHARES`; no row without an answer.

    Answers that are as sure as the last one that is kept are kept too: `coverage` is what is kept in percent, `wrong`
    what is wrong of it, `sure_from` the least sureness in it, which is the threshold below which one would abstain.

    Source
    ------
    El-Yaniv & Wiener 2010, J Mach Learn Res 11:1605-1641 (risk and coverage of a classifier that may abstain).
    """
    rows: list[dict[str, Any]] = []
    by_sureness = np.sort(sure)[::-1]
    for part in KEPT_SHARES if len(sure) else ():
        least = float(by_sureness[max(1, round(part * len(sure))) - 1])
        kept = sure >= least
        count = int(kept.sum())
        rows.append(
            {
                "coverage": share(count, len(sure)),
                "wrong": share(int((~right & kept).sum()), count),
                "sure_from": round(least, 4),
            }
        )
    return rows
