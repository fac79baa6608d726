"""Leads that are lost: what a statement rests on, what their loss may not make more probable, what ends unseen."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.leads import INDEPENDENT
from biosignal.ecg.measuring import Beat
from biosignal.events import Abstained, Finding, FindingState, Inputs, Mark, Prediction, QualityLevel, Rung, inputs_id
from biosignal.model.model import Model
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.ecg import synthetic_ecg
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_diagnosis.alike import shows_beats
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT, NAME, SHOWN
from biosignal.tasks.ecg_diagnosis.stage import NO_BEATS
from biosignal.tasks.ecg_waves.kinds import NAME as WAVES
from biosignal.tasks.finding_log import EVIDENCE_MARKS, mark_sets
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle

FS_HZ = 250.0
QUALITY = TASKS[NAME].needs[0]
NORMAL, BLOCK, RHYTHM = "NORM", "CD", "AFIB"


class Blind:
    """A backend that calls normal what it cannot see: a block is seen in V1 only, a rhythm in any lead by its size."""

    rung = Rung.ONNX_CPU
    bundle = f"{NAME}/0.0.1"

    def infer(self, inputs):
        v1 = bool(inputs["mask"][0, INDEPENDENT.index("V1")])
        scores = np.full((1, len(CLASSES)), 0.05, np.float32)
        scores[0, CLASSES.index(BLOCK)] = 0.9 if v1 else 0.1
        scores[0, CLASSES.index(NORMAL)] = 0.1 if v1 else 0.8
        scores[0, CLASSES.index(RHYTHM)] = 0.9 if np.abs(inputs["ecg"]).max() > 3.0 else 0.1
        return {"scores": scores}

    def close(self):
        pass


def patient(seconds, names=INDEPENDENT):
    """The synthetic patient in several leads, each of another size, below 2 mV."""
    x = synthetic_ecg(seed=1, fs_hz=FS_HZ, duration_s=seconds).samples.astype(np.float32)
    return np.stack([x * np.float32(0.5 + 0.1 * row) for row in range(len(names))])


def analyse(samples, names=INDEPENDENT, *, cuts=(), also=()):
    """What the task says, by a backend that is blind without V1; `also` names tasks that run with their own bundles."""
    leads = tuple(Lead(name=name, unit=Unit.MILLIVOLT, kind=LeadKind.ECG) for name in names)
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=leads)
    models = {NAME: Model(NAME, CONTRACT, Blind())}
    for task in also:
        if TASKS[task].model is not None:
            models[task] = Model(task, TASKS[task].model, cpu_backend(load_bundle(find_bundle(task))))
    tasks = [task for task in TASKS.values() if task.name in (QUALITY, NAME, *also)]
    pipeline, out = Pipeline(tasks, recorded, models=models), []
    borders = [0, *sorted(cuts), samples.shape[1]]
    for start, end in pairwise(borders):
        block = SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=leads, samples=samples[:, start:end])
        out += pipeline.push(block) if end > start else []
    return [one for one in (*out, *pipeline.finish()) if getattr(one, "task", None) == NAME]


def marks_of(events):
    return [one for one in events if isinstance(one, Mark)]


def lost(samples, name, from_s, to_s=None, names=INDEPENDENT):
    """A lead goes flat for a while."""
    gone = samples.copy()
    end = samples.shape[1] if to_s is None else round(to_s * FS_HZ)
    gone[list(names).index(name), round(from_s * FS_HZ) : end] = 0.0
    return gone


def said(mark, code):
    return dict(mark.outcome.scores)[code]


def test_a_mark_is_of_the_leads_it_rests_on_by_the_names_of_their_source():
    marks = marks_of(analyse(lost(patient(40), "V1", 12, 30)))
    assert [mark.leads for mark in marks] == [
        INDEPENDENT,
        tuple(name for name in INDEPENDENT if name != "V1"),
        tuple(name for name in INDEPENDENT if name != "V1"),
        INDEPENDENT,
    ]
    assert [mark.quality for mark in marks] == [QualityLevel.USABLE, *[QualityLevel.DEGRADED] * 2, QualityLevel.USABLE]


def test_a_lost_lead_makes_nothing_more_probable_than_it_was_with_it():
    marks = marks_of(analyse(lost(patient(50), "V1", 10, 40)))
    assert [round(said(mark, NORMAL), 2) for mark in marks] == [0.1, 0.1, 0.1, 0.1, 0.1]
    assert [round(said(mark, BLOCK), 2) for mark in marks] == [0.9, 0.1, 0.1, 0.1, 0.9]


def test_who_begins_with_few_leads_is_told_what_they_show():
    names = tuple(name for name in INDEPENDENT if name != "V1")
    marks = marks_of(analyse(patient(20, names), names))
    assert [round(said(mark, NORMAL), 2) for mark in marks] == [0.8, 0.8]
    assert {mark.label for mark in marks} == {NORMAL}


def test_what_changes_on_a_lead_that_is_left_is_told_all_the_same():
    samples = lost(patient(40), "V1", 10)
    samples[:, round(20 * FS_HZ) : round(30 * FS_HZ)] *= 6.0
    marks = marks_of(analyse(samples))
    assert [round(said(mark, RHYTHM), 2) for mark in marks] == [0.1, 0.1, 0.9, 0.1]


@given(cuts=st.lists(st.integers(0, round(40 * FS_HZ)), max_size=12))
@settings(max_examples=8, deadline=None)
def test_however_the_samples_are_cut_the_same_is_said_of_lost_leads(cuts):
    samples = lost(lost(patient(40), "V1", 8, 33), "II", 15, 26)
    assert analyse(samples, cuts=cuts) == analyse(samples)


def test_what_nobody_sees_any_more_ends():
    samples = patient(140)
    for name in INDEPENDENT[:4]:
        samples = lost(samples, name, 40)
    found = [one for one in analyse(samples) if isinstance(one, Finding)]
    assert [one.state for one in found if one.kind == "ecg-conduction"][:1] == [FindingState.OPENED]
    last = found[-1]
    assert last.state is FindingState.CLOSED
    assert last.end == round(40 * FS_HZ)
    assert last.decided_at < round(110 * FS_HZ)


def test_a_window_that_a_finding_may_rest_on_comes_with_what_the_network_saw():
    samples = patient(20)
    for name in INDEPENDENT[:3]:
        samples = lost(samples, name, 10)
    events = analyse(samples)
    whole, few = marks_of(events)
    (seen,) = (one for one in events if isinstance(one, Inputs))
    assert whole.inputs == seen.id == inputs_id(seen.tensors)
    assert few.inputs is None
    assert {tensor.name: tensor.shape for tensor in seen.tensors} == {spec.name: spec.shape for spec in CONTRACT.inputs}


def test_the_marks_of_a_finding_are_named_by_their_leads():
    marks = marks_of(analyse(lost(patient(160), "V1", 30, 60)))
    sets = mark_sets(marks)
    assert [(len(one.leads), len(one.starts), one.total) for one in sets] == [(8, 9, 13), (7, 3, 3)]
    assert sum(len(one.starts) for one in sets) == EVIDENCE_MARKS


BEATS = tuple(Beat(qrs=(at, at + 0.1), p=None, t=None) for at in (0.5, 1.4, 2.2, 3.1, 4.0, 4.8, 5.9))


def complexes(size):
    x = np.zeros(round(7 * FS_HZ), np.float32)
    for beat in BEATS:
        start = round(beat.qrs[0] * FS_HZ)
        x[start : start + 25] += size * np.hanning(25).astype(np.float32)
    return x


@given(seed=st.integers(0, 10_000), noise=st.floats(1e-4, 0.02))
@settings(max_examples=40, deadline=None, derandomize=True)  # noise is alike by chance in one window of thousands
def test_complexes_are_seen_above_noise_and_noise_shows_none(seed, noise):
    hiss = np.random.default_rng(seed).normal(0.0, noise, round(7 * FS_HZ)).astype(np.float32)
    assert shows_beats(complexes(0.3) + hiss, FS_HZ, BEATS)
    assert shows_beats(-complexes(0.3) + hiss, FS_HZ, BEATS)
    assert not shows_beats(hiss, FS_HZ, BEATS)
    assert not shows_beats(np.zeros_like(hiss), FS_HZ, BEATS)
    assert shows_beats(hiss, FS_HZ, BEATS[:3])


@pytest.fixture(scope="module")
def hissing():
    """V1 and, later, all leads show a little noise and nothing else, while the waves are heard."""
    samples, random = patient(50), np.random.default_rng(4)
    v1, all_from = INDEPENDENT.index("V1"), round(30 * FS_HZ)
    samples[v1, round(10 * FS_HZ) :] = random.normal(0.0, 0.02, samples.shape[1] - round(10 * FS_HZ))
    samples[:, all_from:] = random.normal(0.0, 0.02, (len(samples), samples.shape[1] - all_from))
    return marks_of(analyse(samples, also=(WAVES,)))


def test_a_lead_that_only_hisses_is_not_shown(hissing):
    assert [("V1" in mark.leads, mark.number(SHOWN)) for mark in hissing[:3]] == [
        (True, 8.0),
        (False, 7.0),
        (False, 7.0),
    ]
    assert all(isinstance(mark.outcome, Prediction) for mark in hissing[:3])
    assert hissing[1].quality is QualityLevel.DEGRADED


def test_where_no_heart_is_seen_nothing_is_stated(hissing):
    assert [mark.outcome for mark in hissing[3:]] == [Abstained(task=NAME, reason=NO_BEATS)] * 2
