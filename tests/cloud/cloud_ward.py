"""Events as a device would send them, for the tests of the clinic's side."""

import dataclasses

import numpy as np

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    BeatEvidence,
    CommandAnswer,
    Evidence,
    Explanation,
    Finding,
    FindingState,
    Measure,
    Prediction,
    Priority,
    QualityLevel,
    Recording,
    Rung,
    Status,
    Strip,
    Tensor,
    Unavailable,
    finding_id,
)
from biosignal.signal.blocks import Unit
from biosignal.wire.envelope import encode, wrap
from biosignal.wire.topics import Channel, up
from biosignal.wire.waveform import WaveChunk, encode_wave
from cloud_service.ingest.arrival import Message

SITE = "ward"
PVC = Prediction(
    task="ecg-beats", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, label="V", scores=(("N", 0.1), ("V", 0.9))
)


def finding(*, device="bed-1", rev=0, onset=1000, kind="v-run", state=FindingState.OPENED, outcome=PVC):
    beat = BeatEvidence(sample=onset, outcome=outcome, inputs=(Tensor(name="rr", shape=(1,), data=b"\0\0\0\0"),))
    return Finding(
        id=finding_id(device=device, recording="r", stream="live", kind=kind, leads=("MLII",), onset=onset),
        rev=rev,
        device=device,
        recording="r",
        stream="live",
        kind=kind,
        state=state,
        priority=Priority.MEDIUM,
        onset=onset,
        end=onset + 400 + rev,
        decided_at=onset + 500,
        leads=("MLII",),
        outcome=outcome,
        evidence=Evidence(
            measures=(Measure(name="rate", value=130.0, unit="/min"),),
            strip_start=onset - 100,
            strip_end=onset + 600,
            fs_hz=360.0,
            quality=QualityLevel.USABLE,
            beats=(beat, BeatEvidence(sample=onset + 200, outcome=Unavailable(task="ecg-beats", reason="no model"))),
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
        leads=("MLII",),
        unit=Unit.MILLIVOLT,
        fs_hz=360.0,
        started_utc=None,
        subject="subject-7",
        previous=None,
    )


def answer(command, name="acknowledge", outcome="done"):
    return CommandAnswer(id=f"answer-{command}", command=command, name=name, outcome=outcome, reason="")


def status(**changes):
    usual = Status(
        online=True,
        recording="r",
        sample=2000,
        lead="MLII",
        fs_hz=360.0,
        bpm=72.0,
        quality=QualityLevel.USABLE,
        alarm=Priority.NONE,
        alarm_kind=None,
        rung=Rung.ONNX_CPU,
        rung_reason="admitted",
        bundles=(("ecg-beats", "ecg-beats/1.0.0"),),
        outbox=0,
        explainer="template",
        version="0.1.0",
    )
    return dataclasses.replace(usual, **changes)


def payload(event, *, seq=0, device="bed-1"):
    return encode(wrap(event, seq=seq, device=device, boot="boot-1", at="2026-01-01T00:00:00Z"))


def message(event, *, seq=0, device="bed-1", site=SITE):
    return Message(topic=up(site, device, Channel.EVENT), payload=payload(event, seq=seq, device=device))
