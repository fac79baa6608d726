"""Each second is judged with its reason, however the samples are cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.events import QualityLevel
from biosignal.signal.blocks import Lead, Unit
from biosignal.tasks.signal_quality.index import QualityIndex, Thresholds, second_end

FS_HZ = 360.0


def judge(x, *, unit=Unit.MILLIVOLT, fs_hz=FS_HZ, start=0, cuts=(), limits=None):
    index = QualityIndex(recording="r", lead=Lead(name="MLII", unit=unit), fs_hz=fs_hz, start=start, settings=limits)
    borders = [0, *sorted(cuts), len(x)]
    found = [q for a, b in pairwise(borders) for q in index.push(x[a:b])]
    return found + index.finish()


def verdicts(found):
    return [(quality.quality.value, "" if quality.label == "usable" else quality.label) for quality in found]


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_seconds_do_not_depend_on_the_cut(excerpt, noise, data):
    x = data.draw(st.sampled_from([excerpt[:5000], noise[:5000]])).copy()
    x[1000:1100] = np.nan
    x[2000:2800] = x[2000]
    cuts = data.draw(st.lists(st.integers(0, len(x)), max_size=20))
    assert judge(x, start=77, cuts=cuts) == judge(x, start=77)


def test_a_clean_recording_is_usable(excerpt):
    assert {quality.quality for quality in judge(excerpt)} == {QualityLevel.USABLE}


def test_seconds_are_aligned_to_the_recording(excerpt):
    found = judge(excerpt[:1000], start=100)
    assert [(q.start, q.end) for q in found] == [(100, 360), (360, 720), (720, 1080), (1080, 1100)]
    assert [q.decided_at for q in found] == [q.end - 1 for q in found]


@given(fs_hz=st.floats(100, 1000), sample=st.integers(0, 10**8))
def test_a_second_ends_behind_its_sample(fs_hz, sample):
    end = second_end(sample, fs_hz)
    assert sample < end <= sample + fs_hz + 1


def test_a_flat_line_is_rejected(excerpt):
    x = excerpt[:1800].copy()
    x[720:1080] = x[100]
    assert verdicts(judge(x))[2] == ("rejected", "flat")


def test_a_flat_line_at_the_rail_is_lead_off(excerpt):
    x = excerpt[:1800].copy()
    x[720:1080] = 5.0
    assert verdicts(judge(x))[2] == ("rejected", "lead-off")
    assert verdicts(judge(x, limits=Thresholds(rail=5.0)))[2] == ("rejected", "lead-off")
    assert verdicts(judge(x, limits=Thresholds(rail=10.0)))[2] == ("rejected", "flat")


def test_resting_on_the_rail_is_saturated(excerpt):
    x = np.clip(excerpt[:3600] + 3 * np.sin(np.arange(3600) / 40).astype(np.float32), -2.0, 2.0)
    assert ("rejected", "saturated") in verdicts(judge(x))


def test_hiss_is_noise(excerpt):
    hiss = np.random.default_rng(1).normal(0, 1, 3600).astype(np.float32)
    assert set(verdicts(judge(excerpt[:3600] + 0.09 * hiss))) == {("degraded", "noise")}
    assert set(verdicts(judge(excerpt[:3600] + 0.3 * hiss))) == {("rejected", "noise")}


def test_a_swing_no_heart_makes_is_noise(excerpt):
    x = excerpt[:3600].copy()
    x[1000:1040] += 20.0
    assert verdicts(judge(x))[2] == ("rejected", "noise")


def test_invalid_samples_are_told(excerpt):
    x = excerpt[:1800].copy()
    x[400] = np.nan
    x[800:900] = np.nan
    found = verdicts(judge(x))
    assert found[1] == ("degraded", "nan")
    assert found[2] == ("rejected", "nan")
    assert verdicts(judge(np.full(360, np.nan, np.float32))) == [("rejected", "nan")]


def test_microvolts_are_judged_like_millivolts(excerpt):
    x = excerpt[:3600] + 0.3 * np.random.default_rng(1).normal(0, 1, 3600).astype(np.float32)
    assert verdicts(judge(x * 1000, unit=Unit.MICROVOLT)) == verdicts(judge(x))


def test_without_a_scale_no_limit_in_millivolts_is_applied(excerpt):
    x = (excerpt[:3600] * 1e4).astype(np.float32)
    assert set(verdicts(judge(x, unit=Unit.RAW))) == {("usable", "uncalibrated")}
    assert set(verdicts(judge(np.zeros(720, np.float32), unit=Unit.RAW))) == {("rejected", "flat")}


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 250.0, 1000.0])
def test_other_sampling_frequencies(fs_hz):
    x = np.random.default_rng(2).normal(0, 0.01, int(3 * fs_hz)).astype(np.float32)
    assert verdicts(judge(x, fs_hz=fs_hz)) == [("usable", "")] * 3
