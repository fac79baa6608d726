"""An ECG beats: what else a lead may show does not pass for one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.beating import beats_like_a_heart
from edge_agent.sources.excerpt import Excerpt


def heart():
    source = Excerpt()
    source.open("r")
    block = next(iter(source.read()))
    return block.samples[0][: round(10 * block.fs_hz)].astype(float), block.fs_hz


HEART, FS_HZ = heart()
T = np.arange(len(HEART)) / FS_HZ
NOISE = np.random.default_rng(5).normal(size=len(HEART))
OTHERS = {
    "flat": np.zeros_like(T),
    "noise": NOISE,
    "mains": np.sin(2 * np.pi * 50 * T),
    "breath": np.sin(2 * np.pi * 0.25 * T) + 0.01 * NOISE,
    "pulse": np.maximum(0, np.sin(2 * np.pi * 1.2 * T)) ** 2 + 0.3 * np.maximum(0, np.sin(2 * np.pi * 1.2 * T - 1.2)),
    "counter": (T * FS_HZ) % 256,
    "steps": np.floor(T) % 2,
    "brain": np.cumsum(NOISE - 0.02 * np.cumsum(NOISE) / FS_HZ),
    "nothing": np.full_like(T, np.nan),
}


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(1e-3, 1e5), offset=st.floats(-1e5, 1e5), sign=st.sampled_from([-1, 1]))
def test_an_ecg_of_any_scale_and_sign_beats(scale, offset, sign):
    assert beats_like_a_heart(sign * scale * HEART + offset * scale, FS_HZ)


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_does(name):
    assert not beats_like_a_heart(OTHERS[name], FS_HZ)


def test_samples_that_are_invalid_are_passed_over():
    damaged = HEART.copy()
    damaged[:30] = damaged[500:520] = np.nan
    assert beats_like_a_heart(damaged, FS_HZ)


def test_a_moment_of_an_ecg_is_too_little():
    assert not beats_like_a_heart(HEART[: round(FS_HZ)], FS_HZ)
    assert not beats_like_a_heart(HEART[:0], FS_HZ)
