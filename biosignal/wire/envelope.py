"""The envelope every durable event travels in, and its committed JSON Schemas.

``{id, rev, seq, kind, schema, device, boot, recording, at, body}``: (id, rev) is the only key for duplicates, `seq`
counts up per recording for loss accounting, `at` is the device's UTC when it was stored (an annotation; samples are
the time).
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, get_args

from jsonschema import Draft202012Validator

from biosignal.errors import BadInput
from biosignal.events import (
    AlarmEvent,
    ClockAnchor,
    Command,
    CommandAnswer,
    Durable,
    Explanation,
    Finding,
    Loss,
    ModelReport,
    Receipt,
    Recording,
    RecordingClosed,
    Status,
    Strip,
    SubjectAssigned,
    Trend,
)
from biosignal.wire.codec import from_json, schema, to_json

SCHEMA_VERSION = 1
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
    "trend": Trend,
    "model.report": ModelReport,
    "command.answer": CommandAnswer,
}
_KIND_OF = {kind: name for name, kind in KINDS.items()}
MESSAGES: dict[str, type[Receipt | Command | Status]] = {"receipt": Receipt, "command": Command, "status": Status}


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A durable event with what is needed to account for it."""

    id: str
    rev: int
    seq: int
    kind: str
    device: str
    boot: str
    recording: str | None
    at: str
    body: Durable


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


def encode(envelope: Envelope) -> bytes:
    """Write an envelope as JSON.

    Raises
    ------
    BadInput : the body does not meet its own schema (a NaN, say).
    """
    fields = {
        name: getattr(envelope, name) for name in ("id", "rev", "seq", "kind", "device", "boot", "recording", "at")
    }
    document = {**fields, "schema": SCHEMA_VERSION, "body": to_json(envelope.body)}
    _check(envelope.kind, document["body"])
    return _dump(document)


def decode(payload: bytes) -> Envelope:
    """Read an envelope; unknown fields are tolerated, missing ones refused.

    Raises
    ------
    BadInput : not JSON, not an envelope, an unknown kind or schema, or a body its schema refuses.
    """
    document = _load(payload)
    _check("envelope", document)
    kind = document["kind"]
    if kind not in KINDS:
        raise BadInput("unknown kind of event", kind=kind, remedy="update the receiving side")
    if document["schema"] != SCHEMA_VERSION:
        raise BadInput("unknown schema version", schema=document["schema"], remedy="update the receiving side")
    _check(kind, document["body"])
    body = from_json(KINDS[kind], document["body"])
    if body.id != document["id"] or getattr(body, "rev", 0) != document["rev"]:
        raise BadInput("envelope and body disagree about (id, rev)", id=document["id"], rev=document["rev"])
    fields = {name: document[name] for name in ("id", "rev", "seq", "kind", "device", "boot", "recording", "at")}
    return Envelope(**fields, body=body)


def encode_message(message: Receipt | Command | Status) -> bytes:
    """Write what is not durable."""
    return _dump({"schema": SCHEMA_VERSION, **to_json(message)})


def decode_message(name: str, payload: bytes) -> Receipt | Command | Status:
    """Read a "receipt", "command" or "status".

    Raises
    ------
    BadInput : not JSON, or its schema refuses it.
    """
    document = _load(payload)
    _check(name, document)
    return from_json(MESSAGES[name], document)


def schemas() -> dict[str, dict[str, Any]]:
    """Derive every JSON Schema from the event classes; what is committed must equal this."""
    written = {name: schema(kind, title=name) for name, kind in {**KINDS, **MESSAGES}.items()}
    text = {"type": "string"}
    count = {"type": "integer", "minimum": 0}
    written["envelope"] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "envelope",
        "type": "object",
        "required": ["id", "rev", "seq", "kind", "schema", "device", "boot", "recording", "at", "body"],
        "properties": {
            "id": text,
            "rev": count,
            "seq": count,
            "kind": text,
            "schema": count,
            "device": text,
            "boot": text,
            "recording": {"type": ["string", "null"]},
            "at": text,
            "body": {"type": "object"},
        },
    }
    return written


@cache
def _validator(name: str) -> Any:
    committed = (
        resources.files("biosignal.wire").joinpath("schemas").joinpath(f"{name}.json").read_text(encoding="utf-8")
    )
    return Draft202012Validator(json.loads(committed))


def _check(name: str, document: Any) -> None:
    error = next(iter(_validator(name).iter_errors(document)), None)
    if error is not None:
        raise BadInput("a message does not meet its schema", kind=name, field=error.json_path, why=error.message[:200])


def _load(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise BadInput("a message is not JSON", length=len(payload)) from error


def _dump(document: dict[str, Any]) -> bytes:
    try:
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise BadInput("a message holds a number JSON cannot write", kind=document.get("kind")) from error


assert set(get_args(Durable)) == set(KINDS.values())
