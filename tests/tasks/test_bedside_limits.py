"""What a task offers to be set at the bed is a limit of it, with room on both sides of the usual."""

import dataclasses

import pytest

from biosignal.tasks import TASKS

OFFERED = [(task, one) for task in TASKS.values() for one in task.bedside]


def test_some_task_offers_some():
    assert OFFERED


@pytest.mark.parametrize(("task", "one"), OFFERED, ids=lambda one: getattr(one, "name", ""))
def test_a_limit_of_a_bed_is_one_of_its_task_and_each_end_of_its_range_can_be_set(task, one):
    usual = getattr(task.limits(), one.name)
    assert one.least <= usual <= one.most
    assert one.least < one.most
    for end in (one.least, one.most):
        changed = dataclasses.replace(task.limits(), **_others(task, one, end), **{one.name: type(usual)(end)})
        assert getattr(changed, one.name) == end


def _others(task, one, end):
    """Other limits out of the way of this one, at the end of their own range that is on its side."""
    edges = {other.name: other.least if end == one.least else other.most for other in task.bedside if other != one}
    fields = {field.name: field.type for field in dataclasses.fields(task.limits)}
    return {name: int(edge) if fields[name] in (int, "int") else edge for name, edge in edges.items()}


@pytest.mark.parametrize("task", [task for task in TASKS.values() if task.bedside], ids=lambda task: task.name)
def test_what_people_call_them_differs(task):
    labels = [one.label for one in task.bedside]
    assert len(set(labels)) == len(labels)
