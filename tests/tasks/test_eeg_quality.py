"""Each second of EEG has its reason, as soon as it is seen; calm, sleep and seizures are not taken for artefacts."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.events import Finding, FindingState, Mark, Priority, QualityLevel, Reading
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.brain import Sleep
from biosignal.synthetic.noise import ElectrodePop, FlatChannel, LeadOff, Mains, Muscle, Saturation
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenario import BrainSegment
from biosignal.synthetic.scenarios import scenario_named
from biosignal.tasks.eeg_quality.kinds import ARTEFACT, FINDINGS, LEVEL
from biosignal.tasks.eeg_quality.limits import EegQualityLimits
from biosignal.tasks.eeg_quality.pieces import half_end, second_begin
from biosignal.tasks.eeg_quality.task import EEG_QUALITY

FS_HZ = 250.0
NAMES = ("Fp1", "Fp2", "C3", "C4", "T3", "T4", "O1", "O2")


def leads_of(names, unit=Unit.MICROVOLT):
    return tuple(Lead(name=name, unit=unit, kind=LeadKind.EEG) for name in names)


def grade(x, names=NAMES, *, fs_hz=FS_HZ, unit=Unit.MICROVOLT, cuts=(), gaps=(), limits=None):
    """Everything that is said; `gaps` are (index, length)."""
    leads = leads_of(names, unit)
    pipeline = Pipeline(
        [EEG_QUALITY],
        Recorded(device="d", recording="r", fs_hz=fs_hz, leads=leads),
        models={},
        limits=None if limits is None else {EEG_QUALITY.name: limits},
        on_failure=fail,
    )
    out, moved = [], 0
    for a, b in pairwise(sorted({0, *cuts, *(at for at, _ in gaps), x.shape[1]})):
        for at, length in gaps:
            if at == a:
                out += pipeline.push(Gap(recording="r", start=a + moved, length=length, reason="lost"))
                moved += length
        samples = np.ascontiguousarray(x[:, a:b], np.float32)
        out += pipeline.push(SampleBlock(recording="r", start=a + moved, fs_hz=fs_hz, leads=leads, samples=samples))
    return out + pipeline.finish()


def fail(_task, error):
    raise error


def played(name="eeg-awake", *, noise=(), seconds=30.0, brain=None, seed=5, **changes):
    """A scenario's samples, eight leads at 250 Hz unless said."""
    scenario = scenario_named(name)
    changes = {"channels": NAMES, "fs_hz": FS_HZ, "duration_s": seconds, **changes}
    if brain is not None:
        changes["brain"] = (BrainSegment(start_s=0.0, state=brain),)
    elif seconds < scenario.duration_s:
        changes["brain"] = tuple(one for one in scenario.brain if one.start_s < seconds)
    made = SyntheticRecording(replace(scenario, noise=(*scenario.noise, *noise), **changes), seed=seed)
    return made, made.samples(0, made.length)


def seconds_of(events, lead):
    return [one for one in events if isinstance(one, Mark) and one.kind == "eeg-second" and one.leads == (lead,)]


def named(events, lead):
    return [one.label for one in seconds_of(events, lead)]


def told(events):
    """The last revision of each finding."""
    last = {}
    for one in events:
        if isinstance(one, Finding):
            last[one.id] = one
    return list(last.values())


# ---- what is graded --------------------------------------------------------------------------------------------------


def test_every_second_of_every_lead_is_graded_once_by_its_last_sample():
    _, x = played(seconds=10.5)
    events = grade(x)
    for lead in NAMES:
        marks = seconds_of(events, lead)
        assert [(one.start, one.end) for one in marks] == [(at, min(at + 250, 2625)) for at in range(0, 2625, 250)]
        assert all(one.decided_at == one.end - 1 for one in marks)


@given(fs_hz=st.floats(50, 4096), sample=st.integers(0, 10**8))
def test_half_seconds_end_behind_their_sample_and_seconds_with_them(fs_hz, sample):
    end = half_end(sample, fs_hz)
    assert sample < end <= sample + fs_hz / 2 + 2
    second = int(sample / fs_hz)
    assert second_begin(second - 1, fs_hz) <= sample < second_begin(second + 2, fs_hz)


