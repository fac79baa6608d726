"""What the signal quality may say."""

from biosignal.events import Priority
from biosignal.tasks.quantities import DURATION, SIGNAL
from biosignal.tasks.task import FindingKind, MarkKind

NAME = "signal-quality"
RULES = "quality-rules/1"
SECOND = MarkKind(name="second", label="second", plural="seconds of signal", packed=False, line=None)
"""A second of one lead: its `quality` is the level, its label the reason, ``usable`` where there is none."""
USABLE = "usable"
LEVEL = "signal"
"""The reading of the level of the last second."""
FINDINGS = {
    "lead-off": FindingKind(label="lead off", priority=Priority.LOW, technical=True, escalate_s=120.0),
    "poor-signal": FindingKind(label="poor signal", priority=Priority.LOW, technical=True, escalate_s=300.0),
}
QUANTITIES = {"duration": DURATION, LEVEL: SIGNAL}
