"""In which order events are sent."""

from enum import IntEnum

from biosignal.events import (
    ClockAnchor,
    Durable,
    Explanation,
    Inputs,
    Mark,
    MarkPack,
    Recording,
    RecordingClosed,
    Series,
    Strip,
    SubjectAssigned,
)


class Lane(IntEnum):
    """What is sent with what. The numbers are stored; who goes first is the sender's business."""

    FINDINGS = 0
    EVIDENCE = 1  # what a finding rests on, and better texts: seen when somebody looks at it
    AGAIN = 2  # after a salvage, when nobody knows what was received
    LOGS = 3  # what is drawn on some later day, and what a restored clinic asks for once more
    RECORDINGS = 4  # few, and what all else is about: recording, patient, time


def lane_of(event: Durable) -> Lane:
    """Which lane an event is sent in."""
    if isinstance(event, Series | MarkPack):
        return Lane.LOGS
    if isinstance(event, Recording | RecordingClosed | SubjectAssigned | ClockAnchor):
        return Lane.RECORDINGS
    if isinstance(event, Mark | Inputs | Strip):
        return Lane.EVIDENCE
    if isinstance(event, Explanation) and event.made_by != "template":
        return Lane.EVIDENCE
    return Lane.FINDINGS
