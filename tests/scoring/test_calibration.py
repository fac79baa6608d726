"""Calibration errors are what their definition says."""

import numpy as np
import pytest

from biosignal.scoring.calibration import calibration


def test_certain_and_right_has_no_error():
    found = calibration(np.eye(4, dtype=np.float32)[[0, 1, 2, 3]], np.array([0, 1, 2, 3]))
    assert (found.top_label, found.weighted, found.brier) == (0.0, 0.0, 0.0)


def test_certain_and_half_wrong_is_off_by_a_half():
    found = calibration(np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), np.array([0, 1]))
    assert found.top_label == found.weighted == 0.5
    assert found.brier == 1.0


def test_honest_probabilities_have_a_small_error():
    random = np.random.default_rng(0)
    share = random.uniform(0, 1, 50_000)
    labels = (random.random(share.size) < share).astype(np.int64)
    found = calibration(np.stack([1 - share, share], axis=1).astype(np.float32), labels)
    assert found.top_label < 0.02
    assert found.by_class == pytest.approx((0.0, 0.0), abs=0.02)
