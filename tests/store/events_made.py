"""Events as an analysis makes them, small enough to make a month of."""

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Evidence,
    Explanation,
    Finding,
    FindingState,
    Inputs,
    Mark,
    MarkSet,
    MarkState,
    Priority,
    QualityLevel,
    Recording,
    RecordingClosed,
    Series,
    Strip,
    Tensor,
    Unavailable,
    closed_id,
    inputs_id,
    mark_id,
    stable_id,
)
from biosignal.signal.blocks import Lead, Unit

NOTHING = Unavailable(task="t", reason="no model")


def recording(id_):
    return Recording(
        id=id_,
        device="bed-1",
        source="s",
        leads=(Lead(name="II"),),
        fs_hz=100.0,
        started_utc=None,
        subject=None,
        previous=None,
    )


def closed(id_):
    return RecordingClosed(id=closed_id(id_), recording=id_, end=1, reason="ended")


def finding(name, recording_, rev=0, state=FindingState.OPENED, *, onset=0, strip=(0, 0), leads=("II",), marks=()):
    return Finding(
        id=stable_id("finding", name),
        rev=rev,
        task="t",
        device="bed-1",
        recording=recording_,
        stream="live",
        kind="k",
        state=state,
        priority=Priority.LOW,
        onset=onset,
        end=onset,
        decided_at=onset,
        leads=leads,
        outcome=NOTHING,
        evidence=Evidence(
            measures=(),
            strip_start=strip[0],
            strip_end=strip[1],
            fs_hz=100.0,
            quality=QualityLevel.USABLE,
            marks=marks,
        ),
    )


def alarm(name, recording_, rev=0, state=AlarmState.ACTIVE):
    return AlarmEvent(
        id=stable_id("alarm", name),
        rev=rev,
        device="bed-1",
        recording=recording_,
        finding=stable_id("finding", name),
        kind="k",
        leads=("II",),
        priority=Priority.LOW,
        state=state,
        at=0,
        by="device",
    )


def inputs(content):
    tensors = (Tensor(name="x", shape=(2,), data=content),)
    return Inputs(id=inputs_id(tensors), task="t", tensors=tensors)


def mark(recording_, start, seen=None):
    return Mark(
        id=mark_id(recording=recording_, task="t", kind="beat", leads=("II",), start=start),
        task="t",
        kind="beat",
        recording=recording_,
        leads=("II",),
        start=start,
        end=start,
        decided_at=start,
        state=MarkState.CONFIRMED,
        quality=QualityLevel.USABLE,
        outcome=NOTHING,
        inputs=None if seen is None else seen.id,
    )


def mark_set(*starts):
    return (MarkSet(task="t", kind="beat", leads=("II",), starts=starts, total=len(starts)),)


def text(name):
    return Explanation(
        id=stable_id("text", name),
        rev=0,
        finding=stable_id("finding", name),
        finding_rev=0,
        text=f"The device found something: {name}.",
        made_by="template",
        model_sha256=None,
        checked="language",
    )


def series(name, recording_):
    return Series(
        id=stable_id("series", name),
        task="t",
        recording=recording_,
        leads=("II",),
        fs_hz=100.0,
        start=0,
        end=1,
        decided_at=1,
        step=1,
        columns=(),
    )


def strip(name, recording_, data):
    return Strip(
        id=stable_id("strip", name),
        finding=stable_id("finding", name),
        recording=recording_,
        lead="II",
        start=0,
        fs_hz=100.0,
        unit=Unit.MILLIVOLT,
        data=data,
    )
