"""Behind any artefact, gap, gain or rate the released front end finds every beat again within three seconds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.events import Mark, MarkState
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from export.report.served import served

AT_S = 15.0
BACK_S = 3.0
WATCHED_S = 10.0
NEAR_S = 0.15


def decay(x, at, height_mv, tau_s, fs_hz):
    x[:, at:] += height_mv * np.exp(-np.arange(x.shape[1] - at) / (tau_s * fs_hz))


def offset(x, at, fs_hz, random):
    """An electrode lets go and is back: a step that decays."""
    decay(x, at, random.choice((-1, 1)) * random.uniform(1, 30), random.uniform(0.2, 1.0), fs_hz)
    return at + round(fs_hz)


def rail(x, at, fs_hz, random):
    end = at + round(random.uniform(1, 6) * fs_hz)
    x[:, at:end] = random.choice((-1, 1)) * random.uniform(2, 30) + random.normal(0, 1e-5, x[:, at:end].shape)
    return end


def flat(x, at, fs_hz, random):
    end = at + round(random.uniform(1, 6) * fs_hz)
    x[:, at:end] = x[:, at : at + 1]
    return end


def gain(x, at, fs_hz, random):
    x[:, at:] *= float(np.exp(random.uniform(np.log(0.25), np.log(4.0))))
    return at


def pop(x, at, fs_hz, random):
    end = at + round(random.uniform(0.01, 0.06) * fs_hz)
    x[:, at:end] += random.choice((-1, 1)) * random.uniform(5, 50)
    return end


def movement(x, at, fs_hz, random):
    end = at + round(random.uniform(1, 6) * fs_hz)
    x[:, at:end] += np.cumsum(random.normal(0, 0.15, (len(x), end - at)), axis=1)
    decay(x, end, random.uniform(-2, 2), 0.3, fs_hz)
    return end


def lost(x, at, fs_hz, random):
    end = at + round(random.uniform(0.2, 6) * fs_hz)
    x[:, at:end] = np.nan
    return end


KINDS = (offset, rail, flat, gain, pop, movement, lost)


def marks(samples, leads, fs_hz, *, gap=None):
    pipeline = Pipeline(
        TASKS.values(),
        Recorded(device="d", recording="r", fs_hz=fs_hz, leads=leads),
        models=served(None).models(),
        on_failure=lambda _task, error: (_ for _ in ()).throw(error),
    )
    out, moved = [], 0
    for start, end in ((0, samples.shape[1]),) if gap is None else ((0, gap[0]), (gap[0], samples.shape[1])):
        if start:
            out += pipeline.push(Gap(recording="r", start=start, length=gap[1], reason="lost"))
            moved = gap[1]
        part = samples[:, start:end].astype(np.float32)
        out += pipeline.push(SampleBlock(recording="r", start=start + moved, fs_hz=fs_hz, leads=leads, samples=part))
    out += pipeline.finish()
    return np.array(
        [one.start for one in out if isinstance(one, Mark) and one.kind == "qrs" and one.state is MarkState.CONFIRMED]
    )


def check(found, beats, back, fs_hz):
    near = NEAR_S * fs_hz
    end = back + WATCHED_S * fs_hz
    missed = [beat for beat in beats if back <= beat < end and np.min(np.abs(found - beat)) > near]
    made_up = [at for at in found if back <= at < end and np.min(np.abs(beats - at)) > near]
    assert not missed
    assert not made_up


def recording(seed, scenario="sinus", seconds=AT_S + 30):
    made = SyntheticRecording(SCENARIOS[scenario], seed=seed)
    samples = made.samples(0, round(seconds * made.fs_hz)).astype(np.float64)
    return made, samples, np.array([beat.sample for beat in made.truth.beats])


@pytest.mark.parametrize("artefact", KINDS)
@given(seed=st.integers(100, 999))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_three_seconds_behind_an_artefact_every_beat_is_found_and_none_made_up(artefact, seed):
    made, samples, beats = recording(seed)
    end = artefact(samples, round(AT_S * made.fs_hz), made.fs_hz, np.random.default_rng(seed))
    check(marks(samples, made.leads, made.fs_hz), beats, end + BACK_S * made.fs_hz, made.fs_hz)


@given(seed=st.integers(100, 999), length=st.integers(0, 5000))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_three_seconds_behind_a_gap_too(seed, length):
    made, samples, beats = recording(seed)
    at = round(AT_S * made.fs_hz)
    found = marks(samples, made.leads, made.fs_hz, gap=(at, length))
    beats = np.where(beats >= at, beats + length, beats)
    check(found, beats, at + length + BACK_S * made.fs_hz, made.fs_hz)


@pytest.mark.parametrize("scenario", ["monitor-80-120", "monitor-80-40"])
def test_three_seconds_behind_another_rate_too(scenario):
    made, samples, beats = recording(7, scenario, 100.0)
    check(marks(samples, made.leads, made.fs_hz), beats, round((60.0 + BACK_S) * made.fs_hz), made.fs_hz)
