"""Seizure candidates: what rises and is rhythmic on several channels, against the patient's own baseline."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosignal.eeg.montage import bipolar
from biosignal.errors import BadInput
from biosignal.events import Finding, FindingState, Mark, Priority, Reading
from biosignal.scoring.szcore import MERGE_S
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.brain import Sleep, Wake
from biosignal.synthetic.imitators import Chewing, RhythmicDelta
from biosignal.synthetic.montage import REFERENTIAL
from biosignal.synthetic.noise import Hiss, Mains, Motion, Muscle
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import BrainSegment, Scenario
from biosignal.synthetic.scenarios import scenario_named
from biosignal.tasks import TASKS
from biosignal.tasks.eeg_seizure.baseline import Baseline
from biosignal.tasks.eeg_seizure.kinds import BASELINE, CANDIDATE, EARLY, KINDS, NAME, OWN, PATTERN, PRIOR
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.measuring import Measuring, Second
from biosignal.tasks.eeg_seizure.voting import vote
from biosignal.tasks.lookup import finding_kinds
from biosignal.tasks.overview import Heard
from edge_agent.explain.template import explain

FS_HZ = 200.0
NAMES = ("Fp1", "Fp2", "C3", "C4", "T3", "T4", "O1", "O2")


def leads_of(names=NAMES, unit=Unit.MICROVOLT):
    return tuple(Lead(name=name, unit=unit, kind=LeadKind.EEG) for name in names)


def quiet(seconds, *, channels=8, fs_hz=FS_HZ, seed=0):
    """Noise as high and as slow as an EEG, uV."""
    random = np.random.default_rng(seed)
    white = random.normal(0.0, 30.0, (channels, round(seconds * fs_hz) + 9))
    smooth = sum(white[:, at : at + round(seconds * fs_hz)] for at in range(10)) / 10
    return smooth.astype(np.float32)


def with_rhythm(x, start_s, end_s, *, hz=3.0, uv=90.0, fs_hz=FS_HZ):
    """A rhythm that is different at each lead, so that pairs see it."""
    made = x.copy()
    at = np.arange(round(start_s * fs_hz), round(end_s * fs_hz))
    for row in range(len(made)):
        made[row, at] += uv * np.sin(2 * np.pi * hz * at / fs_hz + 1.1 * row).astype(np.float32)
    return made


def blocks(x, *, fs_hz=FS_HZ, leads=None, cuts=(), gaps=()):
    leads, moved = leads_of() if leads is None else leads, 0
    borders = sorted({0, x.shape[1], *(cut for cut in cuts if cut < x.shape[1]), *(at for at, _ in gaps)})
    for first, last in pairwise(borders):
        for at, length in gaps:
            if at == first:
                yield Gap(recording="r", start=first + moved, length=length, reason="lost")
                moved += length
        samples = np.ascontiguousarray(x[:, first:last])
        yield SampleBlock(recording="r", start=first + moved, fs_hz=fs_hz, leads=leads, samples=samples)


def analyse(items, *, fs_hz=FS_HZ, leads=None, limits=None):
    def raised(_task, error):
        raise error

    pipeline = Pipeline(
        [TASKS[name] for name in (*TASKS[NAME].needs, NAME)],
        Recorded(device="d", recording="r", fs_hz=fs_hz, leads=leads_of() if leads is None else leads),
        models={},
        limits={} if limits is None else {NAME: limits},
        on_failure=raised,
    )
    said = [event for item in items for event in pipeline.push(item)] + pipeline.finish()
    return [event for event in said if getattr(event, "task", None) == NAME]


def last_of(events):
    found = {event.id: event for event in events if isinstance(event, Finding)}
    return sorted(found.values(), key=lambda one: one.onset)


def measured(finding):
    return {one.name: one.value for one in finding.evidence.measures}


@pytest.fixture(scope="module")
def seizure():
    """A rhythm of 3 Hz from second 160 to 190, behind a whole baseline."""
    return analyse(blocks(with_rhythm(quiet(220.0), 160.0, 190.0)))


# ---- what is found ---------------------------------------------------------------------------------------------------


def test_a_rhythm_that_rises_is_a_candidate_within_ten_seconds(seizure):
    (found,) = last_of(seizure)
    opened = next(event for event in seizure if isinstance(event, Finding))
    assert (found.kind, found.priority) == (CANDIDATE, Priority.MEDIUM)
    assert abs(found.onset / FS_HZ - 160.0) <= 2.0
    assert opened.decided_at / FS_HZ <= 170.0
    assert abs(found.end / FS_HZ - 190.0) <= 3.0


def test_it_says_what_was_measured_and_over_which_baseline(seizure):
    (found,) = last_of(seizure)
    numbers = measured(found)
    assert numbers["eeg_rhythm"] == pytest.approx(3.0, abs=0.3)
    assert numbers["eeg_rise"] > 2.0
    assert numbers["channel_share"] >= 50.0
    assert numbers["own_baseline"] == 100.0
    assert numbers["duration"] == pytest.approx((found.end - found.onset) / FS_HZ, abs=0.06)


def test_its_mark_comes_before_it_and_is_what_people_review(seizure):
    (mark,) = [event for event in seizure if isinstance(event, Mark)]
    finding = next(event for event in seizure if isinstance(event, Finding))
    assert seizure.index(mark) < seizure.index(finding)
    assert (mark.kind, mark.start, mark.leads) == (PATTERN.name, finding.onset, finding.leads)
    assert finding.evidence.marks[0].starts == (mark.start,)
    assert TASKS[NAME].review.mark == PATTERN.name


def test_its_text_says_that_it_is_a_candidate_and_that_nobody_measured_how_often_it_is_false(seizure):
    text = explain(last_of(seizure)[0]).text
    assert "candidate" in text
    assert "no diagnosis" in text
    assert "not measured on patients" in text


def test_it_is_extended_while_it_goes_on_and_closed_at_the_end():
    events = analyse(blocks(with_rhythm(quiet(230.0), 150.0, 215.0)))
    states = [event.state for event in events if isinstance(event, Finding)]
    assert states[0] is FindingState.OPENED
    assert states.count(FindingState.EXTENDED) >= 2
    assert states[-1] is FindingState.CLOSED


def test_under_the_prior_it_has_a_lower_priority_and_says_so():
    x = with_rhythm(quiet(60.0), 20.0, 45.0, uv=60.0)
    (found,) = last_of(analyse(blocks(x), limits=SeizureLimits(strong_evidence=1.0)))
    assert (found.kind, found.priority) == (EARLY, Priority.LOW)
    assert measured(found)["own_baseline"] < 20.0
    assert "baseline: prior" in explain(found).text


def test_under_the_prior_strong_evidence_has_the_full_priority():
    found = last_of(analyse(blocks(with_rhythm(quiet(60.0), 20.0, 45.0, uv=150.0))))
    assert CANDIDATE in {one.kind for one in found}


def test_the_reading_says_which_baseline_holds():
    readings = [event for event in analyse(blocks(quiet(140.0))) if isinstance(event, Reading)]
    assert {one.quantity for one in readings} == {BASELINE}
    assert (readings[0].label, readings[-1].label) == (PRIOR, OWN)


def test_seizures_closer_than_ninety_seconds_are_one_and_others_two():
    near = with_rhythm(with_rhythm(quiet(300.0), 150.0, 165.0), 235.0, 250.0)
    far = with_rhythm(with_rhythm(quiet(340.0), 150.0, 165.0), 275.0, 290.0)
    assert SeizureLimits().merge_s == MERGE_S
    assert len(last_of(analyse(blocks(near)))) == 1
    assert len(last_of(analyse(blocks(far)))) == 2


def test_the_leads_that_showed_it_first_are_named_and_no_more_than_eight():
    names = REFERENTIAL
    x = with_rhythm(quiet(60.0, channels=len(names)), 20.0, 40.0, uv=150.0)
    leads = leads_of(names)
    for found in last_of(analyse(blocks(x, leads=leads), leads=leads)):
        assert 1 <= len(found.leads) <= 8
        assert set(found.leads) <= set(names)


@pytest.mark.parametrize("name", ["eeg-seizure", "eeg-absence"])
def test_the_seizures_of_the_synthetic_patient_are_found(name):
    made = SyntheticRecording(scenario_named(name))
    (truth,) = made.truth.of("seizure")
    found = last_of(analyse(made.blocks("r"), fs_hz=made.fs_hz, leads=made.leads))
    assert found
    assert all(one.onset < truth.end and one.end > truth.start for one in found)


# ---- what is none ----------------------------------------------------------------------------------------------------


def playing(state, *noise, lasts_s=120.0):
    awake = Wake(eyes_closed=False)
    return Scenario(
        name="none",
        about="",
        duration_s=lasts_s,
        fs_hz=FS_HZ,
        leads=(),
        channels=REFERENTIAL,
        brain=(BrainSegment(start_s=0.0, state=awake), BrainSegment(start_s=50.0, state=state)),
        noise=(Hiss(amplitude_mv=0.001), *noise),
    )


@pytest.mark.parametrize(
    "scenario",
    [
        playing(Wake()),
        playing(Sleep(spindles_per_min=10.0, k_complexes_per_min=6.0)),
        playing(RhythmicDelta()),
        playing(Chewing()),
        playing(Wake(eyes_closed=False), Mains(start_s=60.0, duration_s=40.0, amplitude_mv=0.06)),
        playing(Wake(eyes_closed=False), Muscle(start_s=60.0, duration_s=40.0, amplitude_mv=0.04)),
        playing(Wake(eyes_closed=False), Motion(start_s=60.0, duration_s=40.0, amplitude_mv=0.15, electrodes=("T3",))),
    ],
    ids=["alpha", "spindles", "frontal-delta", "chewing", "mains", "muscle", "loose-electrode"],
)
def test_what_imitates_a_seizure_is_none(scenario):
    made = SyntheticRecording(scenario, seed=11)
    assert last_of(analyse(made.blocks("r"), fs_hz=made.fs_hz, leads=made.leads)) == []


def test_a_rhythm_on_one_channel_alone_is_none():
    x = quiet(200.0, channels=16)
    x[0] = with_rhythm(x[:1], 150.0, 180.0)[0]
    leads = leads_of(("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T3", "T4", "T5", "T6"))
    assert last_of(analyse(blocks(x, leads=leads), leads=leads)) == []


def test_a_recording_that_is_loud_from_the_beginning_alarms_once_with_low_priority_and_becomes_its_own_baseline():
    events = analyse(blocks(quiet(300.0) * 4.0))
    assert [one.kind for one in last_of(events)] in ([], [EARLY])
    assert [event.label for event in events if isinstance(event, Reading)][-1] == OWN
    assert all(one.end / FS_HZ < 150.0 for one in last_of(events))


# ---- how it is computed ----------------------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_however_the_samples_are_cut_all_is_the_same_to_the_bit(data):
    x = with_rhythm(quiet(40.0), 12.0, 25.0, uv=200.0)
    x[2, 900:1100] = np.nan
    x[:, 3000:3020] = np.nan
    gaps = data.draw(st.lists(st.tuples(st.integers(5500, 7900), st.integers(1, 700)), max_size=1))
    cuts = data.draw(st.lists(st.integers(1, x.shape[1]), max_size=40))
    whole = analyse(blocks(x, gaps=gaps))
    assert analyse(blocks(x, cuts=cuts, gaps=gaps)) == whole
    assert any(isinstance(event, Finding) for event in whole)


def test_a_gap_ends_a_candidate_and_the_baseline():
    x = with_rhythm(quiet(60.0), 20.0, 50.0, uv=200.0)
    events = analyse(blocks(x, gaps=[(6000, 500)]))
    before = [event for event in last_of(events) if event.onset < 6000]
    assert before
    assert all(event.state is FindingState.CLOSED and event.end <= 6000 for event in before)
    assert not [one for one in last_of(events) if one.onset < 6500 <= one.end]


def test_millivolts_are_microvolts():
    x = with_rhythm(quiet(60.0), 20.0, 45.0, uv=150.0)
    volts = leads_of(unit=Unit.MILLIVOLT)
    found = last_of(analyse(blocks(x / np.float32(1000.0), leads=volts), leads=volts))
    assert [one.onset for one in found] == [one.onset for one in last_of(analyse(blocks(x)))]


def test_a_channel_that_repeats_another_or_turns_it_over_counts_once():
    names = ("FP1-F7", "F7-T7", "T7-P7", "P7-T7", "FP2-F8", "T7-P7#2")
    assert bipolar(names).names == ("Fp1-F7", "F7-T7", "T7-P7", "Fp2-F8")


@pytest.mark.parametrize("fs_hz", [100.0, 173.61, 256.0])
def test_seconds_are_measured_from_sample_0_whatever_the_rate(fs_hz):
    measuring = Measuring(fs_hz=fs_hz, start=0, channels=1)
    x = np.random.default_rng(0).normal(0, 10, (4, 1, round(10 * fs_hz)))
    found = list(measuring.push(x))
    assert [round(second.end / fs_hz, 2) for second in found][:3] == pytest.approx([2.0, 3.0, 4.0], abs=0.01)
    assert all(second.end - second.start == pytest.approx(fs_hz, abs=1.0) for second in found)
    alone = np.log(np.sqrt(np.mean(x[2, 0, : found[0].end] ** 2)) + 1e-3)
    assert found[0].amplitude[0] == pytest.approx(alone)


def test_a_second_that_is_there_in_part_is_measured_by_nobody():
    measuring = Measuring(fs_hz=100.0, start=150, channels=1)
    found = list(measuring.push(np.zeros((4, 1, 400))))
    assert [(second.start, second.end) for second in found] == [(300, 400), (400, 500)]


# ---- the baseline ----------------------------------------------------------------------------------------------------


def fed(values, *, limits=None, usable=True):
    baseline = Baseline(1, limits or SeizureLimits(baseline_s=20, lag_s=2, prior_weight_s=10.0))
    for value in values:
        baseline.push(np.full((2, 1), float(value)), np.array([usable]))
    return baseline


def test_it_is_the_prior_at_first_the_patients_median_when_full_and_mixed_between():
    limits = SeizureLimits()
    assert fed([]).levels[:, 0].tolist() == [limits.prior_line_length, limits.prior_amplitude]
    assert fed([3.0] * 12).levels[1, 0] == pytest.approx((10 * 3.0 + 10 * limits.prior_amplitude) / 20)
    full = fed([*range(20), 99.0, 99.0])
    assert full.levels[0, 0] == pytest.approx(9.5)
    assert full.own_share.tolist() == [1.0]


def test_what_is_not_usable_or_waits_when_something_begins_is_never_learned():
    assert fed([5.0] * 50, usable=False).own_share.tolist() == [0.0]
    baseline = fed([1.0, 1.0, 7.0, 7.0])
    baseline.forget_waiting()
    baseline.push(np.full((2, 1), 7.0), np.array([False]))
    baseline.push(np.full((2, 1), 7.0), np.array([False]))
    assert baseline.own_share[0] == pytest.approx(2 / 20)


def test_the_newest_seconds_take_the_place_of_the_oldest():
    assert fed([1.0] * 30 + [8.0] * 22).levels[0, 0] == 8.0


def test_a_seizure_is_not_learned(seizure):
    long = with_rhythm(quiet(420.0), 150.0, 400.0)
    (found,) = last_of(analyse(blocks(long)))
    assert found.end / FS_HZ >= 395.0
    brief = SeizureLimits(hold_s=30.0)
    assert last_of(analyse(blocks(long), limits=brief))[0].end / FS_HZ < 395.0


# ---- the votes -------------------------------------------------------------------------------------------------------


def second(channels=10, **more):
    values = {
        "line_length": 7.5, "amplitude": 3.5, "rhythm": 0.7, "hz": 3.0, "muscle_uv": 2.0, "swing_uv": 150.0,
    } | more  # fmt: skip
    return Second(0, 200, **{name: np.broadcast_to(np.asarray(one, float), channels) for name, one in values.items()})


LEVELS = np.array([[6.5] * 10, [2.5] * 10])
ALL = np.ones(10, np.bool_)


def evidence(one, *, trusted=ALL):
    return vote(one, LEVELS, trusted, SeizureLimits()).evidence


def test_evidence_is_the_smaller_rise_times_the_rhythm():
    assert evidence(second()) == pytest.approx(1.0 * 0.5)
    assert evidence(second(line_length=6.8)) == pytest.approx(0.3 * 0.5)
    assert evidence(second(amplitude=9.0, line_length=9.0)) == pytest.approx(1.2 * 0.5)


@pytest.mark.parametrize(
    "more",
    [
        {"hz": 10.0},
        {"hz": math.nan},
        {"hz": 1.0},
        {"hz": 25.0},
        {"rhythm": 0.2},
        {"amplitude": 2.5},
        {"line_length": 6.0},
        {"muscle_uv": 40.0},
        {"swing_uv": 2000.0},
        {"swing_uv": 0.1},
        {"swing_uv": 400.0},
    ],
    ids=lambda more: "-".join(f"{name}-{value}" for name, value in more.items()),
)
def test_alpha_muscle_slow_waves_artefacts_and_what_did_not_rise_give_none(more):
    assert evidence(second(**more)) == 0.0


def test_the_channels_that_are_off_count_for_nothing_and_the_bad_ones_against_it():
    swing = np.array([150.0] * 8 + [0.0] * 2)
    assert evidence(second(swing_uv=swing)) == pytest.approx(0.5)
    muscle = np.array([2.0] * 6 + [60.0] * 4)
    assert evidence(second(muscle_uv=muscle)) == pytest.approx(0.5 * 0.6)


def test_few_channels_give_less_evidence_and_two_of_three_must_agree():
    few = np.array([150.0] * 2 + [0.0] * 8)
    assert evidence(second(swing_uv=few)) == pytest.approx(0.25)
    three = np.array([150.0] * 3 + [0.0] * 7)
    alone = np.array([0.9] + [0.0] * 9)
    assert not vote(second(swing_uv=three, rhythm=alone), LEVELS, ALL, SeizureLimits()).is_on
    assert vote(second(swing_uv=three), LEVELS, ALL, SeizureLimits()).is_on


def test_where_most_channels_cannot_be_trusted_nobody_can_say():
    trusted = np.array([True] * 4 + [False] * 6)
    assert evidence(second(), trusted=trusted) == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"on_s": 6},
        {"evidence": 0.0},
        {"evidence": 0.3},
        {"slowest_hz": 30.0},
        {"baseline_s": 3},
        {"rhythm": 1.0},
        {"merge_s": -1.0},
    ],
)
def test_limits_that_cannot_be_are_refused_with_what_to_do(wrong):
    with pytest.raises(BadInput) as refused:
        replace(SeizureLimits(), **wrong)
    assert refused.value.advice


# ---- the report ------------------------------------------------------------------------------------------------------


def test_the_report_lists_the_candidates_and_says_that_none_is_no_proof(seizure):
    overview = TASKS[NAME].overview

    def said(findings):
        heard = Heard(
            fs_hz=FS_HZ, end=44_000, marks={}, findings=findings, kinds=finding_kinds(), unusable=()
        )  # fmt: skip
        (section,) = overview(heard)
        return section

    with_one = said(last_of(seizure))
    assert [figure.value for figure in with_one.figures[:2]] == [1, 0]
    assert with_one.grids[0].rows[0][1] == pytest.approx(160.0, abs=2.0)
    without = said([])
    assert not without.grids
    assert "does not say that there was no seizure" in without.notes[0]
    assert all("not measured on patients" in " ".join(one.notes) for one in (with_one, without))


def test_its_kinds_are_those_of_its_findings():
    assert set(KINDS) == set(TASKS[NAME].findings)
