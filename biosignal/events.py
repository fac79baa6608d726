"""What the analysis says: results with their reasons, marks, series, findings, alarms, texts.

Every class here is a value: frozen, comparable, without arrays, and turned to JSON and back by
`biosignal.wire.codec`. Sample indices count from the start of the recording at its own rate.
`decided_at` is the last input sample the event needed: latency = decided_at - sample.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from biosignal.signal.blocks import Lead, Unit

NAMESPACE = uuid.UUID("6b1d2f6e-6a0f-5c0e-9d53-0b1f3f2b7a51")
_NAMESPACE_BYTES = NAMESPACE.bytes


def stable_id(*parts: object) -> str:
    """Name a durable thing by what it is, so that sending it twice changes nothing: a UUID of version 5."""
    # What `uuid.uuid5` gives, written out: every mark has an id, and the class of the library costs most of its time.
    name = "/".join([part if type(part) is str else str(part) for part in parts])
    digest = bytearray(hashlib.sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class QualityLevel(str, Enum):
    """How far a second of a lead can be trusted."""

    USABLE = "usable"
    DEGRADED = "degraded"
    REJECTED = "rejected"


class MarkState(str, Enum):
    """A mark is emitted early, then confirmed or withdrawn once, and never edited after."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class FindingState(str, Enum):
    """State of a finding; each change is a new revision."""

    OPENED = "opened"
    EXTENDED = "extended"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Priority(str, Enum):
    """Alarm priority as IEC 60601-1-8 names it; `NONE` informs and does not alarm."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = "none"


class AlarmState(str, Enum):
    """State of an alarm condition, in the words of IEC 60601-1-8.

    `ACTIVE` is signalled. `ACKNOWLEDGED`: seen by a person, condition still there. `AUDIO_PAUSED`: silent for a
    bounded time. `LATCHED`: condition gone, not yet acknowledged. `RESOLVED`: over.
    """

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    AUDIO_PAUSED = "audio-paused"
    LATCHED = "latched"
    RESOLVED = "resolved"


class Rung(str, Enum):
    """Which backend of the ladder produced a result."""

    TENSORRT = "tensorrt"
    ONNX_CPU = "onnx-cpu"
    RULES = "rules"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """A classifier's answer. `scores` are (label, probability to 4 decimals), in the bundle's class order."""

    task: str
    bundle: str
    rung: Rung
    label: str
    scores: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Abstained:
    """The classifier could have answered and did not, for `reason`."""

    task: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unavailable:
    """There was nothing that could answer, for `reason`."""

    task: str
    reason: str


Outcome: TypeAlias = Prediction | Abstained | Unavailable


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """A classifier input as it was: little-endian float32 `data` of `shape`, without the batch axis."""

    name: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What a classifier saw of one mark, named by its content (`inputs_id`), so that it is stored and sent once."""

    id: str
    task: str
    tensors: tuple[Tensor, ...] = field(repr=False)


def inputs_id(tensors: tuple[Tensor, ...]) -> str:
    """Name tensors by their content: SHA-256 over name, shape and bytes of each."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.name}{tensor.shape}".encode())
        digest.update(tensor.data)
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One thing a task says of the stretch [start, end) of its leads: a beat, an epoch, a second of signal quality.

    `task` and `kind` name a line of the task's declaration. A mark that is a point has `end` equal to `start`.
    `quality` is how far the signal under it can be trusted. `numbers` are (quantity, value), absent where unknown.
    `inputs` names the `Inputs` that the classifier saw. Sample indices count at `fs_hz` of the leads.
    """

    id: str
    task: str
    kind: str
    recording: str
    leads: tuple[str, ...]
    start: int
    end: int
    decided_at: int
    state: MarkState
    quality: QualityLevel
    outcome: Outcome
    numbers: tuple[tuple[str, float], ...] = ()
    inputs: str | None = None

    @property
    def label(self) -> str | None:
        """What the mark was called; None where nothing answered."""
        return self.outcome.label if isinstance(self.outcome, Prediction) else None

    def number(self, quantity: str) -> float | None:
        """Look up one of the mark's numbers; None where it is unknown."""
        for name, value in self.numbers:
            if name == quantity:
                return value
        return None


