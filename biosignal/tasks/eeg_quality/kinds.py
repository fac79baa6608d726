"""What the quality of the EEG may say."""

from enum import IntEnum

from biosignal.events import Priority, QualityLevel
from biosignal.tasks.quantities import DURATION, SIGNAL
from biosignal.tasks.task import FindingKind, MarkKind, Quantity

NAME = "eeg-quality"
RULES = "eeg-quality-rules/1"
SECOND = MarkKind(
    name="eeg-second", label="second of EEG", plural="seconds of EEG", packed=False, line=None, unanswered="?"
)
"""A second of one lead: its `quality` is the level, its label the reason, ``usable`` where there is none."""
BRIDGE = MarkKind(name="eeg-bridge", label="bridge", plural="bridges", packed=False, line=None)
"""A second in which two leads are one: their electrodes are joined by gel or sweat."""
LEVEL = "signal"
ARTEFACT = "artefact"
"""The readings of the level, and of what spoils it as soon as that is seen."""


class Grade(IntEnum):
    """What a stretch of a lead is, the worse the higher; where several things are wrong the highest is told."""

    USABLE = 0
    UNCALIBRATED = 1
    BLINK = 2
    BRIDGED = 3
    SOME_MUSCLE = 4
    SOME_MAINS = 5
    SOME_MOVEMENT = 6
    SOMETIMES_SATURATED = 7
    SOME_MISSING = 8
    POP = 9
    MUSCLE = 10
    MAINS = 11
    MOVEMENT = 12
    SATURATED = 13
    FLAT = 14
    LEAD_OFF = 15
    MISSING = 16


REASONS = {
    Grade.USABLE: "usable",
    Grade.UNCALIBRATED: "uncalibrated",
    Grade.BLINK: "blink",
    Grade.BRIDGED: "bridged",
    Grade.SOME_MUSCLE: "muscle",
    Grade.SOME_MAINS: "mains",
    Grade.SOME_MOVEMENT: "movement",
    Grade.SOMETIMES_SATURATED: "saturated",
    Grade.SOME_MISSING: "nan",
    Grade.POP: "pop",
    Grade.MUSCLE: "muscle",
    Grade.MAINS: "mains",
    Grade.MOVEMENT: "movement",
    Grade.SATURATED: "saturated",
    Grade.FLAT: "flat",
    Grade.LEAD_OFF: "lead-off",
    Grade.MISSING: "nan",
}
"""What each is called in marks and readings."""
USABLE = REASONS[Grade.USABLE]


def level_of(grade: int) -> QualityLevel:
    """How far a stretch of this grade can be trusted."""
    if grade >= Grade.POP:
        return QualityLevel.REJECTED
    return QualityLevel.DEGRADED if grade >= Grade.BLINK else QualityLevel.USABLE


OFF, POOR, LOST, BRIDGED = "eeg-lead-off", "eeg-poor-signal", "eeg-signal-lost", "eeg-bridged"
FINDINGS = {
    OFF: FindingKind(label="EEG lead off", priority=Priority.LOW, technical=True, escalate_s=120.0),
    POOR: FindingKind(label="poor EEG", priority=Priority.LOW, technical=True, escalate_s=300.0),
    LOST: FindingKind(label="no EEG on most leads", priority=Priority.LOW, technical=True, escalate_s=120.0),
    BRIDGED: FindingKind(label="bridged EEG electrodes", priority=Priority.LOW, technical=True),
}
"""`LOST` stands for all leads together where most are bad at once: the reference, the ground or the cable."""
QUANTITIES = {
    "duration": DURATION,
    LEVEL: SIGNAL,
    ARTEFACT: Quantity(unit="", decimals=0, label="what spoils the signal"),
}
