"""Which reviewed records are most like a window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.model.similar import Reviewed, Similar, arrays_of, held_of, packed_width, reviewed_of


def records(count, statements=6, seed=1):
    random = np.random.default_rng(seed)
    said = random.beta(0.5, 0.5, (count, statements))
    numbers = random.permutation(60_000)[:count].astype(np.uint16)
    return Reviewed(record=numbers, held=held_of(said), stated=said > 0.5, grading=said[:, 0] > 0.5), said


def test_a_record_is_most_like_itself():
    reviewed, said = records(500)
    similar = Similar(reviewed)
    for row in range(0, 500, 50):
        first = similar.to(said[row])[0]
        assert first.record == reviewed.record[row]
        assert first.likeness == pytest.approx(1.0, abs=1e-3)
        assert first.stated == tuple(np.flatnonzero(reviewed.stated[row]))


@given(st.integers(1, 300), st.integers(1, 5), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_nearest_come_first_and_none_that_is_left_out_is_nearer(count, wanted, seed):
    reviewed, _ = records(count, seed=seed)
    asked = np.random.default_rng(seed + 1).uniform(0.0, 1.0, 6)
    similar = Similar(reviewed)
    found = similar.to(asked, count=wanted)
    every = similar.to(asked, count=count)
    assert len(found) == min(wanted, count)
    assert [one.likeness for one in every] == sorted((one.likeness for one in every), reverse=True)
    assert found == every[: len(found)]


def test_what_people_stated_goes_through_the_file_unchanged():
    reviewed, _ = records(40, statements=26)
    arrays = arrays_of(reviewed)
    assert arrays["stated"].shape == (40, packed_width(26)) == (40, 4)
    again = reviewed_of(arrays, 26)
    np.testing.assert_array_equal(again.stated, reviewed.stated)
    np.testing.assert_array_equal(again.held, reviewed.held)
    np.testing.assert_array_equal(again.grading, reviewed.grading)


def test_probabilities_of_none_and_all_are_held_at_the_ends():
    assert held_of(np.array([0.0, 0.5, 1.0])).tolist() == [0, 128, 255]
