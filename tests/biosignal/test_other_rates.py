"""Recordings of rates that no task reads are analysed at another one, and all is counted at their own."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from biosignal.events import Finding, Mark, MarkPack, MarkState, Reading, Series, mark_id
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS

RATES = {1024.0: (128, 45), 2048.0: (256, 45), 2000.0: (50, 9), 8000.0: (200, 9), 60.0: (1, 6), 90.0: (1, 4)}
LEAD = Lead(name="II", kind=LeadKind.ECG)


def refuse(task, error):
    raise AssertionError(f"{task} failed") from error


def pipeline(fs_hz, leads=(LEAD,)):
    recorded = Recorded(device="d", recording="r", fs_hz=fs_hz, leads=leads)
    return Pipeline(TASKS.values(), recorded, models={}, on_failure=refuse)


def block(x, start, fs_hz, leads=(LEAD,)):
    return SampleBlock(
        recording="r", start=start, fs_hz=fs_hz, leads=leads, samples=np.atleast_2d(x).astype(np.float32)
    )


def analyse(x, fs_hz, *, cuts=(), gap=None):
    """Run `x` in pieces; behind sample `gap[0]` of it so many are missing as `gap[1]` says."""
    made, out, moved = pipeline(fs_hz), [], 0
    borders = sorted({0, len(x), *cuts, *((gap[0],) if gap else ())})
    for a, b in pairwise(borders):
        if gap and a == gap[0]:
            out += made.push(Gap(recording="r", start=a, length=gap[1], reason="lost"))
            moved = gap[1]
        items = made.push(block(x[a:b], a + moved, fs_hz))
        for item in items:
            if isinstance(item, Mark | Finding | Series | MarkPack):
                assert item.decided_at < b + moved
        out += items
    return out + made.finish()


def beats(items):
    return [item for item in items if isinstance(item, Mark) and item.kind == "beat"]


def confirmed_s(items, fs_hz):
    return [item.start / fs_hz for item in beats(items) if item.state is MarkState.CONFIRMED]


@pytest.mark.parametrize("fs_hz", RATES)
def test_the_beats_are_those_of_the_rate_the_recording_was_made_at(excerpt, fs_hz):
    x = resample_poly(excerpt, *RATES[fs_hz])
    items = analyse(x, fs_hz)
    expected, found = confirmed_s(analyse(excerpt, 360.0), 360.0), confirmed_s(items, fs_hz)
    assert abs(len(found) - len(expected)) <= 1
    near = [min(abs(one - other) for other in found) for one in expected[1:-1]]
    assert np.median(near) < 0.5 / min(fs_hz, 360.0) + 0.005
    assert max(near) < 0.05
    assert any(isinstance(item, MarkPack) and item.fs_hz == fs_hz for item in items)
    assert all(item.fs_hz == fs_hz for item in items if isinstance(item, Reading | Series | MarkPack))


@pytest.mark.parametrize("fs_hz", [1024.0, 60.0])
def test_what_is_said_names_itself_by_samples_of_the_recording(excerpt, fs_hz):
    for mark in beats(analyse(resample_poly(excerpt, *RATES[fs_hz]), fs_hz)):
        name = mark_id(recording="r", task=mark.task, kind=mark.kind, leads=mark.leads, start=mark.start)
        assert mark.id == name
        assert mark.decided_at >= mark.start


@settings(max_examples=12, deadline=None)
@given(data=st.data(), fs_hz=st.sampled_from([1024.0, 2000.0, 60.0]))
def test_events_do_not_depend_on_the_cut(excerpt, data, fs_hz):
    x = resample_poly(excerpt[:5400], *RATES[fs_hz])
    gap = data.draw(st.none() | st.tuples(st.integers(1, len(x) - 1), st.integers(0, 3000)))
    cuts = data.draw(st.lists(st.integers(0, len(x)), max_size=20))
    assert analyse(x, fs_hz, gap=gap, cuts=cuts) == analyse(x, fs_hz, gap=gap)


@pytest.mark.parametrize("fs_hz", [1024.0, 60.0])
@pytest.mark.parametrize("at", [0.3, 0.5])
def test_a_gap_is_where_it_was_and_no_beat_is_in_it(excerpt, fs_hz, at):
    x = resample_poly(excerpt, *RATES[fs_hz])
    first, length = round(at * len(x)) | 1, 7 * round(fs_hz) + 3
    items = analyse(x, fs_hz, gap=(first, length))
    assert [(gap.start, gap.length) for gap in items if isinstance(gap, Gap)] == [(first, length)]
    starts = [item.start for item in beats(items)]
    assert not [start for start in starts if first <= start < first + length]
    assert [start for start in starts if start >= first + length]


def test_events_leave_in_the_order_they_were_decided_also_beside_leads_of_another_rate(excerpt):
    fs_hz = 1024.0
    pulse = Lead(name="PLETH", kind=LeadKind.PLETH, fs_hz=512.0)
    x = resample_poly(excerpt, *RATES[fs_hz])
    made, out = pipeline(fs_hz, (LEAD, pulse)), []
    for start in range(0, len(x) - 1024, 1024):
        out += made.push(block(x[start : start + 1024], start, fs_hz))
        half = start // 2
        out += made.push(block(x[start : start + 1024 : 2], half, 512.0, (pulse,)))
    out += made.finish()
    own_hz = {"II": fs_hz, "PLETH": 512.0}
    decided = [item.decided_at / own_hz[item.leads[0]] for item in out if isinstance(item, Mark)]
    assert decided == sorted(decided)
    assert {one.fs_hz for one in made.plan.of("ecg-beats")}.isdisjoint({512.0, 1024.0})
    assert [name for item in out if isinstance(item, Mark) for name in item.leads].count("PLETH") > 10


def test_which_rate_is_used_and_what_a_slow_one_lacks_is_said():
    assert "II: analysed at 512 samples a second, made of 2048" in pipeline(2048.0).plan.sentences()
    (slow,) = pipeline(60.0).plan.rates
    assert "nothing faster than 24 Hz" in slow
    assert pipeline(250.0).plan.rates == ()
