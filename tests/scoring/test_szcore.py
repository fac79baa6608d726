"""The counts of SzCORE against answers worked out by hand, and what holds for any events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.scoring.szcore import Detections, average, pooled, score_events, score_seconds


def counts(reference, found, duration_s=3600.0):
    made = score_events(reference, found, duration_s=duration_s)
    return made.reference, made.tp, made.fp


def test_the_reference_against_itself_is_perfect():
    events = [(100.0, 150.0), (1000.0, 1400.0), (3000.0, 3001.0)]
    made = score_events(events, events, duration_s=3600.0)
    assert (made.sensitivity, made.precision, made.f1, made.fp_per_day) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("found", "hit"),
    [
        ((965.0, 970.0), False),  # ends where the margin begins
        ((965.0, 970.1), True),
        ((1110.0, 1120.0), False),  # begins where the margin ends
        ((1109.9, 1120.0), True),
    ],
)
def test_any_touch_from_30_s_before_to_60_s_behind_is_a_hit(found, hit):
    assert counts([(1000.0, 1050.0)], [found]) == ((1, 1, 0) if hit else (1, 0, 1))


def test_events_closer_than_90_s_are_one_on_both_sides():
    assert counts([(100.0, 110.0), (199.9, 220.0)], []) == (1, 0, 0)
    assert counts([(100.0, 110.0), (200.0, 220.0)], []) == (2, 0, 0)
    assert counts([], [(100.0, 110.0), (199.9, 220.0), (300.0, 301.0)]) == (0, 0, 1)


def test_events_longer_than_300_s_are_cut_and_each_piece_counts():
    assert counts([(0.0, 700.0)], [(0.0, 10.0)]) == (3, 1, 0)
    assert counts([], [(0.0, 700.0)]) == (0, 0, 3)
    # A piece of what was found that lies inside a hit is no false one, those beyond it are.
    assert counts([(0.0, 20.0)], [(0.0, 700.0)]) == (1, 1, 2)


def test_one_event_found_may_hit_two_of_the_reference():
    assert counts([(100.0, 110.0), (250.0, 260.0)], [(120.0, 240.0)]) == (2, 2, 0)


def test_events_that_reach_beyond_the_recording_are_cut():
    assert counts([(90.0, 130.0)], [(95.0, 400.0)], duration_s=100.0) == (1, 1, 0)


def test_false_ones_are_counted_by_the_day():
    made = score_events([], [(100.0, 110.0), (1000.0, 1010.0)], duration_s=7200.0)
    assert made.fp_per_day == pytest.approx(24.0)
    assert (made.sensitivity, made.precision, made.f1) == (None, 0.0, 0.0)


def test_what_is_undefined_is_no_number():
    nothing = score_events([], [], duration_s=60.0)
    assert (nothing.sensitivity, nothing.precision, nothing.f1) == (None, None, None)
    missed = score_events([(10.0, 20.0)], [], duration_s=60.0)
    assert (missed.sensitivity, missed.precision, missed.f1) == (0.0, None, 0.0)


def test_a_second_is_labelled_where_half_of_it_or_more_is_covered():
    made = score_seconds([(1.5, 3.4)], [(2.0, 4.0)], duration_s=10.0)
    # Of the reference the seconds 1 and 2, of what was found 2 and 3.
    assert (made.reference, made.tp, made.fp) == (2, 1, 1)
    assert score_seconds([(1.51, 2.0)], [], duration_s=10.0).reference == 0
    assert score_seconds([(1.0, 1.3), (1.6, 1.8)], [], duration_s=10.0).reference == 1
    assert score_seconds([(1.0, 1.3), (1.1, 1.4)], [], duration_s=10.0).reference == 0


def test_subjects_are_averaged_and_not_their_events():
    many = pooled([Detections(8, 8, 0, 3600.0), Detections(2, 2, 0, 3600.0)])
    few = Detections(1, 0, 1, 3600.0)
    assert many == Detections(10, 10, 0, 7200.0)
    made = average({"a": many, "b": few})
    assert made["sensitivity"] == pytest.approx(0.5)
    assert made["fp_per_day"] == pytest.approx(12.0)


def test_who_is_undefined_is_left_out_of_the_mean_or_counts_as_said():
    subjects = {"a": Detections(2, 1, 0, 3600.0), "b": Detections(0, 0, 0, 3600.0)}
    assert average(subjects)["f1"] == pytest.approx(2 / 3)
    assert average(subjects, undefined=0.0)["f1"] == pytest.approx(1 / 3)
    assert average({"b": subjects["b"]})["f1"] is None


@pytest.mark.parametrize("event", [(5.0, 4.0), (-1.0, 4.0), (0.0, float("inf"))])
def test_an_event_that_cannot_be_is_refused(event):
    with pytest.raises(BadInput):
        score_events([event], [], duration_s=60.0)
    with pytest.raises(BadInput):
        score_seconds([], [event], duration_s=60.0)


def test_a_recording_without_length_is_refused():
    with pytest.raises(BadInput):
        score_events([], [], duration_s=0.0)


EVENTS = st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 4000)), max_size=6).map(
    lambda many: [(start / 10, (start + length) / 10) for start, length in many]
)


@given(reference=EVENTS, found=EVENTS, duration=st.integers(1, 1500))
def test_counts_are_possible_and_do_not_depend_on_the_order(reference, found, duration):
    made = score_events(reference, found, duration_s=float(duration))
    assert 0 <= made.tp <= made.reference
    assert made.fp >= 0
    assert made == score_events(reference[::-1], found[::-1], duration_s=float(duration))
    seconds = score_seconds(reference, found, duration_s=float(duration))
    assert 0 <= seconds.tp <= seconds.reference <= duration
    assert seconds.tp + seconds.fp <= duration


@given(reference=EVENTS, found=EVENTS)
def test_what_lies_inside_a_hit_adds_nothing_false(reference, found):
    alone = score_events(reference, found, duration_s=2000.0)
    both = score_events(reference, [*found, *reference], duration_s=2000.0)
    assert both.tp == both.reference
    assert both.tp >= alone.tp
