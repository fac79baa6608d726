"""Whether a lead lies still since it showed a heart, and what is told of a silence on a clean line."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.events import Finding
from biosignal.model.model import Model
from biosignal.signal.blocks import SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_front.kinds import OUTPUTS, STEPS
from biosignal.tasks.ecg_front.stillness import Stillness
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle

MODELS = ("ecg-front", "ecg-beats", "ecg-rhythm")


def step(level_mv, good):
    """A step of one lead: a complex of 1 mV where it is good, nothing but the level elsewhere."""
    samples = np.full((1, STEPS), level_mv)
    samples[0, STEPS // 2] += 1.0 if good >= 0.5 else 0.0
    return samples, np.full((1, STEPS, len(OUTPUTS)), good, np.float32)


def shares(*steps):
    """The share behind each step of one lead, a step being (level in mV, how good)."""
    stillness, found = Stillness(1), []
    for one in steps:
        stillness.push(*step(*one))
        found.append(stillness.share)
    return found


def test_a_lead_that_was_good_and_keeps_its_level_lies_still():
    assert shares(*[(-0.3, 0.9)] * 20, *[(-0.3, 0.0)] * 40)[-1] == 1.0


@given(jump_mv=st.one_of(st.floats(-5, -0.16), st.floats(0.16, 5)), steps=st.integers(1, 60))
def test_a_lead_that_left_its_level_lies_still_no_more_until_it_is_good_again(jump_mv, steps):
    left = [*[(0.0, 0.9)] * 20, (jump_mv, 0.0), *[(jump_mv, 0.0)] * steps]
    assert shares(*left)[-1] < 1.0
    assert shares(*left, *[(0.0, 0.0)] * 20)[-1] == 0.0
    assert shares(*left, *[(jump_mv, 0.9)] * 20, *[(jump_mv, 0.0)] * 20)[-1] == 1.0


def test_a_lead_that_wanders_slowly_lies_still():
    wander = [(0.5 * place / 40, 0.0) for place in range(40)]
    assert shares(*[(0.0, 0.9)] * 20, *wander)[-1] == 1.0


@pytest.mark.parametrize("good", [0.0, 0.9])
def test_a_lead_that_never_swung_does_not_lie_still_whatever_the_network_says_of_it(good):
    stillness = Stillness(1)
    for _ in range(60):
        stillness.push(np.zeros((1, STEPS)), np.full((1, STEPS, len(OUTPUTS)), good, np.float32))
    assert stillness.share == 0.0


def test_one_lead_that_showed_a_heart_is_enough():
    stillness, (beating, good), (rest, noisy) = Stillness(2), step(0.0, 0.9), step(0.0, 0.0)
    moving = np.linspace(-1, 1, STEPS)[np.newaxis]
    for _ in range(20):
        stillness.push(np.concatenate([beating, moving]), np.concatenate([good, noisy]))
    for _ in range(20):
        stillness.push(np.concatenate([rest, moving]), np.concatenate([noisy, noisy]))
    assert stillness.share == 1.0


def kinds(step_mv, noise_mv=0.002, rest_s=15.0, *, comes_back=False):
    """What is told of a heart whose lead goes `step_mv` away at 40 s and shows no beat for `rest_s`, or any more."""
    made = SyntheticRecording(SCENARIOS["sinus"], seed=5)
    leads = tuple(replace(lead, fs_hz=made.fs_hz) for lead in made.leads)
    before = made.samples(0, round(40 * made.fs_hz))
    level = np.median(before[:, -round(2 * made.fs_hz) :], axis=1, keepdims=True)
    noise = np.random.default_rng(3).normal(0, noise_mv, (len(leads), round(rest_s * made.fs_hz)))
    after = [before] if comes_back else []
    samples = np.concatenate([before, level + step_mv + noise, *after], axis=1).astype(np.float32)
    pipeline = Pipeline(
        [TASKS[name] for name in ("signal-quality", *MODELS)],
        Recorded(device="d", recording="r", fs_hz=made.fs_hz, leads=leads),
        models={name: Model(name, TASKS[name].model, cpu_backend(load_bundle(find_bundle(name)))) for name in MODELS},
        on_failure=lambda _task, error: (_ for _ in ()).throw(error),
    )
    block = SampleBlock(recording="r", start=0, fs_hz=made.fs_hz, leads=leads, samples=samples)
    events = [*pipeline.push(block), *pipeline.finish()]
    return {one.kind for one in events if isinstance(one, Finding) and one.end > 41 * made.fs_hz}


@pytest.mark.parametrize("noise_mv", [0.001, 0.003, 0.01])
def test_a_heart_that_stops_on_a_clean_line_is_asystole(noise_mv):
    assert kinds(0.0, noise_mv) == {"asystole"}


@pytest.mark.parametrize("step_mv", [-0.4, 0.4, 5.0])
def test_an_electrode_that_lets_go_is_none_however_long_it_is_quiet(step_mv):
    found = kinds(step_mv, rest_s=30.0)
    assert "asystole" not in found
    assert found & {"no-ecg-seen", "lead-off", "poor-signal"}


def test_a_pause_on_a_clean_line_is_told():
    assert "pause" in kinds(0.0, rest_s=2.6, comes_back=True)
