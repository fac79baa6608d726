"""What is wrong with the parts of the daemon, as the analysis is to say it in findings."""

from typing import TYPE_CHECKING

from biosignal.events import AlarmState, Rung
from edge_agent.sources.port import SourceState

if TYPE_CHECKING:
    from edge_agent.agent.agent import Agent

SOUNDER_FAILED = "sounder-failed"
CERTIFICATE_ENDING = "certificate-ending"


def show_troubles(agent: "Agent") -> None:
    """Open a technical finding for each part that fails, and close it once that works again."""
    analysis, sync = agent.analysis, agent.sync
    health = agent.source.health()
    if health.state in (SourceState.LOST, SourceState.STALLED):
        analysis.set_trouble("source-lost", health.reason or health.state.value)
    elif health.state is not SourceState.OPENING:
        analysis.set_trouble("source-lost", None)
    analysis.set_trouble("backend-lost", _why_no_answer(agent))
    analysis.set_trouble(SOUNDER_FAILED, agent.sounder.trouble)
    agent.certificates.look()
    analysis.set_trouble(CERTIFICATE_ENDING, agent.certificates.trouble)
    analysis.set_trouble("clinic-outdated", sync.clinic_outdated if sync is not None else None)
    analysis.set_trouble("store-trouble", agent.keeper.trouble or agent.stores.trouble(seen=_is_seen(agent)))


def _why_no_answer(agent: "Agent") -> str | None:
    """Which of the tasks at work have no classifier, and why."""
    at_work = {one.task.name for one in agent.analysis.plan.assignments}
    silent = [one for one in agent.models.status() if one.rung is Rung.RULES and one.task in at_work]
    return "; ".join(f"{one.task}: {one.reason or 'no classifier answers'}" for one in silent) or None


def _is_seen(agent: "Agent") -> bool:
    return any(one.kind == "store-trouble" and one.state is AlarmState.ACKNOWLEDGED for one in agent.analysis.alarms)
