"""The numbers of an epoch are those of the public features: Welch's spectrum as scipy gives it, variance, mobility."""

import numpy as np
import pytest
from scipy import signal

from biosignal.eeg.epoch_powers import BANDS_HZ, EPOCH, NUMBERS, RATE_HZ, measured, spectrum

T = np.arange(EPOCH) / RATE_HZ


def sine(hz, amplitude):
    return amplitude * np.sin(2 * np.pi * hz * T)


def noise(size, seed=1):
    return np.random.default_rng(seed).normal(0.0, size, EPOCH)


SIGNALS = {
    "a sine of 10 Hz": sine(10.0, 20.0),
    "white noise": noise(15.0),
    "noise on slow drift": noise(5.0) + np.linspace(0.0, 300.0, EPOCH) + sine(0.1, 80.0),
    "slow waves": sine(0.9, 60.0) + sine(13.5, 8.0) + noise(3.0),
    "half the rate": noise(1.0) + 12.0 * np.cos(np.pi * np.arange(EPOCH)),
    "a constant beside the signal": noise(10.0) + 4000.0,
}


@pytest.mark.parametrize("x", SIGNALS.values(), ids=SIGNALS)
def test_powers_are_the_mean_of_scipys_welch_in_each_band(x):
    hz, density = signal.welch(x * 1e-6, RATE_HZ, nperseg=256)
    got = dict(zip(NUMBERS, measured(x), strict=True))
    for band, (low, high) in BANDS_HZ.items():
        wanted = density[(hz >= low) & (hz <= high)].mean() * 1e12
        assert got[band] == pytest.approx(wanted, rel=1e-7, abs=1e-12), band
    np.testing.assert_allclose(spectrum(x), density * 1e12, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("x", SIGNALS.values(), ids=SIGNALS)
def test_variance_holds_the_drift_and_mobility_is_that_of_hjorth(x):
    got = dict(zip(NUMBERS, measured(x), strict=True))
    assert got["variance"] == pytest.approx(np.mean((x - x.mean()) ** 2))
    assert got["mobility"] == pytest.approx(np.sqrt(np.var(np.diff(x)) / np.var(x)))


def test_a_sine_lies_in_its_band_with_its_power():
    got = dict(zip(NUMBERS, measured(sine(10.0, 20.0)), strict=True))
    assert got["variance"] == pytest.approx(200.0)
    # 200 uV^2 over the 13 bins from 8 to 13 Hz; the window spreads a little into no other band.
    assert got["alpha"] * 13 * RATE_HZ / 256 == pytest.approx(200.0, rel=0.01)
    assert max(got[band] for band in BANDS_HZ if band != "alpha") < 1e-4 * got["alpha"]


def test_white_noise_has_the_same_density_in_every_band():
    rows = np.array([measured(noise(10.0, seed)) for seed in range(20)])
    flat = 2 * 100.0 / RATE_HZ
    np.testing.assert_allclose(rows[:, :4].mean(axis=0), flat, rtol=0.06)


def test_a_flat_epoch_has_no_power_and_no_mobility():
    assert measured(np.full(EPOCH, 37.0)).tolist() == [0.0] * len(NUMBERS)
