"""Looking at the durable events: what waits, what was rejected, findings, counts."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from biosignal.events import Finding
from biosignal.wire.envelope import Envelope, decode
from edge_agent.store.connecting import Open, connect, translated
from edge_agent.store.errors import StoreUnwritable
from edge_agent.store.rows import long_id, short_id, unpack

_ROW = "SELECT o.n, e.id, e.rev, o.lane, e.kind, e.payload FROM outbox o JOIN events e ON e.n = o.n"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxRow:
    """An event that waits for the clinic's receipt. `n` is its place in line, `payload` the encoded envelope."""

    n: int
    id: str
    rev: int
    lane: int
    kind: str
    payload: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """An event that the clinic could not read, for `reason`; `at` is when it said so."""

    id: str
    rev: int
    kind: str
    at: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreCounts:
    """The store in numbers. `waiting` are (lane, rows); times are UTC text, absent where there is nothing to time."""

    events: int
    waiting: tuple[tuple[int, int], ...]
    oldest_waiting_at: str | None
    rejected: int
    last_receipt_at: str | None
    size_bytes: int

    @property
    def outbox(self) -> int:
        """Rows that wait, in all lanes."""
        return sum(rows for _, rows in self.waiting)


def utc_text() -> str:
    """Return the time as UTC text to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventReader:
    """Read what an event store holds; any thread may call. `open_reader` gives one beside a running daemon."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self.path = connection, path
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def outbox(
        self, limit: int, lane: int | None = None, *, after: int = 0, until: int | None = None, newest: bool = False
    ) -> list[OutboxRow]:
        """Give what waits behind place `after` and up to `until`, oldest first within a lane, lower lanes first.

        With `newest`, the newest first.
        """
        where, order = "o.n > ?", "o.n" if lane is not None else "o.lane, o.n"
        values = [after]
        for condition, value in (("o.lane = ?", lane), ("o.n <= ?", until)):
            if value is not None:
                where, values = f"{where} AND {condition}", [*values, value]
        sql = f"{_ROW} WHERE {where} ORDER BY {order} {'DESC' if newest else 'ASC'} LIMIT ?"
        return [_outbox_row(row) for row in self._read(sql, (*values, limit))]

    def last_waiting(self) -> int:
        """Place of the newest row that waits; 0 when none does."""
        return int(self._read("SELECT coalesce(max(n), 0) FROM outbox")[0][0])

    def waiting(self, id_: str, rev: int) -> OutboxRow | None:
        """Look up one row of the outbox; None when it is received, rejected or unknown."""
        n = self._find(id_, rev)
        return None if n is None else self._waiting_at(n)

    def _waiting_at(self, n: int) -> OutboxRow | None:
        rows = self._read(f"{_ROW} WHERE o.n = ?", (n,))
        return _outbox_row(rows[0]) if rows else None

    def get(self, id_: str, rev: int | None = None) -> Envelope | None:
        """Look up an event: revision `rev`, or the highest."""
        n = self._find(id_, rev)
        rows = [] if n is None else self._read("SELECT payload FROM events WHERE n = ?", (n,))
        return next(iter(_readable(row[0] for row in rows)), None)

    def events(self, kind: str | None = None, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        """Give stored events in the order they were added."""
        which, values = ("AND kind = ?", (after, kind, limit)) if kind else ("", (after, limit))
        rows = self._read(f"SELECT payload FROM events WHERE n > ? {which} ORDER BY n LIMIT ?", values)  # noqa: S608
        return _readable(row[0] for row in rows)

    def stream(self, kind: str | None = None, *, page: int = 1000) -> Iterator[Envelope]:
        """Yield all stored events in the order they were added, a page at a time."""
        which, values = ("AND kind = ?", (kind,)) if kind else ("", ())
        after = 0
        while rows := self._read(
            f"SELECT n, payload FROM events WHERE n > ? {which} ORDER BY n LIMIT ?",  # noqa: S608  # a constant
            (after, *values, page),
        ):
            after = rows[-1][0]
            yield from _readable(payload for _, payload in rows)

    def newest(self, kind: str) -> Envelope | None:
        """Give the event of a kind that was added last."""
        rows = self._read("SELECT payload FROM events WHERE kind = ? ORDER BY n DESC LIMIT 1", (kind,))
        return next(iter(_readable(row[0] for row in rows)), None)

    def latest(self, kind: str, *, recording: str | None = None, limit: int = 1000) -> list[Envelope]:
        """Give the newest events of a kind, each at its highest revision, oldest first."""
        which = ""
        values: tuple[object, ...] = ()
        if recording is not None:
            # Nothing of a recording was stored before it was opened: no index by recording needs to be kept up to date.
            opened = self._find(recording, 0) or 0
            which, values = (
                "AND n >= ? AND recording = (SELECT n FROM sequences WHERE recording = ?)",
                (opened, recording),
            )
        sql = (
            "SELECT e.payload FROM events e JOIN ("  # noqa: S608  # a constant
            "SELECT n, row_number() OVER (PARTITION BY id ORDER BY rev DESC) AS place, "
            f"min(n) OVER (PARTITION BY id) AS first FROM events WHERE kind = ? {which}) t "
            "ON e.n = t.n WHERE t.place = 1 ORDER BY t.first DESC LIMIT ?"
        )
        rows = self._read(sql, (kind, *values, limit))
        return _readable(row[0] for row in reversed(rows))

    def findings(self, recording: str | None = None, *, limit: int = 1000) -> list[Finding]:
        """Give the newest findings, each at its highest revision, oldest first."""
        bodies = [envelope.body for envelope in self.latest("finding", recording=recording, limit=limit)]
        return [body for body in bodies if isinstance(body, Finding)]

    def rejected(self) -> list[RejectedRow]:
        """Give what the clinic could not read."""
        sql = "SELECT e.id, e.rev, e.kind, r.at, r.reason FROM rejected r JOIN events e ON e.n = r.n ORDER BY r.n"
        return [RejectedRow(id=long_id(i), rev=v, kind=k, at=a, reason=r) for i, v, k, a, r in self._read(sql)]

    def counts(self) -> StoreCounts:
        """Count, for doctor, metrics and the status."""
        with self._lock:
            lanes = self._read("SELECT lane, count(*) FROM outbox GROUP BY lane ORDER BY lane")
            oldest = self._read("SELECT payload FROM events WHERE n = (SELECT min(n) FROM outbox)")
            receipt = self._read("SELECT value FROM meta WHERE name = 'last_receipt_at'")
            size = self._read("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            return StoreCounts(
                events=int(self._read("SELECT count(*) FROM events")[0][0]),
                waiting=tuple((int(lane), int(rows)) for lane, rows in lanes),
                oldest_waiting_at=next((envelope.at for envelope in _readable(row[0] for row in oldest)), None),
                rejected=int(self._read("SELECT count(*) FROM rejected")[0][0]),
                last_receipt_at=str(receipt[0][0]) if receipt else None,
                size_bytes=int(size[0][0]),
            )

    def _find(self, id_: str, rev: int | None = None) -> int | None:
        """Look up where an event lies: of this revision, or of the highest. Only who writes knows without looking."""
        which, values = ("", ()) if rev is None else ("AND rev = ?", (rev,))
        rows = self._read(
            f"SELECT n FROM events WHERE id = ? {which} ORDER BY rev DESC LIMIT 1",  # noqa: S608  # a constant
            (short_id(id_), *values),
        )
        return int(rows[0][0]) if rows else None

    def _read(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return list(self._connection.execute(sql, values).fetchall())
            except sqlite3.Error as error:
                raise translated(error, self.path) from error


def open_reader(path: Path) -> EventReader:
    """Open a store's file for reading only; it may be in use.

    Raises
    ------
    StoreUnwritable : there is no such file, or it cannot be read.
    """
    if not path.exists():
        raise StoreUnwritable("there is no store yet", file=str(path), remedy="start the daemon once")
    return EventReader(connect(path, Open.READ), path)


def _readable(payloads: Iterable[bytes | str]) -> list[Envelope]:
    """Read what can be read: one row that the disk spoiled must not hide the others."""
    envelopes = []
    for payload in payloads:
        with contextlib.suppress(BadInput, ValueError):
            envelopes.append(decode(unpack(payload)))
    return envelopes


def _outbox_row(row: tuple[Any, ...]) -> OutboxRow:
    n, id_, rev, lane, kind, payload = row
    return OutboxRow(n=n, id=long_id(id_), rev=rev, lane=lane, kind=kind, payload=unpack(payload))
