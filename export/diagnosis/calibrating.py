"""From what network and trees say to probabilities: weights and an offset for each statement and set of leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[Any]
ByLeads = Mapping[str, Sequence[Floats]]
"""Logits by name of `LEAD_SETS`, for each of its sets: shape (record, statement)."""
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
"""How much the weights are held to sharing one evenly, in records."""
MOST_WEIGHT, MOST_OFFSET = 5.0, 10.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Joined:
    """Weights of what the network and the trees say, and offsets, each of shape (set, statement).

    `alone` and `alone_offsets` hold where nothing was measured, and the network speaks by itself.
    """

    network: Floats
    trees: Floats
    offsets: Floats
    alone: Floats
    alone_offsets: Floats

    def logits(self, network: ByLeads, trees: ByLeads) -> dict[str, list[Floats]]:
        """Join what both say of records."""
        return {
            name: [
                one * self.network[at] + other * self.trees[at] + self.offsets[at]
                for one, other in zip(network[name], trees[name], strict=True)
            ]
            for at, name in enumerate(LEAD_SETS)
        }


def weighed(logits: Floats, targets: Floats) -> tuple[Floats, float]:
    """Fit the weights of several logits, shape (record, logit), and an offset, by likelihood; no weight is negative."""
    count = logits.shape[1]
    if not 0.0 < targets.mean() < 1.0:
        return np.full(count, 1.0 / count), 0.0

    def cost(theta: Floats) -> float:
        z = logits @ theta[:count] + theta[count]
        return float(np.sum(np.logaddexp(0.0, z) - targets * z) + PULL * np.sum((theta[:count] - 1.0 / count) ** 2))

    bounds = [(0.05 / count, MOST_WEIGHT)] * count + [(-MOST_OFFSET, MOST_OFFSET)]
    begin = np.append(np.full(count, 1.0 / count), 0.0)
    found = optimize.minimize(cost, begin, method="L-BFGS-B", bounds=bounds).x
    return found[:count], float(found[count])


def platt(logits: Floats, targets: Floats) -> tuple[float, float]:
    """Fit slope and offset of one statement to records, by likelihood; the slope is held near 1 by `PULL`."""
    slopes, offset = weighed(logits[:, np.newaxis], targets)
    return float(slopes[0]), offset


def joined(network: ByLeads, trees: ByLeads, targets: Floats, known: Floats) -> Joined:
    """Fit all statements on every set of leads.

    Parameters
    ----------
    network, trees : logits of records that neither had seen.
    targets : shape (record, statement). known : whether a record's statement is known, alike.
    """
    shape = (len(LEAD_SETS), targets.shape[1])
    found = {name: np.zeros(shape) for name in ("network", "trees", "offsets", "alone", "alone_offsets")}
    for at, name in enumerate(LEAD_SETS):
        for statement in range(targets.shape[1]):
            rows = known[:, statement] > 0
            one, two = (np.concatenate([part[rows, statement] for part in said[name]]) for said in (network, trees))
            y = np.tile(targets[rows, statement], len(network[name]))
            both, found["offsets"][at, statement] = weighed(np.stack([one, two], axis=1), y)
            found["network"][at, statement], found["trees"][at, statement] = both
            found["alone"][at, statement], found["alone_offsets"][at, statement] = platt(one, y)
    return Joined(**found)
