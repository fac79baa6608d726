"""The beat classifier's inputs are causal, whole and the same however the samples arrive."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput, BrokenStream
from biosignal.synthetic.ecg import synthetic_ecg
from biosignal.tasks.ecg_beats.intervals import HISTORY_SHAPE
from biosignal.tasks.ecg_beats.kinds import CONTRACT
from biosignal.tasks.ecg_beats.shapes import FIRST_S
from biosignal.tasks.ecg_beats.windows import (
    BEAT_SHAPE,
    BEFORE,
    NEXT_BEAT_WAIT_S,
    RR_CAP_S,
    RR_FEATURES,
    RR_SHAPE,
    BeatInputs,
    inputs_for_record,
)

ECG = synthetic_ecg(seed=5, fs_hz=250.0, duration_s=40.0)
DELAY = 90
FEATURE = {name: index for index, name in enumerate(RR_FEATURES)}


def stream(ecg, cuts):
    """Drive the stream as the pipeline does, with the samples cut at `cuts`."""
    inputs = BeatInputs(fs_hz=ecg.fs_hz)
    windows, told = [], 0
    edges = sorted({0, len(ecg.samples), *cuts})
    for start, end in itertools.pairwise(edges):
        inputs.extend(ecg.samples[start:end])
        while told < len(ecg.beats) and ecg.beats[told] + DELAY < end:
            windows += inputs.add_beat(int(ecg.beats[told]), int(ecg.beats[told]) + DELAY)
            told += 1
        windows += inputs.advance(end)
    return windows + inputs.flush()


def same(one, other):
    return (
        (one.sample, one.decided_at, one.rr_before_s, one.amplitude, one.likeness_before)
        == (other.sample, other.decided_at, other.rr_before_s, other.amplitude, other.likeness_before)
        and np.array_equal(one.beat, other.beat)
        and np.array_equal(one.rr, other.rr)
        and np.array_equal(one.rr_history, other.rr_history)
    )


WHOLE = stream(ECG, [])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9999), max_size=40))
def test_the_cut_into_blocks_changes_no_bit(cuts):
    pieces = stream(ECG, cuts)
    assert len(pieces) == len(WHOLE)
    assert all(same(one, other) for one, other in zip(pieces, WHOLE, strict=True))


def test_sample_by_sample_is_the_same_as_whole():
    assert all(same(one, other) for one, other in zip(stream(ECG, range(len(ECG.samples))), WHOLE, strict=True))


def test_behind_the_first_five_minutes_the_cut_changes_no_bit_either():
    ecg = synthetic_ecg(seed=6, fs_hz=250.0, duration_s=FIRST_S + 40.0)
    whole, pieces = stream(ecg, []), stream(ecg, range(0, len(ecg.samples), 777))
    assert all(same(one, other) for one, other in zip(pieces, whole, strict=True))
    early = [window for window in whole if window.sample < (FIRST_S - 1.0) * ecg.fs_hz]
    late = [window for window in whole if window.sample >= FIRST_S * ecg.fs_hz]
    assert all(np.array_equal(window.beat[1], window.beat[3]) for window in early)
    assert not any(np.array_equal(window.beat[1], window.beat[3]) for window in late)


def test_behind_a_gap_nothing_of_before_is_known():
    inputs = BeatInputs(fs_hz=250.0)
    inputs.extend(ECG.samples)
    for beat in ECG.beats[:20]:
        inputs.add_beat(int(beat), int(beat) + DELAY)
    inputs.reset(50_000)
    both = []
    for one in (inputs, BeatInputs(fs_hz=250.0, start=50_000)):
        one.extend(ECG.samples[:5000])
        windows = []
        for beat in ECG.beats[:8]:
            windows += one.add_beat(50_000 + int(beat), 50_000 + int(beat) + DELAY)
        both.append(windows + one.flush())
    assert len(both[0]) == 8
    assert all(same(one, other) for one, other in zip(*both, strict=True))


def test_a_beat_is_held_against_the_one_before_it_and_no_template():
    t_s = np.arange(7000) / 250.0
    beats = [250 * index for index in range(1, 27)]
    narrow, wide = 0.012, 0.05
    of_each = [wide if 10 <= index < 20 else narrow for index in range(len(beats))]
    sign = [-1.0 if 10 <= index < 20 else 1.0 for index in range(len(beats))]
    samples = sum(
        way * np.exp(-0.5 * ((t_s - beat / 250.0) / width) ** 2)
        for beat, width, way in zip(beats, of_each, sign, strict=True)
    )
    likeness = [window.likeness_before for window in inputs_for_record(samples.astype(np.float32), 250.0, beats)]
    assert likeness[0] is None
    changed = {10, 20}
    assert all(value < 0.0 for index, value in enumerate(likeness) if index in changed)
    assert all(value > 0.95 for index, value in enumerate(likeness) if index and index not in changed)


def test_every_beat_gets_one_window_in_order():
    told = [int(beat) for beat in ECG.beats if beat + DELAY < len(ECG.samples)]
    assert [window.sample for window in WHOLE] == told


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 250.0, 257.3, 360.0, 500.0, 1000.0])
def test_it_works_at_any_rate(fs_hz):
    ecg = synthetic_ecg(seed=5, fs_hz=fs_hz, duration_s=20.0)
    windows = inputs_for_record(ecg.samples, fs_hz, ecg.beats)
    assert len(windows) == len(ecg.beats)
    for window in windows:
        assert window.beat.shape == BEAT_SHAPE
        assert window.rr.shape == RR_SHAPE
        assert window.rr_history.shape == HISTORY_SHAPE
        assert np.isfinite(window.beat).all()
        assert np.isfinite(window.rr).all()
        assert abs(int(np.argmax(np.abs(window.beat[0]))) - BEFORE) <= 12


@pytest.mark.parametrize("fs_hz", [50.0, 2000.0, float("nan")])
def test_another_rate_is_refused(fs_hz):
    with pytest.raises(BadInput, match="100 to 1000"):
        BeatInputs(fs_hz=fs_hz)


def test_a_beat_looks_alike_at_two_rates():
    slow, fast = (synthetic_ecg(seed=5, fs_hz=fs_hz, duration_s=20.0) for fs_hz in (250.0, 1000.0))
    pairs = zip(
        inputs_for_record(slow.samples, 250.0, slow.beats),
        inputs_for_record(fast.samples, 1000.0, fast.beats),
        strict=True,
    )
    likeness = [np.corrcoef(one.beat[0], other.beat[0])[0, 1] for one, other in pairs]
    assert np.median(likeness) > 0.98


def test_the_unit_does_not_matter():
    ecg = synthetic_ecg(seed=5, fs_hz=250.0, duration_s=20.0)
    for one, other in zip(
        inputs_for_record(ecg.samples, 250.0, ecg.beats),
        inputs_for_record(ecg.samples * np.float32(1000.0), 250.0, ecg.beats),
        strict=True,
    ):
        np.testing.assert_allclose(one.beat, other.beat, atol=1e-4)
        np.testing.assert_allclose(one.rr, other.rr, atol=1e-4)
        assert other.amplitude == pytest.approx(1000.0 * one.amplitude, rel=1e-4)


def test_nothing_behind_decided_at_changes_a_window():
    window = WHOLE[20]
    samples = ECG.samples.copy()
    samples[window.decided_at + 1 :] = 99.0
    inputs = BeatInputs(fs_hz=250.0)
    inputs.extend(samples)
    found = []
    for beat in ECG.beats:
        if beat + DELAY < len(samples):
            found += inputs.add_beat(int(beat), int(beat) + DELAY)
    assert same(found[20], window)


def test_a_window_without_a_next_beat_comes_after_the_time_out_and_says_so():
    inputs = BeatInputs(fs_hz=250.0)
    inputs.extend(ECG.samples[:5000])
    inputs.add_beat(1000, 1090)
    due = 1000 + int((RR_CAP_S + NEXT_BEAT_WAIT_S) * 250.0)
    assert inputs.advance(due) == []
    (window,) = inputs.advance(due + 1)
    assert window.decided_at == due
    assert window.rr[FEATURE["after known"]] == 1.0
    assert window.rr[FEATURE["after"]] == pytest.approx(np.log(RR_CAP_S / 0.8), abs=1e-6)


def test_the_end_tells_held_windows_with_the_next_beat_unknown():
    inputs = BeatInputs(fs_hz=250.0)
    inputs.extend(ECG.samples[:1100])
    inputs.add_beat(1000, 1090)
    (window,) = inputs.flush()
    assert window.rr[FEATURE["after known"]] == 0.0
    assert np.isfinite(window.beat).all()
    assert inputs.flush() == []


def test_a_gap_forgets_everything():
    inputs = BeatInputs(fs_hz=250.0)
    inputs.extend(ECG.samples * np.float32(7.0))
    for beat in ECG.beats[:20]:
        inputs.add_beat(int(beat), int(beat) + DELAY)
    assert inputs.reset(50_000)[-1].sample == ECG.beats[19]
    inputs.extend(ECG.samples)
    behind = []
    for beat in ECG.beats[:20]:
        behind += inputs.add_beat(50_000 + int(beat), 50_000 + int(beat) + DELAY)
    for one, other in zip(behind, WHOLE, strict=False):
        assert one.sample == other.sample + 50_000
        assert np.array_equal(one.beat, other.beat)
        assert np.array_equal(one.rr, other.rr)


def test_missing_samples_hold_the_value_before():
    samples = ECG.samples.copy()
    samples[:30] = np.nan
    samples[3000:3400] = np.nan
    for window in inputs_for_record(samples, 250.0, ECG.beats):
        assert np.isfinite(window.beat).all()
        assert np.isfinite(window.rr).all()


def test_a_flat_line_gives_finite_windows():
    for window in inputs_for_record(np.zeros(2500, np.float32), 250.0, [500, 700, 900]):
        assert np.isfinite(window.beat).all()
        assert np.isfinite(window.rr).all()


@pytest.mark.parametrize(("sample", "decided_at"), [(1000, 1200), (900, 1200), (1100, 1150), (1100, 9_999)])
def test_a_beat_out_of_order_or_ahead_of_its_samples_is_refused(sample, decided_at):
    inputs = BeatInputs(fs_hz=250.0)
    inputs.extend(ECG.samples[:2500])
    inputs.add_beat(1000, 1190)
    inputs.advance(1191)
    with pytest.raises(BrokenStream, match="out of order"):
        inputs.add_beat(sample, decided_at)


def test_a_ventricular_beat_stands_out_from_the_templates():
    ecg = synthetic_ecg(seed=9, fs_hz=250.0, duration_s=120.0)
    windows = inputs_for_record(ecg.samples, 250.0, ecg.beats)[20:]
    labels = ecg.labels[20:]
    difference = {
        kind: np.median([np.abs(w.beat[1]).mean() for w, label in zip(windows, labels, strict=True) if label == kind])
        for kind in "NV"
    }
    assert difference["V"] > 3 * difference["N"]


def test_an_early_beat_has_a_short_interval_before_it():
    ecg = synthetic_ecg(seed=9, fs_hz=250.0, duration_s=120.0)
    windows = inputs_for_record(ecg.samples, 250.0, ecg.beats)[20:]
    early = [w.rr[FEATURE["before/local"]] for w, label in zip(windows, ecg.labels[20:], strict=True) if label == "S"]
    assert max(early) < np.log(0.85)


def test_tensors_carry_the_arrays():
    tensors = WHOLE[3].tensors()
    assert [(one.name, one.shape) for one in tensors] == [(one.name, one.shape) for one in CONTRACT.inputs]
    for tensor in tensors:
        given = WHOLE[3].inputs()[tensor.name]
        assert np.array_equal(np.frombuffer(tensor.data, "<f4").reshape(tensor.shape), given)


def test_a_beat_costs_well_under_a_millisecond():
    ecg = synthetic_ecg(seed=3, fs_hz=360.0, duration_s=300.0)
    costs = []
    for _ in range(3):
        start = time.perf_counter()
        inputs_for_record(ecg.samples, 360.0, ecg.beats)
        costs.append((time.perf_counter() - start) / len(ecg.beats))
    assert min(costs) < 0.001
