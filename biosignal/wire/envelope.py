"""The envelope every durable event travels in, and the JSON Schemas of all that crosses the line.

``{id, rev, seq, kind, schema, device, boot, recording, at, body}``: (id, rev) is the only key for duplicates, `seq`
counts up per recording for loss accounting, `at` is the device's UTC when it was stored (an annotation; samples are
the time). What version 1 wrote is lifted to this version as it is read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from biosignal.errors import BadInput
from biosignal.events import (
    AlarmEvent,
    ClockAnchor,
    Command,
    CommandAnswer,
    Durable,
    Explanation,
    Finding,
    Inputs,
    Loss,
    Mark,
    MarkPack,
    ModelReport,
    Receipt,
    Recording,
    RecordingClosed,
    Series,
    Status,
    Strip,
    SubjectAssigned,
)
from biosignal.wire import v1
from biosignal.wire.codec import from_json, schema, to_json
from biosignal.wire.text import check_text, may_need_a_look, read_text, without_controls

SCHEMA_VERSION = 2
KINDS: dict[str, type[Durable]] = {
    "recording.opened": Recording,
    "recording.closed": RecordingClosed,
    "subject.assigned": SubjectAssigned,
    "loss": Loss,
    "clock.anchor": ClockAnchor,
    "finding": Finding,
    "strip": Strip,
    "alarm": AlarmEvent,
    "explanation": Explanation,
    "mark": Mark,
    "inputs": Inputs,
    "marks": MarkPack,
    "series": Series,
    "model.report": ModelReport,
    "command.answer": CommandAnswer,
}
_DISAGREE = "envelope and body disagree about (id, rev)"
_KIND_OF = {kind: name for name, kind in KINDS.items()}
Message: TypeAlias = Receipt | Command | Status
MESSAGES: dict[str, type[Message]] = {"receipt": Receipt, "command": Command, "status": Status}


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign:
    """An event of a kind that this version does not know: kept and shown as it came. `fields` is the whole body."""

    id: str
    rev: int
    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A durable event with what is needed to account for it.

    Parameters
    ----------
    schema : the version it was written in; the body is always of this version.
    carried : what a version-1 body held inside itself, as events of their own, in the order in which they are to be
        stored before the body.
    """

    id: str
    rev: int
    seq: int
    kind: str
    device: str
    boot: str
    recording: str | None
    at: str
    body: Durable | Foreign
    schema: int = SCHEMA_VERSION
    carried: tuple[Durable, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    """The fields around a body."""

    id: str
    rev: int
    seq: int
    kind: str
    schema: int
    device: str
    boot: str
    recording: str | None
    at: str


def wrap(event: Durable, *, seq: int, device: str, boot: str, at: str) -> Envelope:
    """Put an event in its envelope."""
    recording = event.id if isinstance(event, Recording) else getattr(event, "recording", None)
    return Envelope(
        id=event.id,
        rev=getattr(event, "rev", 0),
        seq=seq,
        kind=_KIND_OF[type(event)],
        device=device,
        boot=boot,
        recording=recording,
        at=at,
        body=event,
    )


def body_json(body: Durable | Foreign) -> dict[str, Any]:
    """Write a body alone as JSON values; that of a foreign event as it came."""
    return dict(body.fields) if isinstance(body, Foreign) else dict(to_json(body))


def encode(envelope: Envelope) -> bytes:
    """Write an envelope as JSON, in this version.

    Raises
    ------
    BadInput : a field holds what the other end would refuse (a NaN, say).
    """
    fields = {
        name: getattr(envelope, name) for name in ("id", "rev", "seq", "kind", "device", "boot", "recording", "at")
    }
    return _dump({**fields, "schema": SCHEMA_VERSION, "body": body_json(envelope.body)})


def decode(payload: bytes) -> Envelope:
    """Read an envelope of this version or of version 1; unknown fields are tolerated, missing ones refused.

    An unknown kind is no fault: its body is `Foreign`.

    Raises
    ------
    BadInput : not JSON, not an envelope, an unknown schema version, or a body that does not meet its schema.
    """
    document = read_text(payload)
    head = _head(document)
    if head.schema not in (1, SCHEMA_VERSION):
        raise BadInput("unknown schema version", schema=head.schema, remedy="update the receiving side")
    fields = document["body"]
    if head.schema == 1 and head.kind in v1.BODIES:
        body, carried = v1.lift(head.kind, fields)
        return _envelope(head, body, carried)
    if head.kind not in KINDS:
        return _envelope(head, _foreign(head, fields), ())
    return _envelope(head, from_json(KINDS[head.kind], fields), ())


def _head(document: Any) -> _Head:
    head = from_json(_Head, document)
    if min(head.rev, head.seq, head.schema) < 0 or not isinstance(document.get("body"), dict):
        raise BadInput("an envelope needs counts from 0 and a body", id=head.id, rev=head.rev, seq=head.seq)
    return head


def _foreign(head: _Head, fields: dict[str, Any]) -> Foreign:
    check_text(fields)
    if fields.get("id") != head.id or fields.get("rev", 0) != head.rev:
        raise BadInput(_DISAGREE, id=head.id, rev=head.rev)
    return Foreign(id=head.id, rev=head.rev, kind=head.kind, fields=fields)


def _envelope(head: _Head, body: Durable | Foreign, carried: tuple[Durable, ...]) -> Envelope:
    if body.id != head.id or getattr(body, "rev", 0) != head.rev:
        raise BadInput(_DISAGREE, id=head.id, rev=head.rev)
    return Envelope(
        id=head.id,
        rev=head.rev,
        seq=head.seq,
        kind=head.kind if isinstance(body, Foreign) else _KIND_OF[type(body)],
        device=head.device,
        boot=head.boot,
        recording=head.recording,
        at=head.at,
        body=body,
        schema=head.schema,
        carried=carried,
    )


def encode_message(message: Message) -> bytes:
    """Write what is not durable.

    Raises
    ------
    BadInput : a field holds what the other end would refuse.
    """
    return _dump({"schema": SCHEMA_VERSION, **to_json(message)})


def decode_message(name: str, payload: bytes) -> Message:
    """Read a "receipt", "command" or "status", of this version or of version 1.

    Its version is no reason to refuse it: a newer clinic's receipt, readable as it is, must reach an older device.

    Raises
    ------
    BadInput : not JSON, or its schema refuses it.
    """
    document = read_text(payload)
    if name == "status" and isinstance(document, dict) and document.get("schema") == 1:
        return v1.lift_status(document)
    return from_json(MESSAGES[name], document)


def schemas() -> dict[str, dict[str, Any]]:
    """Derive every JSON Schema from the event classes; what is committed must equal this."""
    written = {name: schema(kind, title=name) for name, kind in {**KINDS, **MESSAGES}.items()}
    head = schema(_Head, title="envelope")
    for name in ("rev", "seq", "schema"):
        head["properties"][name]["minimum"] = 0
    head["properties"]["body"] = {"type": "object"}
    head["required"].append("body")
    return {**written, "envelope": head}


def _dump(document: dict[str, Any]) -> bytes:
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    if may_need_a_look(text):
        check_text(document)
        text = json.dumps(without_controls(document), allow_nan=False, separators=(",", ":"))
    return text.encode()


assert set(get_args(Durable)) == set(KINDS.values())
