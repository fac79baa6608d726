"""Findings as the rules make them, with drawn values; for the tests of this folder."""

import random

from biosignal.events import (
    Abstained,
    Evidence,
    Finding,
    FindingState,
    MarkSet,
    Measure,
    Outcome,
    Prediction,
    QualityLevel,
    Rung,
    Unavailable,
    finding_id,
)
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kind, quantity, task_of_finding

FS = 250.0
KINDS = [(task.name, kind) for task in TASKS.values() for kind in sorted(task.findings)]
"""Every kind of finding of every task."""
CARRIED = {
    "pvc": ("count", "coupling_interval", "probability"),
    "pvc-couplet": ("count", "v_rate", "duration", "probability"),
    "v-run": ("count", "v_rate", "duration", "probability"),
    "vt": ("count", "v_rate", "duration", "probability"),
    "pause": ("rr_interval", "median_rr"),
    "asystole": ("duration",),
    "bradycardia": ("heart_rate", "lowest_rate", "duration", "unclassified"),
    "tachycardia": ("heart_rate", "highest_rate", "duration"),
    "irregular": ("count", "rr_change_share", "heart_rate"),
    "af": ("duration", "atrial_burden", "probability", "intervals", "p_likeness", "s_unassessed"),
    "afl": ("duration", "atrial_burden", "probability", "p_likeness", "s_unassessed"),
    "bigeminy": ("v_beats", "duration"),
    "trigeminy": ("v_beats", "duration"),
    "overflow": ("lost_samples", "duration"),
}
RANGES = {
    "count": (3, 40),
    "unclassified": (1, 9),
    "heart_rate": (30, 190),
    "lowest_rate": (25, 50),
    "highest_rate": (120, 220),
    "v_rate": (101, 230),
    "rr_interval": (2.0, 3.9),
    "median_rr": (0.5, 1.2),
    "coupling_interval": (0.3, 0.7),
    "duration": (1.0, 90.0),
    "rr_change_share": (60, 100),
    "probability": (0.3, 1.0),
    "intervals": (7, 7),
    "p_likeness": (0.0, 0.9),
    "atrial_burden": (1.0, 99.0),
    "v_beats": (3, 40),
    "s_unassessed": (2, 400),
    "lost_samples": (10, 9000),
}


def measure(name: str, value: float) -> Measure:
    known = quantity(name)
    return Measure(name=name, value=round(value, known.decimals), unit=known.unit)


def finding(
    kind: str,
    dice: random.Random,
    *,
    state: FindingState = FindingState.CLOSED,
    quality: QualityLevel | None = None,
    leads: tuple[str, ...] | None = None,
    outcome: Outcome | None = None,
    marks: int | None = None,
) -> Finding:
    onset = dice.randrange(0, 4000 * 250)
    names = leads or dice.choice([("II",), ("MLII",), ("V5",), ("II", "V1"), ("ECG I-RA",)])
    measures = tuple(measure(name, dice.uniform(*RANGES[name])) for name in CARRIED.get(kind, ("duration",)))
    task = task_of_finding(kind).name
    return Finding(
        task=task,
        id=finding_id(device="d", recording="r", stream="live", kind=kind, leads=names, onset=onset),
        rev=1,
        device="d",
        recording="r",
        stream="live",
        kind=kind,
        state=state,
        priority=finding_kind(kind).priority,
        onset=onset,
        end=onset + 250,
        decided_at=onset + 300,
        leads=names,
        outcome=outcome or _outcome(kind, measures, dice),
        evidence=Evidence(
            measures=measures,
            strip_start=max(0, onset - 1000),
            strip_end=onset + 1500,
            fs_hz=FS,
            quality=quality or dice.choice([QualityLevel.USABLE, QualityLevel.USABLE, QualityLevel.DEGRADED]),
            marks=_marks(kind, names, onset, dice.choice([0, 17, 30, 40]) if marks is None else marks),
        ),
    )


OF_OWN_MARKS = ("af", "afl")
"""Findings that are made of marks of their own task, though it needs another's."""


def _marks(kind: str, leads: tuple[str, ...], onset: int, total: int) -> tuple[MarkSet, ...]:
    """Marks of a task that the one of this kind needs, or of its own; the first 12 of `total` are kept."""
    task = task_of_finding(kind).name
    needed = [name for name in TASKS[task].needs if TASKS[name].marks and kind not in OF_OWN_MARKS]
    with_marks = needed or [name for name in (task,) if TASKS[name].marks]
    if not total or not with_marks:
        return ()
    owner = TASKS[with_marks[-1]]
    starts = tuple(onset + 100 * i for i in range(min(total, 12)))
    return (MarkSet(task=owner.name, kind=owner.marks[0].name, leads=leads, starts=starts, total=total),)


def _outcome(kind: str, measures, dice: random.Random) -> Outcome:
    if finding_kind(kind).technical:
        return Unavailable(task="monitoring", reason="the cable was pulled")
    if any(m.name == "probability" for m in measures):
        said = round(dice.uniform(0.3, 1.0), 4)
        scores = (("N", round(1 - said, 4)), ("S", 0.0), ("V", said), ("F", 0.0))
        return Prediction(task="ecg-beats", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, label="V", scores=scores)
    if kind == "irregular" and dice.random() < 0.3:
        return Abstained(task="ecg-rules", reason="20 of 32 beats were not classified")
    return Prediction(task="ecg-rules", bundle="ecg-rules/1", rung=Rung.RULES, label=kind, scores=())


def many(count: int, seed: int = 7) -> list[Finding]:
    """Findings of every kind and state in turn."""
    dice = random.Random(seed)
    kinds = sorted(kind for _, kind in KINDS)
    states = list(FindingState)
    return [finding(kinds[i % len(kinds)], dice, state=states[(i // len(kinds)) % 4]) for i in range(count)]
