"""Findings of one kind with every number its text has, for the tests of approved words."""

from biosignal.events import (
    Evidence,
    Finding,
    FindingState,
    Measure,
    Prediction,
    QualityLevel,
    Rung,
)
from biosignal.tasks.lookup import finding_kind

KIND = "bradycardia"
LEAD = "II of the left arm"


def slow_heart(number, *, lowest=None, device="bed-1"):
    """The heart was slow for a while; `number` tells one finding from another."""
    measures = (
        Measure(name="heart_rate", value=44.0 - number, unit="/min"),
        Measure(name="lowest_rate", value=38.0 - number if lowest is None else lowest, unit="/min"),
        Measure(name="duration", value=12.5 + number, unit="s"),
    )
    return Finding(
        id=f"{KIND}-{number}",
        rev=0,
        task="ecg-rhythm",
        device=device,
        recording="recording",
        stream="live",
        kind=KIND,
        state=FindingState.CLOSED,
        priority=finding_kind(KIND).priority,
        onset=1000 * number,
        end=1000 * number + 900,
        decided_at=1000 * number + 950,
        leads=(LEAD,),
        outcome=Prediction(task="ecg-rhythm", bundle="ecg-rules/1", rung=Rung.RULES, label=KIND, scores=()),
        evidence=Evidence(
            measures=measures, strip_start=0, strip_end=900, fs_hz=250.0, quality=QualityLevel.USABLE, marks=()
        ),
    )
