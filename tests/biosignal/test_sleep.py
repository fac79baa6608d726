"""Stages of sleep: the derivation, the inputs, the network's memory, epochs that cannot be told, onsets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.eeg.epoch_powers import NUMBERS
from biosignal.errors import BadInput
from biosignal.events import (
    Abstained,
    Finding,
    FindingState,
    Inputs,
    Mark,
    Prediction,
    QualityLevel,
    Reading,
    Rung,
    Series,
    Unavailable,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.eeg_seconds import GRADED_BY as QUALITY
from biosignal.tasks.eeg_sleep.derivation import Chosen
from biosignal.tasks.eeg_sleep.kinds import CLASSES, CONTRACT, NAME, STATE
from biosignal.tasks.eeg_sleep.limits import SleepLimits
from biosignal.tasks.eeg_sleep.night import COUNT, DESCRIBED, VIEWS, Night, described, inputs_of, scaled_inputs
from biosignal.tasks.eeg_sleep.staging import Stager

FS_HZ = 100.0
ONE = (Lead(name="Fpz-Cz", unit=Unit.MICROVOLT, kind=LeadKind.EEG),)


class Scripted:
    """A backend that says stage after stage, and counts by its memory how many epochs it has been asked."""

    rung = Rung.ONNX_CPU

    def __init__(self, script="", *, top=0.8):
        self.bundle, self.script, self.top, self.asked = f"{NAME}/0.0.1", script, top, []

    def infer(self, inputs):
        self.asked.append(inputs)
        count = int(inputs["state"][0, 0])
        stage = CLASSES.index({"1": "N1", "2": "N2", "3": "N3"}.get(one := (self.script or "W")[count % 99], one))
        scores = np.full((1, len(CLASSES)), (1 - self.top) / (len(CLASSES) - 1), np.float32)
        scores[0, stage] = self.top
        return {"scores": scores, "state_after": np.full((1, STATE), count + 1, np.float32)}

    def close(self):
        pass


def model_of(backend):
    return Model(NAME, CONTRACT, backend)


def eeg(epochs, seed=0, size=20.0):
    random = np.random.default_rng(seed)
    slow = np.convolve(random.normal(0, size, round(epochs * 3000) + 20), np.ones(20) / 5, "valid")
    return (slow[: round(epochs * 3000)] + random.normal(0, 3, round(epochs * 3000))).astype(np.float32)


def run(script, items, *, leads=ONE, backend=None, **limits):
    backend = backend or Scripted(script)
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=leads)
    pipeline = Pipeline(
        [TASKS[QUALITY], TASKS[NAME]],
        recorded,
        models={NAME: model_of(backend)},
        limits={NAME: SleepLimits(**limits)},
    )
    return [event for item in items for event in pipeline.push(item)] + pipeline.finish()


def block(x, start=0, leads=ONE):
    rows = x if x.ndim == 2 else x[np.newaxis]
    return SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=leads, samples=rows)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind) and event.task == NAME]


# ---- derivation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "wanted", "leads"),
    [
        (["EEG Pz-Oz", "EEG Fpz-Cz"], "Fpz-Cz", ("EEG Fpz-Cz",)),
        (["EEG Cz-REF", "EEG O1-REF", "EEG Fp2-REF"], "Fp2-Cz", ("EEG Fp2-REF", "EEG Cz-REF")),
        (["C4-M1", "F4-M1", "O2-M1"], "F4-M1", ("F4-M1",)),
        (["Oz", "Pz"], "Pz-Oz", ("Pz", "Oz")),
        (["EEG 1", "EEG 2"], "EEG 1", ("EEG 1",)),
    ],
)
def test_one_derivation_is_chosen_the_nearest_to_what_was_learned(names, wanted, leads):
    chosen = Chosen([Lead(name=name, unit=Unit.MICROVOLT, kind=LeadKind.EEG) for name in names])
    assert (chosen.name, chosen.leads) == (wanted, leads)


def test_it_is_the_difference_of_its_leads_in_microvolts():
    leads = [Lead(name="Cz-A2", unit=Unit.MICROVOLT), Lead(name="Fp1-A2", unit=Unit.MILLIVOLT)]
    chosen = Chosen(leads)
    made = chosen.derive(np.array([[10.0, 20.0, np.nan], [0.05, 0.01, 0.0]], np.float32))
    np.testing.assert_allclose(made, [40.0, -10.0, np.nan], atol=1e-4)
    assert chosen.has_scale
    assert not chosen.is_posterior
    assert not Chosen([Lead(name="Fpz-Cz", unit=Unit.RAW)]).has_scale
    assert Chosen([Lead(name="Pz-Oz", unit=Unit.MICROVOLT)]).is_posterior


# ---- inputs ----------------------------------------------------------------------------------------------------------


def nights():
    return st.integers(1, 400).map(
        lambda count: np.exp(np.random.default_rng(count).normal(0.0, 1.0, (count, len(NUMBERS))).cumsum(axis=0) * 0.1)
    )


@given(numbers=nights())
@settings(max_examples=15, deadline=None, derandomize=True)
def test_nothing_later_changes_what_is_seen_of_an_epoch(numbers):
    whole = inputs_of(numbers)
    assert whole.shape == (len(numbers), COUNT)
    assert np.isfinite(whole).all()
    half = len(numbers) // 2
    changed = numbers.copy()
    changed[half:] *= 7.0
    assert (inputs_of(changed)[:half] == whole[:half]).all()


@given(numbers=nights(), gain=st.sampled_from([0.25, 0.5, 2.0, 8.0]))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_only_the_inputs_in_microvolts_change_with_the_amplitude(numbers, gain):
    louder = numbers.copy()
    louder[:, :-1] *= gain**2
    differs = np.abs(inputs_of(louder) - inputs_of(numbers)).max(axis=0) > 1e-3
    assert (differs == scaled_inputs()).all()


def test_views_of_an_epoch_are_those_worked_out_by_hand():
    night, values = Night(), [4.0, 1.0, 3.0, 2.0, 5.0]
    seen = [night.add(np.full(len(DESCRIBED), value)) for value in values][-1].reshape(len(VIEWS), -1)[:, 0]
    # Of 1 to 5: tenth percentile 1.4, median 3, interquartile range 2; the last is the highest.
    np.testing.assert_allclose(seen, [5.0, 3.6, 2.0 / 2.1, 0.9, 0.9], rtol=1e-6)


def test_a_night_remembers_two_hours_an_hour_and_a_day():
    night = Night()
    for value in [100.0, *range(3000)]:
        seen = night.add(np.full(len(DESCRIBED), float(value))).reshape(len(VIEWS), -1)[:, 0]
    assert seen[1] == pytest.approx(0.9 * 239)
    assert seen[3] == pytest.approx(119.5 / 120)
    assert seen[4] == pytest.approx(2879.5 / 2880)


def test_an_unknown_number_has_unknown_inputs_and_no_power_is_none():
    assert np.isfinite(described(np.zeros(len(NUMBERS)))).all()
    told = np.zeros(len(DESCRIBED))
    told[3] = np.nan
    seen = Night().add(told).reshape(len(VIEWS), -1)
    assert np.isnan(seen[:, 3]).all()
    assert np.isfinite(np.delete(seen, 3, axis=1)).all()


# ---- memory ----------------------------------------------------------------------------------------------------------


def test_the_memory_is_handed_from_epoch_to_epoch_and_is_forgotten_with_another_network():
    first, second = Scripted("WWW"), Scripted("WWW")
    model = model_of(first)
    stager = Stager(model)
    numbers = np.ones(len(NUMBERS))
    assert [stager.stage(numbers).tensors["state"][0, 0] for _ in range(3)] == [0, 1, 2]
    model.switch(second)
    assert stager.stage(numbers).tensors["state"][0, 0] == 0


def test_an_answer_without_a_memory_is_none():
    class Forgetful(Scripted):
        def infer(self, inputs):
            return {"scores": Scripted.infer(self, inputs)["scores"]}

    assert isinstance(Stager(model_of(Forgetful("W"))).stage(np.ones(len(NUMBERS))).outcome, Unavailable)


@pytest.mark.parametrize(("gain", "is_known"), [(1.0, True), (0.5, True), (2.0, True), (0.02, False), (50.0, False)])
def test_an_amplitude_that_was_never_learned_is_not_believed(gain, is_known):
    stager = Stager(model_of(Scripted("W")))
    numbers = np.array([80.0, 7.0, 1.8, 0.6, 0.3, 420.0, 0.3])
    numbers[:-1] *= gain**2
    staged = [stager.stage(numbers) for _ in range(25)]
    assert staged[0].has_scale
    assert staged[-1].has_scale is is_known
    assert staged[-1].tensors["kind"][0, 0] == is_known


# ---- the stage -------------------------------------------------------------------------------------------------------


def test_each_epoch_has_a_mark_its_inputs_a_reading_and_its_probabilities():
    events = run("W123R", [block(eeg(5))])
    marks = of_kind(events, Mark)
    assert [mark.label for mark in marks] == ["W", "N1", "N2", "N3", "R"]
    assert [(mark.start, mark.end) for mark in marks] == [(3000 * one, 3000 * (one + 1)) for one in range(5)]
    assert {mark.leads for mark in marks} == {("Fpz-Cz",)}
    assert [mark.number("night_known") for mark in marks] == [0.5, 1.0, 1.5, 2.0, 2.5]
    inputs = {event.id: event for event in of_kind(events, Inputs)}
    assert [tensor.name for tensor in inputs[marks[0].inputs].tensors] == ["epoch", "kind", "state"]
    assert [reading.label for reading in of_kind(events, Reading)] == ["W", "N1", "N2", "N3", "R"]
    series = of_kind(events, Series)
    assert [one.columns[index].values for index, one in enumerate(series)] == [(pytest.approx(0.8),)] * 5


def test_the_first_epochs_are_degraded_as_the_night_has_no_baseline_yet():
    marks = of_kind(run("", [block(eeg(12))]), Mark)
    assert [mark.quality for mark in marks] == [QualityLevel.DEGRADED] * 9 + [QualityLevel.USABLE] * 3


def test_a_stage_that_is_not_probable_enough_is_none_and_its_probabilities_stay():
    events = run("", [block(eeg(2))], backend=Scripted("22", top=0.45))
    assert all(isinstance(mark.outcome, Abstained) and mark.inputs for mark in of_kind(events, Mark))
    assert [one.columns[2].values for one in of_kind(events, Series)] == [(pytest.approx(0.45),)] * 2
    assert all(reading.value is None is reading.label for reading in of_kind(events, Reading))


def test_an_epoch_that_is_mostly_flat_is_not_asked_about():
    x = eeg(3)
    x[3000:5000] = 0.0
    backend = Scripted("222")
    events = run("", [block(x)], backend=backend)
    marks = of_kind(events, Mark)
    assert [mark.label for mark in marks] == ["N2", None, "N2"]
    assert marks[1].quality is QualityLevel.REJECTED
    assert marks[1].numbers == ()
    assert len(backend.asked) == 2
    assert of_kind(events, Series)[1].columns[0].values == (None,)


def test_invalid_samples_count_as_not_assessed():
    x = eeg(2)
    x[200:2000] = np.nan
    assert [mark.label for mark in of_kind(run("22", [block(x)]), Mark)] == [None, "N2"]


@pytest.mark.parametrize(
    ("lost_s", "kept"),
    [(60.0, True), (599.0, True), (700.0, False), (0.0, False)],
    ids=["a minute", "ten minutes", "longer", "a join"],
)
def test_a_short_loss_keeps_the_night_and_a_long_one_or_a_join_begins_anew(lost_s, kept):
    lost = round(lost_s * FS_HZ)
    backend = Scripted("2" * 40)
    gap = Gap(recording="r", start=6000, length=lost, reason="lost")
    marks = of_kind(run("", [block(eeg(2)), gap, block(eeg(3, 1), start=6000 + lost)], backend=backend), Mark)
    assert marks[2].number("night_known") == (1.5 if kept else 0.5)
    assert backend.asked[2]["state"][0, 0] == (2 if kept else 0)
    assert all(mark.end <= 6000 or mark.start >= 6000 + lost for mark in marks)


def test_without_a_network_each_epoch_says_why():
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=block(eeg(1)).leads)
    models = {NAME: Model(NAME, CONTRACT, None, "none here")}
    pipeline = Pipeline([TASKS[QUALITY], TASKS[NAME]], recorded, models=models)
    marks = of_kind([*pipeline.push(block(eeg(1))), *pipeline.finish()], Mark)
    assert [mark.outcome for mark in marks] == [Unavailable(task=NAME, reason="none here")]


def test_sleep_and_rem_begin_by_stages_that_persist():
    events = run("WW1W12W222RR3RRR2", [block(eeg(17))], onset_epochs=3, onset_awake=0)
    opened = [one for one in of_kind(events, Finding) if one.state is FindingState.OPENED]
    assert [(one.kind, one.onset // 3000) for one in opened] == [("sleep-onset", 7), ("rem-onset", 13)]
    assert [one.evidence.measures[0].value for one in opened] == [3.5, 3.0]
    assert [one.evidence.marks[0].starts[0] // 3000 for one in opened] == [7, 13]
    assert {one.priority.value for one in opened} == {"none"}
    assert sum(one.state is FindingState.CLOSED for one in of_kind(events, Finding)) == 2


def test_behind_long_wake_the_next_onset_is_told_anew():
    script = "222" + "W" * 6 + "222"
    onsets = [
        one.onset // 3000
        for one in of_kind(run(script, [block(eeg(12))], night_ends_s=150.0, onset_epochs=3, onset_awake=0), Finding)
        if one.state is FindingState.OPENED
    ]
    assert onsets == [0, 9]


def test_a_night_of_several_leads_is_staged_once_on_the_chosen_one():
    leads = tuple(Lead(name=name, unit=Unit.MICROVOLT, kind=LeadKind.EEG) for name in ("O1-A2", "Fp1-A2", "Cz-A2"))
    x = np.stack([eeg(2, seed) for seed in range(3)])
    marks = of_kind(run("22", [block(x, leads=leads)], leads=leads), Mark)
    assert [mark.leads for mark in marks] == [("Fp1-A2", "Cz-A2")] * 2


@pytest.mark.parametrize(
    "wrong", [{"abstain_under": 1.0}, {"onset_epochs": 0}, {"onset_awake": 12}, {"gap_kept_s": -1.0}]
)
def test_limits_that_cannot_be_are_refused(wrong):
    with pytest.raises(BadInput):
        SleepLimits(**wrong)


def test_a_prediction_is_what_the_network_said():
    staged = Stager(model_of(Scripted("3"))).stage(np.ones(len(NUMBERS)))
    assert isinstance(staged.outcome, Prediction)
    assert staged.outcome.label == "N3"
    assert dict(staged.outcome.scores)["N3"] == pytest.approx(0.8)
