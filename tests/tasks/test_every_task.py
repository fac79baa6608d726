"""What every task keeps to, unasked: these run over all declared tasks, and over the one that ships with the tests."""

import dataclasses
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosignal.events import (
    Abstained,
    Finding,
    FindingState,
    Mark,
    MarkState,
    Prediction,
    QualityLevel,
    Reading,
    Rung,
    Series,
    Unavailable,
)
from biosignal.model.backend import BackendFailed
from biosignal.model.contract import check_contract
from biosignal.model.manifest import parse_manifest
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.chart import Chart, Form
from biosignal.tasks.words import read_words, words_of
from edge_agent.explain.template import explain
from edge_agent.sources.excerpt import FS_HZ, Excerpt
from tests.tasks.example.task import EXAMPLE

MODELS = Path(__file__).parents[2] / "models"
ALL = [*TASKS.values(), EXAMPLE]
AT_WORK = [task for task in ALL if task.make is not None]
WITH_MODEL = [task for task in ALL if task.model is not None]


def names(task):
    return task.name


class Guesser:
    """A backend that answers each window by its bytes: any bit that changes changes an answer."""

    rung = Rung.ONNX_CPU

    def __init__(self, task, *, failing=None):
        self.bundle, self._contract, self._failing = f"{task.name}/0.0.1", task.model, failing

    def infer(self, inputs):
        if self._failing is not None:
            return self._failing()
        seed = abs(hash(b"".join(np.ascontiguousarray(inputs[name]).tobytes() for name in sorted(inputs))))
        random, rows = np.random.default_rng(seed), len(next(iter(inputs.values())))
        weights = random.random((rows, *self._contract.scores_shape))
        if self._contract.steps is None:
            weights /= weights.sum(axis=-1, keepdims=True)
        scores = weights.astype(np.float32)
        handed_on = {f"{name}_after": random.random(inputs[name].shape, np.float32) for name in self._contract.states}
        return {"scores": scores, **handed_on}

    def close(self):
        pass


def lead_of(task):
    """A lead that the task can read, by the name that it looks for first, if it looks for names."""
    name = task.wants.prefer[0] if task.wants.prefer else "one"
    kind = task.wants.kinds[0] if task.wants.kinds else LeadKind.ECG
    return Lead(
        name=name, unit=task.wants.units[0] if Unit.MILLIVOLT not in task.wants.units else Unit.MILLIVOLT, kind=kind
    )


def with_needs(task):
    """The task and all it needs, those before it."""
    return [*(one for need in task.needs for one in with_needs({**TASKS, EXAMPLE.name: EXAMPLE}[need])), task]


def analyse(task, items, *, failing=None, failures=None):
    """Everything the task says of one lead."""
    tasks = {one.name: one for one in with_needs(task)}
    models = {
        name: Model(name, one.model, Guesser(one, failing=failing if one is task else None))
        for name, one in tasks.items()
        if one.model is not None
    }
    recorded = Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=(lead_of(task),))
    seen = [] if failures is None else failures
    pipeline = Pipeline(
        tasks.values(), recorded, models=models, on_failure=lambda name, error: seen.append((name, error))
    )
    out = [event for item in items for event in pipeline.push(item)] + pipeline.finish()
    assert failures is not None or not seen
    return out


def signal(seconds=40.0, start_s=60.0):
    samples = np.concatenate([block.samples[0] for block in Excerpt().read()])
    return samples[round(start_s * FS_HZ) : round((start_s + seconds) * FS_HZ)].copy()


def blocks(task, x, *, cuts=(), gaps=()):
    """The samples in pieces; `gaps` are (index, length)."""
    lead, moved = lead_of(task), 0
    if lead.kind is LeadKind.EEG:
        x = x * np.float32(0.05)  # a brain's size: a heart's would be rejected
    borders = sorted({0, len(x), *(cut for cut in cuts if cut < len(x)), *(at for at, _ in gaps)})
    for first, last in pairwise(borders):
        for at, length in gaps:
            if at == first:
                yield Gap(recording="r", start=first + moved, length=length, reason="lost" if length else "loop")
                moved += length
        yield SampleBlock(
            recording="r", start=first + moved, fs_hz=FS_HZ, leads=(lead,), samples=x[first:last][np.newaxis]
        )


