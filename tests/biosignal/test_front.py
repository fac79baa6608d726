"""The front end: what it sees of a lead, how it fuses leads, and which detector holds when."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.events import Finding, FindingState, Mark, MarkState, Rung, Unavailable
from biosignal.model.backend import BackendFailed
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_front.channels import RATE_HZ, Channels, brought_to_rate
from biosignal.tasks.ecg_front.fusion import REFRACTORY, Fibrillation, Peaks
from biosignal.tasks.ecg_front.kinds import CONTRACT, OUTPUTS, STATE_IN, STATE_OUT, STEPS
from biosignal.tasks.ecg_front.stage import WARM_STEPS
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle

FRONT = TASKS["ecg-front"]
FS_HZ = 250.0
STEP_S = STEPS / RATE_HZ
QRS, VF, GOOD = (OUTPUTS.index(name) for name in ("qrs", "vf", "good"))


class Steep:
    """Says that there is a QRS where the band-passed lead is high, with a state that counts the steps."""

    rung = Rung.ONNX_CPU
    bundle = "ecg-front/0.0.1"

    def __init__(self, *, fails_at=(), no_number_at=(), vf=0.0, vf_at=None):
        self.steps, self._fails_at, self._vf, self._vf_at = 0, fails_at, vf, vf_at
        self._no_number_at = no_number_at

    def infer(self, inputs):
        self.steps += 1
        if self.steps in self._fails_at:
            raise BackendFailed("the process died")
        channels, state = inputs["channels"], inputs[STATE_IN].copy()
        delayed = np.concatenate((state[:, :12], np.clip(np.abs(channels[:, 1]) - 1.2, 0, 1)), axis=1)
        scores = np.zeros((len(channels), STEPS, len(OUTPUTS)), np.float32)
        scores[:, :, QRS] = delayed[:, :STEPS]
        scores[:, :, VF] = self._vf if self._vf_at is None or self.steps in self._vf_at else 0.0
        scores[:, :, GOOD] = 1.0
        if self.steps in self._no_number_at:
            scores[:] = np.nan
        state[:, :12] = delayed[:, STEPS:]
        return {"scores": scores, STATE_OUT: state}

    def close(self):
        pass


def sinus(seconds=40.0):
    made = SyntheticRecording(SCENARIOS["sinus"], seed=5)
    assert made.fs_hz == FS_HZ
    return made.samples(0, round(seconds * FS_HZ)), [beat.sample for beat in made.truth.beats]


def run(samples, backend, *, cuts=(), gaps=(), switch=None):
    """What the front end says; `switch` is (sample, backend): from there on another one serves."""
    leads = tuple(
        Lead(name=f"lead {row}", unit=Unit.MILLIVOLT, kind=LeadKind.ECG, fs_hz=None) for row in range(len(samples))
    )
    model = Model(FRONT.name, CONTRACT, backend, "" if backend else "no network")
    pipeline = Pipeline(
        [FRONT],
        Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=leads),
        models={FRONT.name: model},
        on_failure=lambda _task, error: (_ for _ in ()).throw(error),
    )
    out = []
    length = samples.shape[1]
    borders = sorted({0, length, *(cut for cut in cuts if cut < length), *([switch[0]] if switch else [])})
    for first, last in pairwise(borders):
        if switch and first == switch[0]:
            model.switch(switch[1])
        if first in gaps:
            out += pipeline.push(Gap(recording="r", start=first, length=0, reason="loop"))
        block = SampleBlock(recording="r", start=first, fs_hz=FS_HZ, leads=leads, samples=samples[:, first:last].copy())
        out += pipeline.push(block)
    return out + pipeline.finish()


def complexes(events):
    return [one.start for one in events if isinstance(one, Mark) and one.kind == "qrs" and one.state is CONFIRMED]


CONFIRMED = MarkState.CONFIRMED


# ---- what it sees of a lead ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 250.0, 257.3, 360.0, 500.0, 1000.0])
def test_at_any_rate_a_wave_keeps_its_height_and_its_time(fs_hz):
    t = np.arange(round(4 * fs_hz)) / fs_hz
    resampler = brought_to_rate(fs_hz, 1)
    resampler.push(np.sin(2 * np.pi * 8 * t)[np.newaxis].astype(np.float32))
    y = resampler.take(resampler.known)[0]
    wanted = np.sin(2 * np.pi * 8 * np.arange(len(y)) / RATE_HZ)
    assert len(y) >= 3.9 * RATE_HZ
    assert np.max(np.abs(y - wanted)[20:]) < 0.03


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_an_output_needs_the_samples_that_it_says_and_no_more(data):
    fs_hz = data.draw(st.sampled_from([100.0, 128.0, 250.0, 257.3, 360.0, 1000.0]))
    output = data.draw(st.integers(0, 400))
    resampler = brought_to_rate(fs_hz, 1)
    needed = resampler.needs(output)
    resampler.push(np.zeros((1, needed), np.float32))
    assert resampler.known <= output
    resampler.push(np.zeros((1, 1), np.float32))
    assert resampler.known > output


@pytest.mark.parametrize("jump_mv", [0.5, 20.0, 300.0])
def test_whatever_an_artefact_did_is_forgotten_five_seconds_later(jump_mv):
    z = np.random.default_rng(1).normal(0, 0.05, (1, 2000))
    spoiled = z.copy()
    spoiled[0, 500:520] += jump_mv
    plain, shaken = Channels(1).push(z), Channels(1).push(spoiled)
    behind = 520 + round(5 * RATE_HZ)
    assert np.max(np.abs(plain - shaken)[:, :, behind:]) < 1e-3
    assert np.max(np.abs(plain - shaken)) > 0.1


# ---- one heart out of several leads ----------------------------------------------------------------------------------


def high(rows, length):
    """Samples that are high enough everywhere for a QRS."""
    return np.tile([1.0, -1.0], (rows, length // 2))


def answers(qrs, good):
    """Answers of leads, from QRS probabilities and fitness, shape (lead, sample) each."""
    scores = np.zeros((*qrs.shape, len(OUTPUTS)), np.float32)
    scores[:, :, QRS], scores[:, :, GOOD] = qrs, good
    return scores


def test_on_leads_that_are_not_fit_a_faint_complex_is_none():
    bump = 0.34 * np.exp(-0.5 * ((np.arange(640) % 100 - 50) / 4.0) ** 2)

    def count(fit):
        return len(Peaks(1).push(answers(bump[np.newaxis], np.full((1, 640), fit)), high(1, 640)))

    assert count(0.95) >= 5
    assert count(0.3) == 0


def test_what_is_lower_than_a_qrs_is_none_on_whatever_lead_it_is_seen():
    bump = np.exp(-0.5 * ((np.arange(640) % 100 - 50) / 4.0) ** 2)

    def count(heights_mv):
        samples = np.array(heights_mv)[:, np.newaxis] * bump
        return len(Peaks(2).push(answers(np.stack((bump, bump)), np.full((2, 640), 0.95)), 3.0 + samples))

    assert count([0.1, 0.12]) == 0
    assert count([0.1, 0.5]) >= 5


def test_a_mark_beside_the_greatest_deflection_goes_there_and_one_on_it_stays():
    index = np.arange(672)
    seen = np.exp(-0.5 * ((index[:640] % 100 - 50) / 3.0) ** 2)

    def where(*tops):
        samples = sum(height * np.exp(-0.5 * ((index % 100 - at) / 5.0) ** 2) for at, height in tops)[np.newaxis]
        found = Peaks(1).push(answers(seen[np.newaxis], np.full((1, 640), 0.95)), samples)
        assert len(found) >= 5
        return {round(one.at % 100) for one in found[1:]}

    assert where((41, 1.0)) == {41}
    assert where((50, 1.0)) == {50}
    assert where((50, 0.5), (75, 2.0)) == {50}


def test_the_time_of_a_complex_is_that_of_the_first_lead_and_not_between_two():
    index = np.arange(640)
    first = np.exp(-0.5 * ((index % 100 - 45) / 3.0) ** 2)
    second = np.exp(-0.5 * ((index % 100 - 53) / 3.0) ** 2)
    found = Peaks(2).push(answers(np.stack((first, second)), np.full((2, 640), 0.95)), high(2, 640))
    assert len(found) >= 5
    assert all(abs(one.at % 100 - 45) < 0.2 for one in found)


@given(seed=st.integers(0, 999), rows=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_no_two_complexes_are_nearer_than_the_heart_can_beat(seed, rows):
    random = np.random.default_rng(seed)
    scores = answers(random.random((rows, 640)), random.random((rows, 640)))
    peaks = Peaks(rows)
    found = [
        one.at
        for start in range(0, 640, STEPS)
        for one in peaks.push(scores[:, start : start + STEPS], high(rows, STEPS))
    ]
    assert len(found) > 3
    assert np.min(np.diff(found)) >= REFRACTORY - 1


def test_a_lead_that_is_not_fit_adds_no_beat_and_takes_none():
    bump = np.exp(-0.5 * (np.arange(-10, 11) / 3.0) ** 2)
    qrs = np.zeros((2, 640))
    for at in range(60, 600, 100):
        qrs[0, at - 10 : at + 11] = bump
        qrs[1, at + 40 : at + 61] = bump
    good = np.stack((np.ones(640), np.zeros(640)))
    assert [round(one.at) for one in Peaks(2).push(answers(qrs, good), high(2, 640))] == list(range(60, 600, 100))


def test_muted_leads_do_not_outvote_two_on_which_a_heart_beats_nor_one_that_may_be_an_artefact():
    bump = np.exp(-0.5 * ((np.arange(640) % 100 - 50) / 4.0) ** 2)

    def count(beating, *, muted_mv=0.02, fit=0.95):
        samples = high(12, 640) * np.where(np.arange(12) < beating, 1.0, muted_mv)[:, np.newaxis]
        qrs = np.where(np.arange(12)[:, np.newaxis] < beating, bump, 0.0)
        good = np.where(np.arange(12)[:, np.newaxis] < beating, fit, 0.95) * np.ones(640)
        return len(Peaks(12).push(answers(qrs, good), samples))

    assert count(2) >= 5
    assert count(1) == 0
    assert count(2, fit=0.8) == 0
    assert count(2, muted_mv=1.0) == 0
    assert count(12) >= 5


def test_a_heart_that_two_of_twelve_leads_show_has_not_stopped():
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=2)
    samples = recording.samples(0, round(60 * recording.fs_hz)).astype(np.float32)
    names = [lead.name for lead in recording.leads]
    muted = [row for row, name in enumerate(names) if name not in ("I", "aVL")]
    dark = round(20 * recording.fs_hz)
    random = np.random.default_rng(3)
    noise = random.normal(0, 0.02, (len(names), samples.shape[1] - dark))
    samples[muted, dark:] = noise[muted]
    assert kinds_opened(recording, samples.copy()) & {"asystole", "pause", "no-ecg-seen"} == set()
    samples[:, dark:] = noise
    assert "asystole" in kinds_opened(recording, samples.copy())


def kinds_opened(recording, samples):
    """The kinds of finding that the released networks' whole pipeline opens."""
    leads = tuple(replace(lead, fs_hz=recording.fs_hz) for lead in recording.leads)
    needed = (FRONT.name, "ecg-beats", "ecg-rhythm")
    served = {name: Model(name, TASKS[name].model, cpu_backend(load_bundle(find_bundle(name)))) for name in needed}
    whole = Pipeline(
        [TASKS[name] for name in ("signal-quality", *needed)],
        Recorded(device="d", recording="r", fs_hz=recording.fs_hz, leads=leads),
        models=served,
        on_failure=lambda _task, error: (_ for _ in ()).throw(error),
    )
    block = SampleBlock(recording="r", start=0, fs_hz=recording.fs_hz, leads=leads, samples=samples)
    events = [*whole.push(block), *whole.finish()]
    return {one.kind for one in events if isinstance(one, Finding)}


