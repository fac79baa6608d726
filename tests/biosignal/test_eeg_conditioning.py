"""Filters over many leads: the same bits however cut, no step at the start, nothing made up where samples miss."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.eeg.conditioning import HELD_S, SLEEP_BAND, WIDE_BAND, HeldRows, conditioner
from biosignal.signal.filters import BadFilter

FS_HZ = 250.0


def tone(hz, uv=50.0, seconds=20.0, fs_hz=FS_HZ):
    return uv * np.sin(2 * np.pi * hz * np.arange(round(seconds * fs_hz)) / fs_hz)


def filtered(x, *, cuts=(), fs_hz=FS_HZ, **choices):
    made = conditioner(fs_hz, rows=len(x), **choices)
    return np.concatenate([made.push(x[:, a:b]) for a, b in pairwise([0, *sorted(cuts), x.shape[1]])], axis=1)


def rms_behind(y, seconds=10.0):
    return float(np.sqrt(np.mean(y[:, round(seconds * FS_HZ) :] ** 2)))


@given(data=st.data())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_same_bits_come_out_however_the_samples_are_cut_and_whatever_is_missing(data):
    x = np.random.default_rng(3).normal(0, 40, (3, 600)).astype(np.float32)
    for row in range(3):
        first = data.draw(st.integers(0, 600))
        x[row, first : first + data.draw(st.integers(0, 200))] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    cuts = data.draw(st.lists(st.integers(0, 600), max_size=20))
    whole = filtered(x, mains_hz=50.0)
    assert np.array_equal(filtered(x, cuts=cuts, mains_hz=50.0), whole, equal_nan=True)
    assert np.array_equal(np.isnan(whole), ~np.isfinite(x))


def test_an_electrodes_offset_is_no_step():
    x = np.stack([tone(10.0) + 20_000.0, tone(10.0)])
    y = filtered(x, band=SLEEP_BAND)
    assert np.max(np.abs(y[0])) < 75
    assert np.allclose(y[0], y[1], atol=1e-6)


@pytest.mark.parametrize(
    ("band", "kept", "lost"), [(SLEEP_BAND, (1.0, 12.0, 30.0), 70.0), (WIDE_BAND, (2.0, 40.0), 100.0)]
)
def test_a_band_keeps_what_lies_in_it(band, kept, lost):
    for hz in kept:
        assert rms_behind(filtered(tone(hz)[np.newaxis], band=band)) > 0.7 * 50 / np.sqrt(2)
    assert rms_behind(filtered(tone(lost)[np.newaxis], band=band)) < 0.3 * 50 / np.sqrt(2)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_the_notch_takes_out_the_mains_and_leaves_alpha(mains_hz):
    x = (tone(mains_hz, 200.0) + tone(10.0, 30.0))[np.newaxis]
    y = filtered(x, mains_hz=mains_hz)
    assert rms_behind(y) == pytest.approx(30 / np.sqrt(2), rel=0.05)


def test_behind_a_long_loss_the_filter_begins_anew_and_over_a_short_one_it_goes_on():
    x = tone(10.0)[np.newaxis].copy()
    long = round(2 * HELD_S * FS_HZ)
    x[0, 2500 : 2500 + long] = np.nan
    x[0, 2500 + long :] += 30_000.0
    assert np.nanmax(np.abs(filtered(x, band=SLEEP_BAND))) < 75
    x = tone(10.0)[np.newaxis].copy()
    x[0, 2500] = np.nan
    assert np.nanmax(np.abs(filtered(x, band=SLEEP_BAND))) < 75


@pytest.mark.parametrize("choices", [{"mains_hz": 125.0}, {"mains_hz": -50.0}, {"band": WIDE_BAND, "fs_hz": 1.0}])
def test_a_filter_that_does_not_exist_is_refused(choices):
    with pytest.raises(BadFilter):
        conditioner(choices.pop("fs_hz", FS_HZ), rows=1, **choices)


@given(data=st.data())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_what_is_missing_is_held_however_the_samples_are_cut(data):
    x = np.random.default_rng(1).normal(0, 1, (2, 50)).astype(np.float32)
    x[0, :5] = np.nan
    x[1, 10:20] = np.nan
    cuts = data.draw(st.lists(st.integers(0, 50), max_size=8))
    held = HeldRows(np.array([1.0, 1000.0]))
    y = np.concatenate([held.push(x[:, a:b])[0] for a, b in pairwise([0, *sorted(cuts), 50])], axis=1)
    assert not y[0, :5].any()
    assert np.array_equal(y[0, 5:], x[0, 5:].astype(np.float64))
    assert set(y[1, 10:20]) == {1000.0 * np.float64(x[1, 9])}
