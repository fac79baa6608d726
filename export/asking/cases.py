"""Findings to ask about: one of every kind, with drawn numbers of what its task may measure. No patient's."""

import random

from biosignal.events import (
    Evidence,
    Finding,
    FindingState,
    Measure,
    Prediction,
    QualityLevel,
    Rung,
    finding_id,
)
from biosignal.tasks import TASKS
from biosignal.tasks.task import Task
from biosignal.wording.knowledge import knowledge

FS_HZ = 250.0


def findings_of_every_kind(seed: int = 0) -> list[tuple[Finding, Finding]]:
    """Draw two findings of every kind of every task, the second one earlier in the same recording."""
    dice = random.Random(seed)
    kinds = [(task, kind) for task in TASKS.values() for kind in sorted(task.findings)]
    return [(_drawn(task, kind, dice, 90_000), _drawn(task, kind, dice, 20_000)) for task, kind in kinds]


def _drawn(task: Task, kind: str, dice: random.Random, onset: int) -> Finding:
    names = [name for name in task.quantities if knowledge().has_wording(task.name, kind, name)]
    measures = tuple(_measure(task, name, dice) for name in names)
    length = dice.randrange(500, 9000)
    named = {"device": "bed-1", "recording": "recording", "stream": "live", "kind": kind, "leads": ("II",)}
    return Finding(
        id=finding_id(**named, onset=onset),  # type: ignore[arg-type]  # the dictionary holds each as it must be
        rev=1,
        task=task.name,
        **named,  # type: ignore[arg-type]
        state=FindingState.CLOSED,
        priority=task.findings[kind].priority,
        onset=onset,
        end=onset + length,
        decided_at=onset + length,
        outcome=Prediction(task=task.name, bundle=f"{task.name}/1", rung=Rung.RULES, label=kind, scores=()),
        evidence=Evidence(
            measures=measures,
            strip_start=onset - 1000,
            strip_end=onset + 1500,
            fs_hz=FS_HZ,
            quality=QualityLevel.USABLE,
        ),
    )


def _measure(task: Task, name: str, dice: random.Random) -> Measure:
    known = task.quantities[name]
    return Measure(name=name, value=round(dice.uniform(1.0, 90.0), known.decimals), unit=known.unit)
