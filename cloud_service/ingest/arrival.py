"""Reading a message before it meets the database. Pure: bytes in, an envelope or a reason out."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from biosignal.errors import BadInput
from biosignal.wire.envelope import Envelope, Foreign, decode
from biosignal.wire.packet import split
from biosignal.wire.text import MOST_DEPTH, check_text
from biosignal.wire.topics import Channel, Direction, Topic, parse

LARGEST = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What came from the broker."""

    topic: str
    payload: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """An event that may be stored. `kind` and `body` are as they came, with fields this release does not know."""

    message: Message
    site: str
    envelope: Envelope
    kind: str
    body: dict[str, Any]
    body_sha256: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes it the same event."""
        return self.envelope.device, self.envelope.id, self.envelope.rev


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A message that cannot be stored. The sender is sent the reason when the topic and an (id, rev) could be read."""

    message: Message
    topic: Topic | None
    named: tuple[str, int] | None
    reason: str


Arrival: TypeAlias = Accepted | Refused


def unpacked(message: Message) -> list[Message]:
    """Give each event of a message as a message of its own; one that cannot be split is refused as a whole later."""
    try:
        parts = split(message.payload)
    except BadInput:
        return [message]
    return [message] if len(parts) == 1 else [Message(topic=message.topic, payload=part) for part in parts]


def read_message(message: Message) -> Arrival:
    """Read a message from an event topic.

    The topic's device must be the envelope's and the body's: the broker lets a device write only below its own name,
    so this keeps one device from speaking for another.
    """
    try:
        topic = parse(message.topic)
    except BadInput as error:
        return Refused(message=message, topic=None, named=None, reason=str(error))
    try:
        return _accept(message, topic)
    except BadInput as error:
        return Refused(message=message, topic=topic, named=_named(message.payload), reason=str(error))


def refuse(accepted: Accepted, reason: str) -> Refused:
    """Turn down what could be read but not stored."""
    envelope = accepted.envelope
    topic = parse(accepted.message.topic)
    return Refused(message=accepted.message, topic=topic, named=(envelope.id, envelope.rev), reason=reason)


def _accept(message: Message, topic: Topic) -> Accepted:
    if topic.direction is not Direction.UP or topic.channel is not Channel.EVENT:
        raise BadInput("not an event topic", topic=message.topic)
    if len(message.payload) > LARGEST:
        raise BadInput("the event is too large", length=len(message.payload), largest=LARGEST)
    envelope = decode(message.payload)
    spoken_for = {envelope.device, _device_in(envelope)}
    if spoken_for != {topic.device}:
        raise BadInput("the event speaks for another device", topic=topic.device, says=sorted(map(str, spoken_for)))
    document = json.loads(message.payload)
    body = document["body"]
    return Accepted(
        message=message,
        site=topic.site,
        envelope=envelope,
        kind=document["kind"],
        body=body,
        body_sha256=hashlib.sha256(_canonical(body, message.payload)).hexdigest(),
    )


def _device_in(envelope: Envelope) -> object:
    body = envelope.body
    if isinstance(body, Foreign):
        return body.fields.get("device", envelope.device)
    return getattr(body, "device", envelope.device)


def _canonical(body: dict[str, Any], payload: bytes) -> bytes:
    """Write a body in the one form that is compared; what this release does not read in it is checked here."""
    if payload.count(b"[") + payload.count(b"{") > MOST_DEPTH:
        check_text(body)
    try:
        return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:
        raise BadInput("the event holds a number beyond all bounds") from error


def _named(payload: bytes) -> tuple[str, int] | None:
    if len(payload) > LARGEST:
        return None
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    name, rev = document.get("id"), document.get("rev")
    if not isinstance(name, str) or not isinstance(rev, int) or isinstance(rev, bool):
        return None
    try:
        name.encode()
    except UnicodeEncodeError:
        return None
    return name, rev
