"""Findings, alarms and all other durable events, with their outbox: nothing leaves it without a receipt.

An event and its outbox row are one transaction, on disk when `add` returns. (id, rev) is the only key: adding or
confirming twice changes nothing. When a row is next sent, and how often it was, is the sender's business and lives
in its memory: after a restart everything is due.
"""

import contextlib
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from biosignal.errors import BadInput
from biosignal.events import Command, CommandAnswer, Durable
from biosignal.wire.envelope import Envelope, decode, encode, wrap
from edge_agent.store.database import Database
from edge_agent.store.errors import StoreFull, StoreTrouble
from edge_agent.store.ids import MOST_RECENT, Ids, fill
from edge_agent.store.ids import SCHEMA as IDS
from edge_agent.store.integrity import Plan, Row, Salvage, open_file
from edge_agent.store.lanes import Lane, lane_of
from edge_agent.store.place import RESERVE_BYTES, Reserve, WriterLock, check_folder
from edge_agent.store.reading import EventReader, OutboxRow, is_full, translated, utc_text
from edge_agent.store.retention import TRIM_ROWS, Retention
from edge_agent.store.rows import long_id, pack, short_id, unpack

T = TypeVar("T")
SEQ_JUMP = 1000
"""Numbers left out after rows were lost: none of theirs may ever be given to another event."""

SENT_AGAIN = int(Lane.AGAIN)
PAGE_BYTES = 512
"""A commit writes every page it touched, and one finding touches many: with pages of 4096 bytes it writes four times
as much."""

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


def _adapted(db: Database, table: str, row: Row) -> Row | None:
    """Make a row of this version of a saved one, and believe an event only when its bytes are those that were written.

    Version 1 had the payload as plain text and the recording by name.
    """
    if table == "sequences":
        return {"recording": row["recording"], "next": row["next"]}
    if table != "events":
        return row
    try:
        payload = unpack(row["payload"])
        if zlib.crc32(payload) != row["crc"]:
            return None
        envelope = decode(payload)
    except (BadInput, ValueError, TypeError):
        return None
    id_ = row["id"] if isinstance(row["id"], str) else long_id(row["id"])
    if (envelope.id, envelope.rev, envelope.seq) != (id_, row["rev"], row["seq"]):
        return None
    return {"n": row["n"], **_columns(db, envelope, payload)}


def _columns(db: Database, envelope: Envelope, payload: bytes) -> Row:
    return {
        "id": short_id(envelope.id),
        "rev": envelope.rev,
        "kind": envelope.kind,
        "recording": _place_of(db, envelope.recording or ""),
        "seq": envelope.seq,
        "payload": pack(payload),
        "crc": zlib.crc32(payload),
    }


def _place_of(db: Database, recording: str) -> int:
    row = db.execute("SELECT n FROM sequences WHERE recording = ?", (recording,)).fetchone()
    if row is not None:
        return int(row[0])
    return int(db.execute("INSERT INTO sequences (recording, next) VALUES (?, 0)", (recording,)).lastrowid or 0)


def _mend(db: Database, damaged: frozenset[str]) -> None:
    """Number on behind everything known, and send again what may not have been received."""
    fill(db)
    known = db.execute("SELECT recording, max(seq) + 1 FROM events GROUP BY 1").fetchall()
    for recording, following in known:
        db.execute("UPDATE sequences SET next = max(next, ?) WHERE n = ?", (following, recording))
    if damaged & {"events", "sequences"}:
        db.execute("UPDATE sequences SET next = next + ?", (SEQ_JUMP,))
    if damaged & {"events", "outbox"}:
        db.execute(
            "INSERT OR IGNORE INTO outbox SELECT n, ? FROM events WHERE n NOT IN (SELECT n FROM rejected)",
            (SENT_AGAIN,),
        )


PLAN = Plan(
    name="events",
    first=2,
    migrations=(_SCHEMA_2,),
    tables=("sequences", "events", "outbox", "rejected", "commands"),
    adapted=_adapted,
    mend=_mend,
    page_bytes=PAGE_BYTES,
    log_bytes=4 << 20,
)


