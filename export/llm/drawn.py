"""Findings whose numbers are drawn: they fill up kinds that no recording at hand has, and are of nobody."""

import random
from dataclasses import replace

from biosignal.events import (
    Evidence,
    Finding,
    FindingState,
    Measure,
    Outcome,
    Prediction,
    QualityLevel,
    Rung,
    Unavailable,
    finding_id,
)
from biosignal.tasks.lookup import finding_kind, quantity
from biosignal.tasks.task import Task
from biosignal.wording.knowledge import knowledge

ORIGIN = "drawn"
FS_HZ = 250.0
LEADS = (("I",), ("II",), ("V1",), ("V5",), ("II", "V2"), ("I", "II", "V6"))
REASONS = ("no samples for 5 s", "the line was cut", "an answer is 12 s late", "it was switched off")
_SPREAD = (0.6, 1.4)
_UNKNOWN = (1.0, 90.0)
_MOST = {"%": 100.0}


def drawn(task: Task, kind: str, dice: random.Random, *, like: Finding | None = None) -> Finding:
    """Draw a finding; `like` is one of its kind that was really found, whose quantities and leads it takes."""
    onset, length = dice.randrange(int(FS_HZ), int(3600 * FS_HZ)), dice.randrange(500, 20_000)
    leads = dice.choice([like.leads, *LEADS]) if like is not None and like.task == task.name else dice.choice(LEADS)
    named = {"device": ORIGIN, "recording": ORIGIN, "stream": "live", "kind": kind, "leads": leads}
    return Finding(
        id=finding_id(**named, onset=onset),  # type: ignore[arg-type]  # the dictionary holds each as it must be
        rev=1,
        task=task.name,
        **named,  # type: ignore[arg-type]
        state=dice.choice(list(FindingState)),
        priority=task.findings[kind].priority,
        onset=onset,
        end=onset + length,
        decided_at=onset + length,
        outcome=_outcome(task, kind, dice, like),
        evidence=_evidence(task, kind, dice, like, onset),
    )


def _evidence(task: Task, kind: str, dice: random.Random, like: Finding | None, onset: int) -> Evidence:
    if like is None:
        names = [name for name in task.quantities if knowledge().has_wording(task.name, kind, name)]
        measures = tuple(_measure(name, dice) for name in dice.sample(names, min(len(names), 3)))
    else:
        measures = tuple(_varied(measure, dice) for measure in like.evidence.measures)
    quality = dice.choice([QualityLevel.USABLE, QualityLevel.USABLE, QualityLevel.DEGRADED, QualityLevel.REJECTED])
    return Evidence(
        measures=measures,
        strip_start=max(0, onset - 1000),
        strip_end=onset + 1500,
        fs_hz=FS_HZ,
        quality=quality,
        marks=() if like is None else like.evidence.marks,
    )


def _measure(name: str, dice: random.Random) -> Measure:
    known = quantity(name)
    assert known is not None, "a task's quantity is declared"
    is_share = known.unit == "1" and known.decimals > 1
    value = dice.random() if is_share else dice.uniform(*_UNKNOWN)
    return Measure(name=name, value=round(value, known.decimals), unit=known.unit)


def _varied(measure: Measure, dice: random.Random) -> Measure:
    known = quantity(measure.name)
    is_share = measure.unit == "1" and known is not None and known.decimals > 1
    most = 1.0 if is_share else _MOST.get(measure.unit, float("inf"))
    value = min(most, measure.value * dice.uniform(*_SPREAD))
    return replace(measure, value=round(value, known.decimals if known is not None else 2))


def _outcome(task: Task, kind: str, dice: random.Random, like: Finding | None) -> Outcome:
    if like is not None and isinstance(like.outcome, Prediction) and like.outcome.scores:
        label = like.outcome.label
        said = round(dice.uniform(0.3, 1.0), 4)
        return replace(like.outcome, scores=tuple((n, said if n == label else v) for n, v in like.outcome.scores))
    if like is not None:
        return like.outcome
    if finding_kind(kind).technical:
        return Unavailable(task=task.name, reason=dice.choice(REASONS))
    return Prediction(task=task.name, bundle=f"{task.name}/1", rung=Rung.RULES, label=kind, scores=())
