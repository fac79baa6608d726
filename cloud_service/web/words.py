"""The words that pages need, as the tasks declare them at this moment."""

import json
from importlib.resources import files
from typing import Any

from biosignal.asking.templates import TEMPLATES
from biosignal.tasks import TASKS
from biosignal.tasks.chart import Chart
from biosignal.tasks.lookup import finding_kinds, quantities, task_of_finding
from biosignal.tasks.stated import STATED_FROM
from biosignal.tasks.task import FindingKind, Quantity, ReviewUnit, Task
from biosignal.wire.envelope import KINDS
from cloud_service.clinic.conditions import CLINIC_ALARMS


def page_words() -> dict[str, Any]:
    """Give the names, units, review labels and keys of every task as JSON values.

    Asked for with each page, so that a page knows every task that the program knows.
    """
    return {
        "kinds": {name: _finding_kind(name, kind) for name, kind in finding_kinds().items()},
        "clinic_alarms": {name: kind.label for name, kind in CLINIC_ALARMS.items()},
        "quantities": {name: _quantity(name, quantity) for name, quantity in quantities().items()},
        "tasks": {name: _task(task) for name, task in TASKS.items()},
        "events": sorted(KINDS),
        "questions": [
            {"name": one.name, "question": one.question, "general": one.general} for one in TEMPLATES.values()
        ],
        "presenters": json.loads(files("cloud_service.web").joinpath("presenters.json").read_text(encoding="utf-8")),
    }


def _finding_kind(name: str, kind: FindingKind) -> dict[str, Any]:
    task = task_of_finding(name)
    return {
        "label": kind.label,
        "priority": kind.priority.value,
        "technical": kind.technical,
        "task": task.name if task is not None else None,
    }


def _quantity(name: str, quantity: Quantity) -> dict[str, Any]:
    return {
        "unit": quantity.unit,
        "decimals": quantity.decimals,
        "label": quantity.label or name.replace("_", " "),
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "label": task.label,
        "marks": {
            kind.name: {
                "label": kind.label,
                "plural": kind.plural,
                "unanswered": kind.unanswered,
                "states": STATED_FROM if kind.states else None,
            }
            for kind in task.marks
        },
        "review": _review(task.review) if task.review is not None else None,
        "units": [_review(unit) for unit in task.units],
        "reads": [kind.value for kind in task.wants.kinds],
        "reads_unknown": task.wants.unknown,
        "charts": [_chart(chart) for chart in task.charts],
        "model": task.model is not None,
    }


def _review(unit: ReviewUnit) -> dict[str, Any]:
    return {
        "mark": unit.mark,
        "labels": [{"name": one.name, "meaning": one.meaning, "key": one.key} for one in unit.labels],
        "cannot_tell": unit.undecided,
        "span_s": unit.span_s,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "name": chart.name,
        "label": chart.label,
        "form": chart.form.value,
        "quantities": chart.quantities,
        "axis": chart.axis,
        "axis_unit": chart.axis_unit,
        "mark": chart.mark,
        "labels": chart.labels,
        "awake": chart.awake,
    }
