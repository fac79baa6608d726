"""Write the golden lines of this version: `python -m tests.wire.write_golden`. Done once for each released version.

What an analysis says comes from the analysis of the excerpt by the released model; what the daemon adds is made here.
"""

from pathlib import Path

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    ClockAnchor,
    Command,
    CommandAnswer,
    Explanation,
    Finding,
    Inputs,
    LoopStatus,
    Loss,
    Mark,
    MarkPack,
    ModelReport,
    Priority,
    Reading,
    Receipt,
    Recording,
    RecordingClosed,
    Rung,
    Series,
    SounderState,
    Status,
    Strip,
    SubjectAssigned,
    TaskStatus,
    mark_id,
    stable_id,
)
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import models
from biosignal.wire.envelope import encode, encode_message, wrap
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from edge_agent.inference.bundle_folder import find_bundle, load_bundle
from edge_agent.sources.excerpt import Excerpt

FOLDER = Path(__file__).parent / "golden"
AT = "2026-11-26T12:00:00.000Z"
FINDINGS = 3


def released_models():
    """The released bundle of each task that has one."""
    served = {}
    for name, task in models().items():
        folder = find_bundle(name)
        backend = OnnxCpuBackend(load_bundle(folder)) if folder else None
        served[name] = Model(name, task.model, backend, "no bundle is released")
    return served


def analysed(recording):
    """Everything the tasks say of the excerpt, and its samples."""
    source = Excerpt()
    source.open(recording)
    facts = source.recording_facts()
    recorded = Recorded(device="bed-1", recording=recording, fs_hz=facts.fs_hz, leads=facts.leads)
    pipeline = Pipeline(TASKS.values(), recorded, models=released_models())
    said, blocks = [], []
    for signal in source.read():
        blocks += [signal] if isinstance(signal, SampleBlock) else []
        said += pipeline.push(signal)
    return said + pipeline.finish(), blocks, facts


def with_marks(said):
    """The first findings with all their revisions, each behind the marks it rests on and what was seen of those."""
    marks = {event.id: event for event in said if isinstance(event, Mark)}
    seen = {event.id: event for event in said if isinstance(event, Inputs)}
    findings = [event for event in said if isinstance(event, Finding)]
    chosen = {finding.id for finding in findings if finding.rev == 0 and finding.evidence.marks}
    chosen = set(sorted(chosen)[:FINDINGS])
    written = set()
    for finding in findings:
        if finding.id not in chosen:
            continue
        for named in finding.evidence.marks:
            for start in named.starts:
                mark = marks[
                    mark_id(
                        recording=finding.recording, task=named.task, kind=named.kind, leads=named.leads, start=start
                    )
                ]
                for event in (seen.get(mark.inputs), mark):
                    if event is not None and event.id not in written:
                        written.add(event.id)
                        yield event
        yield finding


def daemon_events(recording, facts, finding, samples):
    """What the daemon adds around the analysis, one of each kind."""
    counts, gain, offset, _ = quantise(samples, facts.leads[0].unit)
    chunk = WaveChunk(
        recording=recording,
        lead=facts.leads[0].name,
        start=0,
        fs_hz=facts.fs_hz,
        unit=facts.leads[0].unit,
        gain=gain,
        offset=offset,
        counts=counts,
    )
    yield Strip(
        id=stable_id("strip", finding.id),
        finding=finding.id,
        recording=recording,
        lead=chunk.lead,
        start=chunk.start,
        fs_hz=chunk.fs_hz,
        unit=chunk.unit,
        data=encode_wave(chunk),
    )
    yield AlarmEvent(
        id=stable_id("alarm", finding.id),
        rev=0,
        device="bed-1",
        recording=recording,
        finding=finding.id,
        kind=finding.kind,
        leads=finding.leads,
        priority=Priority.MEDIUM,
        state=AlarmState.ACTIVE,
        at=finding.decided_at,
        by="device",
    )
    yield Explanation(
        id=stable_id("explanation", finding.id),
        rev=0,
        finding=finding.id,
        finding_rev=0,
        text="The device found something. (artificial text)",
        made_by="template",
        model_sha256=None,
        checked="language/1 knowledge/0123456789ab",
    )
    yield SubjectAssigned(id=stable_id(recording, "subject"), recording=recording, subject="subject-0001", at=0)
    yield Loss(id=stable_id(recording, "loss"), recording=recording, start=360, length=36, reason="silence")
    yield ClockAnchor(
        id=stable_id(recording, "anchor"), recording=recording, sample=9, utc=AT, uncertainty_ms=100.0, reason="start"
    )
    yield ModelReport(
        id=stable_id(recording, "report"),
        task=finding.task,
        bundle=f"{finding.task}/1.0.1",
        previous=f"{finding.task}/1.0.0",
        step="switched",
        reason="20 windows healthy",
        rung=Rung.ONNX_CPU,
        recording=recording,
        at=5396,
        windows_missed=0,
    )
    yield CommandAnswer(id=stable_id("answer", "c-1"), command="c-1", name="watch", outcome="done", reason="")
    yield RecordingClosed(id=stable_id(recording, "closed"), recording=recording, end=108000, reason="the source ended")


