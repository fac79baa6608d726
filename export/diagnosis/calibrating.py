"""From logits to probabilities: one slope and one offset for each statement and number of leads that are shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[Any]
FEW, SOME, ALL = 2, 5, 8
"""From so many of the eight leads on others hold: one lead, a few, most of them, all."""
LEAD_SETS: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "all": (tuple(range(8)),),
    "most": ((0, 1, 2, 3, 4, 5, 6), (0, 1, 3, 4, 5, 6, 7), (0, 1, 3, 5, 7)),
    "few": ((0, 1),),
    "one": ((0,), (1,)),
}
"""On which rows of the eight leads each is fitted, the most leads first."""
PULL = 1.0
"""How much a slope is held to 1, in records."""


def platt(logits: Floats, targets: Floats) -> tuple[float, float]:
    """Fit slope and offset of one statement to records, by likelihood; the slope is held near 1 by `PULL`."""
    if not 0.0 < targets.mean() < 1.0:
        return 1.0, 0.0

    def cost(theta: Floats) -> float:
        z = theta[0] * logits + theta[1]
        return float(np.sum(np.logaddexp(0.0, z) - targets * z) + PULL * (theta[0] - 1.0) ** 2)

    found = optimize.minimize(cost, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 5.0), (-10.0, 10.0)])
    return float(found.x[0]), float(found.x[1])


def fitted(logits: Mapping[str, Sequence[Floats]], targets: Floats, known: Floats) -> tuple[Floats, Floats]:
    """Fit all statements on every set of leads.

    Parameters
    ----------
    logits : by name of `LEAD_SETS`, shape (record, statement) each. Records that a network had not seen.
    targets : shape (record, statement). known : whether a record's statement is known, alike.

    Returns
    -------
    Slopes and offsets, shape (set, statement).
    """
    count = targets.shape[1]
    slopes, offsets = np.ones((len(LEAD_SETS), count)), np.zeros((len(LEAD_SETS), count))
    for place, name in enumerate(LEAD_SETS):
        parts = logits[name]
        for statement in range(count):
            rows = known[:, statement] > 0
            z = np.concatenate([part[rows, statement] for part in parts])
            y = np.tile(targets[rows, statement], len(parts))
            slopes[place, statement], offsets[place, statement] = platt(z, y)
    return slopes, offsets
