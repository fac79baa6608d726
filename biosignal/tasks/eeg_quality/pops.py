"""Electrode pops: an electrode's potential jumps within milliseconds and comes back slowly, on it alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array

JUMP_S = 0.012
NEAR_S = 0.03
"""What lies so near to the jump does not count for the level before and behind it: a spike is over by then."""
LEVEL_S = 0.07
KEPT = 0.4
"""Share of the jump that is still there: behind an epileptiform spike the potential is back."""
GOES_ON = 1.5
"""How many times the jump the change of the level is at most: eyes move the potential on for some 50 ms."""
STEEP = 8.0
"""How many times a lead's usual change within the same time the jump is at least."""


class Reach(NamedTuple):
    """Samples of a jump, of what is left out beside it, and of what is averaged there."""

    jump: int
    near: int
    level: int

    @property
    def before(self) -> int:
        """Samples before a piece that its look needs."""
        return self.jump + 2 * (self.near + self.level)


def reach_at(fs_hz: float) -> Reach:
    """Turn the times into samples."""
    return Reach(max(1, round(JUMP_S * fs_hz)), max(1, round(NEAR_S * fs_hz)), max(1, round(LEVEL_S * fs_hz)))


def pops(samples: Array, *, history: int, reach: Reach, least_uv: float, most_leads: int) -> NDArray[np.bool_]:
    """Look for jumps in the half second behind `history` samples, as far as what follows them is known.

    Parameters
    ----------
    samples : uV, shape (lead, history + sample).
    most_leads : jumps on more leads than this at once are no electrode's: a discharge of the brain, or the reference.

    Returns
    -------
    Which leads popped, shape (lead,).
    """
    jump, near, level = reach
    seen = samples[:, history - reach.before :]
    steps = seen[:, jump:] - seen[:, :-jump]
    looked = steps[:, near + level : -(near + level)]
    size = np.abs(looked)
    at = np.argmax(size, axis=1) + near + level
    found = np.zeros(len(samples), np.bool_)
    for lead in np.flatnonzero(np.max(size, axis=1) >= least_uv):
        begin, end = int(at[lead]), int(at[lead]) + jump
        step = steps[lead, begin]
        before = np.median(seen[lead, begin - near - level : begin - near])
        behind = np.median(seen[lead, end + near : end + near + level])
        usual = float(np.median(np.abs(steps[lead])))
        change = (behind - before) * np.sign(step) / abs(step)
        found[lead] = KEPT <= change <= GOES_ON and abs(step) >= STEEP * usual
    if np.count_nonzero(found) > most_leads:
        found[:] = False
    return found
