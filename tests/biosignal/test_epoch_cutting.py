"""Epochs at 100 Hz out of any rate: aligned to the recording, whole, and the same however the samples come."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.eeg.epoch_cutting import Cutter
from biosignal.eeg.epoch_powers import EPOCH, NUMBERS, measured

SECONDS = 65.0


def cut(x, fs_hz, *, start=0, pieces=()):
    cutter, borders = Cutter(fs_hz, start), sorted({0, *(at for at in pieces if at < len(x)), len(x)})
    return [one for a, b in pairwise(borders) for one in cutter.push(x[a:b])]


def wave(fs_hz, seconds=SECONDS, start=0):
    t = (start + np.arange(round(seconds * fs_hz))) / fs_hz
    return 30 * np.sin(2 * np.pi * 1.3 * t) + 10 * np.sin(2 * np.pi * 11.0 * t) + 4 * np.sin(2 * np.pi * 33.0 * t)


@given(
    fs_hz=st.sampled_from([100.0, 128.0, 173.61, 250.0, 256.0]),
    start=st.integers(0, 4000),
    pieces=st.lists(st.integers(1, 16000), max_size=12),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_bits_are_the_same_however_the_samples_are_cut(fs_hz, start, pieces):
    x = wave(fs_hz, start=start) + np.random.default_rng(start).normal(0.0, 5.0, round(SECONDS * fs_hz))
    x[500:900] = np.nan
    once, often = cut(x, fs_hz, start=start), cut(x, fs_hz, start=start, pieces=pieces)
    assert [(one.start, one.end, one.decided_at, one.valid) for one in once] == [
        (one.start, one.end, one.decided_at, one.valid) for one in often
    ]
    assert all((a.microvolts == b.microvolts).all() for a, b in zip(once, often, strict=True))


@pytest.mark.parametrize("fs_hz", [128.0, 160.0, 173.61, 200.0, 250.0, 256.0, 500.0, 1000.0])
def test_a_faster_lead_has_the_numbers_of_one_at_100_hz(fs_hz):
    wanted = measured(cut(wave(100.0), 100.0)[1].microvolts)
    got = measured(cut(wave(fs_hz), fs_hz)[1].microvolts)
    np.testing.assert_allclose(got, wanted, rtol=0.01, atol=1e-3, err_msg=", ".join(NUMBERS))


@pytest.mark.parametrize("hz", [55.0, 60.0, 80.0, 110.0])
def test_what_lies_above_50_hz_does_not_fold_back(hz):
    t = np.arange(40 * 250) / 250.0
    epoch = cut(100.0 * np.sin(2 * np.pi * hz * t), 250.0)[0].microvolts
    assert np.sqrt(np.mean(epoch[100:] ** 2)) < 0.02 * 100.0


def test_at_100_hz_an_epoch_is_its_samples_and_known_with_the_last_one():
    x = wave(100.0)
    first, second = cut(x, 100.0)
    assert (first.microvolts == x[:EPOCH]).all()
    assert (second.start, second.end, second.decided_at) == (3000, 6000, 5999)


def test_epochs_are_aligned_to_the_start_of_the_recording_and_only_whole_ones_are_given():
    found = cut(wave(250.0, 70.0), 250.0, start=1000)
    assert [(one.start, one.end) for one in found] == [(7500, 15000)]
    assert 15000 <= found[0].decided_at <= 15000 + 0.2 * 250


def test_invalid_samples_are_held_over_and_counted():
    x = wave(100.0)
    x[1000:1600] = np.nan
    found = cut(x, 100.0)[0]
    assert found.valid == pytest.approx(0.8)
    assert (found.microvolts[1000:1600] == x[999]).all()


def test_nothing_later_changes_an_epoch():
    x, fs_hz = wave(256.0), 256.0
    first = cut(x, fs_hz)[0]
    changed = x.copy()
    changed[first.decided_at + 1 :] = 1e6
    assert (cut(changed, fs_hz)[0].microvolts == first.microvolts).all()
    changed = x.copy()
    changed[first.decided_at] = 1e6
    assert not (cut(changed, fs_hz)[0].microvolts == first.microvolts).all()
