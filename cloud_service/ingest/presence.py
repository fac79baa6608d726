"""How devices last said they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from biosignal.errors import BadInput
from biosignal.events import Status
from biosignal.wire.codec import to_json
from biosignal.wire.envelope import decode_message
from biosignal.wire.topics import Channel, Direction, parse
from cloud_service.access.devices import known_device
from cloud_service.database.connection import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """A status with its device; `fresh` when it is not one the broker had kept."""

    site: str
    device: str
    online: bool
    status: dict[str, Any]
    fresh: bool
    received: datetime


def read_status(topic: str, payload: bytes, *, retained: bool, received: datetime) -> Presence | None:
    """Read a status message; None for what is none, which a status every few seconds makes good."""
    try:
        place = parse(topic)
        status = decode_message("status", payload)
    except BadInput:
        return None
    if place.direction is not Direction.UP or place.channel is not Channel.STATUS or not isinstance(status, Status):
        return None
    return Presence(
        site=place.site,
        device=place.device,
        online=status.online,
        status=to_json(status),
        fresh=not retained,
        received=received,
    )


def is_goodbye(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Whether a status is a device's own word that it stops, and not the last will that the broker says for it.

    The will is written when the line is opened, so it is older than every status that came over that line.
    """
    if before is None or now["online"] or not now.get("boot") or before.get("boot") != now["boot"]:
        return False
    return float(now.get("sent_utc_s") or 0.0) > float(before.get("sent_utc_s") or 0.0)


def note(database: Database, presences: Iterable[Presence]) -> None:
    """Store the latest status of each device. A last will does not count as seen, nor does what a broker kept."""
    with database.write() as session:
        for presence in presences:
            device = known_device(session, name=presence.device, site=presence.site)
            goodbye = is_goodbye(device.status, presence.status)
            if device.site != presence.site or not (presence.fresh or device.status is None or goodbye):
                continue
            if goodbye:
                device.said_goodbye = presence.received
            elif presence.online and presence.fresh:
                device.said_goodbye = None
            if presence.online or goodbye or device.status is None:
                device.status = presence.status
            device.online = presence.online
            if presence.fresh and presence.online:
                device.last_seen = presence.received
