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
SHORTEST_S, LONGEST_S = 0.06, 0.4
"""How long a blink is above half of its height."""
STANDS_OUT = 4.0
"""How many times a lead's usual standard deviation a blink is high."""
ELSEWHERE = 0.4
"""Share of its height that the leads away from the eyes see at most, at the median."""
REMEMBERED = 20
"""So many half seconds say what a lead's usual standard deviation is."""
QUIET_QUANTILE = 0.3
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
        self._smooth = max(1, round(SMOOTH_S * fs_hz))
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
        usual = np.quantile(self._usual, QUIET_QUANTILE, axis=0) if len(self._usual) >= LEAST_KNOWN else None
        self._usual.append(np.std(eyes[:, history:], axis=1))
        del self._usual[:-REMEMBERED]
        if usual is None or np.max(np.max(eyes, axis=1) - np.min(eyes, axis=1)) < least_uv:
            return found
        smooth = _smoothed(samples, self._smooth)
        smooth -= np.median(smooth, axis=1, keepdims=True)
        waves = self._signs * smooth[self._rows]
        for number, wave in enumerate(waves):
            top = int(np.argmax(wave))
            height = wave[top]
            if height < max(least_uv, STANDS_OUT * usual[number]):
                continue
            begin, end = _half(wave, top)
            ends_here = history - self._smooth <= end < len(wave) - 1
            if begin > 0 and ends_here and self._widths[0] <= end - begin <= self._widths[1]:
                away = np.abs(np.mean(smooth[self._elsewhere, begin:end], axis=1))
                found[self._rows[number]] = np.median(away) <= ELSEWHERE * np.mean(wave[begin:end])
        return found


def _sign(one: Derivation) -> int:
    """Which way a blink goes in a derivation; 0 where it is not seen or two electrodes see it alike."""
    if one.anode in FRONTOPOLAR:
        return 0 if one.cathode in FRONTOPOLAR else 1
    return -1 if one.cathode in FRONTOPOLAR else 0


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
