"""The heart rate follows the last intervals, and is absent without any."""

import pytest

from biosignal.ecg.rr import COUNTED, HeartRateMeter


def meter(*intervals_s):
    made = HeartRateMeter()
    for interval_s in intervals_s:
        made.add(interval_s)
    return made


def test_no_interval_no_rate():
    assert HeartRateMeter().bpm is None
    assert meter(None, None).bpm is None


def test_a_steady_rhythm_gives_its_rate():
    assert meter(*[0.8] * 12).bpm == 75.0


def test_one_missed_and_one_extra_beat_do_not_move_it():
    assert meter(0.8, 0.8, 0.8, 1.6, 0.8, 0.4, 0.8, 0.8).bpm == 75.0


@pytest.mark.parametrize(("before_s", "after_s", "bpm"), [(0.75, 0.5, 120.0), (0.75, 1.5, 40.0)])
def test_a_step_is_followed_within_the_counted_intervals(before_s, after_s, bpm):
    assert meter(*[before_s] * 20, *[after_s] * COUNTED).bpm == bpm


def test_a_slow_rhythm_shows_after_four_intervals():
    assert meter(*[0.75] * 20, *[1.5] * 4).bpm == 40.0


def test_reset_leaves_no_rate():
    made = meter(0.8, 0.8)
    made.reset()
    assert made.bpm is None
