"""How far two readers agree beyond chance: Cohen's kappa (1960, doi:10.1177/001316446002000104) with an interval.

The interval is Wilson's (1927, doi:10.1080/01621459.1927.10502953) of the share on which they agree, with the
agreement by chance held as it was seen. It does not shrink to a point where a few readings agree in all, and never
leaves [-1, 1]. It takes readings as independent; beats of one recording are not, and it is narrower than it should be.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Z_95 = 1.959964


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """What `n` things called by both readers come to: `same` were called alike.

    `kappa` is 1 where all were, 0 where chance gives as much; `low` and `high` bound it with 95 % confidence. All three
    are None without a thing, and where both readers called everything by one and the same label: chance explains it.
    """

    n: int
    same: int
    kappa: float | None
    low: float | None
    high: float | None


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Compare what two readers called the same things, one pair of labels a thing."""
    n, same = len(pairs), sum(first == second for first, second in pairs)
    if not n:
        return Agreement(n=0, same=0, kappa=None, low=None, high=None)
    first, second = Counter(one for one, _ in pairs), Counter(one for _, one in pairs)
    chance = sum(first[label] * second[label] for label in first) / n**2
    if chance >= 1.0:
        return Agreement(n=n, same=same, kappa=None, low=None, high=None)
    bounds = wilson(same, n)
    kappa, low, high = ((share - chance) / (1.0 - chance) for share in (same / n, *bounds))
    return Agreement(n=n, same=same, kappa=kappa, low=max(-1.0, low), high=high)


def wilson(hits: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Bound a share by Wilson's interval, 0 to 1; `n` is at least 1."""
    share, weight = hits / n, z * z / n
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)
