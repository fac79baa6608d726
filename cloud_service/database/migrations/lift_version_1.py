"""Brings what a database of version 1 holds into the shapes of version 2; the wire's own reader lifts each body.

The tables are spelled here as they are at revision 0003, because later revisions may change them.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from biosignal.errors import BadInput
from biosignal.events import Durable, Inputs, Mark, MarkPack, Series
from biosignal.wire.codec import to_json
from biosignal.wire.envelope import Envelope, Foreign, decode, decode_message
from biosignal.wire.v1 import UNKNOWN_FS, with_rate

log = logging.getLogger("bedside.migration")
AT_ONCE = 200
Row = Mapping[Any, Any]


def _table(name: str, texts: str, jsons: str = "", *, received: bool = False) -> sa.TableClause:
    times = [sa.column("received", sa.DateTime(timezone=True))] if received else []
    plain: list[sa.ColumnClause[Any]] = [sa.column(column) for column in texts.split()]
    return sa.table(name, *plain, *(sa.column(column, sa.JSON()) for column in jsons.split()), *times)


EVENTS = _table("events", "row id rev kind device recording seq boot at", "body", received=True)
FINDINGS = _table(
    "findings",
    "id rev task device recording stream kind state priority onset end decided_at at",
    "leads outcome evidence",
    received=True,
)
ALARMS = _table("alarms", "id rev device recording finding kind priority state at by", "leads")
RECORDINGS = _table("recordings", "device id source unit fs_hz started_utc subject previous", "leads")
TRENDS = _table("trends", "device id recording lead start end beats bpm_mean v_beats usable_fraction")
DEVICES = _table("devices", "name", "status")
REVIEWS = _table("reviews", "row finding start task kind", "leads")
NEW: dict[type[Durable], sa.TableClause] = {
    Mark: _table(
        "marks",
        "device id task kind recording start end decided_at state quality label inputs",
        "leads outcome numbers",
        received=True,
    ),
    Inputs: _table("inputs", "device id task", "tensors", received=True),
    MarkPack: _table(
        "mark_packs",
        "device id task kind recording fs_hz start end",
        "leads starts ends labels label origins origin",
    ),
    Series: _table("series", "device id task recording fs_hz start end step", "leads columns"),
}


def lift_everything(connection: sa.Connection) -> None:
    """Fill the new tables and columns from the event log first, then from the rows in force."""
    for event in _each(connection, EVENTS, EVENTS.c.kind.in_(("finding", "trend")), key=EVENTS.c.row):
        lifted = _lifted(event["kind"], event["body"], event)
        if lifted is not None:
            _keep(connection, lifted, event["received"])
    _lift_findings(connection)
    _lift_trends(connection)
    _lift_recordings(connection)
    _lift_alarms(connection)
    _lift_devices(connection)


def lift_reviews(connection: sa.Connection) -> None:
    """Say of each review which mark it is about: the one at its sample of the finding's recording."""
    marks = NEW[Mark]
    wanted = sa.select(REVIEWS.c.row, REVIEWS.c.start, FINDINGS.c.device, FINDINGS.c.recording, FINDINGS.c.leads).where(
        REVIEWS.c.finding == FINDINGS.c.id
    )
    for review in list(connection.execute(wanted)):
        there = sa.select(marks.c.task, marks.c.kind, marks.c.leads).where(
            marks.c.device == review.device, marks.c.recording == review.recording, marks.c.start == review.start
        )
        found = list(connection.execute(there))
        same_leads = [mark for mark in found if mark.leads == review.leads]
        mark = next(iter(same_leads or found), None)
        if mark is None:
            log.warning("migration.review.unplaced", extra={"row": review.row})
            continue
        about = {"task": mark.task, "kind": mark.kind, "leads": mark.leads}
        connection.execute(sa.update(REVIEWS).where(REVIEWS.c.row == review.row).values(about))


def _lift_findings(connection: sa.Connection) -> None:
    """Lift the newest revisions; those that the event log does not hold bring their marks with them."""
    for row in _each(connection, FINDINGS, sa.true(), key=FINDINGS.c.id):
        lifted = _lifted("finding", _body(row, without=("task", "at", "received")), row)
        if lifted is not None:
            _keep(connection, lifted, row["received"])
            body = to_json(lifted.body)
            change = {name: body[name] for name in ("task", "outcome", "evidence")}
            connection.execute(sa.update(FINDINGS).where(FINDINGS.c.id == row["id"]).values(change))


