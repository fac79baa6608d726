"""Events as a device would send them, for the tests of the clinic's side."""

import dataclasses
import json

import numpy as np

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Column,
    CommandAnswer,
    Evidence,
    Explanation,
    Finding,
    FindingState,
    Inputs,
    Mark,
    MarkPack,
    MarkSet,
    MarkState,
    Measure,
    Prediction,
    Priority,
    QualityLevel,
    Reading,
    Recording,
    Rung,
    Series,
    Status,
    Strip,
    TaskStatus,
    Tensor,
    Unavailable,
    finding_id,
    inputs_id,
    mark_id,
    stable_id,
)
from biosignal.signal.blocks import Lead, LeadKind, Unit
from biosignal.wire.envelope import encode, wrap
from biosignal.wire.topics import Channel, up
from biosignal.wire.waveform import WaveChunk, encode_wave
from cloud_service.ingest.arrival import Message

SITE = "ward"
PVC = Prediction(
    task="ecg-beats", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, label="V", scores=(("N", 0.1), ("V", 0.9))
)


LEADS = ("MLII",)


def beats(starts, total=None):
    return MarkSet(task="ecg-beats", kind="beat", leads=LEADS, starts=tuple(starts), total=total or len(starts))


def finding(*, device="bed-1", rev=0, onset=1000, kind="v-run", state=FindingState.OPENED, outcome=PVC, marks=None):
    return Finding(
        id=finding_id(device=device, recording="r", stream="live", kind=kind, leads=LEADS, onset=onset),
        rev=rev,
        task="ecg-rhythm",
        device=device,
        recording="r",
        stream="live",
        kind=kind,
        state=state,
        priority=Priority.MEDIUM,
        onset=onset,
        end=onset + 400 + rev,
        decided_at=onset + 500,
        leads=LEADS,
        outcome=outcome,
        evidence=Evidence(
            measures=(Measure(name="v_rate", value=130.0, unit="/min"),),
            strip_start=onset - 100,
            strip_end=onset + 600,
            fs_hz=360.0,
            quality=QualityLevel.USABLE,
            marks=(beats((onset, onset + 200)),) if marks is None else marks,
        ),
    )


def inputs(value=b"\0\0\0\0"):
    tensors = (Tensor(name="rr", shape=(1,), data=value),)
    return Inputs(id=inputs_id(tensors), task="ecg-beats", tensors=tensors)


def mark(start=1000, *, outcome=PVC, task="ecg-beats", kind="beat", leads=LEADS, seen=None):
    return Mark(
        id=mark_id(recording="r", task=task, kind=kind, leads=leads, start=start),
        task=task,
        kind=kind,
        recording="r",
        leads=leads,
        start=start,
        end=start,
        decided_at=start + 90,
        state=MarkState.CONFIRMED,
        quality=QualityLevel.USABLE,
        outcome=outcome,
        numbers=(("rr_before", 0.8),),
        inputs=seen,
    )


def marks_of(about):
    """The marks that a finding of ours rests on: one that was classified, one that was not."""
    first, second = about.evidence.marks[0].starts
    unanswered = Unavailable(task="ecg-beats", reason="no model")
    return [inputs(), mark(first, seen=inputs().id), mark(second, outcome=unanswered)]


def pack(start=0, end=21600, starts=(100, 400, 700), labels=("N", "N", "V")):
    names = tuple(sorted(set(labels)))
    return MarkPack(
        id=stable_id("r", "beat", start),
        task="ecg-beats",
        kind="beat",
        recording="r",
        leads=LEADS,
        fs_hz=360.0,
        start=start,
        end=end,
        decided_at=end - 1,
        starts=starts,
        ends=(),
        labels=names,
        label=tuple(names.index(label) for label in labels),
        origins=("ecg-beats/1.0.0 on onnx-cpu",),
        origin=(0,) * len(starts),
    )


