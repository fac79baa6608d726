"""How the device is, now: what the clinic shows of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from biosignal import __version__
from biosignal.events import Reading, Status, TaskStatus
from biosignal.liveness import standing, valid_for_s
from biosignal.tasks import TASKS
from edge_agent.analysis.actor import ANALYSIS

if TYPE_CHECKING:
    from edge_agent.agent.agent import Agent


def status_of(agent: "Agent") -> Status:
    """Read it from the parts; waits for none of them, whatever hangs."""
    now, health, counts = agent.analysis.now, agent.source.health(), agent.stores.known
    age_s = max(0.0, agent.clock.monotonic_s() - now.arrived_s) if now.arrived_s is not None else None
    status = Status(
        online=True,
        recording=now.recording,
        sample=now.sample,
        fs_hz=now.fs_hz,
        leads=agent.source.recording_facts().leads,
        readings=now.readings,
        alarms=agent.alarms(),
        tasks=tuple(_tasks(agent)),
        outbox=counts.outbox if counts is not None else 0,
        explainer=agent.explainer.state() + agent.serving.words.state(),
        version=__version__,
        source=health.state.value,
        source_reason=health.reason,
        sample_age_s=age_s,
        loops=agent.supervisor.loops(),
        boot=agent.boot,
        sent_utc_s=agent.clock.utc_s(),
        limits=agent.bedside.changed,
        sounder=agent.sounder.state,
        disk_free_mb=agent.stores.disk_free_mb,
        certificate_ends_utc_s=agent.certificates.ends_utc_s,
    )
    return replace(status, readings=tuple(_held(status)))


def _tasks(agent: "Agent") -> Iterator[TaskStatus]:
    """Which leads each task reads, and what answers for it."""
    plan = agent.analysis.plan
    served = {one.task: one for one in agent.models.status()}
    idle = dict(plan.idle)
    for name, task in TASKS.items():
        if task.make is None:
            continue
        model = served.get(name)
        yield TaskStatus(
            task=name,
            leads=tuple(dict.fromkeys(lead for one in plan.of(name) for lead in one.names)),
            reason=idle.get(name, ""),
            bundle=model.bundle if model is not None else None,
            rung=model.rung if model is not None else None,
            rung_reason=model.reason if model is not None else "",
        )


def _held(status: Status) -> Iterator[Reading]:
    """The readings of a status; those that hold no longer, without a value, as nobody knows it any more."""
    hangs = any(loop.name == ANALYSIS for loop in standing(status))
    for reading in status.readings:
        holds = valid_for_s(status, reading) > 0 and not hangs
        yield reading if holds else replace(reading, value=None, label=None)