class EventStore(EventReader):
    """The durable events of one device, in one SQLite file. Any thread may call; calls take turns.

    Parameters
    ----------
    path : the file; its folder is made where absent.
    device, boot : written into every envelope.
    utc_now : UTC text for `at`. Nothing else here looks at a clock.
    reserve_bytes : space held back in a file beside it, given up when the disk is full.
    ids_held : places of events that are held in memory, see `Ids`.
    on_full : called (without the lock) after that space was given up, to make space: drop waveforms.

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
        ids_held: int = MOST_RECENT,
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
        self._ids = Ids(self._db, most=ids_held)
        self._retention = Retention(self._db, self._ids)

    def _open(self, path: Path, synchronous: str) -> tuple[Database, Salvage | None]:
        at = self._utc_now()
        try:
            return open_file(path, PLAN, at=at, synchronous=synchronous)
        except sqlite3.OperationalError as error:
            if not is_full(error) or not self._reserve.release():
                raise translated(error, path) from error
        return open_file(path, PLAN, at=at, synchronous=synchronous)

    # -- writing

    def add(self, event: Durable, lane: int | None = None) -> Envelope:
        """Store an event and queue it for the clinic; it is on disk when this returns.

        The same (id, rev) again gives the envelope of the first time and queues nothing.

        Raises
        ------
        BadInput : its body does not meet its schema. StoreFull : not even the reserve was enough.
        """
        return self.add_many([event], lane)[0]

    def add_many(self, events: Iterable[Durable], lane: int | None = None) -> list[Envelope]:
        """Store events in one transaction, all or none; each is sent in its own lane unless one is given."""
        batch = [(event, int(lane_of(event)) if lane is None else lane) for event in events]
        return self._write(lambda: [self._insert(event, which) for event, which in batch])

    def confirm(self, pairs: Iterable[tuple[str, int]]) -> int:
        """Take exactly these (id, rev) out of the outbox: the clinic has committed them. Returns how many were in."""
        named = tuple(pairs)

        def work() -> int:
            removed = 0
            for n in filter(None, (self._find(id_, rev) for id_, rev in named)):
                removed += self._leave(n)
                self._change("DELETE FROM rejected WHERE n = ?", (n,))
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
                row = self.waiting(id_, rev)
                if row is not None:
                    values = (row.n, row.lane, self._utc_now(), reason)
                    self._change("INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)", values)
                    moved += self._leave(row.n)
            if moved:
                self._set_meta("last_receipt_at", self._utc_now())
            return moved

        return self._write(work) if named else 0

    def retry_rejected(self, *, containing: tuple[str, ...] = ("",), limit: int = 1_000_000) -> list[OutboxRow]:
        """Queue what was rejected once more, the oldest first, and give those rows.

        At most `limit` rows, and only those whose reason holds one of the texts.
        """
        fits = " OR ".join("instr(reason, ?)" for _ in containing)
        sql = f"SELECT n, lane FROM rejected WHERE {fits} ORDER BY n LIMIT ?"  # noqa: S608  # placeholders only

        def work() -> list[OutboxRow]:
            chosen = self._db.execute(sql, (*containing, limit)).fetchall()
            self._db.conn.executemany("INSERT OR IGNORE INTO outbox (n, lane) VALUES (?, ?)", chosen)
            self._db.conn.executemany("DELETE FROM rejected WHERE n = ?", [(n,) for n, _ in chosen])
            return [row for n, _ in chosen if (row := self._waiting_at(n)) is not None]

        return self._write(work) if self._read("SELECT 1 FROM rejected LIMIT 1") else []

    def trim(self, budget_bytes: int, *, most: int = TRIM_ROWS) -> int:
        """Delete the oldest received events while the file is over budget: one step of at most `most` rows.

        What a finding rests on goes first, then findings and alarms that are over, recordings last. What was not
        received, or was rejected, stays whatever the budget, and so does what is still open. Freed pages are used
        again, so that the file stops growing. Returns how many events were deleted.
        """
        deleted = self._write(lambda: self._retention.step(budget_bytes, most))
        if self._write(self._ids.write_stride):
            with self._lock:
                self._ids.stride_written()
        return deleted

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

    # -- space and end

    @property
    def low_on_space(self) -> bool:
        """Whether the space held back for findings was given up."""
        return not self._reserve.held

    def hold_reserve(self) -> bool:
        """Try to hold space back again after some was freed; True when it is held."""
        with self._lock:
            return self._reserve.held or self._reserve.hold()

    def close(self) -> None:
        """Write the log back and let another process in."""
        with self._lock:
            self._db.conn.close()
            self._writer.release()

    # -- inside

    def _insert(self, event: Durable, lane: int) -> Envelope:
        known = self._find(event.id, getattr(event, "rev", 0))
        if known is not None:
            payload = self._db.execute("SELECT payload FROM events WHERE n = ?", (known,)).fetchone()[0]
            return decode(unpack(payload))
        draft = wrap(event, seq=0, device=self._device, boot=self._boot, at=self._utc_now())
        envelope = replace(draft, seq=self._next_seq(draft.recording or ""))
        row = _columns(self._db, envelope, encode(envelope))
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        added = self._db.execute(f"INSERT INTO events ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
        self._ids.add(envelope.id, int(added.lastrowid or 0))
        self._db.execute("INSERT INTO outbox (n, lane) VALUES (?, ?)", (added.lastrowid, lane))
        return envelope

    def _next_seq(self, recording: str) -> int:
        place = _place_of(self._db, recording)
        seq = int(self._db.execute("SELECT next FROM sequences WHERE n = ?", (place,)).fetchone()[0])
        self._db.execute("UPDATE sequences SET next = ? WHERE n = ?", (seq + 1, place))
        return seq

    def _find(self, id_: str, rev: int | None = None) -> int | None:
        with self._lock:
            places = self._ids.revisions(id_)
        wanted = max(places, default=-1) if rev is None else rev
        return places.get(wanted)

    def _leave(self, n: int) -> int:
        return self._change("DELETE FROM outbox WHERE n = ?", (n,))

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
            self._free_space()
            return self._once(work)
        self._free_space()
        return result

    def _once(self, work: Callable[[], T]) -> T:
        with self._lock:
            try:
                with self._db.atomic():
                    return work()
            except sqlite3.Error as error:
                raise translated(error, self.path) from error

    def _free_space(self) -> None:
        if self.on_full is None:
            return
        with contextlib.suppress(StoreTrouble):  # a finding is not lost because waves could not be dropped
            self.on_full()
        self.hold_reserve()