WRONG = {
    "flat": (FlatChannel(start_s=15.3, electrodes=("C3",)), "flat", QualityLevel.REJECTED),
    "lead-off": (LeadOff(start_s=15.3, electrodes=("C3",), rail_mv=2.0), "lead-off", QualityLevel.REJECTED),
    "mains": (
        Mains(start_s=15.3, electrodes=("C3",), amplitude_mv=0.3, mains_hz=60.0),
        "mains",
        QualityLevel.REJECTED,
    ),
    "some mains": (Mains(start_s=15.3, electrodes=("C3",), amplitude_mv=0.05), "mains", QualityLevel.DEGRADED),
    "muscle": (
        Muscle(start_s=15.3, electrodes=("C3",), amplitude_mv=0.15, bursts=0.0),
        "muscle",
        QualityLevel.REJECTED,
    ),
    "some muscle": (
        Muscle(start_s=15.3, electrodes=("C3",), amplitude_mv=0.03, bursts=0.0),
        "muscle",
        QualityLevel.DEGRADED,
    ),
    "pop": (ElectrodePop(start_s=15.3, electrodes=("C3",)), "pop", QualityLevel.REJECTED),
    "saturated": (Saturation(start_s=15.3, limit_mv=0.5, offset_mv=0.5), "saturated", QualityLevel.REJECTED),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_on_its_lead_within_a_second_and_not_before(case):
    noise, reason, level = WRONG[case]
    _, x = played(noise=(noise,), brain=Sleep(stage="N1"))
    events = grade(x)
    of_lead = [one for one in events if isinstance(one, Mark | Reading) and one.leads == ("C3",)]
    said = [
        (one.decided_at if isinstance(one, Mark) else one.at, one)
        for one in of_lead
        if one.label == reason and (isinstance(one, Mark) or one.quantity == ARTEFACT)
    ]
    first_s = min(at for at, _ in said) / FS_HZ
    assert 15.3 <= first_s <= 16.3
    marks = [one for _, one in said if isinstance(one, Mark)]
    assert level in {one.quality for one in marks}
    if case != "saturated":
        assert all(set(named(events, lead)) == {"usable"} for lead in NAMES if lead != "C3")


def test_a_lead_that_fails_shows_its_level_before_the_second_is_over():
    _, x = played(noise=(FlatChannel(start_s=15.0, electrodes=("C3",)),), brain=Sleep(stage="N1"))
    levels = [
        (one.at / FS_HZ, one.label)
        for one in grade(x)
        if isinstance(one, Reading) and one.quantity == LEVEL and one.leads == ("C3",)
    ]
    assert (15.496, "rejected") in levels


def test_what_is_missing_is_said_whatever_else_there_is():
    _, x = played(brain=Sleep(stage="N1"))
    x[2, 2500:2750] = np.nan
    x[2, 3000:3010] = np.nan
    marks = seconds_of(grade(x), "C3")
    assert (marks[10].label, marks[10].quality) == ("nan", QualityLevel.REJECTED)
    assert (marks[12].label, marks[12].quality) == ("nan", QualityLevel.DEGRADED)
    assert {marks[at].label for at in range(30) if at not in (10, 12)} == {"usable"}


def test_a_lead_without_a_scale_is_judged_by_what_needs_none():
    _, x = played(brain=Sleep(stage="N1"), noise=(Mains(start_s=5.0, amplitude_mv=0.5),))
    x[2, 2500:3000] = x[2, 2500]
    marks = seconds_of(grade(x, unit=Unit.RAW), "C3")
    assert {one.label for one in marks} == {"uncalibrated", "flat"}
    assert (marks[10].label, marks[10].quality) == ("flat", QualityLevel.REJECTED)
    assert marks[0].quality is QualityLevel.USABLE


def test_millivolts_and_microvolts_are_graded_alike():
    _, x = played(noise=(Mains(start_s=15.3, electrodes=("C3",), amplitude_mv=0.3),))
    assert named(grade(x / 1000.0, unit=Unit.MILLIVOLT), "C3") == named(grade(x), "C3")


# ---- blinks and bridges ----------------------------------------------------------------------------------------------


def test_blinks_degrade_the_leads_at_the_eyes_and_nothing_else():
    made, x = played(seconds=29.0)
    events = grade(x)
    blinks_s = [one.start / FS_HZ for one in made.truth.of("blink") if one.start > 3 * FS_HZ]
    said_s = [one.start / FS_HZ for one in seconds_of(events, "Fp1") if one.label == "blink"]
    assert len(blinks_s) >= 2
    assert all(any(-1.0 < said - at < 1.5 for said in said_s) for at in blinks_s)
    assert all(any(-1.0 < said - at < 1.5 for at in blinks_s) for said in said_s)
    assert {one.quality for one in seconds_of(events, "Fp1") if one.label == "blink"} == {QualityLevel.DEGRADED}
    assert {label for lead in NAMES[2:] for label in named(events, lead)} == {"usable"}


@pytest.mark.parametrize("names", [("Fp1",), ("Fp1", "Fp2"), ("1", "2", "3", "4", "5", "6", "7", "8")])
def test_without_a_lead_away_from_the_eyes_or_without_names_no_blink_is_said(names):
    _, x = played(seconds=29.0)
    events = grade(x[: len(names)], names)
    assert {label for name in names for label in named(events, name)} == {"usable"}


def test_a_bridge_names_both_leads_and_ends_with_one_finding():
    made, x = played("eeg-artefacts", seconds=130.0, channels=scenario_named("eeg-artefacts").channels)
    names = tuple(lead.name for lead in made.leads)
    events = grade(x, names)
    pairs = Counter(one.leads for one in events if isinstance(one, Mark) and one.kind == "eeg-bridge")
    assert set(pairs) == {("O1", "O2")}
    assert pairs["O1", "O2"] >= 18
    bridged = [one for one in told(events) if one.kind == "eeg-bridged"]
    assert [one.leads for one in bridged] == [("O1", "O2")]
    assert {one.quality for one in seconds_of(events, "O1") if one.label == "bridged"} == {QualityLevel.DEGRADED}


def test_one_place_recorded_twice_is_no_bridge():
    _, x = played(brain=Sleep(stage="N2"))
    names = ("Fp1", "Fp2", "C3", "EEG C3", "T3", "T4", "O1", "O2")
    x[3] = x[2]
    assert "bridged" not in named(grade(x, names), "C3")
    assert "bridged" in named(grade(x, NAMES), "C3")


# ---- what must not be rejected ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["eeg-awake", "eeg-sleep", "eeg-seizure", "eeg-absence", "eeg-burst-suppression"])
def test_alpha_slow_waves_seizures_and_bursts_are_not_rejected(scenario):
    made = SyntheticRecording(scenario_named(scenario), seed=8)
    length = min(made.length, round(1300 * made.fs_hz))
    events = grade(made.samples(0, length), tuple(lead.name for lead in made.leads), fs_hz=made.fs_hz)
    labels = Counter(label for lead in made.leads for label in named(events, lead.name))
    assert set(labels) <= {"usable", "blink"}
    assert not told(events)


def test_alpha_of_100_uv_and_slow_waves_of_200_uv_are_usable():
    random, t = np.random.default_rng(2), np.arange(30 * 250) / FS_HZ
    noise = random.normal(0, 3, (2, t.size))
    alpha = 50 * np.sin(2 * np.pi * 10 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.3 * t))
    slow = 100 * np.sin(2 * np.pi * 0.8 * t) + 30 * np.sin(2 * np.pi * 1.9 * t)
    events = grade(noise + np.stack([alpha, slow]), ("O1", "F3"))
    assert set(named(events, "O1")) == set(named(events, "F3")) == {"usable"}


