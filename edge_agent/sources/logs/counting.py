"""A column that counts samples or packets: its step, the width at which it wraps, and what it says is missing."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.logs.grid import Missing

LOST = "lost"
BEGAN_ANEW = "counter-restarted"
_REGULAR = 0.9  # of the steps
_OF_BOARDS = (100_000, 129, 201)  # Emotiv counts to 128, a Ganglion to 200
_NATURAL = frozenset(
    {*(2**bits for bits in (3, 4, 5, 6, 7, 8, 10, 12, 15, 16, 24, 31, 32)), 10, 100, 1000, 10_000, *_OF_BOARDS}
)


def step_of(numbers: NDArray[np.float64]) -> float | None:
    """The step of a column that counts; None where it does not."""
    whole = numbers[np.isfinite(numbers)]
    if len(whole) < 3 or (whole != np.round(whole)).any():
        return None
    steps = np.diff(whole)
    step, count = Counter(steps.tolist()).most_common(1)[0]
    width = width_of(whole, step) if step > 0 else None
    turns = 0 if width is None else int(np.count_nonzero(steps == step - width))
    return float(step) if step > 0 and count + turns >= _REGULAR * len(steps) else None


def width_of(numbers: NDArray[np.float64], step: float) -> float | None:
    """At how many the counter wraps; None where it does not, or where only a restart was seen."""
    steps = np.diff(numbers[np.isfinite(numbers)])
    turns = Counter((step - fall).item() for fall in steps[steps < 0])
    if not turns:
        return None
    width, count = turns.most_common(1)[0]
    if count >= 2 or width in _NATURAL:
        return float(width)
    # Rows are missing just where it wrapped: the next natural width above what was seen.
    highest = float(np.nanmax(numbers))
    return next((float(each) for each in sorted(_NATURAL) if highest < each <= highest + 8 * step), None)


def missing_by(numbers: NDArray[np.float64]) -> tuple[Missing, ...]:
    """What a counter says is missing: a lower bound, as whole turns do not show."""
    step = step_of(numbers)
    if step is None:
        return ()
    width = width_of(numbers, step)
    known = _without_damaged(numbers, step)
    found = []
    for row in _places(known, step, width):
        last, since = _last_known(known, row)
        if last is None:
            continue
        distance = float(known[row]) - last
        if distance < 0 and width is not None:
            distance %= width
        count = round(distance / step) - since
        if distance < 0:
            found.append(Missing(row=row, count=0, reason=BEGAN_ANEW))
        elif count > 0:
            found.append(Missing(row=row, count=count, reason=LOST))
    return tuple(found)


def _without_damaged(numbers: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """NaN for a number that is none of its neighbours': the next one goes on from the one before."""
    known: NDArray[np.float64] = numbers.copy()
    around = numbers[2:] - numbers[:-2] == 2 * step
    known[1:-1][around & (numbers[1:-1] != numbers[:-2] + step)] = np.nan
    return known


def _places(numbers: NDArray[np.float64], step: float, width: float | None) -> list[int]:
    steps = np.diff(numbers)
    good = steps == step
    if width is not None:
        good |= steps == step - width
    return [int(place) + 1 for place in np.flatnonzero(~good & np.isfinite(numbers[1:]))]


def _last_known(numbers: NDArray[np.float64], row: int) -> tuple[float | None, int]:
    for since in range(1, min(row, 64) + 1):
        if np.isfinite(numbers[row - since]):
            return float(numbers[row - since]), since
    return None, 1
