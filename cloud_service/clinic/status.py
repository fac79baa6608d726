"""How a device last said it was, with the words and units that its tasks declare."""

from typing import Any

from pydantic import BaseModel

from biosignal.tasks import TASKS, lookup
from cloud_service.clinic.quantities import decimals_of, label_of, unit_of


class Lead(BaseModel):
    """A lead; `fs_hz` is null where it has the rate of its recording."""

    name: str
    unit: str
    kind: str
    fs_hz: float | None


class Reading(BaseModel):
    """A number, or a class in words, that was decided by sample `at` and holds until sample `until`, at `fs_hz`."""

    task: str
    quantity: str
    name: str
    unit: str
    decimals: int
    leads: list[str]
    fs_hz: float
    at: int
    until: int
    value: float | None
    label: str | None


class StandingAlarm(BaseModel):
    """An alarm that is not resolved. A device of version 1 named no id."""

    id: str
    kind: str
    label: str
    priority: str
    state: str
    leads: list[str]
    finding: str
    at: int


class TaskState(BaseModel):
    """Which leads a task reads, or why none; with a model, which bundle answers on which rung."""

    task: str
    label: str
    leads: list[str]
    reason: str
    bundle: str | None
    rung: str | None
    rung_reason: str


class Status(BaseModel):
    """What a device said of itself; null and empty until it has."""

    recording: str | None = None
    sample: int | None = None
    fs_hz: float | None = None
    leads: list[Lead] = []
    readings: list[Reading] = []
    alarms: list[StandingAlarm] = []
    tasks: list[TaskState] = []
    outbox: int | None = None
    explainer: str | None = None
    version: str | None = None


def shown_status(status: dict[str, Any] | None) -> Status:
    """Turn a status as it is on the wire into what pages read."""
    if status is None:
        return Status()
    written = {
        **status,
        "readings": [_reading(one) for one in status["readings"]],
        "alarms": [{**one, "label": lookup.finding_kind(one["kind"]).label} for one in status["alarms"]],
        "tasks": [{**one, "label": task_label(one["task"])} for one in status["tasks"]],
    }
    return Status.model_validate(written)


def task_label(task: str) -> str:
    """What people call a task; one that this release does not have is called by its name."""
    return TASKS[task].label if task in TASKS else task


def _reading(one: dict[str, Any]) -> dict[str, Any]:
    quantity = one["quantity"]
    return {**one, "name": label_of(quantity), "unit": unit_of(quantity), "decimals": decimals_of(quantity)}