def test_a_lead_that_is_fit_and_does_not_fibrillate_denies_it():
    def steps_on(vf, good):
        scores = np.zeros((2, STEPS, len(OUTPUTS)), np.float32)
        scores[:, :, VF], scores[:, :, GOOD] = np.array(vf)[:, np.newaxis], np.array(good)[:, np.newaxis]
        fibrillation = Fibrillation(2)
        for _ in range(Fibrillation.UNSETTLED + 20):
            fibrillation.push(scores)
        return fibrillation.steps_on()

    assert steps_on((0.9, 0.9), (1, 1)) == 20
    assert steps_on((0.9, 0.1), (1, 1)) == 0
    assert steps_on((0.9, 0.1), (1, 0)) == 20
    assert steps_on((0.2, 0.1), (1, 1)) == 0


def test_in_the_first_moment_of_a_lead_nothing_fibrillates():
    scores = np.zeros((1, STEPS, len(OUTPUTS)), np.float32)
    scores[:, :, VF], scores[:, :, GOOD] = 0.9, 1.0
    fibrillation = Fibrillation(1)
    on = []
    for _ in range(Fibrillation.UNSETTLED + 3):
        fibrillation.push(scores)
        on.append(fibrillation.steps_on())
    assert on == [0] * Fibrillation.UNSETTLED + [1, 2, 3]


