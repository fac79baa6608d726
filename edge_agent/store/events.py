"""Findings, alarms and all other durable events, with their outbox: nothing leaves it without a receipt.

An event and its outbox row are one transaction, on disk when `add` returns. (id, rev) is the only key: adding or
confirming twice changes nothing. When a row is next sent, and how often it was, is the sender's business and lives
in its memory: after a restart everything is due.
"""

import contextlib
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from biosignal.errors import BadInput
from biosignal.events import Command, CommandAnswer, Durable
from biosignal.wire.envelope import Envelope, decode, encode, wrap
from edge_agent.store.database import Database
from edge_agent.store.errors import StoreFull, StoreTrouble
from edge_agent.store.integrity import Plan, Row, Salvage, open_file
from edge_agent.store.place import RESERVE_BYTES, Reserve, WriterLock, check_folder
from edge_agent.store.reading import N_OF, EventReader, is_full, translated, utc_text

T = TypeVar("T")
SEQ_JUMP = 1000
"""Numbers left out after rows were lost: none of theirs may ever be given to another event."""

_SCHEMA_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE events (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, rev INTEGER NOT NULL, kind TEXT NOT NULL,
    recording TEXT, seq INTEGER NOT NULL, at TEXT NOT NULL, payload TEXT NOT NULL, crc INTEGER NOT NULL,
    UNIQUE (id, rev));