# ---- findings --------------------------------------------------------------------------------------------------------


def test_a_lead_that_stays_bad_becomes_one_finding_and_closes():
    _, x = played(noise=(FlatChannel(start_s=8.0, duration_s=9.0, electrodes=("C3",)),), brain=Sleep(stage="N1"))
    (finding,) = told(grade(x))
    assert (finding.kind, finding.leads, finding.state) == ("eeg-lead-off", ("C3",), FindingState.CLOSED)
    assert (finding.onset, finding.end) == (2000, 4250)


def test_when_the_reference_falls_off_there_is_one_finding_not_one_a_lead():
    _, x = played(noise=(LeadOff(start_s=8.0, duration_s=9.0, electrodes=NAMES, rail_mv=2.0),), brain=Sleep(stage="N1"))
    (finding,) = told(grade(x))
    assert (finding.kind, finding.leads) == ("eeg-signal-lost", NAMES)


def test_electrodes_that_fail_together_share_a_finding():
    noise = FlatChannel(start_s=8.0, duration_s=9.0, electrodes=("C3", "O1"))
    _, x = played(noise=(noise,), brain=Sleep(stage="N1"))
    assert [(one.kind, one.leads) for one in told(grade(x))] == [("eeg-lead-off", ("C3", "O1"))]


def test_every_finding_is_technical_and_of_low_priority():
    assert {(one.technical, one.priority) for one in FINDINGS.values()} == {(True, Priority.LOW)}


def test_other_limits_hold_from_the_next_half_second_on():
    _, x = played(noise=(Mains(start_s=5.0, electrodes=("C3",), amplitude_mv=0.05),), brain=Sleep(stage="N1"))
    assert "mains" in named(grade(x), "C3")
    assert "mains" not in named(grade(x, limits=EegQualityLimits(mains_uv=55.0)), "C3")


@pytest.mark.parametrize("limits", [{"flat_uv": 0.0}, {"muscle_uv": float("nan")}, {"mains_uv": 100.0}])
def test_limits_that_cannot_be_are_refused(limits):
    with pytest.raises(BadInput):
        EegQualityLimits(**limits)


# ---- the law ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything():
    """A recording in which all of it happens, with samples missing."""
    made = SyntheticRecording(replace(scenario_named("eeg-artefacts"), fs_hz=125.0), seed=4)
    x = made.samples(0, made.length)[:, (22 * 125) : (70 * 125)].copy()
    x[3, 1000:1400] = np.nan
    return x, tuple(lead.name for lead in made.leads)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_the_same_is_said_however_the_samples_are_cut(everything, data):
    x, names = everything
    gaps = data.draw(
        st.lists(
            st.tuples(st.integers(1, x.shape[1] - 1), st.integers(0, 900)), max_size=2, unique_by=lambda gap: gap[0]
        )
    )
    cuts = data.draw(st.lists(st.integers(1, x.shape[1] - 1), max_size=60))
    assert grade(x, names, fs_hz=125.0, cuts=cuts, gaps=gaps) == grade(x, names, fs_hz=125.0, gaps=gaps)