# ---- which detector holds when ---------------------------------------------------------------------------------------


def test_the_network_finds_the_beats_and_each_is_decided_by_what_it_needed():
    samples, beats = sinus()
    marks = [one for one in run(samples, Steep()) if isinstance(one, Mark) and one.kind == "qrs"]
    assert len(marks) == pytest.approx(len([beat for beat in beats if beat < samples.shape[1]]), abs=2)
    assert all(0.1 * FS_HZ <= mark.decided_at - mark.start <= 0.25 * FS_HZ for mark in marks[:-1])


@given(cuts=st.lists(st.integers(1, 5000), max_size=30), rows=st.integers(1, 2))
@settings(max_examples=8, deadline=None)
def test_the_same_samples_give_the_same_bits_however_they_are_cut(cuts, rows):
    samples = sinus(20.0)[0][:rows]
    assert run(samples, Steep(), cuts=cuts) == run(samples, Steep())


def test_without_a_network_the_classical_detector_looks_and_each_second_says_why():
    samples, beats = sinus()
    events = run(samples, None)
    found = complexes(events)
    assert abs(len(found) - len([beat for beat in beats if beat < samples.shape[1]])) <= 1
    seconds = [one for one in events if isinstance(one, Mark) and one.kind == "fitness"]
    assert len(seconds) == 40
    assert {one.outcome for one in seconds} == {Unavailable(task="ecg-front", reason="no network")}


