"""The scoring of bounds, on cases whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.scoring.delineation import BOUNDS, NARROW_MS, atrial, looked_at, macro_f1, pair, tally

WIDE = dict.fromkeys(BOUNDS, 150.0)
times = st.lists(st.integers(0, 5000), max_size=20, unique=True).map(lambda one: np.array(sorted(one), np.float64))


def beats(*onsets, shift=0.0):
    base = np.array(onsets, np.float64)
    after = {"P on": -160.0, "P off": -60.0, "QRS on": 0.0, "QRS off": 100.0, "T off": 380.0}
    return {bound: base + offset + shift for bound, offset in after.items()}


@given(marked=times, found=times)
def test_pairs_are_near_and_no_time_is_in_two(marked, found):
    pairs = pair(marked, found, within_ms=150.0)
    assert all(abs(marked[row] - found[at]) <= 150.0 for row, at in pairs)
    assert len({row for row, _ in pairs}) == len(pairs) == len({at for _, at in pairs})
    left = np.delete(marked, [row for row, _ in pairs]), np.delete(found, [at for _, at in pairs])
    assert not any(abs(one - other) <= 150.0 for one in left[0] for other in left[1])


def test_the_nearest_is_taken_first():
    assert pair(np.array([100.0, 200.0]), np.array([190.0]), within_ms=150.0) == [(1, 0)]


def test_what_is_found_as_marked_is_perfect_and_a_shift_is_the_mean_error():
    marked = beats(1000, 2000, 3000)
    figures = {
        bound: one.figures() for bound, one in tally(marked, beats(1000, 2000, 3000, shift=8.0), within_ms=WIDE).items()
    }
    assert all(one["f1"] == 100.0 and one["mean_ms"] == 8.0 and one["sd_ms"] == 0.0 for one in figures.values())


def test_a_missed_beat_costs_sensitivity_and_an_invented_one_predictivity():
    marked = beats(1000, 2000, 3000, 4000)
    missed = tally(marked, beats(1000, 2000, 4000), within_ms=WIDE)
    assert missed["QRS on"].figures()["se"] == 75.0
    assert missed["QRS on"].figures()["ppv"] == 100.0
    invented = tally(marked, beats(1000, 1500, 2000, 3000, 4000), within_ms=WIDE)
    assert invented["QRS on"].figures()["ppv"] == 80.0


def test_narrow_limits_see_what_wide_ones_hide():
    said = tally(beats(1000, 2000), beats(1000, 2000, shift=60.0), within_ms=NARROW_MS)
    assert said["QRS on"].figures()["f1"] == 0.0
    assert said["T off"].figures()["f1"] == 100.0
    assert macro_f1(said) == pytest.approx(20.0)


def test_what_is_found_where_nobody_looked_does_not_count():
    marked = beats(1000, 2000, 3000, 9000, 10_000)
    found = beats(200, 1000, 2000, 3000, 5000, 6000, 9000, 10_000, 12_000)
    assert tally(marked, found, within_ms=WIDE)["QRS on"].figures()["ppv"] == 100.0
    assert len(looked_at(marked).stretches) == 2


def test_a_bound_that_nobody_marked_has_no_figures_and_does_not_enter_the_mean():
    marked = {**beats(1000, 2000), "P on": np.zeros(0), "P off": np.zeros(0)}
    said = {**beats(1000, 2000), "P on": np.zeros(0), "P off": np.zeros(0)}
    made = tally(marked, said, within_ms=WIDE)
    assert made["P on"].figures()["f1"] is None
    assert macro_f1(made) == 100.0


def test_a_complex_before_which_nobody_looked_is_not_one_without_a_p_wave():
    marked = beats(1000, 2000, 3000)
    marked["P on"], marked["P off"] = marked["P on"][1:], marked["P off"][1:]
    made = atrial(marked, marked["P on"], np.zeros(0))
    assert (made.present_found, made.absent_said, made.absent_missed) == (2, 0, 0)


def test_p_waves_are_asked_of_each_marked_complex_and_withheld_ones_are_counted_apart():
    marked = beats(1000, 2000, 3000, 4000)
    marked["P on"] = np.array([840.0, 2840.0])
    made = atrial(marked, np.array([840.0, 1850.0]), np.array([3000.0]))
    assert (made.present_found, made.present_missed, made.absent_said, made.absent_missed, made.withheld) == (
        1,
        0,
        1,
        1,
        1,
    )
    assert made.figures()["absent"] == 50.0
