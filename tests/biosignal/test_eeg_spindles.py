"""Spindles and slow waves: found where the synthetic patient has them, and nowhere else."""

from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import firwin, freqz

from biosignal.eeg.bank import HELD_S, FilterBank
from biosignal.errors import BadInput
from biosignal.events import Mark, MarkState, Prediction, QualityLevel, Rung, Series
from biosignal.scoring.overlap import score_events
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.synthetic.brain import Sleep, Wake
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import BrainSegment, Scenario
from biosignal.tasks.eeg_sleep.kinds import EPOCH
from biosignal.tasks.eeg_sleep.kinds import NAME as SLEEP
from biosignal.tasks.eeg_spindles.kinds import NAME, SLOW_WAVE, SPINDLE
from biosignal.tasks.eeg_spindles.limits import SpindleLimits
from biosignal.tasks.eeg_spindles.stage import SpindleStage, best_lead
from biosignal.tasks.task import TaskFacts
from tests.biosignal.eeg_replays import column, said

FS_HZ = 100.0


def of(events, kind):
    return [event for event in events if isinstance(event, Mark) and event.kind == kind.name]


def spans(marks):
    return [(one.start, one.end) for one in marks]


@cache
def played(state, *, seed=7, lasts_s=120.0, channel="C4-M1"):
    """What is said of a state of the synthetic patient, and what is true."""
    segments = (BrainSegment(start_s=0, state=state),)
    scenario = Scenario(name="t", about="t", duration_s=lasts_s, channels=(channel,), leads=(), brain=segments)
    recording = SyntheticRecording(scenario, seed=seed)
    return said(NAME, recording.fs_hz, (channel,), recording.samples(0, recording.length)), recording


@pytest.mark.parametrize(("stage", "least"), [("N2", 0.8), ("N3", 0.7)])
def test_most_spindles_of_the_synthetic_patient_are_found_and_few_else(stage, least):
    events, recording = played(Sleep(stage=stage), lasts_s=400.0)
    reference = [(one.start, one.end) for one in recording.truth.of("spindle")]
    score = score_events(reference, spans(of(events, SPINDLE)))
    assert len(reference) > 5
    assert score.recall >= least
    assert score.precision >= 0.9


@pytest.mark.parametrize("state", [Wake(), Sleep(stage="N1"), Sleep(stage="R")])
def test_alpha_and_sleep_without_spindles_have_none(state):
    events, _ = played(state)
    assert of(events, SPINDLE) == []
    assert column(events, "spindles_per_min", ("C4-M1",)) == [0.0] * 2


@pytest.mark.parametrize("at_hz", [8.5, 9.5, 10.5])
def test_a_burst_of_alpha_is_no_spindle(at_hz):
    assert of(said(NAME, FS_HZ, ("Cz",), with_burst(at_hz, 40.0)), SPINDLE) == []


@pytest.mark.parametrize("at_hz", [11.8, 13.0, 15.0])
@pytest.mark.parametrize("lasts_s", [0.7, 1.0, 2.0])
def test_a_burst_of_sigma_is_one_at_its_place_with_its_frequency_and_height(at_hz, lasts_s):
    (found,) = of(said(NAME, FS_HZ, ("Cz",), with_burst(at_hz, 20.0, lasts_s=lasts_s)), SPINDLE)
    assert score_events([(3000, 3000 + round(100 * lasts_s))], spans([found])).overlaps[0] > 0.5
    assert found.number("spindle_frequency") == pytest.approx(at_hz, abs=0.8)
    assert found.number("peak_to_peak_uv") == pytest.approx(40.0, abs=12.0)
    assert found.decided_at < found.end + 4 * FS_HZ


def with_burst(at_hz, uv, lasts_s=1.0):
    """A minute of quiet noise with a burst in second 30."""
    x = np.random.default_rng(8).normal(0, 4.0, 6000)
    x[1:] += 0.8 * x[:-1]
    at = np.arange(round(lasts_s * FS_HZ)) / FS_HZ
    x[3000 : 3000 + len(at)] += uv * np.sin(2 * np.pi * at_hz * at)
    return x[np.newaxis]


def test_slow_waves_of_75_uv_are_found_from_crossing_to_crossing():
    x = np.random.default_rng(9).normal(0, 2.0, 6000)
    at = np.arange(1000) / FS_HZ
    x[2000:3000] -= 45.0 * np.sin(2 * np.pi * 1.0 * at)
    x[4000:5000] -= 30.0 * np.sin(2 * np.pi * 1.0 * at)
    waves = of(said(NAME, FS_HZ, ("Cz",), x[np.newaxis]), SLOW_WAVE)
    assert 8 <= len(waves) <= 10
    assert all(1990 <= wave.start < wave.end <= 3010 for wave in waves)
    assert [wave.number("peak_to_peak_uv") for wave in waves[1:-1]] == pytest.approx([90.0] * (len(waves) - 2), abs=8)
    assert [wave.end - wave.start for wave in waves] == pytest.approx([100] * len(waves), abs=10)


