"""A rhythm is found by its autocorrelation, at its own frequency and not at a part of it."""

import numpy as np
import pytest

from biosignal.eeg.rhythmicity import autocorrelation, rhythmicity

FS_HZ = 256.0


def tone(hz, seconds=2.0, fs_hz=FS_HZ):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * fs_hz)) / fs_hz)


def found(x, fs_hz=FS_HZ):
    strength, hz = rhythmicity(np.atleast_2d(x), fs_hz=fs_hz, low_hz=1.2, high_hz=20.0)
    return float(strength[0]), float(hz[0])


@pytest.mark.parametrize("fs_hz", [100.0, 160.0, 256.0, 1000.0])
@pytest.mark.parametrize("hz", [1.5, 2.5, 4.0, 7.0, 10.0, 16.0])
def test_a_pure_tone_has_its_own_frequency_and_almost_one(hz, fs_hz):
    strength, at_hz = found(tone(hz, fs_hz=fs_hz), fs_hz)
    assert strength > 0.9
    # A period is a whole number of samples.
    assert abs(fs_hz / at_hz - fs_hz / hz) <= 1.0


def test_sharp_waves_have_the_frequency_of_their_period():
    phase = (np.arange(512) / FS_HZ * 3.0) % 1.0
    x = np.exp(-0.5 * ((phase - 0.5) / 0.05) ** 2)
    strength, hz = found(x - x.mean())
    assert strength > 0.9
    assert hz == pytest.approx(3.0, abs=0.05)


def test_noise_has_little_rhythm_and_a_tone_in_it_more():
    random = np.random.default_rng(0)
    noise = np.convolve(random.normal(0, 1, (40 * 512)), np.ones(6) / 6, "same").reshape(40, 512)
    alone, _ = rhythmicity(noise, fs_hz=FS_HZ, low_hz=1.2, high_hz=20.0)
    mixed, hz = rhythmicity(noise + tone(3.0), fs_hz=FS_HZ, low_hz=1.2, high_hz=20.0)
    assert np.median(alone) < 0.35
    assert np.median(mixed) > 0.6
    assert np.median(hz) == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("x", [np.zeros(512), np.linspace(-1, 1, 512)])
def test_what_does_not_repeat_has_no_frequency(x):
    strength, hz = found(x)
    assert (strength, np.isnan(hz)) == (0.0, True)


def test_the_channels_do_not_mix():
    x = np.stack([tone(3.0), tone(7.0), np.zeros(512)])
    together = rhythmicity(x, fs_hz=FS_HZ, low_hz=1.2, high_hz=20.0)
    for row in range(3):
        alone = rhythmicity(x[row : row + 1], fs_hz=FS_HZ, low_hz=1.2, high_hz=20.0)
        assert np.array_equal([one[0] for one in alone], [one[row] for one in together], equal_nan=True)


def test_the_autocorrelation_is_that_of_the_two_stretches_it_compares():
    x = np.random.default_rng(1).normal(0, 1, (2, 300))
    made = autocorrelation(x, 40)
    for lag in (0, 1, 17, 40):
        ahead, behind = x[:, : 300 - lag], x[:, lag:]
        energy = np.sqrt((ahead**2).sum(axis=1) * (behind**2).sum(axis=1))
        assert made[:, lag] == pytest.approx((ahead * behind).sum(axis=1) / energy)
