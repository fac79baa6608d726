"""What the clinic asks of the stores: events once more, and waves that they hold."""

from typing import TYPE_CHECKING

from biosignal.errors import BadInput

if TYPE_CHECKING:
    from edge_agent.agent.agent import Agent

MOST_FETCHED_S = 3600.0
"""So much of a recording is fetched by one command: some megabytes of twelve leads."""


def send_again(agent: "Agent", since: str | None) -> str:
    """Queue what was stored since a time, or everything; gives how many events."""
    try:
        return str(agent.events.send_again(since))
    finally:  # a full disk ends it half-way: what was queued until then goes
        if agent.sync is not None:
            agent.sync.look_again()


def fetch_waves(agent: "Agent", recording: str, start_s: float, end_s: float) -> str:
    """Queue the waves of a stretch, in seconds; gives how many pieces.

    Raises
    ------
    BadInput : this device sends none, the stretch is none, or nothing of it is held.
    """
    if agent.settings.sync.waves == "findings":
        raise BadInput("this device sends no waves but the strips of findings", setting="sync.waves = findings")
    if not 0 <= start_s < end_s <= start_s + MOST_FETCHED_S:
        raise BadInput("ask for a stretch of at most an hour", start_s=start_s, end_s=end_s)
    chunks = agent.waves.ask(recording, start_s, end_s)
    if not chunks:
        raise BadInput("it holds nothing of this stretch, or not yet: ten seconds are written when they are whole")
    if agent.sync is not None:
        agent.sync.nudge()
    return f"{chunks} pieces of waves are on their way"
