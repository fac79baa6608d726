"""The same seed is the same recording: in any pieces, on any machine, in any order of asking."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.synthetic.noise import Dropout, Hiss, LeadOff, Motion, Muscle
from biosignal.synthetic.recording import PAGE, SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS, scenario_named

EXPECTED = Path(__file__).parent / "expected.json"

BUSY = replace(
    scenario_named("ectopy"),
    duration_s=40.0,
    leads=("II", "III", "V2"),
    noise=(
        Hiss(),
        Muscle(start_s=3.0, duration_s=20.0, amplitude_mv=0.1),
        Motion(amplitude_mv=0.2, jolts_per_min=60.0),
        LeadOff(start_s=12.3, duration_s=2.0),
        Dropout(start_s=20.0, duration_s=1.5),
        Dropout(start_s=21.0, duration_s=1.0),
    ),
)


def fingerprint(name):
    made = SyntheticRecording(SCENARIOS[name])
    digest = hashlib.sha256()
    for start in (0, made.length // 2):
        digest.update(made.counts(start, min(start + 3000, made.length)).astype("<i2").tobytes())
    digest.update(repr(made.truth).encode())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_gives_the_samples_and_the_truth_it_always_gave(name):
    assert fingerprint(name) == json.loads(EXPECTED.read_text())[name], (
        "other samples than before: if that is meant, count GENERATOR up and write the new fingerprints"
    )


def joined(made, block):
    samples = np.full((len(made.leads), made.length), np.nan, np.float32)
    gaps, at = [], 0
    for item in made.blocks("r", block=block):
        assert item.start == at
        at = item.end
        if isinstance(item, Gap):
            gaps.append((item.start, item.end))
        else:
            assert isinstance(item, SampleBlock)
            assert item.length <= block
            samples[:, item.start : item.end] = item.samples
    assert at == made.length
    return samples, gaps


@settings(max_examples=12, deadline=None)
@given(block=st.integers(1, 9000))
def test_the_size_of_the_blocks_changes_no_sample(block):
    made = SyntheticRecording(BUSY, seed=5)
    whole, gaps = joined(SyntheticRecording(BUSY, seed=5), PAGE)
    samples, again = joined(made, block)
    assert gaps == again == [(5000, 5500)]
    assert np.array_equal(samples, whole, equal_nan=True)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_stretch_is_the_same_whatever_was_asked_before(data):
    whole = SyntheticRecording(BUSY, seed=5).counts(0, 10_000)
    made = SyntheticRecording(BUSY, seed=5)
    for _ in range(4):
        start = data.draw(st.integers(0, 9_999))
        end = data.draw(st.integers(start, 10_000))
        assert np.array_equal(made.counts(start, end), whole[:, start:end])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**63 - 1), name=st.sampled_from(sorted(SCENARIOS)))
def test_any_seed_plays_every_scenario(seed, name):
    made = SyntheticRecording(SCENARIOS[name], seed=seed)
    samples = made.samples(0, min(made.length, 3000))
    assert np.isfinite(samples).all()
    if made.scenario.leads:
        assert all(a.sample < b.sample for a, b in zip(made.truth.beats, made.truth.beats[1:], strict=False))


def test_another_seed_is_another_patient():
    one, two = (SyntheticRecording(scenario_named("sinus"), seed=seed) for seed in (1, 2))
    assert not np.array_equal(one.counts(0, 3000), two.counts(0, 3000))
    assert one.truth.beats != two.truth.beats
    assert one.scenario.identity(1) != one.scenario.identity(2)


def test_samples_that_do_not_exist_are_refused():
    made = SyntheticRecording(scenario_named("sinus"))
    with pytest.raises(BadInput):
        made.counts(0, made.length + 1)
    with pytest.raises(BadInput):
        SyntheticRecording(scenario_named("sinus"), seed=-1)
