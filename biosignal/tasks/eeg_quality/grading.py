"""What each half second of each lead is, all leads at once; what is rare is looked at closely only where it may be.

The limits were set on the synthetic patient and by what a scalp shows at all; no recording of a person set them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.electrodes import derivation_of
from biosignal.signal.blocks import Lead, Unit
from biosignal.signal.filters import Array
from biosignal.tasks.eeg_quality.blinks import Blinks
from biosignal.tasks.eeg_quality.bridges import Bridges, Pair
from biosignal.tasks.eeg_quality.kinds import Grade
from biosignal.tasks.eeg_quality.limits import EegQualityLimits
from biosignal.tasks.eeg_quality.mains import hum_of
from biosignal.tasks.eeg_quality.pieces import Pieces
from biosignal.tasks.eeg_quality.pops import pops, reach_at, shared

STILL_SHARE = 0.98
"""Share of samples equal to the one before at which a lead is flat."""
RESTING_SHARE = 0.08
RESTING_REJECTED = 0.2
"""Share of samples that rest where the front end ends."""
AT_RAIL = 0.99
MISSING_REJECTED = 0.1
SHORTEST_S = 0.2
"""Of a shorter piece only what is missing is said."""
FAST_MAY_BE = 0.65
"""Below this share of the lowest limit the root mean square of what is fast can be neither muscle nor mains."""
LEFT_OF_HUM = 0.8
"""Share of the peak of a hum that muscle has at least where there is one."""
NOTCHED = 3.0
"""How many times what is slower the hum is, root mean squares, where it rejects: of a hum that lies 0.05 Hz beside it a
notch leaves six hundredths."""

Grades = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Graded:
    """Half seconds that follow each other: the grade of each lead, shape (piece, lead), and which pairs are one."""

    grades: Grades
    bridges: Sequence[Sequence[Pair]]


class Grading:
    """Grades the half seconds of one unbroken stretch; make a new one behind a gap."""

    def __init__(self, leads: Sequence[Lead], fs_hz: float) -> None:
        derivations = [derivation_of(lead.name) for lead in leads]
        self._fs_hz = fs_hz
        self._scaled = np.array([lead.unit is not Unit.RAW for lead in leads])
        self._plain = np.where(self._scaled, int(Grade.USABLE), int(Grade.UNCALIBRATED))
        self._lowest = np.full(len(leads), np.inf)
        self._highest = np.full(len(leads), -np.inf)
        self._reach = reach_at(fs_hz)
        self._blinks = Blinks(derivations, fs_hz)
        self._bridges = Bridges(derivations)
        self._alike = shared(derivations)

    def grade(self, pieces: Pieces, limits: EegQualityLimits) -> Graded:
        """Grade half seconds of one length that follow the last ones."""
        missing = pieces.missing
        lost = np.where(missing > MISSING_REJECTED, int(Grade.MISSING), int(Grade.SOME_MISSING))
        grades = np.where(missing > 0, lost, self._plain)
        if pieces.length < SHORTEST_S * self._fs_hz:
            return Graded(grades, [()] * len(pieces))
        here = pieces.samples[:, :, pieces.history :]
        low, high = np.min(here, axis=2), np.max(here, axis=2)
        for worse in (
            self._resting(here, low, high, limits),
            self._fast(pieces.fast, here, limits),
            self._moving(high - low, limits),
        ):
            grades = np.maximum(grades, worse)
        swing = np.max(pieces.samples, axis=2) - np.min(pieces.samples, axis=2)
        self._popping(pieces, swing, grades, limits)
        bridges = self._placed(pieces, here, grades, limits)
        return Graded(grades, bridges)

    def _resting(self, here: Array, low: Array, high: Array, limits: EegQualityLimits) -> Grades:
        """Flat, lead off and saturated."""
        still = np.count_nonzero(here[:, :, 1:] == here[:, :, :-1], axis=2) / (here.shape[2] - 1)
        lowest = np.minimum(np.minimum.accumulate(low, axis=0), self._lowest)
        highest = np.maximum(np.maximum.accumulate(high, axis=0), self._highest)
        self._lowest, self._highest = lowest[-1], highest[-1]
        stuck = still >= STILL_SHARE
        flat = stuck | (self._scaled & (high - low < limits.flat_uv))
        if limits.rail_uv is None:
            at_low, at_high = low <= lowest, high >= highest
            off = stuck & (lowest < highest) & (at_low | at_high)
        else:
            at_low, at_high = low <= -AT_RAIL * limits.rail_uv, high >= AT_RAIL * limits.rail_uv
            off = flat & (at_low | at_high)
        grades = np.where(off, int(Grade.LEAD_OFF), np.where(flat, int(Grade.FLAT), 0))
        for piece, lead in np.argwhere((still >= RESTING_SHARE) & ~flat & (at_low | at_high)):
            x = here[piece, lead]
            ends = [end[piece, lead] for is_at, end in ((at_low, low), (at_high, high)) if is_at[piece, lead]]
            resting = np.isin(x, ends)
            share = np.count_nonzero(resting[1:] & resting[:-1]) / len(x)
            if share >= RESTING_SHARE:
                grades[piece, lead] = Grade.SATURATED if share >= RESTING_REJECTED else Grade.SOMETIMES_SATURATED
        return grades

    def _fast(self, fast: Array, here: Array, limits: EegQualityLimits) -> Grades:
        """Muscle and mains: they reject what they swamp, and degrade what is still larger than they are."""
        grades = np.zeros(fast.shape[:2], np.int64)
        power = np.add.reduce(fast * fast, axis=2) / fast.shape[2]
        least = FAST_MAY_BE * min(limits.muscle_uv, limits.mains_uv)
        where = np.nonzero(self._scaled & (power >= least * least))
        if not len(where[0]):
            return grades
        hum, muscle, both = hum_of(self._fs_hz, fast.shape[2]).split(fast[where])
        slow = np.sqrt(np.maximum(np.var(here[where], axis=1) - both, 0.0))
        # What is left of a hum that changes is none of the muscles'.
        muscle = np.where((hum >= limits.mains_uv) & (muscle < LEFT_OF_HUM * hum), 0.0, muscle)
        found = np.where(muscle >= limits.muscle_uv, int(Grade.SOME_MUSCLE), 0)
        found = np.maximum(found, np.where(hum >= limits.mains_uv, int(Grade.SOME_MAINS), 0))
        is_muscle = muscle >= np.maximum(limits.muscle_rejected_uv, slow)
        is_hum = hum >= np.maximum(limits.mains_rejected_uv, NOTCHED * math.sqrt(2.0) * slow)
        found = np.maximum(found, np.where(is_muscle, int(Grade.MUSCLE), 0))
        grades[where] = np.maximum(found, np.where(is_hum, int(Grade.MAINS), 0))
        return grades

    def _moving(self, swing: Array, limits: EegQualityLimits) -> Grades:
        some = np.where(swing >= limits.movement_uv, int(Grade.SOME_MOVEMENT), 0)
        return np.where(self._scaled, np.where(swing >= limits.movement_rejected_uv, int(Grade.MOVEMENT), some), 0)

    def _popping(self, pieces: Pieces, swing: Array, grades: Grades, limits: EegQualityLimits) -> None:
        """Raise the grade where an electrode popped; a lead that is off or saturated anyway jumps at its own rail."""
        for piece in np.flatnonzero(np.any(self._scaled & (swing >= limits.pop_uv), axis=1)):
            found = pops(
                pieces.samples[piece],
                self._alike,
                history=pieces.history,
                reach=self._reach,
                least_uv=limits.pop_uv,
            )
            found &= self._scaled
            grades[piece] = np.maximum(grades[piece], np.where(found, int(Grade.POP), 0))

    def _placed(self, pieces: Pieces, here: Array, grades: Grades, limits: EegQualityLimits) -> list[list[Pair]]:
        """Raise the grade where an eye blinked, or where two electrodes are one; give those pairs."""
        bridges = []
        candidates = self._bridges.candidates(here, limits.bridged_uv)
        if not self._blinks.can_see and not any(candidates):
            return candidates
        for piece in range(len(pieces)):
            row = grades[piece]
            good = self._scaled & (row < int(Grade.SOME_MAINS))
            alike = [pair for pair in candidates[piece] if good[pair[0]] and good[pair[1]]]
            pairs = self._bridges.find(here[piece], alike, limits.bridged_uv)
            for pair in pairs:
                row[list(pair)] = np.maximum(row[list(pair)], int(Grade.BRIDGED))
            bridges.append(pairs)
            if self._blinks.can_see:
                found = self._blinks.find(pieces.samples[piece], history=pieces.history, least_uv=limits.blink_uv)
                grades[piece] = np.maximum(row, np.where(found & good, int(Grade.BLINK), 0))
        return bridges
