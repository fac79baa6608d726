"""Statements on ten seconds: leads, windows, masks, quality, what persists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.leads import INDEPENDENT, TWELVE, derived, standard_name, standard_rows
from biosignal.errors import BadInput
from biosignal.events import (
    Abstained,
    Finding,
    FindingState,
    Mark,
    MarkPack,
    Prediction,
    QualityLevel,
    Reading,
    Rung,
    Unavailable,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.ecg import synthetic_ecg
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT, MAIN, NAME, PERSISTING, SHOWN, WINDOWS
from biosignal.tasks.ecg_diagnosis.limits import DiagnosisLimits
from biosignal.tasks.ecg_diagnosis.seen import WINDOW, window_of

FS_HZ = 250.0
QUALITY = TASKS[NAME].needs[0]


class Scripted:
    """A backend that gives one statement what its script says, window after window, and 0.1 to all others."""

    rung = Rung.ONNX_CPU

    def __init__(self, statement="MI", script=(0.9,)):
        self.bundle, self.statement, self.script, self.asked = f"{NAME}/0.0.1", statement, script, []

    def infer(self, inputs):
        scores = np.full((1, len(CLASSES)), 0.1, np.float32)
        scores[0, CLASSES.index(self.statement)] = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append(inputs)
        return {"scores": scores}

    def close(self):
        pass


def leads_of(names, unit=Unit.MILLIVOLT):
    return tuple(Lead(name=name, unit=unit, kind=LeadKind.ECG) for name in names)


def beating(seconds, rows, seed=1):
    """The synthetic patient in several leads, each of another size."""
    x = synthetic_ecg(seed=seed, fs_hz=FS_HZ, duration_s=seconds).samples.astype(np.float32)
    return np.stack([x * np.float32(0.5 + 0.1 * row) for row in range(rows)])


def analyse(names, samples, backend, *, unit=Unit.MILLIVOLT, gaps=(), start=0, limits=None):
    """What the task says of a recording; `gaps` are indices before which the count jumps by a second."""
    leads = leads_of(names, unit)
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=leads)
    tasks = (TASKS[QUALITY], TASKS[NAME])
    pipeline = Pipeline(tasks, recorded, models={NAME: Model(NAME, CONTRACT, backend)}, limits=limits or {})
    out, at, before = [], start, 0
    for border in (*gaps, samples.shape[1]):
        part = samples[:, before:border]
        out += pipeline.push(SampleBlock(recording="r", start=at, fs_hz=FS_HZ, leads=leads, samples=part))
        at, before = at + part.shape[1], border
        if border in gaps:
            out += pipeline.push(Gap(recording="r", start=at, length=round(FS_HZ), reason="lost"))
            at += round(FS_HZ)
    return [event for event in (*out, *pipeline.finish()) if getattr(event, "task", None) == NAME]


def marks_of(events):
    return [event for event in events if isinstance(event, Mark)]


def findings_of(events):
    return [event for event in events if isinstance(event, Finding)]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("MLII", "II"), ("ECG V1", "V1"), ("avr", "aVR"), ("lead I", "I"), ("ECG", None), ("Pleth", None), ("V7", None)],
)
def test_a_lead_is_known_by_any_of_its_names(name, wanted):
    assert standard_name(name) == wanted


def test_a_lead_that_is_there_twice_is_read_once():
    assert standard_rows(["ECG", "II", "MLII", "V1"]) == {"II": 1, "V1": 3}


@given(st.permutations(TWELVE[:6]), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_any_two_limb_leads_give_the_same_six(order, seed):
    random = np.random.default_rng(seed)
    first, second = random.normal(0.0, 1.0, (2, 20))
    whole = derived({"I": first, "II": second})
    again = derived({name: whole[name] for name in order[:2]})
    assert list(again) == list(TWELVE[:6])
    for name in again:
        np.testing.assert_allclose(again[name], whole[name], atol=1e-9)


def test_what_does_not_follow_is_not_invented():
    ecg, mask = window_of({"II": beating(10.0, 1)[0], "V3": beating(10.0, 1)[0]}, FS_HZ)
    assert [INDEPENDENT[row] for row in np.flatnonzero(mask)] == ["II", "V3"]
    assert not ecg[mask == 0].any()
    assert ecg[mask == 1].any(axis=1).all()


def test_i_follows_from_ii_and_iii():
    x = beating(10.0, 2)
    plain, _ = window_of({"I": x[0], "II": x[1]}, FS_HZ)
    made, mask = window_of({"III": x[1] - x[0], "II": x[1]}, FS_HZ)
    assert mask[:2].all()
    np.testing.assert_allclose(made, plain, atol=1e-4)


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 257.0, 360.0, 500.0, 1000.0])
def test_a_window_is_the_same_at_any_rate(fs_hz):
    at = np.arange(round(10 * fs_hz)) / fs_hz
    x = (np.sin(2 * np.pi * 7.0 * at) + 0.5 * np.sin(2 * np.pi * 2.0 * at)).astype(np.float32)
    ecg, _ = window_of({"II": x}, fs_hz)
    wanted = np.sin(2 * np.pi * 0.07 * np.arange(WINDOW)) + 0.5 * np.sin(2 * np.pi * 0.02 * np.arange(WINDOW))
    assert np.abs(ecg[1, 150:-150] - wanted[150:-150]).max() < 0.06


def test_a_lead_of_which_too_much_is_invalid_is_not_shown_and_little_is_held_over():
    x = beating(10.0, 1)[0]
    gone, little = x.copy(), x.copy()
    gone[:300] = np.nan
    little[1000:1100] = np.nan
    assert not window_of({"II": gone}, FS_HZ)[1].any()
    ecg, mask = window_of({"II": little}, FS_HZ)
    assert mask[1] == 1.0
    assert np.isfinite(ecg).all()


def test_every_ten_seconds_of_the_recording_are_stated_once_on_the_leads_that_are_there():
    backend = Scripted("CD")
    events = analyse(("II", "V1", "V5"), beating(41.0, 3), backend)
    marks = marks_of(events)
    assert [(mark.start, mark.end, mark.decided_at) for mark in marks] == [
        (2500 * k, 2500 * (k + 1), 2500 * (k + 1) - 1) for k in range(4)
    ]
    assert {mark.label for mark in marks} == {"CD"}
    assert {mark.number(SHOWN) for mark in marks} == {3.0}
    assert all(len(mark.outcome.scores) == len(CLASSES) for mark in marks)
    assert [INDEPENDENT[row] for row in np.flatnonzero(backend.asked[0]["mask"][0])] == ["II", "V1", "V5"]
    assert not findings_of(events)
    assert not [event for event in events if isinstance(event, Reading)]


def test_windows_lie_on_the_count_of_the_recording_and_a_gap_touches_none():
    marks = marks_of(analyse(("I", "II"), beating(60.0, 2), Scripted(), gaps=(4000,), start=1200))
    assert [mark.start for mark in marks] == [2500, 7500, 10000, 12500]
    assert all(not mark.start < 5200 < mark.end for mark in marks)


def test_it_is_called_by_a_main_statement_whatever_else_is_more_probable():
    class Rhythm(Scripted):
        def infer(self, inputs):
            answer = super().infer(inputs)
            answer["scores"][0, CLASSES.index("SR")] = 0.99
            return answer

    mark = marks_of(analyse(INDEPENDENT, beating(10.0, 8), Rhythm("STTC", (0.6,))))[0]
    assert mark.label == "STTC"
    assert dict(mark.outcome.scores)["SR"] == 0.99


def test_leads_may_drop_out_one_by_one_until_nothing_is_said():
    x = beating(60.0, 4)
    for row in range(4):
        x[row, 2500 * (row + 1) :] = 0.0  # off: the lead is flat from here on
    marks = marks_of(analyse(("II", "V1", "V2", "V5"), x, Scripted()))
    assert [mark.number(SHOWN) for mark in marks] == [4.0, 3.0, 2.0, 1.0, 0.0, 0.0]
    assert [mark.quality for mark in marks[3:]] == [QualityLevel.DEGRADED, *[QualityLevel.REJECTED] * 2]
    assert [type(mark.outcome) for mark in marks[3:]] == [Prediction, Abstained, Abstained]
    assert marks[0].quality is QualityLevel.USABLE


@given(st.permutations(TWELVE))
@settings(max_examples=8, deadline=None)
def test_twelve_leads_in_any_order_are_shown_as_the_eight_that_hold_them(order):
    eight = dict(zip(INDEPENDENT, beating(10.0, 8), strict=True))
    whole = derived(eight)
    plain, other = Scripted(), Scripted()
    analyse(INDEPENDENT, np.stack(list(eight.values())), plain)
    analyse(order, np.stack([whole[name] for name in order]).astype(np.float32), other)
    np.testing.assert_allclose(other.asked[0]["ecg"], plain.asked[0]["ecg"], atol=1e-6)


@pytest.mark.parametrize(
    ("names", "unit", "reason"),
    [(("ECG1", "ECG2"), Unit.MILLIVOLT, "no lead is named by its place"), (("I", "II"), Unit.RAW, "uncalibrated")],
)
def test_what_can_never_be_answered_is_said_once_a_stretch(names, unit, reason):
    events = analyse(names, beating(60.0, 2), Scripted(), unit=unit, gaps=(7500,))
    said = marks_of(events)
    assert len(said) == 2
    assert all(isinstance(mark.outcome, Unavailable) and reason in mark.outcome.reason for mark in said)
    assert {type(event) for event in events} == {Mark, MarkPack}


def test_microvolts_are_the_same_as_millivolts():
    one, two = Scripted(), Scripted()
    x = beating(10.0, 8)
    analyse(INDEPENDENT, x, one)
    analyse(INDEPENDENT, x * np.float32(1000.0), two, unit=Unit.MICROVOLT)
    np.testing.assert_allclose(one.asked[0]["ecg"], two.asked[0]["ecg"], atol=1e-4)


def test_what_persists_becomes_a_finding_that_does_not_alarm_and_ends_when_it_is_gone():
    script = (0.9, 0.1, 0.9, 0.1, 0.9, *[0.1] * 12)
    found = findings_of(analyse(INDEPENDENT, beating(150.0, 8), Scripted("HYP", script)))
    assert {one.kind for one in found} == {PERSISTING["HYP"]}
    assert [found[0].state, found[-1].state] == [FindingState.OPENED, FindingState.CLOSED]
    assert {one.priority.value for one in found} == {"none"}
    assert (found[0].onset, found[0].decided_at) == (0, 12_499)
    assert [one.value for one in found[-1].evidence.measures if one.name == WINDOWS] == [3.0]
    assert found[0].evidence.marks[0].starts == (0, 5000, 10_000)
    assert found[-1].decided_at == 11 * 2500 - 1


def test_one_window_or_few_leads_or_a_normal_ecg_become_none():
    assert not findings_of(analyse(INDEPENDENT, beating(100.0, 8), Scripted("MI", (0.9, 0.9, 0.1))))
    assert not findings_of(analyse(INDEPENDENT[:5], beating(100.0, 5), Scripted("MI", (0.9,))))
    assert not findings_of(analyse(INDEPENDENT, beating(100.0, 8), Scripted("NORM", (0.9,))))


def test_a_finding_ends_at_a_gap_and_at_the_end():
    found = findings_of(analyse(INDEPENDENT, beating(90.0, 8), Scripted("CD"), gaps=(10_000,)))
    states = [one.state for one in found]
    assert states.count(FindingState.OPENED) == states.count(FindingState.CLOSED) == 2
    assert found[-1].state is FindingState.CLOSED


def test_the_reading_says_the_main_statement_where_enough_leads_are_there():
    readings = [e for e in analyse(INDEPENDENT, beating(20.0, 8), Scripted("MI")) if isinstance(e, Reading)]
    assert [(one.label, one.value) for one in readings] == [("MI", 0.9)] * 2


@pytest.mark.parametrize(
    "wrong", [{"rejected_share": 1.5}, {"infarction_from": -0.1}, {"persist": 7}, {"persist": 0}, {"least_leads": 9}]
)
def test_limits_that_cannot_be_are_refused(wrong):
    with pytest.raises(BadInput):
        DiagnosisLimits(**wrong)


def test_every_main_statement_but_the_normal_one_can_persist():
    assert set(PERSISTING) == set(MAIN) - {MAIN[0]}
