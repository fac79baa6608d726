"""A task whose stage raises is closed with a word about it; the others go on, and it begins anew."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from biosignal.events import Finding, FindingState, Mark, MarkState, Unavailable
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock
from biosignal.stream.pipeline import BACK_OFF_S, Pipeline, Recorded
from biosignal.tasks import TASKS
from edge_agent.sources.excerpt import FS_HZ
from tests.tasks.test_every_task import signal

LEAD = Lead(name="II", kind=LeadKind.ECG)


class Fault(Exception):
    """What no stage should raise."""


def failing(task, *, at, how="push"):
    """The task with a stage that raises once it has come to sample `at`, each time anew."""

    class Failing:
        def __init__(self, stage):
            self._stage = stage

        @property
        def watermark(self):
            return self._stage.watermark

        def set_limits(self, limits):
            self._stage.set_limits(limits)

        def push(self, item):
            if how == "push" and isinstance(item, SampleBlock) and item.start <= at < item.end:
                raise Fault("here")
            return self._stage.push(item)

        def advance(self, until):
            yield from self._stage.advance(until)
            if how == "advance" and at < until <= at + FS_HZ / 8:
                raise Fault("here")

        def finish(self):
            return self._stage.finish()

    return replace(task, make=lambda facts, model, limits: Failing(task.make(facts, model, limits)))


def run(x, *, broken, at, how="push", gaps=()):
    tasks = {**TASKS, broken: failing(TASKS[broken], at=at, how=how)}
    models = {name: Model(name, task.model, None, "no model here") for name, task in tasks.items() if task.model}
    failures = []
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=(LEAD,))
    pipeline = Pipeline(tasks.values(), recorded, models=models, on_failure=lambda *one: failures.append(one))
    out, start = [], 0
    while start < len(x):
        if start in gaps:
            out += pipeline.push(Gap(recording="r", start=start, length=0, reason="loop"))
        end = min(start + 45, len(x))
        out += pipeline.push(
            SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=(LEAD,), samples=x[np.newaxis, start:end])
        )
        start = end
    return out + pipeline.finish(), failures


def beats(events):
    return [e.start for e in events if isinstance(e, Mark) and e.kind == "beat" and e.state is MarkState.CONFIRMED]


@pytest.mark.parametrize("how", ["push", "advance"])
def test_the_others_go_on_and_the_user_is_told(how):
    x = signal(60.0)
    out, failures = run(x, broken="ecg-beats", at=7200, how=how)
    assert [(task, type(error)) for task, error in failures] == [("ecg-beats", Fault)]
    told = [event for event in out if isinstance(event, Finding) and event.kind == "task-failed"]
    assert [one.state for one in told] == [FindingState.OPENED, FindingState.CLOSED]
    assert isinstance(told[0].outcome, Unavailable)
    assert "ecg-beats failed: Fault: here" in told[0].outcome.reason
    seconds = [event for event in out if isinstance(event, Mark) and event.kind == "second"]
    assert len(seconds) == 60


def test_it_begins_anew_after_a_back_off():
    x = signal(60.0)
    out, _ = run(x, broken="ecg-beats", at=7200)
    found = beats(out)
    assert not [sample for sample in found if 7200 <= sample < 7200 + BACK_OFF_S * FS_HZ]
    behind = [sample for sample in found if sample > 7200 + BACK_OFF_S * FS_HZ]
    whole, _ = run(x, broken="ecg-beats", at=10**9)
    assert behind[3:] == [sample for sample in beats(whole) if sample >= behind[3]]


def test_a_gap_begins_it_anew_at_once():
    x = signal(60.0)
    out, _ = run(x, broken="ecg-beats", at=7200, gaps=(7650,))
    assert [sample for sample in beats(out) if 7650 < sample < 7650 + 2 * FS_HZ]


def test_what_needs_it_does_not_take_its_silence_for_the_patients():
    x = signal(60.0)
    out, _ = run(x, broken="ecg-beats", at=7200)
    whole, _ = run(x, broken="ecg-beats", at=10**9)
    found, usual = ({(e.kind, e.onset) for e in events if isinstance(e, Finding)} for events in (out, whole))
    assert {kind for kind, _ in found - usual} == {"task-failed"}


def test_what_was_open_is_closed_when_its_task_fails():
    x = signal(60.0)
    x[3600:] = x[3600]  # a flat line: the lead is off for good
    out, _ = run(x, broken="signal-quality", at=9000)
    last = {event.id: event for event in out if isinstance(event, Finding)}
    assert {one.state for one in last.values()} == {FindingState.CLOSED}
    assert any(one.kind in ("lead-off", "poor-signal") and one.end <= 9045 for one in last.values())


def test_a_task_that_fails_each_time_waits_longer_each_time():
    class Always:
        watermark = 0

        def push(self, _item):
            raise Fault("always")

    broken = replace(TASKS["signal-quality"], make=lambda *_: Always())
    failures = []
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=(LEAD,))
    pipeline = Pipeline([broken], recorded, models={}, on_failure=lambda *one: failures.append(one))
    second = np.zeros((1, 360), np.float32)
    at = []
    for n in range(120):
        before = len(failures)
        pipeline.push(SampleBlock(recording="r", start=n * 360, fs_hz=FS_HZ, leads=(LEAD,), samples=second))
        at += [n] * (len(failures) - before)
    waits = [b - a for a, b in pairwise(at)]
    assert len(at) >= 4
    assert waits == sorted(waits)
    assert waits[0] >= BACK_OFF_S
    assert waits[-1] >= 4 * BACK_OFF_S
