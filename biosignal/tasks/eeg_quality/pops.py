"""Electrode pops: an electrode's potential jumps within milliseconds and comes back slowly, on it alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.electrodes import Derivation
from biosignal.signal.filters import Array

JUMP_S = 0.012
NEAR_S = 0.03
"""What lies so near to the jump does not count for the level before and behind it: a spike is over by then."""
LEVEL_S = 0.07
KEPT = 0.4
"""Share of the jump that is still there: behind an epileptiform spike the potential is back."""
GOES_ON = 2.0
"""How many times the jump the change of the level is at most: eyes move the potential on for some 50 ms."""
STEEP = 6.0
LARGEST = 2.0
"""How many times a lead's usual change within the same time the jump is at least, and its largest other one nearby."""
ALONE = 0.5
"""Share of the jump that no lead of another electrode shows within a tenth of a second: eyes and bursts move many."""
STANDS_OUT = 4.0
"""How many times its own usual change another lead changes where it shows the jump as well."""


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


def shared(derivations: Sequence[Derivation | None]) -> NDArray[np.bool_]:
    """Say which leads share an electrode, shape (lead, lead); one without a name may share one with any."""
    alike = np.eye(len(derivations), dtype=np.bool_)
    for number, one in enumerate(derivations):
        for place, other in enumerate(derivations):
            if one is None or other is None or _electrodes(one) & _electrodes(other):
                alike[number, place] = True
    return alike


def _electrodes(one: Derivation) -> set[str]:
    """Electrodes on the head of a derivation; what all leads are measured against is none."""
    return {one.anode} if one.cathode is None or one.is_referential else {one.anode, one.cathode}


def pops(samples: Array, alike: NDArray[np.bool_], *, history: int, reach: Reach, least_uv: float) -> NDArray[np.bool_]:
    """Look for jumps in the half second behind `history` samples, as far as what follows them is known.

    Parameters
    ----------
    samples : uV, shape (lead, history + sample).
    alike : which leads share an electrode, shape (lead, lead).

    Returns
    -------
    Which leads popped, shape (lead,).
    """
    jump, near, level = reach
    seen = samples[:, history - reach.before :]
    steps = seen[:, jump:] - seen[:, :-jump]
    size = np.abs(steps[:, near + level : -(near + level)])
    found = np.zeros(len(samples), np.bool_)
    largest = np.max(size, axis=1)
    if np.max(largest) < least_uv:
        return found
    at = np.argmax(size, axis=1) + near + level
    usual = np.median(np.abs(steps), axis=1)
    for lead in np.flatnonzero((largest >= least_uv) & (largest >= STEEP * usual)):
        begin, end = int(at[lead]), int(at[lead]) + jump
        step = steps[lead, begin]
        before = np.median(seen[lead, begin - near - level : begin - near])
        behind = np.median(seen[lead, end + near : end + near + level])
        change = (behind - before) * np.sign(step) / abs(step)
        nearby = np.abs(np.concatenate((steps[lead, : begin - near], steps[lead, end + near :])))
        at_once = np.max(np.abs(steps[:, begin - near - level : end + near + level]), axis=1)
        others = at_once >= np.maximum(ALONE * abs(step), STANDS_OUT * usual)
        found[lead] = (
            KEPT <= change <= GOES_ON and abs(step) >= LARGEST * np.max(nearby) and not np.any(others & ~alike[lead])
        )
    return found
