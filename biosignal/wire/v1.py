"""What version 1 wrote, lifted to the shapes of today: leftovers of an upgraded device, devices not yet upgraded.

Version 1 knew one classifier, one lead and one line of rules, and its shapes did not say so. This file says it for
them, so that nothing else needs to know. It is history and does not change.
"""

from dataclasses import dataclass, replace
from typing import Any

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Column,
    Durable,
    Evidence,
    Finding,
    FindingState,
    Inputs,
    Mark,
    MarkPack,
    MarkSet,
    MarkState,
    Measure,
    Outcome,
    Priority,
    QualityLevel,
    Reading,
    Recording,
    Rung,
    Series,
    Status,
    TaskStatus,
    Tensor,
    inputs_id,
    mark_id,
    stable_id,
)
from biosignal.signal.blocks import Lead, Unit
from biosignal.wire.codec import INT_MOST, from_json

UNKNOWN_FS = 0.0
"""A trend of version 1 names no sampling frequency: `with_rate` fills it in from its recording."""
HELD_S = 5.0
"""Version 1 did not say until when a number holds. It sent its status every two seconds: twice that, and one more."""
UNKNOWN_ORIGIN = "not recorded by version 1"
BEATS, RHYTHM, QUALITY, MONITORING = "ecg-beats", "ecg-rhythm", "signal-quality", "monitoring"
_TASK_OF = {
    "lead-off": QUALITY,
    "poor-signal": QUALITY,
    "source-lost": MONITORING,
    "backend-lost": MONITORING,
    "store-trouble": MONITORING,
    "overflow": MONITORING,
}
"""Who says a kind of finding today; all others are the rhythm's."""
_RULES = "ecg-rules"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Beat:
    sample: int
    outcome: Outcome
    inputs: tuple[Tensor, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    measures: tuple[Measure, ...]
    strip_start: int
    strip_end: int
    fs_hz: float
    quality: QualityLevel
    beats: tuple[_Beat, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Finding:
    id: str
    rev: int
    device: str
    recording: str
    stream: str
    kind: str
    state: FindingState
    priority: Priority
    onset: int
    end: int
    decided_at: int
    leads: tuple[str, ...]
    outcome: Outcome
    evidence: _Evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trend:
    id: str
    recording: str
    lead: str
    start: int
    end: int
    beats: int
    bpm_mean: float | None
    v_beats: int
    usable_fraction: float
    annotations: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Recording:
    id: str
    device: str
    source: str
    leads: tuple[str, ...]
    unit: Unit
    fs_hz: float
    started_utc: str | None
    subject: str | None
    previous: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Alarm:
    id: str
    rev: int
    device: str
    recording: str
    finding: str
    kind: str
    priority: Priority
    state: AlarmState
    at: int
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Status:
    online: bool
    recording: str | None
    sample: int
    lead: str | None
    fs_hz: float | None
    bpm: float | None
    quality: QualityLevel | None
    alarm: Priority
    alarm_kind: str | None
    rung: Rung
    rung_reason: str
    bundles: tuple[tuple[str, str], ...]
    outbox: int
    explainer: str
    version: str


BODIES: dict[str, type[_Finding | _Trend | _Recording | _Alarm]] = {
    "finding": _Finding,
    "trend": _Trend,
    "recording.opened": _Recording,
    "alarm": _Alarm,
}
"""The kinds whose shape changed; all others are read as they are."""


def lift(kind: str, fields: dict[str, Any]) -> tuple[Durable, tuple[Durable, ...]]:
    """Turn a version-1 body of one of `BODIES` into one of today, and what it held into events to store before it.

    Raises
    ------
    BadInput : it does not meet the schema of version 1.
    """
    body = from_json(BODIES[kind], fields)
    if isinstance(body, _Finding):
        return _finding(body), _carried(body)
    if isinstance(body, _Trend):
        return _series(body), _packs(body)
    return (_recording(body) if isinstance(body, _Recording) else _alarm(body)), ()


def with_rate(event: Durable, fs_hz: float) -> Durable:
    """Fill in the sampling frequency of its recording where version 1 did not name it; anything else stays as it is."""
    if isinstance(event, Series) and event.fs_hz == UNKNOWN_FS:
        return replace(event, fs_hz=fs_hz, step=max(event.step, int(min(60 * fs_hz, INT_MOST))))
    if isinstance(event, MarkPack) and event.fs_hz == UNKNOWN_FS:
        return replace(event, fs_hz=fs_hz)
    return event


def lift_status(fields: dict[str, Any]) -> Status:
    """Turn a version-1 status into one of today.

    Its alarm was a priority and a kind alone, without the alarm's id: that of the lifted one is empty.

    Raises
    ------
    BadInput : it does not meet the schema of version 1.
    """
    old = from_json(_Status, fields)
    leads = () if old.lead is None else (old.lead,)
    return Status(
        online=old.online,
        recording=old.recording,
        sample=old.sample,
        fs_hz=old.fs_hz,
        leads=tuple(Lead(name=name, unit=Unit.RAW) for name in leads),
        readings=_readings(old, leads),
        alarms=_alarms(old),
        tasks=_tasks(old, leads),
        outbox=old.outbox,
        explainer=old.explainer,
        version=old.version,
    )


# ---- findings --------------------------------------------------------------------------------------------------------


def _finding(old: _Finding) -> Finding:
    task = _TASK_OF.get(old.kind, RHYTHM)
    return Finding(
        id=old.id,
        rev=old.rev,
        task=task,
        device=old.device,
        recording=old.recording,
        stream=old.stream,
        kind=old.kind,
        state=old.state,
        priority=old.priority,
        onset=old.onset,
        end=old.end,
        decided_at=old.decided_at,
        leads=old.leads,
        outcome=replace(old.outcome, task=task) if old.outcome.task == _RULES else old.outcome,
        evidence=Evidence(
            measures=old.evidence.measures,
            strip_start=old.evidence.strip_start,
            strip_end=old.evidence.strip_end,
            fs_hz=old.evidence.fs_hz,
            quality=old.evidence.quality,
            marks=_mark_sets(old),
        ),
    )


def _mark_sets(old: _Finding) -> tuple[MarkSet, ...]:
    beats = old.evidence.beats
    if not beats:
        return ()
    counted = [int(min(one.value, INT_MOST)) for one in old.evidence.measures if one.name == "count"]
    starts = tuple(beat.sample for beat in beats)
    return (MarkSet(task=BEATS, kind="beat", leads=old.leads, starts=starts, total=max([len(beats), *counted])),)


def _carried(old: _Finding) -> tuple[Durable, ...]:
    """Make events of the beats inside a finding, each behind what its classifier saw.

    Version 1 did not say when each was decided: no later than the finding was.
    """
    carried: list[Durable] = []
    for beat in old.evidence.beats:
        seen = inputs_id(beat.inputs) if beat.inputs else None
        if seen is not None:
            carried.append(Inputs(id=seen, task=BEATS, tensors=beat.inputs))
        carried.append(_mark(old, beat, seen))
    return tuple(carried)


def _mark(old: _Finding, beat: _Beat, seen: str | None) -> Mark:
    return Mark(
        id=mark_id(recording=old.recording, task=BEATS, kind="beat", leads=old.leads, start=beat.sample),
        task=BEATS,
        kind="beat",
        recording=old.recording,
        leads=old.leads,
        start=beat.sample,
        end=beat.sample,
        decided_at=old.decided_at,
        state=MarkState.CONFIRMED,
        quality=old.evidence.quality,
        outcome=beat.outcome,
        inputs=seen,
    )


# ---- trends, recordings, alarms --------------------------------------------------------------------------------------


def _series(old: _Trend) -> Series:
    columns = {
        "beats": float(old.beats),
        "mean_heart_rate": old.bpm_mean,
        "v_beats": float(old.v_beats),
        "usable_share": old.usable_fraction,
    }
    return Series(
        id=old.id,
        task=RHYTHM,
        recording=old.recording,
        leads=(old.lead,),
        fs_hz=UNKNOWN_FS,
        start=old.start,
        end=old.end,
        decided_at=old.end - 1,
        step=max(1, old.end - old.start),
        columns=tuple(Column(quantity=name, values=(value,)) for name, value in columns.items()),
    )


def _packs(old: _Trend) -> tuple[Durable, ...]:
    if not old.annotations:
        return ()
    labels = tuple(sorted({label for _, label in old.annotations}))
    pack = MarkPack(
        id=stable_id(old.id, "marks"),
        task=BEATS,
        kind="beat",
        recording=old.recording,
        leads=(old.lead,),
        fs_hz=UNKNOWN_FS,
        start=old.start,
        end=old.end,
        decided_at=old.end - 1,
        starts=tuple(sample for sample, _ in old.annotations),
        ends=(),
        labels=labels,
        label=tuple(labels.index(label) for _, label in old.annotations),
        origins=(UNKNOWN_ORIGIN,),
        origin=(0,) * len(old.annotations),
    )
    return (pack,)


def _recording(old: _Recording) -> Recording:
    return Recording(
        id=old.id,
        device=old.device,
        source=old.source,
        leads=tuple(Lead(name=name, unit=old.unit) for name in old.leads),
        fs_hz=old.fs_hz,
        started_utc=old.started_utc,
        subject=old.subject,
        previous=old.previous,
    )


def _alarm(old: _Alarm) -> AlarmEvent:
    return AlarmEvent(
        id=old.id,
        rev=old.rev,
        device=old.device,
        recording=old.recording,
        finding=old.finding,
        kind=old.kind,
        leads=(),
        priority=old.priority,
        state=old.state,
        at=old.at,
        by=old.by,
    )


# ---- status ----------------------------------------------------------------------------------------------------------


def _readings(old: _Status, leads: tuple[str, ...]) -> tuple[Reading, ...]:
    if old.fs_hz is None or not leads:
        return ()
    level = None if old.quality is None else old.quality.value
    return tuple(
        Reading(
            task=task,
            quantity=quantity,
            leads=leads,
            fs_hz=old.fs_hz,
            at=old.sample,
            until=min(old.sample + round(min(HELD_S * old.fs_hz, INT_MOST)), INT_MOST),
            value=value,
            label=label,
        )
        for task, quantity, value, label in (
            (RHYTHM, "heart_rate", old.bpm, None),
            (QUALITY, "signal", None, level),
        )
        if value is not None or label is not None
    )


def _alarms(old: _Status) -> tuple[AlarmEvent, ...]:
    if old.alarm_kind is None:
        return ()
    alarm = AlarmEvent(
        id="",
        rev=0,
        device="",
        recording=old.recording or "",
        finding="",
        kind=old.alarm_kind,
        leads=(),
        priority=old.alarm,
        state=AlarmState.ACTIVE,
        at=old.sample,
        by="device",
    )
    return (alarm,)


def _tasks(old: _Status, leads: tuple[str, ...]) -> tuple[TaskStatus, ...]:
    bundles = old.bundles or ((BEATS, None),)
    return tuple(
        TaskStatus(task=task, leads=leads, reason="", bundle=bundle, rung=old.rung, rung_reason=old.rung_reason)
        for task, bundle in bundles
    )
