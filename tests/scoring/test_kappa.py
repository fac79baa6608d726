"""Kappa is what the literature says it is, and its interval holds it as often as it claims."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.scoring.kappa import agreement, wilson


def pairs_of(table):
    """Pairs of labels of a table of counts: a row for each label of the first reader."""
    return [(str(row), str(col)) for row, counts in enumerate(table) for col, n in enumerate(counts) for _ in range(n)]


KNOWN = [
    # the worked example of most textbooks: agreement 0.7, by chance 0.5
    ([[20, 5], [10, 15]], 0.4),
    # the same agreement of 0.6, once with even and once with uneven shares
    ([[45, 15], [25, 15]], 0.1304),
    ([[25, 35], [5, 35]], 0.2593),
    # Fleiss, Cohen and Everitt 1969, table 1: 200 subjects in three classes
    ([[106, 10, 4], [22, 28, 10], [2, 12, 6]], 0.4286),
]


@pytest.mark.parametrize(("table", "kappa"), KNOWN)
def test_kappa_is_that_of_the_published_tables(table, kappa):
    found = agreement(pairs_of(table))
    assert found.kappa == pytest.approx(kappa, abs=5e-5)
    assert found.low < found.kappa < found.high


def test_wilsons_bounds_are_the_published_ones():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_readers_who_always_agree_are_not_certain_to():
    found = agreement([("N", "N")] * 6 + [("V", "V")] * 6)
    assert (found.n, found.same, found.kappa, found.high) == (12, 12, 1.0, pytest.approx(1.0))
    assert 0.4 < found.low < 0.6


@pytest.mark.parametrize("pairs", [[], [("N", "N")] * 9])
def test_where_chance_explains_all_there_is_no_kappa(pairs):
    found = agreement(pairs)
    assert (found.n, found.same, found.kappa, found.low, found.high) == (len(pairs), len(pairs), None, None, None)


def test_the_interval_holds_the_kappa_of_the_readers_nearly_as_often_as_it_says():
    joint = np.array([[0.5, 0.08, 0.02], [0.06, 0.2, 0.02], [0.02, 0.02, 0.08]])
    chance = float(joint.sum(axis=0) @ joint.sum(axis=1))
    true = (np.trace(joint) - chance) / (1 - chance)
    rng = np.random.default_rng(5)
    held = []
    for _ in range(400):
        found = agreement(pairs_of(rng.multinomial(80, joint.ravel()).reshape(3, 3)))
        held.append(found.low <= true <= found.high)
    assert 0.92 < np.mean(held) < 0.98


LABELS = st.sampled_from("NSV")


@given(pairs=st.lists(st.tuples(LABELS, LABELS), max_size=60), order=st.randoms())
def test_neither_the_order_of_things_nor_of_readers_matters(pairs, order):
    found = agreement(pairs)
    mixed = [(second, first) for first, second in pairs]
    order.shuffle(mixed)
    turned = agreement(mixed)
    assert (turned.n, turned.same) == (found.n, found.same)
    assert turned.kappa == (None if found.kappa is None else pytest.approx(found.kappa))
    if found.kappa is not None:
        assert -1.0 <= found.low <= found.kappa + 1e-12
        assert found.kappa - 1e-12 <= found.high <= 1.0
