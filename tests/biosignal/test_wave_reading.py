"""Waves read out of the class of each sample, and the beats they make."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from biosignal.ecg.waves import Bounds, Shape, WaveReader
from biosignal.tasks.ecg_waves.intervals import Beats
from biosignal.tasks.ecg_waves.kinds import P_DURATION, PR, QRS, QRS_DURATION, QT, QTC, P, T

SHAPES = (Shape(kind=P, bridged=6, shortest=8), Shape(kind=QRS, bridged=6, shortest=8))
labels = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 15)), max_size=30).map(
    lambda runs: np.repeat([kind for kind, _ in runs], [length for _, length in runs]).astype(np.int8)
)


def read(said, *, cuts=(), start=0):
    reader = WaveReader(SHAPES, start=start)
    borders = [0, *sorted(cuts), len(said)]
    found = []
    for first, last in pairwise(borders):
        found += reader.push(said[first:last])
    return found + reader.push(said[:0], is_last=True)


def row(*runs):
    return np.repeat([kind for kind, _ in runs], [length for _, length in runs]).astype(np.int8)


@given(said=labels, cuts=st.lists(st.integers(0, 300), max_size=8))
def test_the_same_waves_are_read_however_the_samples_come(said, cuts):
    whole = sorted(read(said), key=lambda one: (one.kind, one.onset))
    cut = sorted(read(said, cuts=[cut for cut in cuts if cut <= len(said)]), key=lambda one: (one.kind, one.onset))
    assert cut == whole


@given(said=labels)
def test_a_wave_begins_and_ends_with_its_class_and_no_two_of_a_kind_touch(said):
    for kind in (P, QRS):
        waves = [one for one in read(said) if one.kind == kind]
        assert all(said[one.onset] == kind == said[one.end - 1] for one in waves)
        assert all(one.end - one.onset >= 8 for one in waves)
        assert all(after.onset - before.end >= 6 for before, after in pairwise(waves))


def test_a_short_pause_does_not_end_a_wave_and_a_longer_one_does():
    assert read(row((P, 10), (0, 5), (P, 10))) == [Bounds(kind=P, onset=0, end=25)]
    assert len(read(row((P, 10), (0, 6), (P, 10)))) == 2


def test_what_is_shorter_than_a_wave_is_none():
    assert read(row((0, 20), (QRS, 7), (0, 20))) == []


def wave(kind, onset, end):
    return Bounds(kind=kind, onset=onset, end=end)


def test_a_beat_is_its_p_before_its_qrs_before_its_t():
    beats = Beats()
    assert beats.push(wave(P, 100, 125)) is None
    first = beats.push(wave(QRS, 140, 165))
    assert first.numbers() == {QRS_DURATION: 100.0, P_DURATION: 100.0, PR: 160.0}
    assert beats.push(wave(T, 200, 240)) is first
    second = beats.push(wave(QRS, 390, 415))
    assert second.p is None
    assert second.rr_s == 1.0
    assert beats.push(wave(T, 450, 490)).numbers()[QT] == 400.0
    assert round(second.numbers()[QTC]) == 400


def test_a_p_wave_too_early_or_of_the_beat_before_belongs_to_none():
    beats = Beats()
    beats.push(wave(P, 0, 20))
    assert beats.push(wave(QRS, 140, 165)).p is None
    assert beats.push(wave(QRS, 300, 320)).p is None


def test_a_t_wave_that_is_too_late_or_the_second_of_a_beat_is_none():
    beats = Beats()
    assert beats.push(wave(T, 0, 40)) is None
    beats.push(wave(QRS, 140, 165))
    assert beats.push(wave(T, 300, 330)) is None
    assert beats.push(wave(T, 200, 240)) is not None
    assert beats.push(wave(T, 250, 280)) is None
