"""Stages of sleep scored against answers that were worked out by hand."""

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.scoring.sleep import around_sleep, onset_of, score_stages, surest

STAGES = ("W", "N1", "N2", "N3", "R")


def sure(called, top=0.8):
    """Probabilities whose highest is of the stages called."""
    rows = np.full((len(called), len(STAGES)), (1.0 - top) / (len(STAGES) - 1))
    rows[np.arange(len(called)), called] = top
    return rows


def test_figures_of_ten_epochs_are_those_worked_out_by_hand():
    reference = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 4])
    called = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    score = score_stages(reference, sure(called), stages=STAGES)
    assert score.matrix.tolist() == [
        [3, 1, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 0, 3, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
    ]
    assert score.accuracy == pytest.approx(0.7)
    # Chance: (4*3 + 2*2 + 3*5 + 1*0) / 100 = .31; kappa (.7 - .31) / .69.
    assert score.kappa == pytest.approx(0.39 / 0.69)
    assert score.f1 == pytest.approx((6 / 7, 0.5, 0.75, None, 0.0))
    assert score.macro_f1 == pytest.approx((6 / 7 + 0.5 + 0.75) / 5)
    assert score.ece == pytest.approx(0.1)


def test_a_perfect_answer_is_all_ones_and_chance_has_no_kappa():
    reference = np.array([0, 1, 2, 3, 4])
    score = score_stages(reference, sure(reference, top=1.0), stages=STAGES)
    assert (score.accuracy, score.kappa, score.macro_f1, score.ece) == (1.0, 1.0, 1.0, 0.0)
    assert score_stages(np.zeros(4, int), sure([0, 0, 0, 0]), stages=STAGES).kappa is None


def test_unscored_and_unanswered_epochs_are_left_out():
    rows = sure([0, 1, 2])
    rows[2] = np.nan
    score = score_stages(np.array([0, -1, 2]), rows, stages=STAGES)
    assert score.epochs == 1
    assert score_stages(np.zeros(0, int), np.zeros((0, 5)), stages=STAGES).to_json()["accuracy"] is None


def test_the_gross_part_is_half_an_hour_around_sleep():
    reference = np.array([0] * 100 + [1, 0, 2] + [0] * 100)
    assert around_sleep(reference) == slice(40, 163)
    assert around_sleep(np.array([0, 2, 0])) == slice(0, 62)
    assert around_sleep(np.zeros(5, int)) == slice(0, 5)


def test_the_surest_part_is_right_where_probability_says_so():
    reference, called = np.array([0, 1, 2, 3]), [0, 1, 2, 0]
    rows = np.concatenate([sure(called[:3], 0.9), sure(called[3:], 0.5)])
    assert surest(reference, rows, 0.75) == pytest.approx((1.0, 0.9))
    assert surest(reference, rows, 1.0) == pytest.approx((0.75, 0.5))
    assert surest(np.zeros(0, int), np.zeros((0, 5)), 1.0) is None


def test_sleep_begins_with_the_first_of_so_many_epochs_in_a_row():
    asleep = np.array([0, 1, 0, 1, 1, 0, 1, 1, 1, 1], bool)
    assert (onset_of(asleep, 1), onset_of(asleep, 2), onset_of(asleep, 3)) == (1, 3, 6)
    assert onset_of(asleep, 5) is None
    assert (onset_of(asleep, 5, but=1), onset_of(asleep, 3, but=1)) == (3, 1)
    known = np.array([1, 1, 0, 1, 1, 1, 1, 1, 1, 1], bool)
    assert onset_of(asleep, 3, known=known) == 1


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(BadInput):
        score_stages(np.array([0, 1]), sure([0]), stages=STAGES)
    with pytest.raises(BadInput):
        score_stages(np.array([7]), sure([0]), stages=STAGES)
