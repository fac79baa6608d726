"""Several band-passes of one signal at once, without delay between them: what lies in each is compared by the sample.

Each is a windowed sinc of four seconds, applied through one spectrum of five (overlap-save; A. V. Oppenheim, R. W.
Schafer, *Discrete-Time Signal Processing*, 3rd ed., 8.7.3), so a second is known once two more are in. The same five
seconds give the same bits, however they came.
"""

from collections.abc import Mapping

import numpy as np

from biosignal.eeg.seconds import second_length
from biosignal.signal.filter_design import hamming_low_pass
from biosignal.signal.filters import Array

REACH_S = 2
"""A second is known so many seconds later, and touched by so many before it."""
HELD_S = 2 * REACH_S + 1


class FilterBank:
    """Filters the middle second of five.

    Parameters
    ----------
    bands : low and high corner (-6 dB) in Hz of each, above 0 and below half the rate; the slopes are 0.8 Hz wide.
    """

    def __init__(self, fs_hz: float, bands: Mapping[str, tuple[float, float]]) -> None:
        self._second = second_length(fs_hz)
        self._length = HELD_S * self._second
        lag = REACH_S * self._second
        self.bands = tuple(bands)
        taps = [
            hamming_low_pass(fs_hz, cutoff_hz=high_hz, lag=lag) - hamming_low_pass(fs_hz, cutoff_hz=low_hz, lag=lag)
            for low_hz, high_hz in bands.values()
        ]
        self._response = np.fft.rfft(np.stack(taps), n=self._length)

    def middle(self, held: Array) -> Array:
        """Filter five seconds, shape (sample,); give the middle one through each band, shape (band, sample)."""
        filtered = np.fft.irfft(np.fft.rfft(held) * self._response, n=self._length)
        return np.asarray(filtered[:, (HELD_S - 1) * self._second :])
