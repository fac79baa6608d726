"""The stage of the waves, on the synthetic patient, whose bounds are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biosignal.events import Abstained, Mark, Prediction, Reading, Series
from biosignal.model.bundle import open_bundle
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.signal.blocks import SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_waves.kinds import (
    ABSENT,
    MEASURED,
    P_WAVE,
    PR,
    PRESENT,
    QRS_COMPLEX,
    QRS_DURATION,
    QTC,
    T_WAVE,
)
from biosignal.tasks.ecg_waves.task import ECG_WAVES

(NEWEST,) = sorted((Path(__file__).parents[2] / "models" / ECG_WAVES.name).iterdir())[-1:]
BACKEND = OnnxCpuBackend(open_bundle({file.name: file.read_bytes() for file in NEWEST.iterdir()}))


def analysed(name, *, seconds=60.0, leads=None, spoil=None, begin_s=0.0):
    recording = SyntheticRecording(SCENARIOS[name], seed=5)
    first = round(begin_s * recording.fs_hz)
    samples = recording.samples(first, first + round(seconds * recording.fs_hz))
    rows = [row for row, lead in enumerate(recording.leads) if leads is None or lead.name in leads]
    own = tuple(recording.leads[row] for row in rows)
    samples = np.ascontiguousarray(samples[rows])
    if spoil is not None:
        samples = spoil(samples)
    recorded = Recorded(device="d", recording="r", fs_hz=recording.fs_hz, leads=own)
    models = {ECG_WAVES.name: Model(ECG_WAVES.name, ECG_WAVES.model, BACKEND)}
    pipeline = Pipeline([ECG_WAVES], recorded, models=models)
    block = SampleBlock(recording="r", start=0, fs_hz=recording.fs_hz, leads=own, samples=samples)
    events = [*pipeline.push(block), *pipeline.finish()]
    truth = recording.truth
    return events, [replace(beat) for beat in truth.beats], recording.fs_hz, first


def of_kind(events, kind):
    return [event for event in events if isinstance(event, Mark) and event.kind == kind.name]


@pytest.mark.parametrize("name", ["sinus", "twelve-lead"])
def test_p_qrs_and_t_of_a_sinus_rhythm_are_found_where_they_are(name):
    events, beats, fs_hz, _ = analysed(name)
    inside = [beat for beat in beats if 1.0 < beat.sample / fs_hz < 58.0]
    usual = [beat for beat in inside if beat.symbol == "N"]
    qrs = np.array([mark.start for mark in of_kind(events, QRS_COMPLEX)])
    p = np.array([mark.start for mark in of_kind(events, P_WAVE) if mark.label == PRESENT])
    t = np.array([mark.end for mark in of_kind(events, T_WAVE)])
    for beat in usual:
        assert np.min(np.abs(qrs - beat.qrs.on)) <= 0.05 * fs_hz
        assert np.min(np.abs(p - beat.p.on)) <= 0.06 * fs_hz
        assert np.min(np.abs(t - beat.t.off)) <= 0.1 * fs_hz
    assert abs(len([one for one in qrs if fs_hz < one < 58 * fs_hz]) - len(inside)) <= 1


def test_a_bound_is_told_at_most_400_ms_behind_it():
    events, _, fs_hz, _ = analysed("sinus")
    marks = [*of_kind(events, QRS_COMPLEX), *of_kind(events, T_WAVE)]
    assert len(marks) > 100
    assert max(mark.decided_at - mark.end + 1 for mark in marks) <= 0.4 * fs_hz


def test_without_p_waves_it_says_that_there_are_none():
    events, _, fs_hz, _ = analysed("af-paroxysmal", begin_s=200.0, seconds=40.0)
    said = [mark.label for mark in of_kind(events, P_WAVE) if isinstance(mark.outcome, Prediction)]
    recording = SyntheticRecording(SCENARIOS["af-paroxysmal"], seed=5)
    inside = [beat for beat in recording.truth.beats if 200.0 < beat.sample / fs_hz < 240.0]
    absent = sum(beat.p is None for beat in inside)
    assert absent > 0.9 * len(inside)
    assert said.count(ABSENT) > 0.7 * len(inside)


def test_in_muscle_noise_nobody_says_that_there_is_no_p_wave():
    random = np.random.default_rng(3)

    def spoil(samples):
        return samples + random.normal(0.0, 0.12, samples.shape).astype(np.float32)

    events, _, _, _ = analysed("sinus", spoil=spoil, leads=("II", "MLII", "ECG"))
    outcomes = [mark.outcome for mark in of_kind(events, P_WAVE)]
    assert outcomes
    assert not [one for one in outcomes if isinstance(one, Prediction) and one.label == ABSENT]
    assert any(isinstance(one, Abstained) for one in outcomes) or all(
        isinstance(one, Prediction) and one.label == PRESENT for one in outcomes
    )


def test_a_minute_has_the_medians_of_its_intervals_and_how_many_beats_were_measured():
    events, beats, fs_hz, _ = analysed("sinus")
    (minute, *_) = [event for event in events if isinstance(event, Series)]
    values = {column.quantity: column.values[0] for column in minute.columns}
    inside = [beat for beat in beats if beat.sample < 60 * fs_hz]
    true_pr = 1000 * np.median([beat.qrs.on - beat.p.on for beat in inside]) / fs_hz
    true_qrs = 1000 * np.median([beat.qrs.off - beat.qrs.on for beat in inside]) / fs_hz
    assert abs(values[PR] - true_pr) <= 40
    assert abs(values[QRS_DURATION] - true_qrs) <= 40
    assert 300 <= values[QTC] <= 500
    assert values[MEASURED] >= 90


def test_the_numbers_shown_hold_for_some_seconds():
    events, _, fs_hz, _ = analysed("sinus", seconds=20.0)
    shown = [event for event in events if isinstance(event, Reading)]
    assert {event.quantity for event in shown} == {PR, QRS_DURATION, "qt_interval", QTC}
    assert all(event.until - event.at == round(10 * fs_hz) for event in shown)
