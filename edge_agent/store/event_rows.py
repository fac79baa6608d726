"""The tables of `events.db`: how an event lies in its row, and how rows of another file are taken in."""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from biosignal.errors import BadInput
from biosignal.wire.envelope import Envelope, decode
from edge_agent.store.database import Database
from edge_agent.store.ids import SCHEMA as IDS
from edge_agent.store.ids import fill
from edge_agent.store.lanes import Lane
from edge_agent.store.pages import Value
from edge_agent.store.plan import Found, Plan, Row, Taken
from edge_agent.store.rows import long_id, pack, short_id, unpack
from edge_agent.store.unsent import kept_beside

SEQ_JUMP = 1000
"""Numbers left out after rows were lost: none of theirs may ever be given to another event."""
SENT_AGAIN = int(Lane.AGAIN)
PAGE_BYTES = 512
"""A commit writes every page it touched, and one finding touches many: with pages of 4096 bytes it writes four times
as much."""
_LARGEST = 1 << 40
LOOKED_AT = 50_000
"""So many waiting events are held against their checksums at a start: less than a second."""

_SCHEMA_2 = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sequences (n INTEGER PRIMARY KEY, recording TEXT NOT NULL UNIQUE, next INTEGER NOT NULL);
CREATE TABLE events (
    n INTEGER PRIMARY KEY, id BLOB NOT NULL, rev INTEGER NOT NULL, kind TEXT NOT NULL,
    recording INTEGER NOT NULL, seq INTEGER NOT NULL, payload BLOB NOT NULL, crc INTEGER NOT NULL);
{IDS};
CREATE INDEX events_by_kind ON events (kind, n) WHERE kind IN ('recording.opened', 'alarm');
CREATE TABLE outbox (n INTEGER PRIMARY KEY, lane INTEGER NOT NULL);
CREATE TABLE rejected (
    n INTEGER PRIMARY KEY, lane INTEGER NOT NULL, at TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE commands (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, issuer TEXT NOT NULL, at TEXT NOT NULL, outcome TEXT)
"""
_NULL = type(None)
_SHAPES: dict[int, tuple[str, tuple[str, ...], tuple[type | tuple[type, ...] | None, ...]]] = {
    9: (  # of version 1
        "events",
        ("n", "id", "rev", "kind", "recording", "seq", "at", "payload", "crc"),
        (None, str, int, str, (str, _NULL), int, str, str, int),
    ),
    8: (
        "events",
        ("n", "id", "rev", "kind", "recording", "seq", "payload", "crc"),
        (None, (bytes, str), int, str, (int, str), int, (bytes, str), int),
    ),
    5: ("commands", ("id", "name", "issuer", "at", "outcome"), (str, str, str, str, (str, _NULL))),
    4: ("rejected", ("n", "lane", "at", "reason"), (None, int, str, str)),
    3: ("sequences", ("n", "recording", "next"), (None, str, int)),
    2: ("outbox", ("n", "lane"), (None, int)),
}
"""By the number of columns: table, names, types. None stands for the rowid, which is NULL in the row itself."""


def columns(db: Database, envelope: Envelope, payload: bytes) -> Row:
    """Give the row of an event, without its place."""
    return {
        "id": short_id(envelope.id),
        "rev": envelope.rev,
        "kind": envelope.kind,
        "recording": place_of(db, envelope.recording or ""),
        "seq": envelope.seq,
        "payload": pack(payload),
        "crc": zlib.crc32(payload),
    }


def place_of(db: Database, recording: str) -> int:
    """Number a recording is stored under; it gets one where it has none."""
    row = db.execute("SELECT n FROM sequences WHERE recording = ?", (recording,)).fetchone()
    if row is not None:
        return int(row[0])
    return int(db.execute("INSERT INTO sequences (recording, next) VALUES (?, 0)", (recording,)).lastrowid or 0)


def recognised(rowid: int, values: Sequence[Value]) -> Found | None:
    """Say of which table a row is, by what it is made of."""
    if len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], int):
        return "sequences", {"recording": values[0], "next": values[1]}  # of version 1
    if len(values) not in _SHAPES:
        return None
    table, names, types = _SHAPES[len(values)]
    for value, kind in zip(values, types, strict=True):
        if value is not None if kind is None else not isinstance(value, kind):
            return None
    row = dict(zip(names, values, strict=True))
    return table, {**row, "n": rowid} if "n" in row else row


def absorb(db: Database, found: Iterator[Found], damaged: bool) -> Taken:
    """Take in the events that are new here, with what the other file knew of sending them.

    An event is believed only when its bytes are those that were written. After damage everything new is sent again.
    """
    taking = _Taking(db)
    for table, row in found:
        taking.take(table, row)
    return taking.finish(damaged)


@dataclass(slots=True)
class _Taking:
    db: Database
    known: dict[tuple[bytes | str, int], int] = field(init=False)
    behind: int = field(init=False)
    places: dict[int, int] = field(default_factory=dict)
    added: list[int] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    waiting: list[tuple[int, int]] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.db.execute("SELECT n, id, rev FROM events").fetchall()
        self.known = {(id_, rev): n for n, id_, rev in rows}
        # Behind what is here, and in the order they had: nothing of a recording lies before its opening.
        self.behind = max((n for n, _, _ in rows), default=0)

    def take(self, table: str, row: Row) -> None:
        if table == "events":
            self._event(row)
        elif table == "outbox":
            self.waiting.append((row["n"], row["lane"]))
        elif table == "rejected":
            self.rejected.append(row)
        elif table == "sequences" and 0 <= row["next"] < _LARGEST:
            self._next(row["recording"], row["next"])
        elif table == "commands":
            sql = "INSERT OR IGNORE INTO commands (id, name, issuer, at, outcome) VALUES (?, ?, ?, ?, ?)"
            values = tuple(row[name] for name in ("id", "name", "issuer", "at", "outcome"))
            self._count("commands", self.db.execute(sql, values).rowcount)

    def _event(self, row: Row) -> None:
        if (row["id"], row["rev"]) in self.known:
            return
        sound = _believed(self.db, row)
        if sound is None:
            self.bad.add(row["n"])
            return
        key = (sound["id"], sound["rev"])
        if key in self.known:
            return
        n: int | None = row["n"] + self.behind
        if (
            not 0 < row["n"] < _LARGEST
            or self.db.execute("SELECT 1 FROM events WHERE n = ?", (n,)).fetchone() is not None
        ):
            n = None
        names = ", ".join(("n", *sound))
        sql = f"INSERT INTO events ({names}) VALUES ({', '.join('?' * (len(sound) + 1))})"  # noqa: S608  # constants
        place = int(self.db.execute(sql, (n, *sound.values())).lastrowid or 0)
        self.known[key] = place
        self.places.setdefault(row["n"], place)
        self.added.append(place)
        self._count("events", 1)

    def _next(self, recording: str, following: int) -> None:
        place = place_of(self.db, recording)
        sql = "UPDATE sequences SET next = ? WHERE n = ? AND next < ?"
        self._count("sequences", self.db.execute(sql, (following, place, following)).rowcount)

    def _count(self, table: str, more: int) -> None:
        self.counts[table] = self.counts.get(table, 0) + more

    def finish(self, damaged: bool) -> Taken:
        for row in self.rejected:
            if (place := self.places.get(row["n"])) is not None:
                values = (place, row["lane"], row["at"], row["reason"])
                added = self.db.execute("INSERT OR IGNORE INTO rejected VALUES (?, ?, ?, ?)", values)
                self._count("rejected", added.rowcount)
        not_rejected = "SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM rejected WHERE n = ?)"
        for n, lane in self.waiting:
            if (place := self.places.get(n)) is not None and lane in tuple(Lane):
                added = self.db.execute(f"INSERT OR IGNORE INTO outbox {not_rejected}", (place, lane, place))
                self._count("outbox", added.rowcount)
        if damaged:
            again = [(place, SENT_AGAIN, place) for place in self.added]
            self.db.conn.executemany(f"INSERT OR IGNORE INTO outbox {not_rejected}", again)
        self._number_on(damaged)
        if not self.behind:
            fill(self.db)
        return Taken(new=self.counts, lost={"events": len(self.bad - self.places.keys())})

    def _number_on(self, damaged: bool) -> None:
        """Number on behind everything known; behind what may be lost as well."""
        known = self.db.execute("SELECT recording, max(seq) + 1 FROM events GROUP BY 1").fetchall()
        for recording, following in known:
            self.db.execute("UPDATE sequences SET next = max(next, ?) WHERE n = ?", (following, recording))
        if damaged:
            self.db.execute("UPDATE sequences SET next = next + ?", (SEQ_JUMP,))


def _believed(db: Database, row: Row) -> Row | None:
    """Make a row of this version of one of another file; None where it is not what was written.

    Version 1 had the payload as plain text and the recording by name.
    """
    try:
        payload = unpack(row["payload"])
        if zlib.crc32(payload) != row["crc"]:
            return None
        envelope = decode(payload)
        id_ = row["id"] if isinstance(row["id"], str) else long_id(row["id"])
    except (BadInput, ValueError, TypeError):
        return None
    if (envelope.id, envelope.rev, envelope.seq) != (id_, row["rev"], row["seq"]):
        return None
    return columns(db, envelope, payload)


def spoiled(connection: sqlite3.Connection) -> str | None:
    """Say which of the newest events that wait for the clinic are not what was written."""
    sql = "SELECT e.payload, e.crc FROM outbox o JOIN events e ON e.n = o.n ORDER BY o.n DESC LIMIT ?"
    count = sum(not _is_as_written(*row) for row in connection.execute(sql, (LOOKED_AT,)))
    return f"{count} events that wait are not what was written" if count else None


def _is_as_written(payload: bytes | str, crc: int) -> bool:
    try:
        return zlib.crc32(unpack(payload)) == crc
    except ValueError:
        return False


PLAN = Plan(
    name="events",
    first=2,
    migrations=(_SCHEMA_2,),
    tables=("sequences", "events", "outbox", "rejected", "commands"),
    recognised=recognised,
    absorb=absorb,
    kept_beside=kept_beside,
    spoiled=spoiled,
    page_bytes=PAGE_BYTES,
    log_bytes=4 << 20,
)