def test_a_network_that_comes_late_takes_over_without_a_beat_lost_or_doubled():
    samples, _ = sinus()
    found = complexes(run(samples, None, switch=(5000, Steep())))
    alone = complexes(run(samples, None))
    assert len(found) == pytest.approx(len(alone), abs=1)
    assert np.min(np.diff(found)) > 0.4 * FS_HZ
    assert np.max(np.diff(found)) < 1.4 * FS_HZ


def test_a_network_that_dies_leaves_the_classical_detector_at_work():
    samples, _ = sinus()
    found = complexes(run(samples, Steep(fails_at=range(60, 10_000))))
    assert np.max(np.diff(found)) < 3.5 * FS_HZ
    assert len(found) == pytest.approx(len(complexes(run(samples, None))), abs=4)


@pytest.mark.parametrize("steps", [{1}, {2}, {60}, {60, 61, 75}])
def test_behind_an_answer_that_is_no_number_complexes_are_where_they_are(steps):
    samples, _ = sinus()
    found = complexes(run(samples, Steep(no_number_at=steps)))
    sound = complexes(run(samples, Steep()))
    behind_s = (max(steps) + WARM_STEPS + 2) * STEP_S
    assert [at for at in found if at > behind_s * FS_HZ] == [at for at in sound if at > behind_s * FS_HZ]
    assert len(found) == pytest.approx(len(sound), abs=3)


