"""Events are matched once each, by the largest overlaps, and counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.scoring.overlap import overlap_of, score_events

SPANS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 60)).map(lambda one: (one[0], one[0] + one[1])), max_size=12
)


def test_a_fifth_of_what_either_covers_is_enough_and_less_is_not():
    assert overlap_of((0, 60), (40, 100)) == 0.2
    assert score_events([(0, 60)], [(40, 100)]).tp == 1
    score = score_events([(0, 60)], [(41, 101)])
    assert (score.tp, score.fn, score.fp) == (0, 1, 1)


def test_what_only_touches_does_not_overlap():
    assert overlap_of((0, 10), (10, 20)) == 0.0
    assert score_events([(0, 10)], [(10, 20)]).tp == 0


def test_two_that_were_found_in_one_of_the_reference_count_once():
    score = score_events([(0, 100)], [(0, 45), (50, 100)])
    assert (score.tp, score.fn, score.fp) == (1, 0, 1)
    assert score.overlaps == (0.5,)


def test_those_that_overlap_most_are_matched_first():
    score = score_events([(0, 100), (90, 200)], [(80, 200)])
    assert (score.tp, score.fn, score.fp) == (1, 1, 0)
    assert score.overlaps == (pytest.approx(110 / 120),)


def test_the_figures_are_those_of_the_counts_and_absent_without_events():
    score = score_events([(0, 10), (20, 30), (40, 50), (60, 70)], [(0, 10), (20, 30), (45, 55), (80, 90), (95, 99)])
    assert (score.tp, score.fn, score.fp) == (3, 1, 2)
    assert (score.recall, score.precision, score.f1) == (0.75, 0.6, pytest.approx(2 / 3))
    nothing = score_events([], [])
    assert (nothing.recall, nothing.precision, nothing.f1) == (None, None, None)
    assert score_events([(0, 1)], []).precision is None


@given(SPANS)
def test_a_reference_agrees_with_itself(spans):
    apart = sorted(set(spans))
    score = score_events(apart, apart)
    assert (score.tp, score.fn, score.fp) == (len(apart), 0, 0)
    assert set(score.overlaps) <= {1.0}


@given(SPANS, SPANS)
def test_changing_sides_changes_missed_and_false(one, other):
    there, back = score_events(one, other), score_events(other, one)
    assert there.tp + there.fn == len(one)
    assert there.tp + there.fp == len(other)
    assert there.overlaps == back.overlaps


@pytest.mark.parametrize(("spans", "least"), [([(5, 5)], 0.2), ([(0, 5)], 0.0), ([(0, 5)], 1.5)])
def test_what_cannot_be_compared_is_refused(spans, least):
    with pytest.raises(BadInput):
        score_events(spans, [], least=least)