# ---- declarations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ALL, ids=names)
def test_its_name_is_that_of_its_folder_and_what_it_needs_stands_before_it(task):
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", task.name)
    if task is not EXAMPLE:
        assert task.package == f"biosignal.tasks.{task.name.replace('-', '_')}"
        order = list(TASKS)
        assert all(order.index(need) < order.index(task.name) for need in task.needs)


def test_no_two_tasks_say_the_same_kind_of_finding_and_shared_quantities_are_one():
    kinds = [kind for task in ALL for kind in task.findings]
    assert len(kinds) == len(set(kinds))
    known = {}
    for task in ALL:
        for name, quantity in task.quantities.items():
            assert known.setdefault(name, quantity) == quantity, name


@pytest.mark.parametrize("task", ALL, ids=names)
def test_every_kind_has_words_and_every_quantity_it_may_carry_has_wordings(task):
    words = read_words(words_of(task), task=task.name)
    assert set(words["findings"]) == set(task.findings)
    for kind, entry in words["findings"].items():
        assert len(entry["labels"]) >= 1 <= len(entry["meaning"]["texts"]), kind
        assert {entry["meaning"]["source"], *(action["source"] for action in entry["actions"])} <= set(words["sources"])
    wordings = [text for texts in words["quantities"].values() for text in texts]
    assert all(text.count("{value}") == 1 for text in wordings)


@pytest.mark.parametrize("task", ALL, ids=names)
def test_its_limits_have_defaults_and_are_frozen(task):
    if task.limits is None:
        return
    made = task.limits()
    assert dataclasses.is_dataclass(made)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, dataclasses.fields(made)[0].name, 1)


@pytest.mark.parametrize("task", [task for task in ALL if task.review is not None], ids=names)
def test_its_review_has_a_single_key_for_each_label_and_one_for_what_cannot_be_told(task):
    review = task.review
    assert review.mark in {kind.name for kind in task.marks}
    labels = [label.name for label in review.labels]
    keys = [label.key for label in review.labels]
    assert len(set(labels)) == len(labels)
    assert len({key.lower() for key in keys}) == len(keys)
    assert all(len(key) == 1 for key in keys)
    assert review.undecided in labels
    if task.model is not None:
        assert set(task.model.classes) <= set(labels)
        assert review.undecided not in task.model.classes


def faults_of(chart, task):
    """What keeps a chart from being drawn, as words."""
    kinds = {kind.name for kind in task.marks}
    faults = {f"quantity {name}" for name in chart.quantities if name not in task.quantities}
    faults |= {f"mark {chart.mark}"} if chart.mark and chart.mark not in kinds else set()
    faults |= {f"awake {name}" for name in chart.awake if name not in chart.labels}
    if len(set(chart.quantities)) != len(chart.quantities) or len(set(chart.labels)) != len(chart.labels):
        faults.add("a name twice")
    if chart.form is Form.STAGES:
        faults |= {"no labels"} if not chart.labels else set()
        faults |= (
            {"neither mark nor scores"} if not chart.mark and len(chart.quantities) != len(chart.labels) else set()
        )
    elif not chart.quantities:
        faults.add("no quantities")
    if chart.form is Form.MARGINS and len(chart.quantities) != 2:
        faults.add("not two margins")
    if chart.form is Form.ARRAY and not (
        len(chart.axis) == len(chart.quantities) > 1
        and list(chart.axis) == sorted(set(chart.axis))
        and len({task.quantities[name].unit for name in chart.quantities if name in task.quantities}) == 1
    ):
        faults.add("no axis")
    return faults