def test_behind_a_gap_it_begins_as_at_a_start():
    samples, _ = sinus(20.0)
    cut = 2500
    behind = complexes(run(samples, Steep(), cuts=[cut], gaps=[cut]))
    fresh = complexes(run(samples[:, cut:], Steep()))
    assert [at - cut for at in behind if at >= cut] == fresh


@pytest.mark.parametrize("beat", range(8, 16))
def test_wherever_a_recording_ends_its_last_complexes_are_decided_within_it(beat):
    samples, beats = sinus(24.0)
    for length in range(beats[beat] + 6, beats[beat] + 60, 3):
        events = [one for one in run(samples[:, :length], Steep()) if isinstance(one, Mark)]
        assert max(one.decided_at for one in events) <= length - 1, length


def test_a_second_says_how_far_the_quietest_lead_swings():
    samples, _ = sinus(20.0)
    samples = samples.copy()
    samples[0] += np.where(np.arange(samples.shape[1]) > 10 * FS_HZ, 5.0, 0.0)
    seconds = [one for one in run(samples, Steep()) if isinstance(one, Mark) and one.kind == "fitness"]
    swings = [one.number("lead_swing") for one in seconds]
    quiet = float(np.ptp(samples[1]))
    assert all(0.0 < swing <= quiet + 0.1 for swing in swings)
    alone = [one for one in run(samples[:1], Steep()) if isinstance(one, Mark) and one.kind == "fitness"]
    assert max(one.number("lead_swing") for one in alone) > 4.5


def test_fibrillation_is_told_once_and_closed_at_the_end():
    samples, _ = sinus(20.0)
    found = [one for one in run(samples, Steep(vf=0.9)) if isinstance(one, Finding)]
    assert [one.state for one in found] == [FindingState.OPENED, FindingState.CLOSED]
    assert found[0].kind == "vf"
    assert found[0].decided_at <= 5.5 * FS_HZ


def seconds_as_steps(*spans):
    """The steps of the network that lie in these seconds."""
    return [step for start, end in spans for step in range(round(start / STEP_S), round(end / STEP_S))]


def test_fibrillation_that_comes_and_goes_is_one_alarm_that_ends_where_it_was_last_seen():
    samples, _ = sinus(80.0)
    spans = seconds_as_steps((5, 15), (20, 30), (38, 40))
    found = [one for one in run(samples, Steep(vf=0.9, vf_at=spans)) if isinstance(one, Finding)]
    assert [one.state for one in found if one.rev == 0] == [FindingState.OPENED]
    assert found[-1].state is FindingState.CLOSED
    assert 36 <= found[-1].end / FS_HZ <= 44
    assert found[-1].decided_at / FS_HZ == pytest.approx(found[-1].end / FS_HZ + 30, abs=1)


def test_fibrillation_that_comes_back_later_is_another_alarm():
    samples, _ = sinus(80.0)
    spans = seconds_as_steps((5, 15), (50, 60))
    found = [one for one in run(samples, Steep(vf=0.9, vf_at=spans)) if isinstance(one, Finding)]
    assert sum(one.rev == 0 for one in found) == 2


