"""What the network of the rhythm is trained on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_rhythm.intervals import COUNT
from biosignal.tasks.ecg_rhythm.kinds import CLASSES
from biosignal.tasks.ecg_rhythm.seen import AROUND, BEATS
from export.rhythm.corpus import AF, AFL, OTHER, SINUS, Strip, statements_allow
from export.rhythm.histories import Histories, spoil
from export.rhythm.windows import HEARD_ALONE, SHARES, Drawing, flutter, shortened, spoilt


def strip(group, allowed, count=20, name="one"):
    random = np.random.default_rng(1)
    return Strip(
        group=group,
        name=name,
        allowed=allowed,
        rr_s=np.array([np.nan, *random.uniform(0.6, 0.9, count - 1)], np.float32),
        sound=np.ones(count, bool),
        shapes=random.normal(0.0, 0.3, (count, LENGTH)).astype(np.float16),
        sizes=np.ones(count, np.float32),
        ventricular=np.zeros(count, np.float32),
    )


@pytest.mark.parametrize(
    ("codes", "allowed"),
    [
        ("{'AFIB': 0.0}", (AF,)),
        ("{'AFLT': 100.0, 'PVC': 0.0}", (AFL,)),
        ("{'AFIB': 0.0, 'AFLT': 0.0}", (AF, AFL)),
        ("{'NORM': 100.0, 'SR': 0.0}", (SINUS,)),
        ("{'NORM': 100.0, 'SR': 0.0, 'SARRH': 0.0}", (SINUS, OTHER)),
        ("{'SR': 0.0, 'PVC': 0.0}", (OTHER,)),
        ("{'IMI': 50.0, 'SR': 0.0}", (SINUS, OTHER)),
    ],
)
def test_statements_leave_open_what_they_do_not_say(codes, allowed):
    assert statements_allow(codes) == allowed


@given(
    st.lists(st.floats(0.3, 2.0), min_size=1, max_size=60),
    st.floats(0.0, 0.5),
    st.floats(0.0, 0.5),
    st.floats(0.0, 0.05),
    st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_a_spoilt_list_is_in_order_and_names_the_beats_it_came_from(between, missed, made_up, moved_s, seed):
    at_s = np.cumsum(between)
    random = np.random.default_rng(seed)
    seen_s, source = spoil(at_s, missed=missed, made_up=made_up, moved_s=moved_s, random=random)
    assert (np.diff(seen_s) > 0).all()
    assert len(seen_s) == len(source)
    assert set(source.tolist()) <= set(range(len(at_s)))


def test_a_list_that_is_not_spoilt_stays_as_it_is():
    at_s = np.cumsum([0.8, 0.9, 0.7])
    seen_s, source = spoil(at_s, missed=0.0, made_up=0.0, moved_s=0.0, random=np.random.default_rng(0))
    assert np.array_equal(seen_s, at_s)
    assert source.tolist() == [0, 1, 2]


@given(st.integers(0, 64), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_a_history_keeps_its_newest_intervals(length, seed):
    history = np.random.default_rng(seed).normal(0.0, 0.3, length)
    kept = shortened(history)
    assert np.array_equal(kept, history[length - len(kept) :])
    assert len(kept) >= min(length, 6) - 5
    assert np.isfinite(spoilt(history, np.random.default_rng(seed))).all()


def test_made_up_flutter_has_intervals_of_whole_teeth_and_a_tooth_at_the_same_place():
    random = np.random.default_rng(5)
    last = strip("cinc2017", (SINUS,), 40).last_beats(39)
    (beats, around, _seen), log_s = flutter(*last.looks(), random)
    before, _, _ = last.looks()
    assert beats.shape == before.shape
    added = (beats - before)[:, 60:]
    assert np.corrcoef(added)[0, 1:].min() > 0.5
    seconds = np.exp(log_s)
    tooth_s = min(
        (abs(seconds / size - np.rint(seconds / size)).mean(), size) for size in np.arange(1 / 5.6, 1 / 3.5, 0.002)
    )
    assert tooth_s[0] < 0.12
    assert np.isfinite(around).all()


def test_a_batch_is_what_the_network_is_asked_and_says_what_each_window_may_be():
    strips = [
        strip(group, allowed, name=f"{group}{index}")
        for index, (group, allowed) in enumerate([("cinc2017", (SINUS,)), ("cinc2017", (AF,)), ("ptbxl", (AFL,))])
    ]
    random = np.random.default_rng(2)
    known = Histories(
        described=random.normal(0.0, 1.0, (40, COUNT)).astype(np.float32),
        rhythm=np.arange(40) % 3,
        patient=np.array(["arrdb/1"] * 20 + ["ltafdb/2"] * 20),
        spoilt=np.zeros(40, np.int64),
        rhythms=("N", "AFIB/AFL", "MAT"),
    )
    batch = Drawing(strips, known, random).batch()
    count = sum(SHARES[group] for group in (("cinc2017", "sinus"), ("cinc2017", "af"), ("ptbxl", "afl")))
    assert batch.strips == count
    assert batch.intervals.shape == (count + HEARD_ALONE, COUNT)
    assert batch.beats.shape == (count + HEARD_ALONE, BEATS, LENGTH)
    assert batch.around.shape == (count + HEARD_ALONE, BEATS, AROUND)
    assert batch.allowed.shape == (count + HEARD_ALONE, len(CLASSES))
    assert batch.allowed.any(axis=1).all()
    assert not batch.seen[count:].any()
    assert {array.dtype for array in (batch.intervals, batch.beats, batch.around, batch.seen)} == {np.dtype("f4")}
