"""Spectra of the EEG are Welch's, as SciPy gives them; bands, edges and symmetry are what their definitions say."""

import numpy as np
import pytest
from scipy.signal import welch

from biosignal.eeg.spectrum import BANDS, LINES_HZ, WHOLE_HZ, Welch

RATES_HZ = (100.0, 128.0, 160.0, 250.0, 1000.0)
ALL_FIT = np.ones((2, 10), bool)


def noise(fs_hz, rows=2, seconds=10, seed=1):
    return np.random.default_rng(seed).normal(0, 10, (rows, round(fs_hz) * seconds)).cumsum(axis=1)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_the_density_is_scipys_of_the_same_samples(fs_hz):
    x = noise(fs_hz)
    hz, expected = welch(x, fs_hz, nperseg=4 * round(fs_hz))
    ours = Welch(fs_hz, seconds=10)
    np.testing.assert_allclose(ours.hz, hz, rtol=1e-12)
    np.testing.assert_allclose(ours.density(x, ALL_FIT, least=1), expected, rtol=1e-9)


def test_the_bands_join_and_add_up_to_the_whole():
    ours = Welch(250.0, seconds=10)
    density = ours.density(noise(250.0), ALL_FIT, least=1)
    powers = [ours.power(density, *BANDS[band]) for band in ("delta", "theta", "alpha", "beta")]
    np.testing.assert_allclose(sum(powers), ours.power(density, *WHOLE_HZ), rtol=1e-12)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize(
    ("at_hz", "band"), [(2.0, "delta"), (6.0, "theta"), (10.0, "alpha"), (20.0, "beta"), (40.0, "gamma")]
)
def test_a_sine_has_its_power_in_its_own_band(fs_hz, at_hz, band):
    x = 20.0 * np.sin(2 * np.pi * at_hz * np.arange(10 * round(fs_hz)) / fs_hz)[np.newaxis]
    ours = Welch(fs_hz, seconds=10)
    density = ours.density(x, ALL_FIT[:1], least=1)
    assert ours.power(density, *BANDS[band])[0] == pytest.approx(200.0, rel=1e-6)
    assert sum(ours.power(density, *limits)[0] for name, limits in BANDS.items() if name != band) < 1e-6


def test_a_window_with_a_second_that_is_not_fit_is_left_out():
    x, fit = noise(100.0), ALL_FIT.copy()
    fit[1, 1] = False
    x[1, 100:200] = 1e6
    ours = Welch(100.0, seconds=10)
    _, expected = welch(x[1, 200:], 100.0, nperseg=400)
    np.testing.assert_allclose(ours.density(x, fit, least=2)[1], expected, rtol=1e-9)
    assert np.isnan(ours.density(x, fit, least=4)[1]).all()
    assert np.isfinite(ours.density(x, fit, least=4)[0]).all()


def test_a_band_that_the_rate_cannot_hold_is_unknown():
    ours = Welch(80.0, seconds=10)
    density = ours.density(noise(80.0), ALL_FIT, least=1)
    assert np.isnan(ours.power(density, *BANDS["gamma"])).all()
    assert np.isfinite(ours.power(density, *BANDS["beta"])).all()


def test_the_edge_of_an_even_spectrum_lies_at_its_share():
    ours = Welch(200.0, seconds=10)
    even = np.ones((1, len(ours.hz)))
    low_hz, high_hz = WHOLE_HZ
    for share in (0.5, 0.9, 0.95):
        # The first line of 0.25 Hz reaches from 0.375 Hz on.
        assert ours.edge(even, share)[0] == pytest.approx(low_hz - 0.125 + share * (high_hz - low_hz), abs=1e-9)
    assert np.isnan(ours.edge(np.zeros_like(even), 0.95)[0])


def test_the_spectral_array_is_the_mean_around_each_line():
    ours = Welch(100.0, seconds=10)
    density = np.zeros((1, len(ours.hz)))
    density[0, (ours.hz >= 9.5) & (ours.hz < 10.5)] = 100.0
    density += 1.0
    lines = ours.lines_db(density)[0]
    assert lines[LINES_HZ.index(10)] == pytest.approx(10 * np.log10(101.0))
    assert lines[LINES_HZ.index(9)] == lines[LINES_HZ.index(11)] == 0.0


def test_asymmetry_has_the_sign_of_the_right_and_the_index_has_none():
    ours = Welch(100.0, seconds=10)
    one = ours.density(noise(100.0), ALL_FIT, least=1)
    assert ours.asymmetry(one, 3.0 * one) == pytest.approx([0.5, 0.5])
    assert ours.asymmetry(3.0 * one, one) == pytest.approx([-0.5, -0.5])
    assert ours.symmetry_index(one, one) == 0.0
    assert ours.symmetry_index(one, 3.0 * one) == ours.symmetry_index(3.0 * one, one) == pytest.approx(0.5)
    assert np.isnan(ours.symmetry_index(np.full_like(one, np.nan), one))
