"""What may be a QRS, next to those before it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.tasks.ecg_front.channels import RATE_HZ
from biosignal.tasks.ecg_front.columns import Columns
from biosignal.tasks.ecg_front.kinds import STEPS
from biosignal.tasks.ecg_front.predecessors import AFTER, LEAST, MOST, OVER, Predecessors, log_odds

EVERY = 100
ONE_LEAD = np.ones(1)


def complexes(count, *, noise_mv=0.0, small=(), share=0.15):
    """A lead with a complex every 0.8 s; those of `small` are so many times as high."""
    index = np.arange((count + 1) * EVERY)
    x = np.random.default_rng(4).normal(0, 1, len(index)) * noise_mv
    for one in range(count):
        height = share if one in small else 1.0
        x += height * np.exp(-0.5 * ((index - (one + 0.5) * EVERY) / 3.0) ** 2)
    return x[np.newaxis]


def swayed(x, *, odds, at, before=MOST, apart=25, racing=0.0):
    """What is said of a complex at `at` whose odds are those of all before it."""
    held = Predecessors(1)
    held.push(x)
    for one in range(before):
        k = round((one + 0.5) * EVERY)
        held.note(k, float(k), odds, apart=apart)
    return held.swayed(at, float(at), odds, ONE_LEAD, racing=racing)


def test_a_bump_that_is_small_where_complexes_sound_is_less_probable_where_the_lead_is_noisy():
    at = round((MOST + 0.5) * EVERY)
    noisy = {"noise_mv": 0.1, "small": (MOST,)}
    assert swayed(complexes(MOST + 1, **noisy), odds=0.5, at=at) < 0.5 - 0.5
    assert swayed(complexes(MOST + 1, noise_mv=0.1), odds=0.5, at=at) >= 0.5


def test_where_those_before_it_were_sure_or_the_lead_is_quiet_the_networks_word_stands():
    at = round((MOST + 0.5) * EVERY)
    small = {"small": (MOST,)}
    assert swayed(complexes(MOST + 1, noise_mv=0.1, **small), odds=3.2, at=at) == 3.2
    assert swayed(complexes(MOST + 1, noise_mv=0.001, **small), odds=0.5, at=at) == 0.5


def test_where_the_heart_may_race_nothing_is_less_probable_for_being_low():
    at = round((MOST + 0.5) * EVERY)
    x = complexes(MOST + 1, noise_mv=0.1, small=(MOST,))
    calm = swayed(x, odds=0.5, at=at)
    assert calm < swayed(x, odds=0.5, at=at, racing=0.05) < swayed(x, odds=0.5, at=at, racing=0.2) == 0.5


def test_what_is_as_high_and_on_time_is_more_probable_and_what_comes_at_another_time_is_not():
    x = complexes(MOST + 1, noise_mv=0.1)
    x = np.concatenate((x, x[:, EVERY * MOST :]), axis=1)
    on_time = round((MOST + 0.5) * EVERY)
    assert swayed(x, odds=0.2, at=on_time) > 0.2 + 0.3
    assert swayed(x, odds=0.2, at=on_time, before=MOST - 1) <= 0.2


def test_with_too_few_before_it_nothing_is_said():
    x = complexes(MOST + 1, noise_mv=0.1, small=(LEAST,), share=0.1)
    at = round((LEAST - 0.5) * EVERY)
    assert swayed(x, odds=0.2, at=at, before=LEAST - 1) == 0.2


def test_what_was_long_ago_says_nothing():
    x = np.concatenate((complexes(MOST, noise_mv=0.1), np.zeros((1, round(OVER)))), axis=1)
    x = np.concatenate((x, complexes(1, share=0.1, small=(0,))), axis=1)
    assert swayed(x, odds=0.2, at=x.shape[1] - EVERY, before=MOST) == 0.2


def test_two_that_are_too_near_count_once():
    x = complexes(MOST + 1, noise_mv=0.1, small=(MOST,))
    at = round((MOST + 0.5) * EVERY)
    assert swayed(x, odds=0.2, at=at, apart=10 * EVERY) == 0.2


@given(seed=st.integers(0, 999), rows=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_what_is_let_go_of_was_not_needed(seed, rows):
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.2, (rows, STEPS * 20))
    keeping, leaving = Predecessors(rows), Predecessors(rows)
    weights = np.full(rows, 1 / rows)
    for start in range(0, x.shape[1] - STEPS, STEPS):
        part = x[:, start : start + STEPS]
        keeping.push(part)
        leaving.push(part)
        k = start + STEPS - AFTER - 1
        odds = float(random.normal())
        assert keeping.swayed(k, k, odds, weights) == leaving.swayed(k, k, odds, weights)
        keeping.note(k, k, odds, apart=25)
        leaving.note(k, k, odds, apart=25)
        leaving.forget(k - 2)


def test_log_odds_have_an_end_on_either_side():
    assert log_odds(0.5) == 0.0
    assert log_odds(0.0) == pytest.approx(-log_odds(1.0)) == pytest.approx(-5.29, abs=0.01)


def test_columns_that_were_let_go_of_are_zeros_and_the_others_keep_their_numbers():
    held = Columns(2)
    held.extend(np.arange(20.0).reshape(2, 10))
    held.forget(4)
    held.extend(np.ones((2, 1)))
    assert held.end == 11
    assert held.between(3, 6).tolist() == [[0.0, 4.0, 5.0], [0.0, 14.0, 15.0]]
    assert held.between(9, 12).tolist() == [[9.0, 1.0], [19.0, 1.0]]
    assert RATE_HZ == 125.0
