"""Messages to the database in one transaction, and only then the receipts."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from biosignal.events import Receipt
from biosignal.wire.packet import MOST_EVENTS
from cloud_service.access.devices import known_device
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database, is_unavailable
from cloud_service.database.event_tables import AlarmRow, DeadLetterRow, EventRow, FindingRow
from cloud_service.database.upsert import insert_or_keep
from cloud_service.ingest import dead_letters
from cloud_service.ingest.arrival import Accepted, Message, Refused, read_message, refuse, unpacked
from cloud_service.ingest.projection import project

log = logging.getLogger("bedside.ingest")
Address = tuple[str, str]
Key = tuple[str, str, int]
OWNED: dict[str, type[FindingRow] | type[AlarmRow]] = {"finding": FindingRow, "alarm": AlarmRow}
"""Kinds whose ids name their device: no other device may write them. All other ids count per device."""


@dataclass(kw_only=True, slots=True)
class Committed:
    """What a transaction did: new events, those known before, and refusals; with the receipts now owed."""

    new: int = 0
    known: int = 0
    refused: int = 0
    committed: dict[Address, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    rejected: dict[Address, list[tuple[str, int, str]]] = field(default_factory=lambda: defaultdict(list))

    def receipts(self) -> dict[Address, Receipt]:
        """One receipt per device, for what it sent and nothing else."""
        addresses = [*self.committed, *(address for address in self.rejected if address not in self.committed)]
        return {
            address: Receipt(
                committed=tuple(self.committed.get(address, ())),
                rejected=tuple(self.rejected.get(address, ())),
                packet=MOST_EVENTS,
            )
            for address in addresses
        }

    def add(self, other: "Committed") -> None:
        """Count another transaction in."""
        self.new, self.known, self.refused = (
            self.new + other.new,
            self.known + other.known,
            self.refused + other.refused,
        )
        for address, pairs in other.committed.items():
            self.committed[address].extend(pairs)
        for address, triples in other.rejected.items():
            self.rejected[address].extend(triples)


def commit(database: Database, messages: Sequence[Message]) -> Committed:
    """Store messages; when this returns, they are on disk and the receipts may go out.

    A message that cannot be stored, for whatever reason, is set aside alone, so that it cannot hold up the others.

    Raises
    ------
    SQLAlchemyError : the database is away; nothing was stored and nothing may be receipted.
    """
    messages = [one for message in messages for one in unpacked(message)]
    try:
        return _in_one_transaction(database, messages)
    except Exception as error:  # noqa: BLE001  # the border of a batch: one message must never end ingest
        _raise_if_away(error)
    total = Committed()
    for message in messages:
        total.add(_alone(database, message))
    return total


def replay(database: Database, limit: int = 1000) -> Committed:
    """Try the dead letters again; those that go in now are marked as replayed."""
    total = Committed()
    with database.read() as session:
        letters = dead_letters.waiting(session, limit)
    for letter in letters:
        if letter.reason == dead_letters.CONFLICT or dead_letters.CUT in letter.reason:
            continue
        done = commit(database, [Message(topic=letter.topic, payload=letter.payload)])
        total.add(done)
        if not done.refused:
            with database.write() as session:
                session.execute(update(DeadLetterRow).where(DeadLetterRow.row == letter.row).values(replayed=utc_now()))
    return total


def _raise_if_away(error: Exception) -> None:
    if isinstance(error, SQLAlchemyError) and is_unavailable(error):
        raise error


def _alone(database: Database, message: Message) -> Committed:
    try:
        return _in_one_transaction(database, [message])
    except Exception as error:  # the border of a message: whatever it brings about is its own dead letter
        _raise_if_away(error)
        log.warning("ingest.message.set_aside", extra={"topic": message.topic}, exc_info=True)
        refused = _set_aside(message, f"it cannot be stored: {_why(error)}")
    done = Committed()
    with database.write() as session:
        _turn_down(session, [refused], done)
    return done


def _set_aside(message: Message, reason: str) -> Refused:
    try:
        arrival = read_message(message)
    except Exception:  # noqa: BLE001  # the same border: reading it may be what went wrong
        return Refused(message=message, topic=None, named=None, reason=reason)
    return refuse(arrival, reason) if isinstance(arrival, Accepted) else arrival


def _why(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).splitlines()[0][:200] if str(cause) else ''}"


def _in_one_transaction(database: Database, messages: Sequence[Message]) -> Committed:
    done = Committed()
    received = utc_now()
    arrivals = [read_message(message) for message in messages]
    unread = [arrival for arrival in arrivals if isinstance(arrival, Refused)]
    read = [arrival for arrival in arrivals if isinstance(arrival, Accepted)]
    with database.write() as session:
        may, may_not = _sort_out(session, read, done)
        _store(session, may, received, done)
        _turn_down(session, [*unread, *may_not], done)
    return done


def _sort_out(session: Session, read: list[Accepted], done: Committed) -> tuple[list[Accepted], list[Refused]]:
    may: list[Accepted] = []
    may_not: list[Refused] = []
    owners = _owners(session, read)
    devices: dict[str, DeviceRow] = {}
    for accepted in read:
        name = accepted.envelope.device
        device = devices.get(name) or known_device(session, name=name, site=accepted.site)
        devices[name] = device
        if device.site != accepted.site:
            may_not.append(refuse(accepted, f"the device belongs to site {device.site}"))
        elif device.revoked is not None:
            # No answer at all: a rejection would take the event out of the outbox for good, and a revoked device may
            # be given a new password. Until the broker has shut it out it could also fill the dead letters.
            done.refused += 1
        elif _owner(owners, accepted) != device.name:
            may_not.append(refuse(accepted, "the id belongs to another device"))
        else:
            may.append(accepted)
    return may, may_not


def _owner(owners: dict[tuple[str, str], str], accepted: Accepted) -> str:
    envelope = accepted.envelope
    if envelope.kind not in OWNED:
        return envelope.device
    return owners.setdefault((envelope.kind, envelope.id), envelope.device)


def _owners(session: Session, read: list[Accepted]) -> dict[tuple[str, str], str]:
    """Whose the findings and alarms of this batch are, as far as they are known."""
    owners: dict[tuple[str, str], str] = {}
    for kind, table in OWNED.items():
        ids = {accepted.envelope.id for accepted in read if accepted.envelope.kind == kind}
        rows = session.execute(select(table.id, table.device).where(table.id.in_(ids))) if ids else ()
        owners.update({(kind, row.id): row.device for row in rows})
    return owners


def _store(session: Session, may: list[Accepted], received: datetime, done: Committed) -> None:
    by_key: dict[Key, Accepted] = {}
    for accepted in may:
        by_key.setdefault(accepted.key, accepted)
    known = _known(session, by_key)
    fresh = [_row(accepted, received) for key, accepted in by_key.items() if key not in known]
    new = {(row.device, row.id, row.rev) for row in insert_or_keep(session, EventRow, fresh, "device", "id", "rev")}
    # Another worker may have stored an event since: that worker also updates the tables.
    project(session, [accepted for key, accepted in by_key.items() if key in new], received)
    for accepted in may:
        first = by_key[accepted.key]
        _note_conflict(session, accepted, known.get(accepted.key, (first.body_sha256, first.envelope.schema)))
        envelope = accepted.envelope
        done.committed[accepted.site, envelope.device].append((envelope.id, envelope.rev))
    done.new += len(new)
    done.known += len(may) - len(new)
    names = {accepted.envelope.device for accepted in may}
    session.execute(update(DeviceRow).where(DeviceRow.name.in_(names)).values(last_seen=received))


def _known(session: Session, by_key: dict[Key, Accepted]) -> dict[Key, tuple[str, int]]:
    """Which of these events are stored already, with the hash and the schema of what was stored."""
    columns = (EventRow.device, EventRow.id, EventRow.rev)
    wanted = select(*columns, EventRow.body_sha256, EventRow.schema).where(tuple_(*columns).in_(list(by_key)))
    return {(row.device, row.id, row.rev): (row.body_sha256, row.schema) for row in session.execute(wanted)}


def _note_conflict(session: Session, accepted: Accepted, stored: tuple[str, int]) -> None:
    """Keep a second content under one name: a copied device or a restored backup looks like this.

    A device that was updated says an event that it had not seen receipted again in the words of its new version.
    """
    sha256, schema = stored
    if sha256 != accepted.body_sha256 and schema == accepted.envelope.schema:
        dead_letters.bury(session, accepted.message, dead_letters.CONFLICT)


def _row(accepted: Accepted, received: datetime) -> dict[str, object]:
    envelope = accepted.envelope
    return {
        "id": envelope.id,
        "rev": envelope.rev,
        "kind": accepted.kind,
        "schema": envelope.schema,
        "site": accepted.site,
        "device": envelope.device,
        "recording": envelope.recording,
        "seq": envelope.seq,
        "boot": envelope.boot,
        "at": envelope.at,
        "received": received,
        "body_sha256": accepted.body_sha256,
        "body": accepted.body,
    }


def _turn_down(session: Session, refusals: Iterable[Refused], done: Committed) -> None:
    for refused in refusals:
        dead_letters.bury(session, refused.message, refused.reason)
        done.refused += 1
        if refused.topic and refused.named:
            done.rejected[refused.topic.site, refused.topic.device].append((*refused.named, refused.reason))