CREATE INDEX events_by_kind ON events (kind, n);
CREATE TABLE sequences (recording TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE outbox (n INTEGER PRIMARY KEY REFERENCES events (n) ON DELETE CASCADE, lane INTEGER NOT NULL);
CREATE INDEX outbox_by_lane ON outbox (lane, n);
CREATE TABLE rejected (
    n INTEGER PRIMARY KEY REFERENCES events (n) ON DELETE CASCADE, lane INTEGER NOT NULL, at TEXT NOT NULL,
    reason TEXT NOT NULL);
CREATE TABLE commands (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, issuer TEXT NOT NULL, at TEXT NOT NULL, outcome TEXT)
"""


def _sound(table: str, row: Row) -> bool:
    """Believe a saved event only when its bytes are the ones that were written and can be read."""
    if table != "events":
        return True
    try:
        payload = row["payload"].encode()
        if zlib.crc32(payload) != row["crc"]:
            return False
        envelope = decode(payload)
    except (BadInput, AttributeError):
        return False
    return (envelope.id, envelope.rev, envelope.seq) == (row["id"], row["rev"], row["seq"])


def _mend(db: Database, damaged: frozenset[str]) -> None:
    """After a loss: number on behind everything known, and send again what may not have been received."""
    known = "SELECT coalesce(recording, ''), max(seq) + 1 FROM events GROUP BY 1"
    for recording, following in db.execute(known).fetchall():
        db.execute(
            "INSERT INTO sequences VALUES (?, ?) ON CONFLICT DO UPDATE SET next = max(next, excluded.next)",
            (recording, following),
        )
    if damaged & {"events", "sequences"}:
        db.execute("UPDATE sequences SET next = next + ?", (SEQ_JUMP,))
    if damaged & {"events", "outbox"}:
        db.execute("INSERT OR IGNORE INTO outbox SELECT n, 2 FROM events WHERE n NOT IN (SELECT n FROM rejected)")


PLAN = Plan(
    name="events",
    migrations=(_SCHEMA_1,),
    tables=("events", "sequences", "outbox", "rejected", "commands"),
    sound=_sound,
    mend=_mend,
)


class EventStore(EventReader):
    """The durable events of one device, in one SQLite file. Any thread may call; calls take turns.

    Parameters
    ----------
    path : the file; its folder is made where absent.
    device, boot : written into every envelope.
    utc_now : UTC text for `at`. Nothing else here looks at a clock.
    reserve_bytes : room held back in a file beside it, given up when the disk is full.
    on_full : called (without the lock) after that room was given up, to make space: drop waveforms.

    Raises
    ------
    StoreUnwritable, StoreUnsafe, StoreInUse, StoreForeign : see each.
    """

    def __init__(
        self,
        path: Path,
        device: str,
        boot: str,
        *,
        utc_now: Callable[[], str] = utc_text,
        synchronous: str = "FULL",
        reserve_bytes: int = RESERVE_BYTES,
        on_full: Callable[[], None] | None = None,
    ) -> None:
        self._device, self._boot, self._utc_now = device, boot, utc_now
        self.on_full = on_full
        check_folder(path.parent)
        self._writer = WriterLock(path.with_name(path.name + ".lock"))
        try:
            self._reserve = Reserve(path.with_name(path.name + ".reserve"), reserve_bytes)
            self._db, self.salvage = self._open(path, synchronous)
        except BaseException:
            self._writer.release()
            raise
        super().__init__(self._db.conn, path)

    def _open(self, path: Path, synchronous: str) -> tuple[Database, Salvage | None]:
        at = self._utc_now()
        try:
            return open_file(path, PLAN, at=at, synchronous=synchronous)
        except sqlite3.OperationalError as error:
            if not is_full(error) or not self._reserve.release():
                raise translated(error, path) from error
        return open_file(path, PLAN, at=at, synchronous=synchronous)

    # -- writing

    def add(self, event: Durable, lane: int = 0) -> Envelope:
        """Store an event and queue it for the clinic; it is on disk when this returns.

        The same (id, rev) again gives the envelope of the first time and queues nothing.

        Raises
        ------
        BadInput : its body does not meet its schema. StoreFull : not even the reserve was enough.
        """
        return self._write(lambda: self._insert(event, lane))

    def add_many(self, events: Iterable[Durable], lane: int = 0) -> list[Envelope]:
        """Store events in one transaction: all or none."""
        batch = tuple(events)
        return self._write(lambda: [self._insert(event, lane) for event in batch])

    def confirm(self, pairs: Iterable[tuple[str, int]]) -> int:
        """Take exactly these (id, rev) out of the outbox: the clinic has committed them. Returns how many were in."""
        named = tuple(pairs)

        def work() -> int:
            removed = 0
            for id_, rev in named:
                removed += self._change(f"DELETE FROM outbox WHERE n = {N_OF}", (id_, rev))  # noqa: S608
                self._change(f"DELETE FROM rejected WHERE n = {N_OF}", (id_, rev))  # noqa: S608
            if removed:
                self._set_meta("last_receipt_at", self._utc_now())
            return removed

        return self._write(work) if named else 0

    def reject(self, triples: Iterable[tuple[str, int, str]]) -> int:
        """Move these (id, rev, reason) from the outbox to where a person sees them. Returns how many were moved."""
        named = tuple(triples)

        def work() -> int:
            moved = 0
            for id_, rev, reason in named:
                moved += self._change(
                    f"INSERT OR REPLACE INTO rejected SELECT n, lane, ?, ? FROM outbox WHERE n = {N_OF}",  # noqa: S608
                    (self._utc_now(), reason, id_, rev),
                )
                self._change(f"DELETE FROM outbox WHERE n = {N_OF}", (id_, rev))  # noqa: S608
            if moved:
                self._set_meta("last_receipt_at", self._utc_now())
            return moved

        return self._write(work) if named else 0

    def retry_rejected(self) -> int:
        """Queue everything rejected once more (after the clinic was mended). Returns how many."""

        def work() -> int:
            self._change("INSERT OR IGNORE INTO outbox SELECT n, lane FROM rejected", ())
            return self._change("DELETE FROM rejected", ())

        return self._write(work)

    def trim(self, budget_bytes: int, kinds: tuple[str, ...] = ("trend", "strip")) -> int:
        """Delete the oldest received events of `kinds` while the file is over budget; findings and alarms stay."""
        marks = ", ".join("?" * len(kinds))

        def work() -> int:
            pages = self._db.execute("PRAGMA page_count").fetchone()[0]
            free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
            excess = (pages - free) * self._db.execute("PRAGMA page_size").fetchone()[0] - budget_bytes
            victims: list[tuple[int]] = []
            oldest = (
                f"SELECT n, length(payload) FROM events WHERE kind IN ({marks}) "  # noqa: S608
                "AND n NOT IN (SELECT n FROM outbox) AND n NOT IN (SELECT n FROM rejected) ORDER BY n"
            )
            for n, size in self._db.execute(oldest, kinds):
                if excess <= 0:
                    break
                victims.append((n,))
                excess -= size
            self._db.conn.executemany("DELETE FROM events WHERE n = ?", victims)
            return len(victims)

        return self._write(work)

    # -- commands

    def claim_command(self, command: Command) -> bool:
        """Note that a command is about to be carried out; False when it was claimed before. On disk when it returns."""
        sql = "INSERT OR IGNORE INTO commands (id, name, issuer, at) VALUES (?, ?, ?, ?)"
        return bool(self._write(lambda: self._change(sql, (command.id, command.name, command.issuer, self._utc_now()))))

    def answer_command(self, answer: CommandAnswer) -> Envelope:
        """Store what became of a command and queue the answer, in one transaction."""

        def work() -> Envelope:
            self._change("UPDATE commands SET outcome = ? WHERE id = ?", (answer.outcome, answer.command))
            return self._insert(answer, 0)

        return self._write(work)

    def unanswered_commands(self) -> list[tuple[str, str]]:
        """(id, name) of commands that were claimed and never answered: the process died between."""
        return [(id_, name) for id_, name in self._read("SELECT id, name FROM commands WHERE outcome IS NULL")]

    # -- room and end

    @property
    def low_on_space(self) -> bool:
        """Whether the room held back for findings was given up."""
        return not self._reserve.held

    def hold_reserve(self) -> bool:
        """Try to hold room back again after space was made; True when it is held."""
        with self._lock:
            return self._reserve.held or self._reserve.take()

    def close(self) -> None:
        """Write the log back and let another process in."""
        with self._lock:
            self._db.conn.close()
            self._writer.release()

    # -- inside

    def _insert(self, event: Durable, lane: int) -> Envelope:
        rev = getattr(event, "rev", 0)
        known = self._db.execute("SELECT payload FROM events WHERE id = ? AND rev = ?", (event.id, rev)).fetchone()
        if known is not None:
            return decode(known[0].encode())
        draft = wrap(event, seq=0, device=self._device, boot=self._boot, at=self._utc_now())
        seq = self._next_seq(draft.recording or "")
        envelope = wrap(event, seq=seq, device=self._device, boot=self._boot, at=draft.at)
        payload = encode(envelope)
        row = self._db.execute(
            "INSERT INTO events (id, rev, kind, recording, seq, at, payload, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (event.id, rev, envelope.kind, envelope.recording, seq, envelope.at, payload.decode(), zlib.crc32(payload)),
        )
        self._db.execute("INSERT INTO outbox (n, lane) VALUES (?, ?)", (row.lastrowid, lane))
        return envelope

    def _next_seq(self, recording: str) -> int:
        row = self._db.execute("SELECT next FROM sequences WHERE recording = ?", (recording,)).fetchone()
        seq = int(row[0]) if row else 0
        self._db.execute("INSERT OR REPLACE INTO sequences VALUES (?, ?)", (recording, seq + 1))
        return seq

    def _set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _change(self, sql: str, values: tuple[object, ...]) -> int:
        return int(self._db.execute(sql, values).rowcount)

    def _write(self, work: Callable[[], T]) -> T:
        try:
            return self._once(work)
        except StoreFull:
            self._reserve.release()
        try:
            result = self._once(work)
        except StoreFull:
            self._make_room()
            return self._once(work)
        self._make_room()
        return result

    def _once(self, work: Callable[[], T]) -> T:
        with self._lock:
            try:
                with self._db.atomic():
                    return work()
            except sqlite3.Error as error:
                raise translated(error, self.path) from error

    def _make_room(self) -> None:
        if self.on_full is None:
            return
        with contextlib.suppress(StoreTrouble):  # a finding is not lost because waves could not be dropped
            self.on_full()
        self.hold_reserve()
