"""What the beat classifier knows of a beat's surroundings: RR intervals, and the templates it is held against."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.tasks.ecg_beats.intervals import (
    CONTEXT_RR,
    HISTORY,
    HISTORY_SHAPE,
    KNOWN,
    RATIOS,
    RR_CAP_S,
    Intervals,
)
from biosignal.tasks.ecg_beats.shapes import FIRST_S, RUNNING_BEATS, SLOW_EVERY, MedianBeat, Shapes

INTERVALS = st.lists(st.floats(0.2, 6.0), max_size=HISTORY + 40)
RATIO = {name: index for index, name in enumerate(RATIOS)}


def after(intervals_s):
    """The state once these intervals, oldest first, were added."""
    state = Intervals()
    for interval_s in intervals_s:
        state.add(interval_s)
    return state


@given(INTERVALS, st.none() | st.floats(0.2, 6.0), st.none() | st.floats(0.2, 6.0))
def test_whatever_came_before_the_numbers_are_finite_and_say_what_is_known(intervals_s, before_s, after_s):
    ratios, known, regular = after(intervals_s).numbers(before_s, after_s)
    assert ratios.shape == (len(RATIOS),)
    assert np.isfinite(ratios).all()
    filled = min(len(intervals_s), CONTEXT_RR) / CONTEXT_RR
    assert known.tolist() == [before_s is not None, after_s is not None, filled]
    assert len(known) == len(KNOWN)
    assert before_s is not None or not regular


@given(INTERVALS, st.none() | st.floats(0.2, 6.0), st.none() | st.floats(0.2, 6.0))
def test_the_history_ends_with_the_next_interval_and_holds_the_latest_before_it(intervals_s, before_s, after_s):
    history = after(intervals_s).history(before_s, after_s)
    assert history.shape == HISTORY_SHAPE
    wanted = [*intervals_s[-(HISTORY - 2) :], before_s, after_s]
    values, known = history[0, -len(wanted) :], history[1, -len(wanted) :]
    assert known.tolist() == [interval_s is not None for interval_s in wanted]
    assert not history[:, : -len(wanted)].any()
    for value, interval_s in zip(values, wanted, strict=True):
        assert value == pytest.approx(0.0 if interval_s is None else np.log(min(interval_s, RR_CAP_S) / 0.8))


@given(st.lists(st.floats(0.4, 0.6), min_size=HISTORY, max_size=HISTORY), st.lists(st.floats(0.2, 2.0), max_size=9))
def test_what_lies_further_back_than_the_history_changes_nothing(latest_s, long_ago_s):
    one, other = after([*long_ago_s, *latest_s]), after(latest_s)
    assert np.array_equal(one.history(0.5, 0.5), other.history(0.5, 0.5))
    assert np.array_equal(one.numbers(0.5, 0.5)[0], other.numbers(0.5, 0.5)[0])


def test_an_early_beat_is_not_regular_and_one_on_time_is():
    state = after([0.8] * 20)
    early, _, early_is_regular = state.numbers(0.5, 1.1)
    _, _, is_regular = state.numbers(0.8, 0.8)
    assert early[RATIO["before/local"]] == pytest.approx(np.log(0.5 / 0.8))
    assert early[RATIO["after/before"]] == pytest.approx(np.log(1.1 / 0.5))
    assert (early_is_regular, is_regular) == (False, True)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.integers(1, 9))
def test_a_median_beat_is_the_median_of_the_last_ones(values, most):
    median = MedianBeat(3, most)
    for value in values:
        median.add(np.full(3, float(value)))
        median.value(np.zeros(3))  # asked for between, as on a device
    kept = sorted(values[-most:])
    assert median.value(np.zeros(3)).tolist() == [kept[len(kept) // 2]] * 3


def test_a_median_beat_of_nothing_is_what_is_given():
    assert MedianBeat(2, 4).value(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_the_first_template_is_of_the_first_five_minutes_and_stays():
    shapes, old, new = Shapes(2), np.array([1.0, 0.0]), np.array([5.0, 5.0])
    for _ in range(30):
        shapes.learn(old)
    running, _, first = shapes.templates(new, FIRST_S - 1.0)
    assert np.array_equal(first, running), "until then the running one takes its place"
    assert np.array_equal(shapes.templates(new, FIRST_S)[2], old)
    for _ in range(RUNNING_BEATS):
        shapes.learn(new)
    running, slow, first = shapes.templates(new, FIRST_S + 60.0)
    assert np.array_equal(running, new)
    assert np.array_equal(first, old)
    assert slow.shape == (2,)


def test_the_slow_template_outlives_the_running_one():
    shapes, usual, other = Shapes(1), np.array([1.0]), np.array([9.0])
    for _ in range(50 * SLOW_EVERY):
        shapes.learn(usual)
    for _ in range(2 * RUNNING_BEATS):
        shapes.learn(other)
    running, slow, _ = shapes.templates(usual, 60.0)
    assert (running[0], slow[0]) == (9.0, 1.0)