@pytest.mark.parametrize("task", ALL, ids=names)
def test_its_charts_show_what_it_says_and_can_be_drawn(task):
    assert len({chart.name for chart in task.charts}) == len(task.charts)
    assert {chart.name: faults for chart in task.charts if (faults := faults_of(chart, task))} == {}


@pytest.mark.parametrize(
    ("chart", "fault"),
    [
        (Chart(name="a", label="a", form=Form.LINES, quantities=("nothing",)), "quantity nothing"),
        (Chart(name="a", label="a", form=Form.LINES), "no quantities"),
        (Chart(name="a", label="a", form=Form.MARGINS, quantities=("swing",)), "not two margins"),
        (Chart(name="a", label="a", form=Form.ARRAY, quantities=("swing", "spell"), axis=(2.0, 1.0)), "no axis"),
        (Chart(name="a", label="a", form=Form.STAGES, labels=("x", "y")), "neither mark nor scores"),
        (Chart(name="a", label="a", form=Form.STAGES, mark="beat", labels=("x",)), "mark beat"),
        (Chart(name="a", label="a", form=Form.STAGES, mark="spell", labels=("x",), awake=("y",)), "awake y"),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_seen(chart, fault):
    assert fault in faults_of(chart, EXAMPLE)


@pytest.mark.parametrize("task", [task for task in WITH_MODEL if task is not EXAMPLE], ids=names)
def test_every_shipped_bundle_is_what_its_task_asks_for(task):
    shipped = sorted((MODELS / task.name).glob("*/manifest.json"))
    assert shipped, "a task with a model ships with one"
    for path in shipped:
        check_contract(parse_manifest(path.read_bytes()), task.model, task=task.name)


# ---- stages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", AT_WORK, ids=names)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_same_samples_give_the_same_bits_however_they_are_cut(task, data):
    x = signal(20.0)
    x[3000:3300] = np.nan
    gaps = data.draw(
        st.lists(st.tuples(st.integers(1, len(x) - 1), st.integers(0, 900)), max_size=2, unique_by=lambda g: g[0])
    )
    cuts = data.draw(st.lists(st.integers(1, len(x)), max_size=40))
    assert analyse(task, blocks(task, x, cuts=cuts, gaps=gaps)) == analyse(task, blocks(task, x, gaps=gaps))


@pytest.mark.parametrize("task", AT_WORK, ids=names)
def test_nothing_is_said_before_it_was_decided_and_all_in_order(task):
    x = signal()
    whole = analyse(task, blocks(task, x))
    said = [event for event in whole if isinstance(event, Mark | Finding | Series)]
    decided = [event.decided_at for event in said]
    assert decided == sorted(decided)
    assert all(event.end <= event.decided_at + 1 for event in said if isinstance(event, Mark))
    # Without the samples behind it, what was decided before stands as it is.
    until = len(x) // 2
    known = [event for event in analyse(task, blocks(task, x[:until])) if isinstance(event, Mark)]
    frame = round(FS_HZ / 8)
    early = [event for event in known if event.decided_at < until - frame]
    assert early
    assert early == [event for event in said if isinstance(event, Mark) and event.decided_at < until - frame]


@pytest.mark.parametrize("task", AT_WORK, ids=names)
def test_a_gap_makes_it_begin_anew(task):
    x = signal(60.0)
    half = len(x) // 2
    joined = analyse(task, blocks(task, x, gaps=[(half, 0)]))
    alone = analyse(task, blocks(task, x[half:]))

    def marks(events, behind):
        found = [event for event in events if isinstance(event, Mark) and event.kind != "second"]
        found = [event for event in found if event.state is MarkState.CONFIRMED and event.start >= behind]
        return [(event.start - behind, event.end - behind, event.label) for event in found]

    assert marks(joined, half) == marks(alone, 0)
    crossing = [event for event in joined if isinstance(event, Mark) and event.start < half < event.end]
    assert not crossing


@pytest.mark.parametrize("task", AT_WORK, ids=names)
def test_every_finding_is_opened_once_and_ended_once(task):
    events = analyse(task, blocks(task, signal(120.0, 0.0), gaps=[(15_000, 400)]))
    by_id = {}
    for event in events:
        if isinstance(event, Finding):
            by_id.setdefault(event.id, []).append(event)
    for revisions in by_id.values():
        assert [one.rev for one in revisions] == list(range(len(revisions)))
        assert revisions[0].state is FindingState.OPENED
        assert revisions[-1].state in (FindingState.CLOSED, FindingState.WITHDRAWN)
        assert {one.task for one in revisions} <= {one.name for one in with_needs(task)}


@pytest.mark.parametrize("task", AT_WORK, ids=names)
def test_its_numbers_and_columns_name_quantities_it_declares(task):
    for event in analyse(task, blocks(task, signal(90.0))):
        if isinstance(event, Mark) and event.task == task.name:
            assert {name for name, _ in event.numbers} <= set(task.quantities)
            assert event.kind in {kind.name for kind in task.marks}
        elif isinstance(event, Series) and event.task == task.name:
            assert {column.quantity for column in event.columns} <= set(task.quantities)
        elif isinstance(event, Reading) and event.task == task.name:
            assert event.quantity in task.quantities
            assert event.until > event.at
        elif isinstance(event, Finding) and event.task == task.name:
            assert {measure.name for measure in event.evidence.measures} <= set(task.quantities)
            assert explain(event).text


def raising():
    raise ValueError("a model of tomorrow")


def dying():
    raise BackendFailed("the process died")


def place(mark):
    return mark.kind, mark.start, mark.state


@pytest.mark.parametrize("failing", [raising, dying, dict, lambda: {"scores": np.full((1, 9), 0.1, np.float32)}])
@pytest.mark.parametrize("task", WITH_MODEL, ids=names)
def test_whatever_its_model_does_costs_the_answer_and_nothing_else(task, failing):
    failures = []
    x = signal()
    found = [
        event for event in analyse(task, blocks(task, x), failing=failing, failures=failures) if isinstance(event, Mark)
    ]
    plain = [event for event in analyse(task, blocks(task, x)) if isinstance(event, Mark)]
    assert not failures
    if task.model.steps is None:
        assert [place(one) for one in found] == [place(one) for one in plain]
    mine = [one for one in found if one.task == task.name and one.state is MarkState.CONFIRMED]
    assert mine
    assert all(isinstance(one.outcome, Unavailable | Abstained) for one in mine)
    assert any(isinstance(one.outcome, Unavailable) and one.outcome.reason for one in mine)


@pytest.mark.parametrize("task", WITH_MODEL, ids=names)
def test_an_answer_that_is_no_number_is_no_answer(task):
    def nan():
        return {"scores": np.full((1, len(task.model.classes)), np.nan, np.float32)}

    mine = [event for event in analyse(task, blocks(task, signal()), failing=nan) if isinstance(event, Mark)]
    mine = [event for event in mine if event.task == task.name and event.state is MarkState.CONFIRMED]
    assert mine
    assert not [event for event in mine if isinstance(event.outcome, Prediction)]


@pytest.mark.parametrize("task", [task for task in AT_WORK if task.needs], ids=names)
def test_on_rejected_signal_no_class_is_told(task):
    x = signal(30.0)
    x[3600:7200] += np.random.default_rng(1).normal(0, 8.0, 3600).astype(np.float32)
    events = analyse(task, blocks(task, x))
    rejected = [event for event in events if isinstance(event, Mark) and event.quality is QualityLevel.REJECTED]
    assert rejected
    classified = [event for event in rejected if event.task == task.name and task.model is not None]
    assert not [event for event in classified if isinstance(event.outcome, Prediction)]


def test_the_committed_words_are_json_that_people_can_read():
    for task in ALL:
        assert json.loads(words_of(task))["review"]