def test_deep_sleep_has_many_slow_waves_and_waking_has_few():
    deep, _ = played(Sleep(stage="N3"), lasts_s=400.0)
    awake, _ = played(Wake())
    assert np.mean(column(deep, "slow_waves_per_min", ("C4-M1",))) > 20
    assert np.mean(column(awake, "slow_waves_per_min", ("C4-M1",))) < 1


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cut=st.integers(1, 400), gap=st.tuples(st.integers(1, 5999), st.integers(0, 3000)))
def test_the_same_samples_give_the_same_marks_however_they_are_cut(cut, gap):
    x = with_burst(13.0, 30.0)
    x[0, 700:760] = np.nan
    assert said(NAME, FS_HZ, ("Cz",), x, cut=cut, gaps=(gap,)) == said(NAME, FS_HZ, ("Cz",), x, gaps=(gap,))


def test_what_lies_at_a_gap_is_not_joined_over_it():
    x = with_burst(13.0, 30.0, lasts_s=1.0)
    events = said(NAME, FS_HZ, ("Cz",), x, gaps=((3050, 0),))
    assert not [one for one in of(events, SPINDLE) if one.start < 3050 < one.end]
    minutes = [event for event in said(NAME, FS_HZ, ("Cz",), x, gaps=((3050, 9000),)) if isinstance(event, Series)]
    assert [one.start for one in minutes] == [0, 12_000]


def test_a_minute_of_which_too_little_was_seen_has_no_rate():
    events = said(NAME, FS_HZ, ("Cz",), np.zeros((1, 6000)))
    assert not of(events, SLOW_WAVE)
    assert column(events, "spindles_per_min", ("Cz",)) == []
    short = said(NAME, FS_HZ, ("Cz",), with_burst(13.0, 30.0)[:, :2500])
    assert column(short, "spindles_per_min", ("Cz",)) == [None]


@pytest.mark.parametrize("fs_hz", [100.0, 250.0])
def test_the_bank_filters_as_a_windowed_sinc_without_delay(fs_hz):
    bank = FilterBank(fs_hz, {"sigma": (11.0, 16.0)})
    taps = firwin(4 * round(fs_hz) + 1, (11.0, 16.0), fs=fs_hz, pass_zero=False, scale=False)
    _, gain = freqz(taps, worN=[13.5], fs=fs_hz)
    at = np.arange(HELD_S * round(fs_hz)) / fs_hz
    middle = bank.middle(np.sin(2 * np.pi * 13.5 * at))[0]
    expected = abs(gain[0]) * np.sin(2 * np.pi * 13.5 * at[2 * round(fs_hz) : 3 * round(fs_hz)])
    np.testing.assert_allclose(middle, expected, atol=0.01)
    assert np.abs(bank.middle(np.sin(2 * np.pi * 9.5 * at))).max() < 0.01


@pytest.mark.parametrize(
    ("names", "best"),
    [(("Fp1", "C3", "C4"), 2), (("EEG Fpz-Cz", "EEG Pz-Oz"), 0), (("O1", "O2"), 0), (("EEG 1", "EEG F3-A2"), 1)],
)
def test_the_lead_that_sees_spindles_best_is_read(names, best):
    assert best_lead(names) == best


@pytest.mark.parametrize("wrong", [{"edge_uv": 9.0}, {"sigma_share": 1.0}, {"shortest_s": 4.0}, {"slow_uv": 0.0}])
def test_limits_that_no_wave_can_have_are_refused(wrong):
    with pytest.raises(BadInput):
        SpindleLimits(**wrong)


def staged(*labels):
    """Spindles where the epochs before a burst in second 30 were called so; none: a gap came behind them."""
    lead = Lead(name="Cz", unit=Unit.MICROVOLT, kind=LeadKind.EEG, fs_hz=FS_HZ)
    facts = TaskFacts(device="d", recording="r", stream="live", fs_hz=FS_HZ, leads=(lead,))
    stage = SpindleStage(facts, SpindleLimits())
    samples = with_burst(13.0, 30.0).astype(np.float32)
    events = [*push(stage, lead, samples, 0, 2000)]
    for label in labels:
        events += stage.push(epoch(label) if label else Gap(recording="r", start=2000, length=0, reason="test"))
    return of([*events, *push(stage, lead, samples, 2000, 6000), *stage.finish()], SPINDLE)


def push(stage, lead, samples, start, end):
    block = SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=(lead,), samples=samples[:, start:end].copy())
    return [*stage.push(block), *stage.advance(end)]


def epoch(label):
    outcome = Prediction(task=SLEEP, bundle="b", rung=Rung.ONNX_CPU, label=label, scores=())
    return Mark(
        id=label,
        task=SLEEP,
        kind=EPOCH.name,
        recording="r",
        leads=("Cz",),
        start=0,
        end=2000,
        decided_at=1999,
        state=MarkState.CONFIRMED,
        quality=QualityLevel.USABLE,
        outcome=outcome,
    )


@pytest.mark.parametrize("labels", [(), ("N2",), ("W", "N1"), ("W", None)])
def test_a_spindle_is_marked_asleep_and_where_no_stage_is_known(labels):
    assert len(staged(*labels)) == 1


@pytest.mark.parametrize("labels", [("W",), ("R",), ("N2", "W")])
def test_nothing_is_marked_while_the_patient_is_awake_or_in_rem_sleep(labels):
    assert staged(*labels) == []
