"""What webhooks are about, from the tables, and as it is sent. No patient, no sample and no text is in it."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from cloud_service.clinic.conditions import BED_SILENT, BED_STOPPED
from cloud_service.clinic.duties import label_of
from cloud_service.database.clinic_tables import ClinicAlarmRow, EscalationRow
from cloud_service.database.event_tables import EventRow
from cloud_service.database.webhook_tables import WebhookRow

FIELDS = ("id", "kind", "priority", "state", "leads", "recording", "finding", "onset", "end", "at", "by", "stream")
"""Fields of alarms and findings that are sent as the device said them."""
_LOST = {BED_SILENT.name: "lost", BED_STOPPED.name: "stopped"}


class Topic(str, Enum):
    """What a webhook may ask for."""

    ALARM = "alarm"
    FINDING = "finding"
    DEVICE = "device"
    ESCALATION = "escalation"
    TEST = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """Something that happened; `key` names it for ever. `device` is empty where it is about the clinic."""

    key: str
    topic: Topic
    device: str
    kind: str
    priority: str
    at: datetime
    facts: Mapping[str, Any]

    def passes(self, hook: WebhookRow) -> bool:
        """Whether a webhook asked for it."""
        pairs = [(hook.topics, self.topic.value), (hook.devices, self.device)]
        pairs += [(hook.priorities, self.priority), (hook.kinds, self.kind)]
        return all(not wanted or value in wanted for wanted, value in pairs)

    def body(self) -> str:
        """As it is sent: JSON."""
        head = {"topic": self.topic.value, "device": self.device or None, "at": self.at.isoformat()}
        return json.dumps({**head, **self.facts}, sort_keys=True)


def of_events(rows: Sequence[EventRow]) -> Iterator[Occurrence]:
    """Give alarms and live findings; what cannot be read is about nothing."""
    for row in rows:
        body = row.body if isinstance(row.body, dict) else {}
        kind = body.get("kind")
        if not isinstance(kind, str) or body.get("stream", "live") != "live":
            continue
        facts = {name: body[name] for name in FIELDS if name in body}
        yield Occurrence(
            key=f"{row.device}/{row.id}/{row.rev}",
            topic=Topic(row.kind),
            device=row.device,
            kind=kind,
            priority=str(body.get("priority")),
            at=row.received,
            facts={**facts, "rev": row.rev, "label": label_of(kind), "origin": "device"},
        )


def of_own(row: ClinicAlarmRow) -> Iterator[Occurrence]:
    """Give the changes of an alarm of the clinic's own; of a bed that is not heard, that it is lost and back."""
    lost = _LOST.get(row.kind)
    steps = [(lost or "active", row.since), ("acknowledged", row.acknowledged)]
    steps.append(("back" if lost else "resolved", row.ended))
    for state, at in steps:
        if at is None or (lost and state == "acknowledged"):
            continue
        facts = {"id": row.id, "kind": row.kind, "label": label_of(row.kind), "priority": row.priority}
        yield Occurrence(
            key=f"{row.id}/{state}",
            topic=Topic.DEVICE if lost else Topic.ALARM,
            device=row.device,
            kind=row.kind,
            priority=row.priority,
            at=at,
            facts={**facts, "state": state, "why": row.why, "by": row.by, "origin": "clinic"},
        )


def of_step(row: EscalationRow) -> Occurrence:
    """Give that somebody was told of an alarm; `person` is null where all were."""
    facts = {"alarm": row.alarm, "kind": row.kind, "label": label_of(row.kind), "priority": row.priority}
    return Occurrence(
        key=f"{row.alarm}/{row.episode}/step {row.step}",
        topic=Topic.ESCALATION,
        device=row.device,
        kind=row.kind,
        priority=row.priority,
        at=row.at,
        facts={**facts, "turn": row.turn, "person": row.person or None, "pages": row.pages},
    )


def signature(secret: str, stamp: int, body: bytes) -> str:
    """HMAC-SHA256 over the time stamp, a full stop and the body, in hexadecimal figures."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
