"""Beats, seconds and pulse waves that the tests of the rhythm rules share, and what the rules say of them."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from biosignal.events import (
    Abstained,
    Finding,
    FindingState,
    Mark,
    MarkState,
    Outcome,
    Prediction,
    Priority,
    QualityLevel,
    Rung,
    Unavailable,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Lead
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_rhythm.kinds import CONTRACT
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.stage import RhythmStage
from biosignal.tasks.task import TaskFacts

FS = 250.0
LEAD = "MLII"


def unasked() -> Model:
    """The rhythm's model where there is none: the rules alone are at work."""
    return Model("ecg-rhythm", CONTRACT, None, "no bundle")


def outcome(label: str) -> Outcome:
    if label == "Q":
        return Abstained(task="ecg-beats", reason="embedding far from training data")
    if label == "-":
        return Unavailable(task="ecg-beats", reason="no model")
    scores = tuple((name, 0.91 if name == label else 0.03) for name in "NSVF")
    return Prediction(task="ecg-beats", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, label=label, scores=scores)


def mark(
    sample, decided_at, state, *, label="N", rr_s=None, quality=QualityLevel.USABLE, lead=LEAD, likeness=None
) -> Mark:
    numbers = (("rr_before", rr_s), ("likeness_before", likeness))
    return Mark(
        id=f"beat-{sample}",
        task="ecg-beats",
        kind="beat",
        recording="r",
        leads=(lead,),
        start=sample,
        end=sample,
        decided_at=decided_at,
        state=state,
        quality=quality,
        outcome=outcome(label),
        numbers=tuple((name, value) for name, value in numbers if value is not None),
    )


def beat(
    sample: int, label: str = "N", rr_s: float | None = 0.8, quality=QualityLevel.USABLE, likeness: float | None = None
) -> list[Mark]:
    """A beat as the detector says it: provisional 50 samples after its peak, confirmed 100 after."""
    return [
        mark(sample, sample + delay, state, label=label, rr_s=rr_s, quality=quality, likeness=likeness)
        for delay, state in ((50, MarkState.PROVISIONAL), (100, MarkState.CONFIRMED))
    ]


def second(
    index: int, level=QualityLevel.USABLE, reason: str = "", lead: str = LEAD, *, fs_hz=FS, decided_at=None
) -> Mark:
    start, end = round(index * fs_hz), round((index + 1) * fs_hz)
    said = Prediction(
        task="signal-quality", bundle="quality-rules/1", rung=Rung.RULES, label=reason or "usable", scores=()
    )
    return Mark(
        id=f"second-{start}",
        task="signal-quality",
        kind="second",
        recording="r",
        leads=(lead,),
        start=start,
        end=end,
        decided_at=end - 1 if decided_at is None else decided_at,
        state=MarkState.CONFIRMED,
        quality=level,
        outcome=said,
    )


def fitness(index: int, fit: float, label: str = "none") -> Mark:
    """A second as the front end judges it."""
    said = Prediction(task="ecg-front", bundle="ecg-front/1.0.0", rung=Rung.ONNX_CPU, label=label, scores=())
    start = round(index * FS)
    return replace(
        second(index), id=f"fitness-{start}", task="ecg-front", kind="fitness", outcome=said, numbers=(("fit", fit),)
    )


def is_beat(item) -> bool:
    return isinstance(item, Mark) and item.kind == "beat"


def rhythm(labels_and_rr: Iterable[tuple[str, float] | tuple[str, float, float]], start_s: float = 1.0) -> list[Mark]:
    """Beats from (label, RR before in s, likeness to the beat before where it is known); the first has no RR."""
    beats: list[Mark] = []
    at_s = start_s
    for index, (label, rr_s, *likeness) in enumerate(labels_and_rr):
        at_s += rr_s if index else 0.0
        beats += beat(round(at_s * FS), label, rr_s if index else None, likeness=likeness[0] if likeness else None)
    return beats


def in_time(*streams: Sequence[Item]) -> list[Item]:
    return sorted(itertools.chain(*streams), key=lambda item: (item.decided_at, is_beat(item)))


def good(seconds: int) -> list[Mark]:
    return [second(index) for index in range(seconds)]


def watched(beats: list[Mark]) -> list[Item]:
    """The beats with usable seconds until the last of them."""
    return in_time(beats, good(int(beats[-1].start / FS) + 1))


def facts(lead: str = LEAD, fs_hz: float = FS) -> TaskFacts:
    return TaskFacts(device="d", recording="r", stream="live", fs_hz=fs_hz, leads=(Lead(name=lead),))


def rules(**limits: float) -> RhythmStage:
    return RhythmStage(facts(), unasked(), RhythmLimits(**limits))


def run(items: Iterable[Item], **limits: float) -> list[Finding]:
    stage = rules(**limits)
    passed = [out for item in items for out in stage.push(item)] + list(stage.finish())
    return [item for item in passed if isinstance(item, Finding)]


def last(findings: Iterable[Finding]) -> list[Finding]:
    """The highest revision of each finding, in order of onset."""
    return sorted({finding.id: finding for finding in findings}.values(), key=lambda finding: finding.onset)


def value(finding: Finding, name: str) -> float:
    return next(m.value for m in finding.evidence.measures if m.name == name)


def steady(count: int, rr_s: float = 0.8) -> list[tuple[str, float]]:
    return [("N", rr_s)] * count


def check_revisions(findings: Iterable[Finding]) -> None:
    by_id: dict[str, list[Finding]] = {}
    for finding in findings:
        by_id.setdefault(finding.id, []).append(finding)
    for revisions in by_id.values():
        assert [finding.rev for finding in revisions] == list(range(len(revisions)))
        assert revisions[0].state is FindingState.OPENED
        assert all(finding.state is FindingState.EXTENDED for finding in revisions[1:-1])
        assert revisions[-1].state in (FindingState.CLOSED, FindingState.WITHDRAWN)
        assert len({(f.kind, f.onset, f.leads, f.stream) for f in revisions}) == 1
        assert all(f.end >= f.onset and f.priority is revisions[0].priority for f in revisions)


def pulse(start_s: float, end_s: float, height: float = 1.0, period_s: float = 0.8) -> list[Mark]:
    """Waves of a pulse, told a quarter of a second after their top."""
    times = [start_s + index * period_s for index in range(int((end_s - start_s) / period_s))]
    return [
        replace(
            mark(round(at_s * FS), round((at_s + 0.25) * FS), MarkState.CONFIRMED, lead="ABP"),
            id=f"wave-{at_s}",
            task="peripheral-pulse",
            kind="pulse-wave",
            numbers=(("pulse_height", height),),
        )
        for at_s in times
    ]


def alarms_of(findings: Iterable[Finding]) -> list[str]:
    return [one.kind for one in last(findings) if one.priority in (Priority.MEDIUM, Priority.HIGH)]


def seconds(items: Iterable[Item]) -> float:
    return max(one.start for one in items) / FS + 0.9
