"""Filters keep their response, and give the same bits however the samples are cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.filters import BadFilter, Recent, SlidingFir, band_pass, gabor_taps, low_pass_taps, mains_notch

FS_HZ = 360.0
SIGNAL = np.random.default_rng(3).normal(0, 1, 2000).cumsum()


def tone(frequency_hz: float, seconds: float = 20.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * FS_HZ)) / FS_HZ)


def settled_gain(y: np.ndarray) -> float:
    return float(np.abs(y[len(y) // 2 :]).max())


def in_pieces(push, cuts, x=SIGNAL):
    borders = [0, *sorted(cuts), len(x)]
    return [push(x[a:b]) for a, b in pairwise(borders)]


@given(cuts=st.lists(st.integers(0, len(SIGNAL)), max_size=30))
@settings(max_examples=40, deadline=None)
def test_a_recursive_filter_gives_the_same_bits_for_every_cut(cuts):
    whole = band_pass(FS_HZ).push(SIGNAL)
    assert np.array_equal(np.concatenate(in_pieces(band_pass(FS_HZ).push, cuts)), whole)


@given(cuts=st.lists(st.integers(0, len(SIGNAL)), max_size=30), step=st.sampled_from([1, 2, 3, 9]))
@settings(max_examples=40, deadline=None)
def test_a_sliding_fir_gives_the_same_bits_for_every_cut(cuts, step):
    taps = gabor_taps(120.0, centre_hz=11.0, sigma_s=0.03, lag=9)
    whole, cut = SlidingFir(taps, step=step), SlidingFir(taps, step=step)
    expected = np.concatenate([whole.push(SIGNAL), whole.flush()], axis=1)
    assert np.array_equal(np.concatenate([*in_pieces(cut.push, cuts), cut.flush()], axis=1), expected)
    assert expected.shape == (2, (len(SIGNAL) - 1) // step + 1)


def test_single_samples_give_the_same_bits():
    fir = SlidingFir(low_pass_taps(FS_HZ, cutoff_hz=45.0, lag=12), step=3)
    single = np.concatenate([fir.push(SIGNAL[i : i + 1]) for i in range(len(SIGNAL))], axis=1)
    again = SlidingFir(low_pass_taps(FS_HZ, cutoff_hz=45.0, lag=12), step=3)
    assert np.array_equal(single, again.push(SIGNAL))


def test_a_sliding_fir_is_centred_on_its_sample():
    x = np.zeros(300)
    x[150] = 1.0
    fir = SlidingFir(low_pass_taps(FS_HZ, cutoff_hz=45.0, lag=12), step=3)
    y = np.concatenate([fir.push(x), fir.flush()], axis=1)[0]
    assert int(np.argmax(y)) == 50


@pytest.mark.parametrize("frequency_hz", [3.0, 10.0, 25.0])
def test_the_band_pass_keeps_what_an_ecg_is_made_of(frequency_hz):
    assert settled_gain(band_pass(FS_HZ).push(tone(frequency_hz))) == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize("frequency_hz", [0.05, 120.0])
def test_the_band_pass_holds_back_wander_and_hiss(frequency_hz):
    assert settled_gain(band_pass(FS_HZ).push(tone(frequency_hz, 60.0))) < 0.1


def test_the_band_pass_starts_without_a_step():
    assert np.abs(band_pass(FS_HZ).push(np.full(1000, 250.0))).max() < 1e-6


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_the_notch_takes_the_mains_and_leaves_the_rest(mains_hz):
    assert settled_gain(mains_notch(FS_HZ, mains_hz=mains_hz).push(tone(mains_hz))) < 0.01
    assert settled_gain(mains_notch(FS_HZ, mains_hz=mains_hz).push(tone(20.0))) == pytest.approx(1.0, abs=0.02)


def test_the_gabor_bands_are_blind_to_a_constant():
    taps = gabor_taps(120.0, centre_hz=11.0, sigma_s=0.028, lag=9)
    assert np.abs(taps.sum(axis=1)).max() < 1e-12


def test_a_filter_that_cannot_be_is_refused():
    with pytest.raises(BadFilter):
        mains_notch(100.0, mains_hz=50.0)
    with pytest.raises(BadFilter):
        band_pass(FS_HZ, low_hz=0.0)


def test_reset_forgets_the_past():
    filter_ = band_pass(FS_HZ)
    first = filter_.push(SIGNAL)
    filter_.reset()
    assert np.array_equal(filter_.push(SIGNAL), first)


def test_recent_addresses_by_absolute_index():
    recent = Recent(start=100, keep=10)
    for start in range(100, 160, 7):
        recent.append(np.arange(start, start + 7, dtype=float))
    assert recent.end == 163
    assert recent.between(155, 160).tolist() == [155, 156, 157, 158, 159]
    assert recent.between(0, 1000).tolist() == list(range(recent.oldest, 163))