def events():
    """One line of every kind and more."""
    recording = stable_id("golden", "version 2")
    said, blocks, facts = analysed(recording)
    rhythm = list(with_marks(said))
    first = next(event for event in rhythm if isinstance(event, Finding))
    pulse = Lead(name="PLETH", kind=LeadKind.PLETH, fs_hz=125.0)
    yield Recording(
        id=recording,
        device="bed-1",
        source="excerpt",
        leads=(*facts.leads, pulse),
        fs_hz=facts.fs_hz,
        started_utc=None,
        subject=None,
        previous=None,
    )
    yield from rhythm
    for kind in (MarkPack, Series):
        yield next(event for event in said if isinstance(event, kind))
    yield from daemon_events(recording, facts, first, blocks[0].samples[0])


def messages(recording, said, facts):
    """One message of each name."""
    alarm = AlarmEvent(
        id=stable_id("alarm", recording),
        rev=1,
        device="bed-1",
        recording=recording,
        finding=stable_id("finding", recording),
        kind="tachycardia",
        leads=(facts.leads[0].name,),
        priority=Priority.MEDIUM,
        state=AlarmState.LATCHED,
        at=21600,
        by="device",
    )
    readings = {(event.task, event.quantity): event for event in said if isinstance(event, Reading)}
    tasks = tuple(
        TaskStatus(task=name, leads=(facts.leads[0].name,), reason="", bundle=None, rung=None) for name in TASKS
    )
    yield (
        "status",
        Status(
            online=True,
            recording=recording,
            sample=21610,
            fs_hz=facts.fs_hz,
            leads=facts.leads,
            readings=tuple(readings.values()),
            alarms=(alarm,),
            tasks=tasks,
            outbox=3,
            explainer="template only",
            version="0.2.0",
            source="streaming",
            source_reason="",
            sample_age_s=0.042,
            loops=(
                LoopStatus(name="reader", age_s=0.04, limit_s=10.0),
                LoopStatus(name="analysis", age_s=5.5, limit_s=4.0),
                LoopStatus(name="keeper", age_s=5.0, limit_s=4.0, grace_s=11.0),
            ),
            boot="0123456789abcdef",
            sent_utc_s=1795694400.25,
            sounder=SounderState.WORKS,
            disk_free_mb=21_400,
            certificate_ends_utc_s=1829995200.0,
        ),
    )
    yield "receipt", Receipt(committed=((recording, 0),), rejected=((alarm.id, 1, "the id belongs to another device"),))
    yield (
        "command",
        Command(
            id="c-1",
            name="acknowledge",
            issuer="reviewer-1",
            expires_utc="2026-11-26T12:00:30.000Z",
            arguments=(("alarm", alarm.id),),
        ),
    )


def main():
    """Write the files of this version."""
    lines = [
        encode(wrap(event, seq=seq, device="bed-1", boot="0123456789abcdef", at=AT))
        for seq, event in enumerate(events())
    ]
    (FOLDER / "wire-v2.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    recording = stable_id("golden", "version 2")
    said, _, facts = analysed(recording)
    for name, message in messages(recording, said, facts):
        (FOLDER / f"message-v2-{name}.json").write_bytes(encode_message(message) + b"\n")


if __name__ == "__main__":
    main()
