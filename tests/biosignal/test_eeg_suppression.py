"""Suppressions and bursts are segmented as they come, whatever pieces they come in."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.eeg.suppression import FORGET_S, RecentVariance, Segmenter

FS_HZ = 200.0


def described(low, suppression, burst):
    """The changes of one row, said again from their definition, without state between samples."""
    state, changes, since = False, [], None
    for at, one in enumerate(low):
        if one == state:
            since = None
            continue
        since = at if since is None else since
        if at - since + 1 == (suppression if one else burst):
            state, found, since = one, since, None
            changes.append((found, one, at))
    return changes


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=20),
    cuts=st.lists(st.integers(1, 1999), max_size=20),
)
@settings(max_examples=100, deadline=None)
def test_the_changes_are_those_of_the_definition_however_they_are_cut(lengths, cuts):
    low = np.array([bool(number % 2) for number, length in enumerate(lengths) for _ in range(length)])
    rows = np.stack([low, ~low])
    segments, found = Segmenter(2, suppression=100, burst=50), []
    for first, last in pairwise(sorted({0, len(low), *(cut for cut in cuts if cut < len(low))})):
        found += segments.push(rows[:, first:last], 1000 + first)
    for row in (0, 1):
        mine = [(one.at - 1000, one.is_suppressed, one.decided_at - 1000) for one in found if one.row == row]
        assert mine == described(rows[row].tolist(), 100, 50)


def test_a_row_that_is_forgotten_begins_as_not_suppressed():
    segments = Segmenter(1, suppression=100, burst=50)
    low = np.ones((1, 150), bool)
    assert [one.at for one in segments.push(low, 0)] == [0]
    segments.forget(0)
    assert [one.at for one in segments.push(low, 150)] == [150]


def test_the_variance_is_that_of_what_comes_and_forgets_in_a_tenth_of_a_second():
    x = np.random.default_rng(3).normal(5.0, 4.0, (2, 4000))
    x[:, 2000:] = 5.0 + 0.1 * (x[:, 2000:] - 5.0)
    variance = RecentVariance(FS_HZ).push(x)
    assert 14.0 < variance[:, 500:2000].mean() < 18.0
    assert 0.1 < variance[:, 2500:].mean() < 0.2
    fell = np.argmax(variance[:, 2000:] < 16.0 / np.e, axis=1) / FS_HZ
    assert (fell < 3 * FORGET_S).all()


def test_variances_of_pieces_are_the_same_bits():
    x = np.random.default_rng(5).normal(0, 10, (3, 1000))
    alone = RecentVariance(FS_HZ)
    pieces = [alone.push(x[:, first:last]) for first, last in ((0, 1), (1, 340), (340, 1000))]
    assert np.array_equal(np.concatenate(pieces, axis=1), RecentVariance(FS_HZ).push(x))


def test_low_samples_of_less_than_half_a_second_are_no_suppression():
    low = np.array([[one for one, length in ((0, 300), (1, 99), (0, 300), (1, 100)) for _ in range(length)]], bool)
    changes = Segmenter(1, suppression=100, burst=50).push(low, 0)
    assert [(one.at, one.is_suppressed) for one in changes] == [(699, True)]
