"""Leads to channels of a montage, in microvolts, through the filters whose outputs a second is measured on."""

import numpy as np

from biosignal.eeg.montage import Montage
from biosignal.signal import filter_design
from biosignal.signal.blocks import MILLIVOLT_PER, Lead, Samples
from biosignal.signal.filters import Array
from biosignal.signal.sections import run_rows, settled_state

BAND_HZ = (1.0, 30.0)
"""Where the waves of a seizure seen from the scalp lie."""
SLOWEST_HZ = 3.0
"""The amplitude is taken above it: below lies what eyes, sweat and electrodes do."""
MUSCLE_HZ = 35.0
MAINS_HZ = (50.0, 60.0)
NOTCH = 5.0
"""Centre over width of the notches: wide, for what is next to the mains is only muscle here."""

UV_PER_MV = 1000.0


class Conditioning:
    """Filters one unbroken stretch of all leads; make a new one behind a gap.

    Invalid samples are held at the last valid value; `known` says which there were.
    """

    def __init__(self, leads: tuple[Lead, ...], montage: Montage, *, fs_hz: float) -> None:
        self._montage = montage
        self._to_uv = np.array([[UV_PER_MV * MILLIVOLT_PER[lead.unit]] for lead in leads])
        self._held = np.zeros((len(leads), 1))
        notches = [filter_design.notch(fs_hz, centre_hz=hz, quality=NOTCH) for hz in MAINS_HZ if hz * 1.1 < fs_hz / 2]
        self._clean = _Rows(np.concatenate(notches)) if notches else None
        high_hz = min(BAND_HZ[1], 0.45 * fs_hz)
        self._band = _Rows(filter_design.butterworth_band_pass(fs_hz, low_hz=BAND_HZ[0], high_hz=high_hz))
        self._fast = _Rows(filter_design.butterworth_high_pass(fs_hz, corner_hz=SLOWEST_HZ))
        self._muscle = _Rows(filter_design.butterworth_high_pass(fs_hz, corner_hz=min(MUSCLE_HZ, 0.35 * fs_hz)))

    def push(self, samples: Samples) -> Array:
        """Filter the next samples.

        Parameters
        ----------
        samples : float32, shape (lead, sample), in the units of the leads.

        Returns
        -------
        float64, shape (4, channel, sample), in uV: as derived, the band, the band from `SLOWEST_HZ` up, and muscle.
        """
        derived = self._montage.derive(self._valid(samples))
        clean = derived if self._clean is None else self._clean.push(derived)
        band = self._band.push(clean)
        return np.stack((derived, band, self._fast.push(band), self._muscle.push(clean)))

    def _valid(self, samples: Samples) -> Array:
        scaled: Array = samples * self._to_uv
        valid = np.isfinite(scaled)
        if not valid.all():
            latest = np.maximum.accumulate(np.where(valid, np.arange(scaled.shape[1]), -1), axis=1)
            rows = np.arange(len(scaled))[:, np.newaxis]
            scaled = np.where(latest < 0, self._held, scaled[rows, np.maximum(latest, 0)])
        self._held = scaled[:, -1:]
        return scaled


class _Rows:
    """A filter over the rows of several channels, starting as if the first sample had been there for ever."""

    def __init__(self, sections: Array) -> None:
        self._sections = np.ascontiguousarray(sections)
        self._state: Array | None = None

    def push(self, x: Array) -> Array:
        if self._state is None:
            self._state = np.ascontiguousarray(x[:, :1, np.newaxis] * settled_state(self._sections))
        return run_rows(self._sections, x, self._state)
