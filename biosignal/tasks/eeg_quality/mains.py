"""How much of what is fast is the hum of the mains, and how much is muscle."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.filters import Array
from biosignal.tasks.eeg_quality.pieces import fast_sections

MAINS_HZ = (50.0, 60.0)
OVERTONES = 3
OF_NYQUIST = 0.9
"""Tones above this share of half the sampling frequency are not looked for."""
LINE_SHARE = 0.35
"""Share of what is fast that the hum has at least: muscle of any size spreads over all tones."""


class Split(NamedTuple):
    """What is fast in each of several rows, shape (row,).

    `hum` is its peak in uV, 0 where it is no line of its own. `muscle` is the standard deviation of the rest in uV,
    taken from the median, so that a single spike or step does not count as muscle. `power` is that of both, in uV
    squared, with what the filter took from the hum.
    """

    hum: Array
    muscle: Array
    power: Array


class Hum:
    """Fits the mains and its overtones into half seconds of one length.

    Parameters
    ----------
    length : samples of each.
    """

    def __init__(self, fs_hz: float, length: int) -> None:
        self._tones = [
            (_tones(mains_hz, fs_hz, length), _gain(mains_hz, fs_hz))
            for mains_hz in MAINS_HZ
            if mains_hz < OF_NYQUIST * fs_hz / 2
        ]

    def split(self, fast: Array) -> "Split":
        """Split what is fast, shape (row, sample), into hum and the rest."""
        length = fast.shape[-1]
        whole = np.add.reduce(fast * fast, axis=-1)
        peak, most, lost = np.zeros((3, len(fast)))
        rest = fast
        for tones, gain in self._tones:
            shares = np.add.reduce(fast[:, np.newaxis, :] * tones, axis=-1)
            power = np.add.reduce(shares * shares, axis=-1)
            is_line = (power > most) & (power >= LINE_SHARE * whole) & (whole > 0)
            if not is_line.any():
                continue
            most = np.where(is_line, power, most)
            lost = np.where(is_line, power * (gain**-2 - 1.0), lost)
            peak = np.where(is_line, math.sqrt(2.0 / length) / gain * np.hypot(shares[:, 0], shares[:, 1]), peak)
            fitted = np.add.reduce(shares[:, :, np.newaxis] * tones, axis=1)
            rest = np.where(is_line[:, np.newaxis], fast - fitted, rest)
        return Split(peak, np.median(np.abs(rest), axis=-1) / 0.6745, (whole + lost) / length)


@lru_cache(maxsize=16)
def hum_of(fs_hz: float, length: int) -> Hum:
    """Remember the tones of a length: most pieces have one of two."""
    return Hum(fs_hz, length)


def _tones(mains_hz: float, fs_hz: float, length: int) -> NDArray[np.float64]:
    """Orthonormal rows, shape (tone, sample): cosine and sine of the mains first, then those of its overtones."""
    hz = [mains_hz * number for number in range(1, OVERTONES + 1) if mains_hz * number < OF_NYQUIST * fs_hz / 2]
    angles = 2 * np.pi * np.outer(hz, np.arange(length) / fs_hz)
    rows = [row for angle in angles for row in (np.cos(angle), np.sin(angle))]
    made, _ = np.linalg.qr(np.array(rows).T)
    return np.ascontiguousarray(made.T)


def _gain(hz: float, fs_hz: float) -> float:
    """Gain at a frequency of the filter behind which the hum is seen."""
    turn = np.exp(-2j * math.pi * hz / fs_hz)
    powers = np.array([1.0, turn, turn**2])
    gain = 1.0
    for section in fast_sections(fs_hz):
        gain *= abs(complex(section[:3] @ powers)) / abs(complex(section[3:] @ powers))
    return gain
