"""What the analysis says: results with their reasons, beats, findings, alarms, texts.

Every class here is a value: frozen, comparable, without arrays, and turned to JSON and back by
`biosignal.wire.codec`. Sample indices count from the start of the recording at its own rate.
`decided_at` is the last input sample the event needed: latency = decided_at - sample.
"""

import uuid
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from biosignal.signal.blocks import Unit

NAMESPACE = uuid.UUID("6b1d2f6e-6a0f-5c0e-9d53-0b1f3f2b7a51")


def stable_id(*parts: object) -> str:
    """Name a durable thing by what it is, so that sending it twice changes nothing."""
    return str(uuid.uuid5(NAMESPACE, "/".join(str(part) for part in parts)))


class QualityLevel(str, Enum):
    """How far a second of a lead can be trusted."""

    USABLE = "usable"
    DEGRADED = "degraded"
    REJECTED = "rejected"


class BeatState(str, Enum):
    """A beat is told early, then confirmed or withdrawn once, and never edited after."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class FindingState(str, Enum):
    """Where a finding stands; each change is a new revision."""

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
class Quality:
    """How far `lead` can be trusted in samples [start, end), and why not fully."""

    recording: str
    lead: str
    start: int
    end: int
    decided_at: int
    level: QualityLevel
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """One heartbeat at its R peak.

    `rr_before_s` is absent behind a gap or at the start, `amplitude` (peak to peak, in the lead's unit) where unknown.
    `inputs` are what the classifier saw; they are kept in memory and in a finding's evidence only.
    """

    recording: str
    lead: str
    sample: int
    decided_at: int
    state: BeatState
    rr_before_s: float | None
    amplitude: float | None
    quality: QualityLevel
    outcome: Outcome
    inputs: tuple[Tensor, ...] = field(default=(), repr=False)

    @property
    def label(self) -> str:
        """AAMI class N, S, V or F; Q where nothing answered."""
        return self.outcome.label if isinstance(self.outcome, Prediction) else "Q"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeartRate:
    """Heart rate over the last beats; absent when there were none to count."""

    recording: str
    lead: str
    sample: int
    decided_at: int
    bpm: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One scored stretch of EEG, [start, end)."""

    recording: str
    lead: str
    start: int
    end: int
    decided_at: int
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A number with its unit; `value` is rounded to what `text` shows, so texts can be checked against it."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BeatEvidence:
    """A beat a finding rests on, with what the classifier said and saw."""

    sample: int
    outcome: Outcome
    inputs: tuple[Tensor, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a finding rests on: measured quantities, the strip [strip_start, strip_end) to redraw, and its beats."""

    measures: tuple[Measure, ...]
    strip_start: int
    strip_end: int
    fs_hz: float
    quality: QualityLevel
    beats: tuple[BeatEvidence, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something a clinician should know. The highest `rev` of an `id` wins; every rev is stored."""

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
    evidence: Evidence


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
class Trend:
    """A minute in numbers and its confirmed beats as (sample, label); what was not measured is absent."""

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
class Recording:
    """One unbroken count of samples. `started_utc` is ISO 8601, absent for replays; `previous` is the one before."""

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
class RecordingClosed:
    """The recording ended at sample `end`, for `reason`."""

    id: str
    recording: str
    end: int
    reason: str


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

    `windows_missed` counts beats that no model answered because of the switch.
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
    """What a clinic asks: `name` is acknowledge, pause-audio, watch, new-model, assign-subject or set-limits."""

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
    """The clinic has committed these (id, rev), and rejected those (id, rev, reason). Names only what it received."""

    committed: tuple[tuple[str, int], ...]
    rejected: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """How the device is, now: sent every few seconds, not durable, and by the broker as last will (`online` false)."""

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


Durable: TypeAlias = (
    Recording
    | RecordingClosed
    | SubjectAssigned
    | Loss
    | ClockAnchor
    | Finding
    | Strip
    | AlarmEvent
    | Explanation
    | Trend
    | ModelReport
    | CommandAnswer
)
Event: TypeAlias = Quality | Beat | HeartRate | Epoch | Durable
