"""In which order events are sent."""

from enum import IntEnum

from biosignal.events import Durable, Explanation, Inputs, Mark, MarkPack, Series, Strip


class Lane(IntEnum):
    """Order of sending; a lower lane always goes first."""

    FINDINGS = 0
    EVIDENCE = 1  # what a finding rests on, and better texts: seen when somebody looks at it
    AGAIN = 2  # after a salvage, when nobody knows what was received
    LOGS = 3  # what is drawn on some later day


def lane_of(event: Durable) -> Lane:
    """Which lane an event is sent in."""
    if isinstance(event, Series | MarkPack):
        return Lane.LOGS
    if isinstance(event, Mark | Inputs | Strip):
        return Lane.EVIDENCE
    if isinstance(event, Explanation) and event.made_by != "template":
        return Lane.EVIDENCE
    return Lane.FINDINGS
