"""Other rates: the same samples however they are cut, in their place, and nothing that folds down."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.resampling import Ratio, Resampler, ratio_to

RATIOS = [Ratio(up=1, down=2), Ratio(up=1, down=5), Ratio(up=1, down=16), Ratio(up=2, down=1), Ratio(up=3, down=1)]


def resampled(x, ratio, *, cuts=(), start=0):
    """All outputs and the index of the first."""
    made = Resampler(ratio, rows=len(x), start=start)
    first = made.next
    borders = sorted({0, x.shape[1], *cuts})
    parts = [made.push(x[:, a:b]) for a, b in pairwise(borders)]
    return first, np.concatenate([*parts, made.flush()], axis=1)


@given(st.floats(50.0, 8000.0), st.sets(st.sampled_from([100.0, 250.0, 500.0, 512.0, 1000.0])))
def test_every_rate_is_brought_where_it_can_be_read_and_no_other_lead_is(fs_hz, taken_hz):
    ratio = ratio_to(fs_hz, low_hz=100.0, high_hz=1000.0, taken_hz=taken_hz)
    if 100.0 <= fs_hz <= 1000.0:
        assert ratio is None
    else:
        assert 100.0 <= ratio.rate_of(fs_hz) <= 1000.0
        assert ratio.rate_of(fs_hz) not in taken_hz
        assert min(ratio.up, ratio.down) == 1


@pytest.mark.parametrize("fs_hz", [49.9, 8001.0, 10.0])
def test_rates_beyond_are_left_alone(fs_hz):
    assert ratio_to(fs_hz, low_hz=100.0, high_hz=1000.0) is None


@pytest.mark.parametrize(
    ("fs_hz", "to_hz"), [(2048, 512), (2000, 500), (1024, 512), (5000, 500), (8000, 500), (60, 120)]
)
def test_rates_of_recorders_come_to_those_of_monitors(fs_hz, to_hz):
    assert ratio_to(fs_hz, low_hz=100.0, high_hz=1000.0).rate_of(fs_hz) == to_hz


@settings(max_examples=60, deadline=None)
@given(data=st.data(), ratio=st.sampled_from(RATIOS), start=st.integers(0, 5000), seed=st.integers(0, 99))
def test_the_outputs_do_not_depend_on_the_cut(data, ratio, start, seed):
    x = np.random.default_rng(seed).normal(size=(2, 400)).astype(np.float32)
    for _ in range(data.draw(st.integers(0, 3))):
        first = data.draw(st.integers(0, 399))
        x[seed % 2, first : first + data.draw(st.integers(1, 60))] = np.nan
    cuts = data.draw(st.lists(st.integers(0, 400), max_size=30))
    first, whole = resampled(x, ratio, start=start)
    assert resampled(x, ratio, start=start, cuts=cuts)[1].tobytes() == whole.tobytes()
    assert first == ratio.first_from(start)
    assert first + whole.shape[1] == ratio.first_from(start + 400)


@settings(max_examples=40, deadline=None)
@given(ratio=st.sampled_from(RATIOS), start=st.integers(0, 5000), length=st.integers(1, 300))
def test_an_output_comes_as_soon_as_the_samples_it_needs_are_in_and_no_sooner(ratio, start, length):
    made = Resampler(ratio, rows=1, start=start)
    for sample in range(start, start + length):
        before = made.next
        made.push(np.ones((1, 1), np.float32))
        assert all(ratio.place(output) + ratio.half <= sample for output in range(before, made.next))
        assert ratio.place(made.next) + ratio.half > sample


@pytest.mark.parametrize("ratio", RATIOS)
def test_what_is_slow_stays_in_its_place_and_what_would_fold_down_is_gone(ratio):
    fs_hz, lower_hz = 1000.0, 1000.0 * min(1.0, ratio.up / ratio.down)
    t = np.arange(4000) / fs_hz
    x = np.stack([np.sin(2 * np.pi * 0.2 * lower_hz * t), np.sin(2 * np.pi * 0.02 * lower_hz * t + 1), np.ones(4000)])
    _, y = resampled(x.astype(np.float32), ratio)
    at = np.arange(y.shape[1]) * ratio.down / ratio.up / fs_hz
    inner = slice(40 * ratio.up, -40 * ratio.up)
    for row, hz, phase in ((0, 0.2, 0), (1, 0.02, 1)):
        expected = np.sin(2 * np.pi * hz * lower_hz * at + phase)
        np.testing.assert_allclose(y[row, inner], expected[inner], atol=0.01)
    np.testing.assert_allclose(y[2], 1.0, atol=1e-6)
    if ratio.down > 1:
        fast = np.sin(2 * np.pi * 0.7 * lower_hz * t)[np.newaxis].astype(np.float32)
        assert np.abs(resampled(fast, ratio)[1][0, inner]).max() < 0.01


def test_an_invalid_sample_is_invalid_in_its_place_and_poisons_nothing():
    x = np.ones((1, 400), np.float32)
    x[0, 100:140] = np.nan
    _, y = resampled(x, Ratio(up=1, down=4))
    assert np.flatnonzero(np.isnan(y[0])).tolist() == list(range(25, 35))
    np.testing.assert_allclose(y[0][np.isfinite(y[0])], 1.0, atol=1e-6)
