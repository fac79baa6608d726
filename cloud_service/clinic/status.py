"""How a device last said it was, with the words and units that its tasks declare."""

from datetime import datetime, timedelta, timezone
from typing import Any

from pydantic import BaseModel

from biosignal import events as wire
from biosignal.errors import BadInput
from biosignal.liveness import valid_for_s
from biosignal.tasks import TASKS, lookup
from biosignal.urgency import urgency
from biosignal.wire.codec import from_json, to_json
from cloud_service.clinic.quantities import decimals_of, label_of, unit_of

LONGEST_S = 3600.0
"""Nothing that is measured once is true for longer; a device that says so has lost its count."""
SET_BACK = timedelta(seconds=1)


class Lead(BaseModel):
    """A lead; `fs_hz` is null where it has the rate of its recording."""

    name: str
    unit: str
    kind: str
    fs_hz: float | None


class Reading(BaseModel):
    """A number, or a class in words, that was decided by sample `at` and holds until sample `until`, at `fs_hz`.

    By the clock of the clinic it holds until `valid_until`. After that value and label are null and `reason` says why.
    """

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
    valid_until: datetime | None
    reason: str


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


class LoopState(BaseModel):
    """A thread or child process of the device, `age_s` seconds after it last got on.

    Beyond `limit_s` it `is_late`; beyond `grace_s` more it `stands` still.
    """

    name: str
    age_s: float
    limit_s: float
    grace_s: float
    is_late: bool
    stands: bool


class Status(BaseModel):
    """What a device said of itself; null and empty until it has. `now` is the time at the clinic.

    `sounder`: whether a buzzer or light of its own signals its alarms at the bed;
    null where it is too old to say. `disk_free_mb` is free where it keeps its state, `certificate_ends` when the first
    of its certificates ends, and by so many seconds its clock was ahead of the clinic's when the status came
    (`clock_ahead_s`, the way there included).
    """

    now: datetime | None = None

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
    source: str | None = None
    source_reason: str | None = None
    sample_age_s: float | None = None
    loops: list[LoopState] = []
    sounder: wire.SounderState | None = None
    disk_free_mb: int | None = None
    certificate_ends: datetime | None = None
    clock_ahead_s: float | None = None


def shown_status(status: dict[str, Any] | None, *, online: bool, received: datetime | None, now: datetime) -> Status:
    """Turn a status as it is on the wire, which came at `received`, into what pages may read at `now`.

    Of a device that is not `online` any more nothing that it measured holds. A status that cannot be read is none.
    """
    if status is None:
        return Status(now=now)
    try:
        said = from_json(wire.Status, {**status, "online": online})
    except BadInput:
        return Status(now=now)
    written = {
        **status,
        "now": now,
        "readings": [_reading(said, one, received, now) for one in said.readings],
        "alarms": [
            {**to_json(one), "label": lookup.finding_kind(one.kind).label}
            for one in sorted(said.alarms, key=lambda one: urgency(one.state, one.priority, 0.0))
        ],
        "tasks": [{**one, "label": task_label(one["task"])} for one in status["tasks"]],
        "certificate_ends": _moment(said.certificate_ends_utc_s),
        "clock_ahead_s": _ahead_s(said.sent_utc_s, received),
        "loops": [{**to_json(one), "is_late": one.is_late, "stands": one.stands} for one in said.loops],
    }
    return Status.model_validate(written)


def task_label(task: str) -> str:
    """What people call a task; one that this release does not have is called by its name."""
    return TASKS[task].label if task in TASKS else task


def _moment(utc_s: float | None) -> datetime | None:
    try:
        return None if utc_s is None else datetime.fromtimestamp(utc_s, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None  # no certificate of this world ends then


def _ahead_s(sent_utc_s: float | None, received: datetime | None) -> float | None:
    return None if sent_utc_s is None or received is None else round(sent_utc_s - received.timestamp(), 1)


def _reading(said: wire.Status, reading: wire.Reading, received: datetime | None, now: datetime) -> dict[str, Any]:
    quantity = reading.quantity
    shown = {
        **to_json(reading),
        "name": label_of(quantity),
        "unit": unit_of(quantity),
        "decimals": decimals_of(quantity),
        "valid_until": None,
        "reason": "",
    }
    left_s = valid_for_s(said, reading)
    if received is not None and 0 < left_s < LONGEST_S:
        shown["valid_until"] = received + timedelta(seconds=left_s)
    if reading.value is None and reading.label is None:
        return {**shown, "reason": "not measured"}
    # a clock that was set back would make everything young again, so what came in the future is not believed
    if shown["valid_until"] is None or received is None or not received - SET_BACK <= now < shown["valid_until"]:
        return {**shown, "value": None, "label": None, "reason": "out of date"}
    return shown
