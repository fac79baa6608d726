"""What people and the clinic did: devices known, users, sessions, reviews, audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from cloud_service.database.columns import Table, UtcTime
from cloud_service.database.event_tables import RowId


class SiteRow(Table):
    """A site that has devices."""

    __tablename__ = "sites"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    created: Mapped[datetime] = mapped_column(UtcTime)


class DeviceRow(Table):
    """A device, its broker credentials as hashes, and how it last said it was."""

    __tablename__ = "devices"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"))
    created: Mapped[datetime] = mapped_column(UtcTime)
    argon2: Mapped[str | None] = mapped_column(Text)
    """For the embedded broker."""
    pbkdf2: Mapped[str | None] = mapped_column(Text)
    """For mosquitto's password file."""
    revoked: Mapped[datetime | None] = mapped_column(UtcTime)
    last_seen: Mapped[datetime | None] = mapped_column(UtcTime)
    said_goodbye: Mapped[datetime | None] = mapped_column(UtcTime)
    """When it said that it stops; empty while it is there, and when it fell silent without a word."""
    online: Mapped[bool] = mapped_column(Boolean, default=False)
    status: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class ClinicAlarmRow(Table):
    """An alarm that the clinic raised itself: about a bed that it does not hear, or about a part of its own.

    `device` is empty where it is about the clinic. `state` is in the words of IEC 60601-1-8. Rows are never deleted.
    """

    __tablename__ = "clinic_alarms"
    __table_args__ = (Index("ix_clinic_alarms_kind_device", "kind", "device"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    device: Mapped[str] = mapped_column(String(64))
    priority: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), index=True)
    why: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(UtcTime)
    ended: Mapped[datetime | None] = mapped_column(UtcTime)
    acknowledged: Mapped[datetime | None] = mapped_column(UtcTime)
    by: Mapped[str] = mapped_column(String(200))


class BedGroupRow(Table):
    """The group, such as a ward, that a bed belongs to; a bed without a row belongs to none."""

    __tablename__ = "bed_groups"

    device: Mapped[str] = mapped_column(ForeignKey("devices.name"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)


BED, GROUP = "bed", "group"
"""What somebody may answer for."""


class DutyRow(Table):
    """A person who answers for a bed or a group (`of`) of that name; those of one are told by their `place`."""

    __tablename__ = "duties"

    of: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)


class EscalationRow(Table):
    """Somebody was told of an alarm that nobody answered: one step of one episode. Rows are never deleted.

    `episode` is the revision of the alarm by which it came to the state that was told of. `person` is empty where all
    were told; `pages` is how many of those who were told had a page open.
    """

    __tablename__ = "escalations"

    alarm: Mapped[str] = mapped_column(String(200), primary_key=True)
    episode: Mapped[int] = mapped_column(Integer, primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    device: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(64))
    priority: Mapped[str] = mapped_column(String(16))
    turn: Mapped[str] = mapped_column(String(16))
    person: Mapped[str] = mapped_column(String(64))
    pages: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(UtcTime)
    at: Mapped[datetime] = mapped_column(UtcTime)


class UserRow(Table):
    """A person who may log in."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    argon2: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UtcTime)
    disabled: Mapped[datetime | None] = mapped_column(UtcTime)
    must_change: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Whether somebody else knows the password, so that nothing is open until it is changed."""


class SessionRow(Table):
    """A login. Only the hash of its token is kept."""

    __tablename__ = "sessions"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcTime)
    last_used: Mapped[datetime] = mapped_column(UtcTime)
    ended: Mapped[datetime | None] = mapped_column(UtcTime)


class TokenRow(Table):
    """A token for a program, with the account it acts as. Only the hash of it is kept. Rows are never deleted."""

    __tablename__ = "tokens"

    account: Mapped[str] = mapped_column(ForeignKey("users.name"), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    made_by: Mapped[str] = mapped_column(String(64))
    """A user, or the command line."""
    created: Mapped[datetime] = mapped_column(UtcTime)
    expires: Mapped[datetime] = mapped_column(UtcTime)
    last_used: Mapped[datetime | None] = mapped_column(UtcTime)
    revoked: Mapped[datetime | None] = mapped_column(UtcTime)


class ShareRow(Table):
    """A link that shows one finding to whoever has it. Only the hash of its token is kept."""

    __tablename__ = "shares"

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    finding: Mapped[str] = mapped_column(ForeignKey("findings.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    made_by: Mapped[str] = mapped_column(ForeignKey("users.name"))
    created: Mapped[datetime] = mapped_column(UtcTime)
    expires: Mapped[datetime] = mapped_column(UtcTime)
    revoked: Mapped[datetime | None] = mapped_column(UtcTime)
    opened: Mapped[int] = mapped_column(Integer)
    last_opened: Mapped[datetime | None] = mapped_column(UtcTime)


class ReviewRow(Table):
    """A clinician's word on one mark of a finding. Rows are never deleted.

    The mark is that of `task` and `kind` on `leads` at sample `start` of the finding's recording. A row counts when
    `superseded_by` is empty and `verdict` is not "undo". `verdict` is confirm or relabel, or adjudicate from a third
    who decided between readers; of statements also affirm, deny and whole. `label` is one of the task's review labels,
    empty for whole. `model_label` and `bundle` are what the mark said then. An undo is a row of its own that takes over
    the verdict standing before (`restores`), or "undo" when there was none.
    """

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_finding_start", "finding", "start"),)

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    finding: Mapped[str] = mapped_column(ForeignKey("findings.id"))
    finding_rev: Mapped[int] = mapped_column(Integer)
    task: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(64))
    leads: Mapped[list[str]] = mapped_column(JSON)
    start: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(64))
    model_label: Mapped[str | None] = mapped_column(String(64))
    bundle: Mapped[str | None] = mapped_column(String(200))
    model_seen: Mapped[bool] = mapped_column(Boolean)
    reviewer: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    supersedes: Mapped[int | None] = mapped_column(ForeignKey("reviews.row"))
    superseded_by: Mapped[int | None] = mapped_column(RowId)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("reviews.row"))
    restores: Mapped[int | None] = mapped_column(ForeignKey("reviews.row"))


