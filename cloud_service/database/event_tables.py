"""What devices said: every event as it came, and the latest state of each thing.

`EventRow` holds every (id, rev) of a device for good, whatever its kind. The other tables hold, per id, the highest
rev, one table a shape: a new task needs no new one. Two devices that replay one record name the recording alike, so ids
count per device; those of findings and alarms name the device.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cloud_service.database.columns import Table, UtcTime

RowId = BigInteger().with_variant(Integer, "sqlite")


class EventRow(Table):
    """One durable event as received, its body in the words of its `schema`.

    A device's (id, rev) is the only key for duplicates; `row` orders arrival.
    """

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("device", "id", "rev"), Index("ix_events_recording_seq", "recording", "seq"))

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(200))
    rev: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    schema: Mapped[int] = mapped_column(Integer)
    site: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(64), index=True)
    recording: Mapped[str | None] = mapped_column(String(200))
    seq: Mapped[int] = mapped_column(BigInteger)
    boot: Mapped[str] = mapped_column(String(200))
    at: Mapped[str] = mapped_column(String(64))
    received: Mapped[datetime] = mapped_column(UtcTime)
    body_sha256: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class RecordingRow(Table):
    """One unbroken count of samples. `leads` are as on the wire: name, unit, kind and rate of each."""

    __tablename__ = "recordings"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    leads: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    fs_hz: Mapped[float] = mapped_column(Float)
    started_utc: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(200))
    previous: Mapped[str | None] = mapped_column(String(200))
    received: Mapped[datetime] = mapped_column(UtcTime)


class RecordingEndRow(Table):
    """How a recording ended. Apart, because it may arrive before the opening does."""

    __tablename__ = "recording_ends"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    recording: Mapped[str] = mapped_column(String(200), primary_key=True)
    id: Mapped[str] = mapped_column(String(200))
    end: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    received: Mapped[datetime] = mapped_column(UtcTime)


class SubjectRow(Table):
    """From sample `at` on, the recording belongs to the pseudonym `subject`."""

    __tablename__ = "subjects_assigned"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    recording: Mapped[str] = mapped_column(String(200), index=True)
    subject: Mapped[str] = mapped_column(String(200), index=True)
    at: Mapped[int] = mapped_column(BigInteger)


class FindingRow(Table):
    """Latest revision of a finding. `evidence` and `outcome` are as on the wire; the marks it names are `MarkRow`s."""

    __tablename__ = "findings"
    __table_args__ = (Index("ix_findings_device_received", "device", "received"),)

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    rev: Mapped[int] = mapped_column(Integer)
    task: Mapped[str] = mapped_column(String(64), index=True)
    device: Mapped[str] = mapped_column(String(64))
    recording: Mapped[str] = mapped_column(String(200), index=True)
    stream: Mapped[str] = mapped_column(String(200), index=True)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    onset: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    decided_at: Mapped[int] = mapped_column(BigInteger)
    leads: Mapped[list[str]] = mapped_column(JSON)
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[str] = mapped_column(String(64))
    received: Mapped[datetime] = mapped_column(UtcTime)
    """When this revision arrived."""


class MarkRow(Table):
    """One thing a task says of the stretch [start, end) of its leads; those that a finding rests on come one by one.

    `outcome` and `numbers` are as on the wire; `label` is the outcome's, null where nothing answered. `inputs` names
    the `InputsRow` of what the classifier saw.
    """

    __tablename__ = "marks"
    __table_args__ = (Index("ix_marks_recording_start", "recording", "start"),)

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    task: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    recording: Mapped[str] = mapped_column(String(200))
    leads: Mapped[list[str]] = mapped_column(JSON)
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    decided_at: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    quality: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON)
    numbers: Mapped[list[list[Any]]] = mapped_column(JSON)
    inputs: Mapped[str | None] = mapped_column(String(200))
    received: Mapped[datetime] = mapped_column(UtcTime)


class InputsRow(Table):
    """What a classifier saw, named by its content; `tensors` are as on the wire (name, shape, base64 float32)."""

    __tablename__ = "inputs"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    task: Mapped[str] = mapped_column(String(64))
    tensors: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    received: Mapped[datetime] = mapped_column(UtcTime)


class MarkPackRow(Table):
    """The marks of one kind in [start, end), packed as `biosignal.events.MarkPack` says, to be drawn on any stretch."""

    __tablename__ = "mark_packs"
    __table_args__ = (Index("ix_mark_packs_recording_start", "recording", "start"),)

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    task: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    recording: Mapped[str] = mapped_column(String(200))
    leads: Mapped[list[str]] = mapped_column(JSON)
    fs_hz: Mapped[float] = mapped_column(Float)
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    starts: Mapped[list[int]] = mapped_column(JSON)
    ends: Mapped[list[int]] = mapped_column(JSON)
    labels: Mapped[list[str]] = mapped_column(JSON)
    label: Mapped[list[int]] = mapped_column(JSON)
    origins: Mapped[list[str]] = mapped_column(JSON)
    origin: Mapped[list[int]] = mapped_column(JSON)


class SeriesRow(Table):
    """Quantities over time; `columns` are as on the wire: a quantity and its values, one for each step."""

    __tablename__ = "series"
    __table_args__ = (Index("ix_series_recording_start", "recording", "start"),)

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    task: Mapped[str] = mapped_column(String(64))
    recording: Mapped[str] = mapped_column(String(200))
    leads: Mapped[list[str]] = mapped_column(JSON)
    fs_hz: Mapped[float] = mapped_column(Float)
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    step: Mapped[int] = mapped_column(BigInteger)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class StripRow(Table):
    """Samples behind a finding; `data` is a frame of `biosignal.wire.waveform`."""

    __tablename__ = "strips"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    finding: Mapped[str] = mapped_column(String(200), index=True)
    recording: Mapped[str] = mapped_column(String(200))
    lead: Mapped[str] = mapped_column(String(64))
    start: Mapped[int] = mapped_column(BigInteger)
    fs_hz: Mapped[float] = mapped_column(Float)
    unit: Mapped[str] = mapped_column(String(8))
    data: Mapped[bytes] = mapped_column(LargeBinary)


class AlarmRow(Table):
    """Latest state of an alarm, as the device decided it."""

    __tablename__ = "alarms"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    rev: Mapped[int] = mapped_column(Integer)
    device: Mapped[str] = mapped_column(String(64), index=True)
    recording: Mapped[str] = mapped_column(String(200))
    finding: Mapped[str] = mapped_column(String(200), index=True)
    kind: Mapped[str] = mapped_column(String(64))
    leads: Mapped[list[str]] = mapped_column(JSON)
    priority: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), index=True)
    at: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str] = mapped_column(String(200))
    device_utc: Mapped[str] = mapped_column(String(64))
    received: Mapped[datetime] = mapped_column(UtcTime)


class ExplanationRow(Table):
    """Latest text of an explanation."""

    __tablename__ = "explanations"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    rev: Mapped[int] = mapped_column(Integer)
    finding: Mapped[str] = mapped_column(String(200), index=True)
    finding_rev: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(32))
    model_sha256: Mapped[str | None] = mapped_column(String(64))
    checked: Mapped[str] = mapped_column(Text)
    refused: Mapped[int] = mapped_column(Integer)
    received: Mapped[datetime] = mapped_column(UtcTime)


class LossRow(Table):
    """Samples that do not exist."""

    __tablename__ = "losses"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    recording: Mapped[str] = mapped_column(String(200), index=True)
    start: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)


class ClockRow(Table):
    """Which UTC a sample has, and how sure that is."""

    __tablename__ = "clock_anchors"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    recording: Mapped[str] = mapped_column(String(200), index=True)
    sample: Mapped[int] = mapped_column(BigInteger)
    utc: Mapped[str] = mapped_column(String(64))
    uncertainty_ms: Mapped[float] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(Text)


class ModelReportRow(Table):
    """What a device did with a model."""

    __tablename__ = "model_reports"

    device: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    task: Mapped[str] = mapped_column(String(64))
    bundle: Mapped[str] = mapped_column(String(200), index=True)
    previous: Mapped[str | None] = mapped_column(String(200))
    step: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)
    rung: Mapped[str] = mapped_column(String(32))
    recording: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[int] = mapped_column(BigInteger)
    windows_missed: Mapped[int] = mapped_column(Integer)
    received: Mapped[datetime] = mapped_column(UtcTime)


class CommandRow(Table):
    """A command from its request to the device's answer. `state`: requested, sent, unsent, done, refused, expired."""

    __tablename__ = "commands"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    site: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(ForeignKey("devices.name"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(200))
    arguments: Mapped[dict[str, str]] = mapped_column(JSON)
    about: Mapped[str | None] = mapped_column(String(200), index=True)
    """The alarm, say, that the command is about."""
    state: Mapped[str] = mapped_column(String(16))
    requested: Mapped[datetime] = mapped_column(UtcTime, index=True)
    expires: Mapped[datetime] = mapped_column(UtcTime)
    sent: Mapped[datetime | None] = mapped_column(UtcTime)
    answered: Mapped[datetime | None] = mapped_column(UtcTime)
    reason: Mapped[str] = mapped_column(Text, default="")


class DeadLetterRow(Table):
    """What could not be read or stored, kept as it came until a person looks."""

    __tablename__ = "dead_letters"
    __table_args__ = (UniqueConstraint("topic", "payload_sha256"),)

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(String(400))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    payload_sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    first: Mapped[datetime] = mapped_column(UtcTime)
    last: Mapped[datetime] = mapped_column(UtcTime)
    times: Mapped[int] = mapped_column(Integer, default=1)
    replayed: Mapped[datetime | None] = mapped_column(UtcTime)
