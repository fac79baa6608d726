"""Blinks: a smooth wave of some tenths of a second, large at the frontopolar electrodes and small elsewhere.

Source of amplitude, length and field: Iwasaki et al. (doi:10.1016/j.clinph.2004.11.001). A lead alone cannot show a
blink: a slow wave of sleep looks the same there.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.electrodes import Derivation
from biosignal.signal.filters import Array

FRONTOPOLAR = ("Fp1", "Fpz", "Fp2", "AF7", "AF8")
NEAR_EYES = (*FRONTOPOLAR, "AFz", "AF3", "AF4", "F7", "F8", "F5", "F6", "F3", "F4", "Fz", "F1", "F2", "F9", "F10")
SMOOTH_S = 0.04
SHORTEST_S, LONGEST_S = 0.08, 0.3
"""How long a blink is above half of its height."""
STANDS_OUT = 5.0
"""How many times a lead's usual standard deviation a blink is high."""
MOST_USUAL_UV = 30.0
"""A lead that usually shows more is in slow waves, and one of them is not told from a blink."""
ELSEWHERE = 0.4
"""Share of its height that the leads away from the eyes see at most, at the median."""
AROUND_S = 0.2
QUIET_ELSEWHERE = 0.25
"""Share of its height that their standard deviation is at most, within so long before and behind."""
TOGETHER_S = 0.06
"""How far the tops of the two eyes lie apart at most."""
REMEMBERED = 20
"""So many half seconds say what a lead's usual standard deviation is."""
QUIET_QUANTILE = 0.25
"""Blinks themselves may fill most of them."""
LEAST_KNOWN = 3


class Blinks:
    """Looks for blinks in half seconds that follow each other.

    Parameters
    ----------
    derivations : of the leads, None where a name says no electrode.
    """

    def __init__(self, derivations: Sequence[Derivation | None], fs_hz: float) -> None:
        known = [(lead, one) for lead, one in enumerate(derivations) if one is not None]
        signs = [(lead, _sign(one)) for lead, one in known if _sign(one)]
        self._rows = np.array([lead for lead, _ in signs], np.intp)
        self._signs = np.array([[sign] for _, sign in signs], np.float64)
        self._elsewhere = np.array(
            [lead for lead, one in known if not {one.anode, one.cathode} & set(NEAR_EYES)], np.intp
        )
        sides = [_side(one) for _, one in known if _sign(one)]
        self._sides = np.array(sides, np.int64)
        self._smooth = max(1, round(SMOOTH_S * fs_hz))
        self._around, self._together = round(AROUND_S * fs_hz), TOGETHER_S * fs_hz
        self._widths = SHORTEST_S * fs_hz, LONGEST_S * fs_hz
        self._usual: list[Array] = []

    @property
    def can_see(self) -> bool:
        """Whether there are leads at the eyes and leads away from them."""
        return bool(len(self._rows) and len(self._elsewhere))

    def find(self, samples: Array, *, history: int, least_uv: float) -> NDArray[np.bool_]:
        """Look for a blink that ends in the half second behind `history` samples.

        Parameters
        ----------
        samples : uV, shape (lead, history + sample).

        Returns
        -------
        Which leads show it, shape (lead,).
        """
        found = np.zeros(len(samples), np.bool_)
        eyes = samples[self._rows]
        known = self._usual[-REMEMBERED:]
        self._usual = [*known, np.std(eyes, axis=1)]
        swing_uv = np.max(np.max(eyes, axis=1) - np.min(eyes, axis=1))
        if len(known) < LEAST_KNOWN or swing_uv < least_uv:
            return found
        usual = np.sort(known, axis=0)[int(QUIET_QUANTILE * len(known))]
        smooth = _smoothed(samples, self._smooth)
        smooth -= np.median(smooth, axis=1, keepdims=True)
        waves = self._signs * smooth[self._rows]
        away = smooth[self._elsewhere]
        least = np.maximum(least_uv, STANDS_OUT * usual)
        tops = {}
        for number in np.flatnonzero((np.max(waves, axis=1) >= least) & (usual <= MOST_USUAL_UV)).tolist():
            top = int(np.argmax(waves[number]))
            if self._is_blink(waves[number], top, away, first_end=history - self._smooth):
                tops[number] = top
        found[self._rows[self._of_both_eyes(tops)]] = True
        return found

    def _is_blink(self, wave: Array, top: int, away: Array, *, first_end: int) -> bool:
        """Whether the wave has a blink's length, ends here, and is not seen away from the eyes."""
        begin, end = _half(wave, top)
        if not (begin > 0 and first_end <= end < len(wave) - 1 and self._widths[0] <= end - begin <= self._widths[1]):
            return False
        seen = np.abs(np.mean(away[:, begin:end], axis=1))
        around = away[:, max(0, begin - self._around) : end + self._around]
        return bool(
            np.median(seen) <= ELSEWHERE * np.mean(wave[begin:end])
            and np.median(np.std(around, axis=1)) <= QUIET_ELSEWHERE * wave[top]
        )

    def _of_both_eyes(self, tops: dict[int, int]) -> list[int]:
        """Leave out what one eye shows alone, where leads of both are there."""
        if not {-1, 1} <= set(self._sides.tolist()):
            return list(tops)
        return [
            number
            for number, top in tops.items()
            if any(
                abs(top - other) <= self._together and self._sides[number] != self._sides[place]
                for place, other in tops.items()
            )
        ]


def _sign(one: Derivation) -> int:
    """Which way a blink goes in a derivation; 0 where it is not seen or two electrodes see it alike."""
    if one.anode in FRONTOPOLAR:
        return 0 if one.cathode in FRONTOPOLAR else 1
    return -1 if one.cathode in FRONTOPOLAR else 0


def _side(one: Derivation) -> int:
    """Which eye a derivation looks at: -1 the left, 1 the right, 0 both."""
    electrode = one.anode if one.anode in FRONTOPOLAR else one.cathode or ""
    return 0 if not electrode[-1:].isdecimal() else 1 if int(electrode[-1]) % 2 == 0 else -1


def _smoothed(samples: Array, width: int) -> Array:
    """Running mean over so many samples, shape (lead, sample - width + 1)."""
    summed = np.cumsum(samples - samples[:, :1], axis=1)
    summed[:, width:] -= summed[:, :-width].copy()
    smooth: Array = summed[:, width - 1 :] / width
    return smooth


def _half(wave: Array, top: int) -> tuple[int, int]:
    """First and one past the last sample around its top where a wave is above half of it."""
    below = wave < 0.5 * wave[top]
    before, behind = np.flatnonzero(below[:top]), np.flatnonzero(below[top:])
    return (int(before[-1]) + 1 if len(before) else 0), (int(behind[0]) + top if len(behind) else len(wave))