class VerdictRow(Table):
    """A clinician's word on a whole finding: true, false, artefact or other, with a comment. Rows are never deleted.

    A row counts when `superseded_by` is empty and `verdict` is not "withdrawn"; each reader has one that counts.
    """

    __tablename__ = "verdicts"

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    finding: Mapped[str] = mapped_column(ForeignKey("findings.id"), index=True)
    finding_rev: Mapped[int] = mapped_column(Integer)
    verdict: Mapped[str] = mapped_column(String(16))
    comment: Mapped[str] = mapped_column(Text)
    reader: Mapped[str] = mapped_column(ForeignKey("users.name"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    supersedes: Mapped[int | None] = mapped_column(ForeignKey("verdicts.row"))
    superseded_by: Mapped[int | None] = mapped_column(RowId)


class ClaimRow(Table):
    """Somebody reads a finding until a moment, which every word said of it puts off."""

    __tablename__ = "review_claims"

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    finding: Mapped[str] = mapped_column(ForeignKey("findings.id"), index=True)
    reader: Mapped[str] = mapped_column(ForeignKey("users.name"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    until: Mapped[datetime] = mapped_column(UtcTime)


class AnnotationRow(Table):
    """What a reader did to one mark on a recording: added, changed (moved or relabelled), or removed it, or undid that.

    Rows are never deleted. `item` names the mark for this reader: the id of the device's mark, or one of its own.
    `start` and `end` count at `fs_hz`, as the reader left them; `origin` is where the device said it, empty for what
    a reader added. A row of an undo names what it took back in `undoes`; a row that was undone does not count, and of
    what counts the last one of an item says how the reader left it.
    """

    __tablename__ = "annotations"
    __table_args__ = (Index("ix_annotations_recording", "device", "recording", "reader"),)

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    device: Mapped[str] = mapped_column(String(64))
    recording: Mapped[str] = mapped_column(String(200))
    item: Mapped[str] = mapped_column(String(64))
    act: Mapped[str] = mapped_column(String(16))
    task: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(64))
    leads: Mapped[list[str]] = mapped_column(JSON)
    fs_hz: Mapped[float] = mapped_column(Float)
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[str | None] = mapped_column(String(64))
    origin: Mapped[int | None] = mapped_column(BigInteger)
    device_label: Mapped[str | None] = mapped_column(String(200))
    comment: Mapped[str] = mapped_column(Text)
    reader: Mapped[str] = mapped_column(ForeignKey("users.name"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("annotations.row"))


class LimitProfileRow(Table):
    """Limits under a name, for beds that are alike: by task and name, as JSON."""

    __tablename__ = "limit_profiles"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    values: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_by: Mapped[str] = mapped_column(ForeignKey("users.name"))
    at: Mapped[datetime] = mapped_column(UtcTime)


class FeedbackRow(Table):
    """What somebody said of a text: agree, disagree, artefact, other, or better words for it. Rows are never deleted.

    `text` is as it was shown; `finding` and `finding_rev` say for which finding, `kind` of which kind it was; a
    sentence in general has none.
    """

    __tablename__ = "feedback"

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    finding: Mapped[str | None] = mapped_column(ForeignKey("findings.id"), index=True)
    finding_rev: Mapped[int | None] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    says: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    reader: Mapped[str] = mapped_column(ForeignKey("users.name"))
    at: Mapped[datetime] = mapped_column(UtcTime)


class WordsVerdictRow(Table):
    """What a second person said of better words: they are approved for devices, or withdrawn. Rows are never deleted.

    The newest of a suggestion counts. `pattern` is what was approved, as it was shown, for the `part` of the texts of a
    `kind` of finding.
    """

    __tablename__ = "words_verdicts"

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    feedback: Mapped[int] = mapped_column(ForeignKey("feedback.row"), index=True)
    task: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    part: Mapped[str] = mapped_column(String(80))
    pattern: Mapped[str] = mapped_column(Text)
    says: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(ForeignKey("users.name"))
    at: Mapped[datetime] = mapped_column(UtcTime)


class AuditRow(Table):
    """One entry of the audit log; `hash` covers the entry and the hash before it."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(400))
    detail: Mapped[str] = mapped_column(Text)
    """Canonical JSON, as hashed."""
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