def _lift_trends(connection: sa.Connection) -> None:
    """Lift minutes that the event log does not hold; they have numbers only."""
    now = datetime.now(timezone.utc)
    for row in list(connection.execute(sa.select(TRENDS)).mappings()):
        lifted = _lifted("trend", _body(row, without=("device",)), row)
        if lifted is not None:
            _keep(connection, lifted, now)


def _lift_recordings(connection: sa.Connection) -> None:
    for row in list(connection.execute(sa.select(RECORDINGS)).mappings()):
        lifted = _lifted("recording.opened", _body(row), {**row, "recording": row["id"]})
        if lifted is not None:
            mine = (RECORDINGS.c.device == row["device"], RECORDINGS.c.id == row["id"])
            change = {"leads": to_json(lifted.body)["leads"]}
            connection.execute(sa.update(RECORDINGS).where(*mine).values(change))


def _lift_alarms(connection: sa.Connection) -> None:
    """Give an alarm the leads of its finding: an alarm of version 1 named none."""
    leads = {(row.device, row.id): row.leads for row in connection.execute(sa.select(FINDINGS))}
    for row in list(connection.execute(sa.select(ALARMS.c.id, ALARMS.c.device, ALARMS.c.finding))):
        change = {"leads": leads.get((row.device, row.finding), [])}
        connection.execute(sa.update(ALARMS).where(ALARMS.c.id == row.id).values(change))


def _lift_devices(connection: sa.Connection) -> None:
    """Lift how each device last said it was; what cannot be read is forgotten, the next status says it anew."""
    for row in list(connection.execute(sa.select(DEVICES)).mappings()):
        if row["status"] is None:
            continue
        try:
            status = to_json(decode_message("status", json.dumps({"schema": 1, **row["status"]}).encode()))
        except BadInput:
            status = sa.null()
        connection.execute(sa.update(DEVICES).where(DEVICES.c.name == row["name"]).values(status=status))


def _lifted(kind: str, body: Row, row: Row) -> Envelope | None:
    """Read a body of version 1 as if it came over the line; None where it cannot be read, which leaves it as it was."""
    frame = {"seq": 0, "boot": "", "at": "", "rev": 0, "kind": kind, "schema": 1}
    known = {name: row[name] for name in ("id", "rev", "device", "recording") if name in row}
    try:
        return decode(json.dumps({**frame, **known, "body": dict(body)}).encode())
    except BadInput as error:
        log.warning("migration.row.left", extra={"kind": kind, "id": row["id"], "why": str(error)[:200]})
        return None


def _keep(connection: sa.Connection, lifted: Envelope, received: datetime) -> None:
    """Store what has a table of its own now; what is there already stays."""
    for event in (lifted.body, *lifted.carried):
        if isinstance(event, Foreign) or type(event) not in NEW:
            continue
        table = NEW[type(event)]
        if getattr(event, "fs_hz", None) == UNKNOWN_FS:
            event = with_rate(event, _rate(connection, lifted))
        row = {**to_json(event), "device": lifted.device, "received": received}
        if isinstance(event, Mark):
            row["label"] = event.label
        named = {column: row[column] for column in table.c.keys()}  # noqa: SIM118  # a table iterates over nothing
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(table).values(named).on_conflict_do_nothing())


def _rate(connection: sa.Connection, lifted: Envelope) -> float:
    mine = (RECORDINGS.c.device == lifted.device, RECORDINGS.c.id == lifted.recording)
    return connection.scalar(sa.select(RECORDINGS.c.fs_hz).where(*mine)) or UNKNOWN_FS


def _body(row: Row, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in without}


def _each(
    connection: sa.Connection, table: sa.TableClause, where: sa.ColumnElement[bool], *, key: sa.ColumnClause[Any]
) -> Iterator[Row]:
    """Read rows in order of their key, a few at a time: an event log is larger than memory."""
    wanted = sa.select(table).where(where).order_by(key).limit(AT_ONCE)
    rows = connection.execute(wanted).mappings().all()
    while rows:
        yield from rows
        rows = connection.execute(wanted.where(key > rows[-1][key.name])).mappings().all()