def with_pulse(samples, *, until_s):
    """Add a pressure of 72 a minute that stops, and falls, at `until_s`."""
    t = np.arange(samples.shape[1]) / FS_HZ
    wave = 80 + 40 * np.exp(-0.5 * (((t * 1.2) % 1.0 - 0.3) / 0.08) ** 2)
    pressure = np.where(t < until_s, wave, 40 + 40 * np.exp(-np.maximum(t - until_s, 0) / 3))
    return np.concatenate((samples[:2], pressure[np.newaxis].astype(np.float32)))


def run_with_pulse(samples, backend, *, cuts=()):
    names = [("I", Unit.MILLIVOLT, LeadKind.ECG), ("II", Unit.MILLIVOLT, LeadKind.ECG)]
    names.append(("ABP", Unit.RAW, LeadKind.PRESSURE))
    leads = tuple(Lead(name=name, unit=unit, kind=kind) for name, unit, kind in names)
    pipeline = Pipeline(
        [TASKS["peripheral-pulse"], FRONT],
        Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=leads),
        models={FRONT.name: Model(FRONT.name, CONTRACT, backend)},
        on_failure=lambda _task, error: (_ for _ in ()).throw(error),
    )
    out = []
    for first, last in pairwise(sorted({0, samples.shape[1], *cuts})):
        part = samples[:, first:last].copy()
        out += pipeline.push(SampleBlock(recording="r", start=first, fs_hz=FS_HZ, leads=leads, samples=part))
    return out + pipeline.finish()


def test_fibrillation_waits_while_the_pulse_goes_on_and_sounds_when_it_stops():
    samples, _ = sinus(40.0)
    fibrillating = seconds_as_steps((20, 40))
    goes_on = run_with_pulse(with_pulse(samples, until_s=40), Steep(vf=0.9, vf_at=fibrillating))
    stops = run_with_pulse(with_pulse(samples, until_s=21), Steep(vf=0.9, vf_at=fibrillating))
    assert not [one for one in goes_on if isinstance(one, Finding)]
    opened = next(one for one in stops if isinstance(one, Finding))
    assert opened.kind == "vf"
    assert opened.decided_at / FS_HZ <= 28


def test_fibrillation_ends_when_the_pulse_is_back():
    samples, _ = sinus(60.0)
    whole = with_pulse(samples, until_s=60)
    hole = slice(round(20 * FS_HZ), round(32 * FS_HZ))
    whole[2, hole] = 60.0
    found = run_with_pulse(whole, Steep(vf=0.9, vf_at=seconds_as_steps((20, 60))))
    kinds = [(one.state, one.decided_at / FS_HZ) for one in found if isinstance(one, Finding)]
    closed = next(at for state, at in kinds if state is FindingState.CLOSED)
    assert kinds[0][0] is FindingState.OPENED
    assert 38 <= closed <= 45


@given(cuts=st.lists(st.integers(1, 9999), max_size=10))
@settings(max_examples=8, deadline=None)
def test_with_a_pulse_the_events_are_the_same_however_the_samples_were_cut(cuts):
    samples, _ = sinus(40.0)
    whole = with_pulse(samples, until_s=24)
    spans = seconds_as_steps((18, 22), (26, 31))
    assert run_with_pulse(whole, Steep(vf=0.9, vf_at=spans), cuts=cuts) == run_with_pulse(
        whole, Steep(vf=0.9, vf_at=spans)
    )


def test_leads_without_a_scale_are_left_to_the_classical_detector():
    samples, _ = sinus(20.0)
    lead = Lead(name="raw", unit=Unit.RAW, kind=LeadKind.ECG, fs_hz=None)
    backend = Steep()
    pipeline = Pipeline(
        [FRONT],
        Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=(lead,)),
        models={FRONT.name: Model(FRONT.name, CONTRACT, backend)},
    )
    block = SampleBlock(recording="r", start=0, fs_hz=FS_HZ, leads=(lead,), samples=400 * samples[:1])
    found = complexes([*pipeline.push(block), *pipeline.finish()])
    assert len(found) > 15
    assert not backend.steps