def series(start=0, end=21600):
    return Series(
        id=stable_id("r", "series", start),
        task="ecg-rhythm",
        recording="r",
        leads=LEADS,
        fs_hz=360.0,
        start=start,
        end=end,
        decided_at=end - 1,
        step=21600,
        columns=(
            Column(quantity="mean_heart_rate", values=(71.5,)),
            Column(quantity="later_quantity", values=(None,)),
        ),
    )


def frame(start=900, count=36, recording="r"):
    counts = (np.arange(count) - 5).astype(np.int16)
    return encode_wave(
        WaveChunk(
            recording=recording,
            lead="MLII",
            start=start,
            fs_hz=360.0,
            unit=Unit.MILLIVOLT,
            gain=0.005,
            offset=0.0,
            counts=counts,
        )
    )


def strip(about, ident="strip-1"):
    return Strip(
        id=ident,
        finding=about.id,
        recording="r",
        lead="MLII",
        start=900,
        fs_hz=360.0,
        unit=Unit.MILLIVOLT,
        data=frame(),
    )


def explanation(about, *, rev=0, text="A run of wide beats.", made_by="template"):
    return Explanation(
        id=f"text-{about.id}",
        rev=rev,
        finding=about.id,
        finding_rev=about.rev,
        text=text,
        made_by=made_by,
        model_sha256=None,
        checked="evidence",
    )


def alarm(about, *, rev=0, state=AlarmState.ACTIVE, by="device"):
    return AlarmEvent(
        id=f"alarm-{about.id}",
        rev=rev,
        device=about.device,
        recording="r",
        finding=about.id,
        kind=about.kind,
        leads=about.leads,
        priority=Priority.MEDIUM,
        state=state,
        at=1500,
        by=by,
    )


def recording(device="bed-1"):
    return Recording(
        id="r",
        device=device,
        source="wfdb",
        leads=(Lead(name="MLII", unit=Unit.MILLIVOLT, kind=LeadKind.ECG),),
        fs_hz=360.0,
        started_utc=None,
        subject="subject-7",
        previous=None,
    )


def answer(command, name="acknowledge", outcome="done"):
    return CommandAnswer(id=f"answer-{command}", command=command, name=name, outcome=outcome, reason="")


def reading(value=72.0, quantity="heart_rate", **changes):
    usual = Reading(
        task="ecg-rhythm", quantity=quantity, leads=LEADS, fs_hz=360.0, at=1990, until=2720, value=value, label=None
    )
    return dataclasses.replace(usual, **changes)


def status(**changes):
    beats_task = TaskStatus(
        task="ecg-beats", leads=LEADS, reason="", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, rung_reason="admitted"
    )
    usual = Status(
        online=True,
        recording="r",
        sample=2000,
        fs_hz=360.0,
        leads=(Lead(name="MLII", unit=Unit.MILLIVOLT, kind=LeadKind.ECG),),
        readings=(reading(),),
        alarms=(),
        tasks=(beats_task, TaskStatus(task="later-task", leads=(), reason="no lead it can read")),
        outbox=0,
        explainer="template",
        version="0.1.0",
    )
    return dataclasses.replace(usual, **changes)


def payload(event, *, seq=0, device="bed-1"):
    return encode(wrap(event, seq=seq, device=device, boot="boot-1", at="2026-01-01T00:00:00Z"))


def message(event, *, seq=0, device="bed-1", site=SITE):
    return Message(topic=up(site, device, Channel.EVENT), payload=payload(event, seq=seq, device=device))


def foreign(kind, body, *, rev=0, schema=2):
    """An event of a kind that this release may not know, as a later one would send it."""
    head = {"id": body["id"], "rev": rev, "seq": 0, "kind": kind, "schema": schema, "device": "bed-1", "boot": "boot-1"}
    document = {**head, "recording": None, "at": "2026-01-01T00:00:00Z", "body": body}
    return Message(topic=up(SITE, "bed-1", Channel.EVENT), payload=json.dumps(document).encode())
