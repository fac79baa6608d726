"""Power spectra of the EEG, its bands, and the numbers that are made of them.

Welch's method (Welch 1967, doi:10.1109/TAU.1967.1161901): Hann windows of 4 s, half of each over the next, the mean of
each removed, their periodograms averaged; 0.25 Hz apart. It is what `scipy.signal.welch` gives for the same samples.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.seconds import second_length
from biosignal.signal.filters import Array

SEGMENT_S = 4
OVERLAP_S = 2
BANDS: Mapping[str, tuple[float, float]] = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 50.0),
}
"""From the first up to, but not with, the second, in Hz."""
WHOLE_HZ = (0.5, 30.0)
"""What edges, shares and asymmetry are of: above it lie muscles and mains, below it sweat and movement."""
SYMMETRY_HZ = (1.0, 25.0)
LINES_HZ = tuple(range(1, 31))
"""Lines of the spectral array; each is the mean over half a hertz to either side."""


class Welch:
    """Spectra of stretches of whole seconds.

    Parameters
    ----------
    seconds : length of a stretch; its first window begins with it.
    """

    def __init__(self, fs_hz: float, *, seconds: int) -> None:
        second = second_length(fs_hz)
        self._length = SEGMENT_S * second
        self._firsts = range(0, seconds - SEGMENT_S + 1, OVERLAP_S)
        self._second = second
        self._window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(self._length) / self._length)
        density: Array = np.ones(self._length // 2 + 1) * (2.0 / (fs_hz * float(np.sum(self._window**2))))
        density[0] *= 0.5
        if self._length % 2 == 0:
            density[-1] *= 0.5
        self._density = density
        self.hz: Array = np.arange(self._length // 2 + 1, dtype=np.float64) * (fs_hz / self._length)
        """Frequencies of the spectrum, shape (frequency,)."""
        self.step_hz = fs_hz / self._length

    @property
    def windows(self) -> int:
        """How many windows a stretch holds."""
        return len(self._firsts)

    def density(self, x: Array, fit: NDArray[np.bool_], *, least: int) -> Array:
        """Estimate the power density of a stretch.

        Parameters
        ----------
        x : shape (row, sample).
        fit : shape (row, second): the second can be relied on; a window needs all of its own.
        least : a row with fewer windows than this has no spectrum.

        Returns
        -------
        Shape (row, frequency), the unit of `x` squared per Hz; NaN where there is none.
        """
        used = np.stack([fit[:, first : first + SEGMENT_S].all(axis=1) for first in self._firsts])
        total = np.zeros((len(x), len(self.hz)))
        for window, first in zip(used, self._firsts, strict=True):
            segment = x[:, first * self._second : first * self._second + self._length]
            spectrum = np.fft.rfft((segment - segment.mean(axis=1, keepdims=True)) * self._window)
            total += np.where(window[:, np.newaxis], spectrum.real**2 + spectrum.imag**2, 0.0)
        count = used.sum(axis=0)
        count = np.where(count >= least, count, np.nan)
        return np.asarray(total * self._density / count[:, np.newaxis])

    def within(self, low_hz: float, high_hz: float) -> slice:
        """Give the places of the frequencies from the first up to, but not with, the second."""
        # A frequency that is the border itself must not fall to either side by its rounding.
        low, high = np.searchsorted(self.hz, (low_hz - 0.25 * self.step_hz, high_hz - 0.25 * self.step_hz))
        return slice(int(low), int(high))

    def power(self, density: Array, low_hz: float, high_hz: float) -> Array:
        """Sum the density from the first up to, but not with, the second; NaN where the rate is too low for it.

        Parameters
        ----------
        density : shape (row, frequency).

        Returns
        -------
        Shape (row,), such as uV^2.
        """
        if self.hz[-1] < high_hz - self.step_hz:
            return np.full(len(density), np.nan)
        return np.asarray(density[:, self.within(low_hz, high_hz)].sum(axis=1) * self.step_hz)

    def edge(self, density: Array, share: float) -> Array:
        """Find the spectral edge: the frequency below which `share` of the power of `WHOLE_HZ` lies, shape (row,).

        Within a line of the spectrum its power is taken as even. NaN where there is no power.
        """
        part = self.within(*WHOLE_HZ)
        sums = np.cumsum(density[:, part], axis=1)
        wanted = share * sums[:, -1:]
        place = np.minimum(np.sum(sums < wanted, axis=1), sums.shape[1] - 1)[:, np.newaxis]
        until = np.take_along_axis(sums, place, axis=1)
        inside = np.take_along_axis(density[:, part], place, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            edge = self.hz[part.start] + (place + 0.5 - (until - wanted) / inside) * self.step_hz
        return np.asarray(np.where(sums[:, -1:] > 0, edge, np.nan)[:, 0])

    def lines_db(self, density: Array) -> Array:
        """Give the spectral array: 10 log10 of the mean density around each of `LINES_HZ`, shape (row, line)."""
        with np.errstate(divide="ignore"):
            lines = [density[:, self.within(at - 0.5, at + 0.5)].mean(axis=1) for at in LINES_HZ]
            return np.asarray(10.0 * np.log10(np.stack(lines, axis=1)))

    def asymmetry(self, left: Array, right: Array) -> Array:
        """How much more power the right has than the left, -1 to 1, shape (pair,); of densities (pair, frequency)."""
        return _contrast(self.power(left, *WHOLE_HZ), self.power(right, *WHOLE_HZ))

    def symmetry_index(self, left: Array, right: Array) -> float:
        """Give the brain symmetry index of all pairs together, 0 (alike) to 1; NaN where no pair is known.

        The contrast of each frequency from 1 to 25 Hz is averaged over the pairs, its size over the frequencies (van
        Putten 2004, doi:10.1161/01.STR.0000144649.49861.1d).
        """
        part = self.within(*SYMMETRY_HZ)
        contrast = _contrast(left[:, part], right[:, part])
        known = np.isfinite(contrast).all(axis=1)
        return float(np.abs(contrast[known].mean(axis=0)).mean()) if known.any() else float("nan")


def _contrast(left: Array, right: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((right - left) / (right + left))