@lru_cache(maxsize=64)
def mark_id(*, recording: str, task: str, kind: str, leads: tuple[str, ...], start: int) -> str:
    """Name a mark by what it is; remembered, as a mark is named when it is found and again when it is confirmed."""
    return stable_id(recording, task, kind, ",".join(leads), start)


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkPack:
    """The confirmed marks of one kind in [start, end), a minute at a time, for whoever draws a stretch.

    `starts` are sample indices, `ends` likewise and empty where every mark is a point. `label` holds an index into
    `labels` for each mark, `origin` one into `origins`: the bundle and rung, or the reason, behind the label.
    """

    id: str
    task: str
    kind: str
    recording: str
    leads: tuple[str, ...]
    fs_hz: float
    start: int
    end: int
    decided_at: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    labels: tuple[str, ...]
    label: tuple[int, ...]
    origins: tuple[str, ...]
    origin: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A number, or a class in words, that holds now; it is shown and never stored.

    It was decided by sample `at` and holds until sample `until`, after which nobody knows. Value and label are both
    absent where there is nothing to show.
    """

    task: str
    quantity: str
    leads: tuple[str, ...]
    fs_hz: float
    at: int
    until: int
    value: float | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """The values of one quantity, one for each step; what was not measured is absent."""

    quantity: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Quantities over time: value i of each column is of samples [start + i * step, start + (i + 1) * step).

    The last step may be cut short at `end`, by a gap or the end of the recording.
    """

    id: str
    task: str
    recording: str
    leads: tuple[str, ...]
    fs_hz: float
    start: int
    end: int
    decided_at: int
    step: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A number with its unit; `value` is rounded to what `text` shows, so texts can be checked against it."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkSet:
    """Marks that a finding rests on, by their starts: the first ones, of `total` in all.

    Each is the `Mark` that `mark_id` names, sent as an event of its own when a finding first rests on it.
    """

    task: str
    kind: str
    leads: tuple[str, ...]
    starts: tuple[int, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a finding rests on: measured quantities, the strip [strip_start, strip_end) to redraw, and its marks."""

    measures: tuple[Measure, ...]
    strip_start: int
    strip_end: int
    fs_hz: float
    quality: QualityLevel
    marks: tuple[MarkSet, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something a clinician should know. The highest `rev` of an `id` wins; every rev is stored."""

    id: str
    rev: int
    task: str
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
    evidence: Evidence

    @property
    def has_strip(self) -> bool:
        """Whether a strip of samples belongs to the finding; one about the equipment may have none."""
        return self.stream == "live" and self.evidence.strip_end > self.evidence.strip_start


def finding_id(*, device: str, recording: str, stream: str, kind: str, leads: tuple[str, ...], onset: int) -> str:
    """Name a finding by what it is."""
    return stable_id(device, recording, stream, kind, ",".join(leads), onset)


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """The samples behind a finding: `data` is a frame of `biosignal.wire.waveform`."""

    id: str
    finding: str
    recording: str
    lead: str
    start: int
    fs_hz: float
    unit: Unit
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmEvent:
    """A change of an alarm's state, decided by the device. `id` is the alarm's, `rev` counts its changes.

    `at` is a sample index; `by` says who or what changed it ("device", a clinician's login, "timeout").
    """

    id: str
    rev: int
    device: str
    recording: str
    finding: str
    kind: str
    leads: tuple[str, ...]
    priority: Priority
    state: AlarmState
    at: int
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A finding in plain words. `made_by` is "template" or "llm"; `checked` names what it was checked against.

    `refused` counts language-model texts that were thrown away before this one stood; `rev` 0 is the template.
    """

    id: str
    rev: int
    finding: str
    finding_rev: int
    text: str
    made_by: str
    model_sha256: str | None
    checked: str
    refused: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One unbroken count of samples, at `fs_hz` where a lead names no rate of its own.

    `started_utc` is ISO 8601, absent for replays; `previous` is the recording before.
    """

    id: str
    device: str
    source: str
    leads: tuple[Lead, ...]
    fs_hz: float
    started_utc: str | None
    subject: str | None
    previous: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingClosed:
    """The recording ended at sample `end`, for `reason`."""

    id: str
    recording: str
    end: int
    reason: str


def closed_id(recording: str) -> str:
    """Name the event that closes a recording: there is one."""
    return stable_id(recording, "closed")


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectAssigned:
    """From `at` on the recording belongs to the pseudonym `subject`."""

    id: str
    recording: str
    subject: str
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """A gap as a durable event."""

    id: str
    recording: str
    start: int
    length: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockAnchor:
    """Sample `sample` was taken at `utc` (ISO 8601), give or take `uncertainty_ms`; `reason` says why it was set."""

    id: str
    recording: str
    sample: int
    utc: str
    uncertainty_ms: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReport:
    """What the device did with a model. `step` is one of downloaded, refused, trial, switched, rolled-back.

    `windows_missed` counts windows that no model answered because of the switch.
    """

    id: str
    task: str
    bundle: str
    previous: str | None
    step: str
    reason: str
    rung: Rung
    recording: str | None
    at: int
    windows_missed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What a clinic asks.

    `name` is acknowledge, pause-audio, watch, new-model, assign-subject, discharge-subject, set-limits, send-again or
    fetch-waves.
    """

    id: str
    name: str
    issuer: str
    expires_utc: str
    arguments: tuple[tuple[str, str], ...]

    def argument(self, name: str) -> str | None:
        """Look up one argument."""
        return dict(self.arguments).get(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandAnswer:
    """What became of a command: `outcome` is done, refused or expired."""

    id: str
    command: str
    name: str
    outcome: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The clinic has committed these (id, rev), and rejected those (id, rev, reason). Names only what it received.

    `packet` says how many events in one message the clinic reads.
    """

    committed: tuple[tuple[str, int], ...]
    rejected: tuple[tuple[str, int, str], ...] = ()
    packet: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskStatus:
    """Which leads a task reads, and why not where it reads none; with a model, which bundle answers on which rung."""

    task: str
    leads: tuple[str, ...]
    reason: str
    bundle: str | None = None
    rung: Rung | None = None
    rung_reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopStatus:
    """A thread or a child process of the daemon: `age_s` since it last got on; older than `limit_s` it is late.

    Late by more than `grace_s` it stands still: a slow card may keep a thread that writes for longer than people should
    wait until they can see it. Waiting for work is getting on. Seconds on the steady clock.
    """

    name: str
    age_s: float
    limit_s: float
    grace_s: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether it should have got on by now: to be shown, and nothing to raise an alarm for."""
        return self.age_s > self.limit_s

    @property
    def stands_after_s(self) -> float:
        """The age past which it stands still."""
        return self.limit_s + self.grace_s

    @property
    def stands(self) -> bool:
        """Whether it got on too long ago."""
        return self.age_s > self.stands_after_s


@dataclass(frozen=True, kw_only=True, slots=True)
class SetLimit:
    """A limit in force that is not the one its task declares."""

    task: str
    name: str
    value: float


class SounderState(str, Enum):
    """Whether a program of the owner's signals alarms at the bed."""

    NONE = "none"
    WORKS = "works"
    FAILS = "fails"


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """How the device is, now: sent every few seconds, not durable, and by the broker as last will (`online` false).

    `sample` counts at `fs_hz`; it came `sample_age_s` seconds before the status was sent, on the steady clock; absent
    before the first. What a reading is worth by then says `biosignal.liveness`. `alarms` are all that are not resolved,
    the most urgent first. `source` is the state of the source (opening, streaming, stalled, lost, ended), in the words
    of the daemon, with its reason. `boot` names this run of the daemon: two at a time under one name are two devices.
    `sent_utc_s` is the wall clock of the device, in seconds since 1970, and may be wrong. Version 1 said none of these.
    `limits` are those in force that are not the declared ones; absent where the device is too old to say.
    `sounder` says whether a buzzer or light of its own signals the alarms at the bed;
    absent where the device is too old to say. `disk_free_mb` is free where its state lies, and the first of its
    certificates ends at `certificate_ends_utc_s`, in seconds since 1970; absent where it has none or is too old.
    """

    online: bool
    recording: str | None
    sample: int
    fs_hz: float | None
    leads: tuple[Lead, ...]
    readings: tuple[Reading, ...]
    alarms: tuple[AlarmEvent, ...]
    tasks: tuple[TaskStatus, ...]
    outbox: int
    explainer: str
    version: str
    source: str = ""
    source_reason: str = ""
    sample_age_s: float | None = None
    loops: tuple[LoopStatus, ...] = ()
    boot: str = ""
    sent_utc_s: float | None = None
    limits: tuple[SetLimit, ...] | None = None
    sounder: SounderState | None = None
    disk_free_mb: int | None = None
    certificate_ends_utc_s: float | None = None


Durable: TypeAlias = (
    Recording
    | RecordingClosed
    | SubjectAssigned
    | Loss
    | ClockAnchor
    | Mark
    | Inputs
    | MarkPack
    | Series
    | Finding
    | Strip
    | AlarmEvent
    | Explanation
    | ModelReport
    | CommandAnswer
)
Event: TypeAlias = Reading | Durable
