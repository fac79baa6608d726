"""The amplitude-integrated EEG: its filter's slope, its scale, its margins, and that cuts change nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import sosfreqz

from biosignal.eeg.amplitude import MIDDLE_HZ, PER_SECOND, Envelope, height, margins
from biosignal.signal import filter_design

RATES_HZ = (100.0, 160.0, 250.0, 256.0, 1000.0)


def read(x, fs_hz):
    """Margins of the last ten seconds of one row that is followed by the second."""
    envelope, second = Envelope(fs_hz), round(fs_hz)
    rows = [envelope.push(x[np.newaxis, first : first + second]) for first in range(0, len(x) - second + 1, second)]
    return margins(np.concatenate(rows, axis=1)[:, -10 * PER_SECOND :])[:, 0]


def sine(at_hz, fs_hz, uv=50.0, seconds=20):
    """A sine of so many uV peak to peak."""
    return uv / 2 * np.sin(2 * np.pi * at_hz * np.arange(seconds * round(fs_hz)) / fs_hz)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_a_sine_in_the_middle_of_the_band_reads_its_peak_to_peak(fs_hz):
    assert read(sine(MIDDLE_HZ, fs_hz), fs_hz) == pytest.approx([50.0, 50.0], rel=0.05)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_the_gain_rises_by_twelve_decibels_a_decade_inside_the_band(fs_hz):
    for at_hz in (2.5, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0):
        expected = 50.0 * (at_hz / MIDDLE_HZ) ** 0.6
        low, high = read(sine(at_hz, fs_hz), fs_hz)
        assert (low + high) / 2 == pytest.approx(expected, rel=0.12), at_hz  # 1 dB


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize(("at_hz", "least_db"), [(0.5, 45.0), (1.0, 24.0), (25.0, 14.0), (40.0, 30.0)])
def test_what_lies_outside_of_the_band_is_taken_off(fs_hz, at_hz, least_db):
    assert read(sine(at_hz, fs_hz), fs_hz)[1] < 50.0 * 10 ** (-least_db / 20) * 1.1


def test_margins_are_quantiles_of_what_is_known():
    row = np.arange(101.0)
    unknown = np.where(np.arange(101) % 2 == 0, row, np.nan)
    low, high = margins(np.stack([row, unknown, np.full(101, np.nan)]))
    assert low[0] == 10.0
    assert high[0] == 90.0
    assert low[1] == 10.0
    assert high[1] == 90.0
    assert np.isnan([low[2], high[2]]).all()


def test_the_display_is_linear_to_ten_microvolts_and_logarithmic_above():
    assert [height(uv) for uv in (0.0, 5.0, 10.0, 100.0)] == [0.0, 0.5, 1.0, 2.0]


@given(cuts=st.lists(st.integers(1, 9), max_size=9))
@settings(max_examples=25, deadline=None)
def test_rows_filtered_in_pieces_give_the_same_bits(cuts):
    x = np.random.default_rng(4).normal(0, 20, (3, 2000))
    whole = Envelope(200.0).push(x)
    alone, pieces = Envelope(200.0), []
    for first, last in pairwise([0, *sorted({200 * cut for cut in cuts}), 2000]):
        pieces.append(alone.push(x[:, first:last]))
    assert whole.shape == (3, PER_SECOND)
    assert np.array_equal(pieces[0], whole)


@pytest.mark.parametrize("fs_hz", RATES_HZ)
def test_a_pole_and_a_zero_step_from_one_gain_to_the_other(fs_hz):
    sections = filter_design.pole_and_zero(fs_hz, zero_hz=1.0, pole_hz=4.0)
    _, gain = sosfreqz(sections, [1e-3, 2.0, 0.499 * fs_hz], fs=fs_hz)
    assert np.abs(gain) == pytest.approx([1.0, 2.0, 4.0], rel=0.02)
