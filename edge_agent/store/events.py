"""Findings, alarms and all other durable events, with their outbox: nothing leaves it without a receipt.

An event and its outbox row are one transaction, on disk when `add` returns. (id, rev) is the only key: adding or
confirming twice changes nothing. When a row is next sent, and how often it was, is the sender's business and lives
in its memory: after a restart everything is due.
"""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from biosignal.events import Command, CommandAnswer, Durable
from biosignal.wire.envelope import Envelope, decode, encode, wrap
from edge_agent.store.again import STEP_ROWS, SentAgain, as_second, count_gone, count_held, place_before, queue_step
from edge_agent.store.connecting import translated
from edge_agent.store.database import Database
from edge_agent.store.errors import StoreFull, StoreTrouble, StoreUnwritable
from edge_agent.store.event_rows import PLAN, columns, place_of
from edge_agent.store.ids import MOST_RECENT, Ids
from edge_agent.store.lanes import lane_of
from edge_agent.store.opened import OpenStore
from edge_agent.store.plan import Salvage
from edge_agent.store.reading import EventReader, OutboxRow, utc_text
from edge_agent.store.retention import TRIM_ROWS, Retention
from edge_agent.store.rows import unpack
from edge_agent.store.space import OwnSpace
from edge_agent.store.unsent import Record, UnsentCopy

T = TypeVar("T")
RESERVE_BYTES = 8 << 20
STEPS = 64
"""So often the file may grow for one transaction: more is not for lack of space in it."""


class EventStore(EventReader):
    """The durable events of one device, in one SQLite file. Any thread may call; calls take turns.

    Parameters
    ----------
    path : the file; its folder is made where absent.
    device, boot : written into every envelope.
    utc_now : UTC text for `at`. Nothing else here looks at a clock.
    reserve_bytes : space held back inside the file, given up when the disk is full, beside that of the log.
    ids_held : places of events that are held in memory, see `Ids`.
    on_full : called (without the lock) after that space was given up, to make space: drop waveforms.
    stand_in_bytes : most that is held in memory while the file cannot be opened now, until `bring_back`; 0: none.

    Raises
    ------
    StoreMisplaced, StoreUnsafe, StoreInUse, StoreForeign : see each.
    StoreFull, StoreUnwritable, StoreTrouble : it cannot be opened now, and nothing may stand in.
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
        stand_in_bytes: int = 0,
    ) -> None:
        self._device, self._boot, self._utc_now = device, boot, utc_now
        self.on_full = on_full
        self._ids_held = ids_held
        self.forgotten = 0
        space = OwnSpace(
            path,
            page_bytes=PLAN.page_bytes,
            log_bytes=min(PLAN.log_bytes, reserve_bytes // 2),
            held_bytes=reserve_bytes,
        )
        self._file = OpenStore(
            path, PLAN, space, utc_now=utc_now, synchronous=synchronous, stand_in_bytes=stand_in_bytes
        )
        super().__init__(self._file.db.conn, path)
        self._unsent = UnsentCopy(path)
        self._use(self._file.db)

    def _use(self, db: Database) -> None:
        self._db, self._connection = db, db.conn
        self._ids = Ids(db, most=self._ids_held)
        self._retention = Retention(db, self._ids, held=lambda: self._file.space.held_bytes)
        if self._file.away is None:
            self._unsent.follow(db)

    # -- without its file

    @property
    def salvage(self) -> Salvage | None:
        """What was saved out of a damaged file, or found beside this one, when it was opened."""
        return self._file.salvage

    @property
    def away(self) -> str | None:
        """Why the file cannot be opened, while everything is held in memory; None when it is open."""
        return self._file.why_away

    def bring_back(self) -> bool:
        """Try to open the file again; what was held in memory goes into it. True when the file is open."""
        return self._file.bring_back(self._lock, self._use)

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

        queued = self._write(work) if self._read("SELECT 1 FROM rejected LIMIT 1") else []
        if queued and self._file.away is None:
            with self._lock:
                self._unsent.follow(self._db)
        return queued

    def send_again(self, since: str | None) -> SentAgain:
        """Queue once more what was stored at or after a UTC time, step by step; with None, everything that is held.

        What was stored behind the first event of that time goes as well, whatever the clock said then.

        Raises
        ------
        BadInput : `since` is no time with a zone. StoreUnwritable : the file is not open now. StoreFull : no space.
        """
        second = as_second(since) if since is not None else None
        if self.away is not None:
            raise StoreUnwritable("the store cannot be opened now, so what it holds cannot be sent", why=self.away)
        start = at = place_before(self._read, second) if second is not None else 0
        last = int(self._read("SELECT coalesce(max(n), 0) FROM events")[0][0])
        queued = waiting = 0
        held: Counter[int] = Counter()
        while at < last:
            after, at = at, min(at + STEP_ROWS, last)
            more = self._write(partial(queue_step, self._db, after, at))
            queued, waiting = queued + more[0], waiting + more[1]
            held += count_held(self._read, after, at)
        return SentAgain(
            queued=queued, waiting=waiting, gone=count_gone(self._read, held, start, lambda id_: self._find(id_, 0))
        )

    def trim(self, budget_bytes: int, *, most: int = TRIM_ROWS) -> int:
        """Delete the oldest received events while the file is over budget: one step of at most `most` rows.

        What a finding rests on goes first, then findings and alarms that are over, recordings last. What was not
        received, or was rejected, stays whatever the budget, and so does what is still open. Freed pages are used
        again, so that the file stops growing. Returns how many events were deleted.
        """
        deleted = self._write(lambda: self._retention.step(budget_bytes, most))
        with self._lock:
            self._unsent.put_right()
        if self._write(self._ids.write_stride):
            with self._lock:
                self._ids.stride_written()
        return deleted

    # -- of the bed

    def note(self, name: str, text: str) -> None:
        """Keep a text under a name; on disk when it returns."""
        self._write(lambda: self._set_meta(name, text))

    def noted(self, name: str) -> str | None:
        """What was kept under a name."""
        rows = self._read("SELECT value FROM meta WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

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
        """Whether the space held back for findings was given up, or the file cannot grow."""
        return self._file.space.short

    def hold_reserve(self) -> bool:
        """Try to hold space back again after some was freed; True when it is held."""
        with self._lock:
            return self._file.space.hold()

    def close(self) -> None:
        """Write the log back and let another process in."""
        with self._lock:
            self._unsent.close()
            self._file.close()

    # -- inside

    def _insert(self, event: Durable, lane: int) -> Envelope:
        known = self._find(event.id, getattr(event, "rev", 0))
        if known is not None:
            payload = self._db.execute("SELECT payload FROM events WHERE n = ?", (known,)).fetchone()[0]
            return decode(unpack(payload))
        draft = wrap(event, seq=0, device=self._device, boot=self._boot, at=self._utc_now())
        envelope = replace(draft, seq=self._next_seq(draft.recording or ""))
        row = columns(self._db, envelope, encode(envelope))
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        added = self._db.execute(f"INSERT INTO events ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
        self._ids.add(envelope.id, int(added.lastrowid or 0))
        self._db.execute("INSERT INTO outbox (n, lane) VALUES (?, ?)", (added.lastrowid, lane))
        place, payload, crc = int(added.lastrowid or 0), row["payload"], row["crc"]
        self._unsent.note(Record(place, lane, envelope.id, envelope.rev, envelope.seq, crc, payload))
        return envelope

    def _next_seq(self, recording: str) -> int:
        place = place_of(self._db, recording)
        seq = int(self._db.execute("SELECT next FROM sequences WHERE n = ?", (place,)).fetchone()[0])
        self._db.execute("UPDATE sequences SET next = ? WHERE n = ?", (seq + 1, place))
        return seq

    def _find(self, id_: str, rev: int | None = None) -> int | None:
        with self._lock:
            places = self._ids.revisions(id_)
        wanted = max(places, default=-1) if rev is None else rev
        return places.get(wanted)

    def _leave(self, n: int) -> int:
        row = self._db.execute("SELECT lane FROM outbox WHERE n = ?", (n,)).fetchone()
        if row is None:
            return 0
        self._unsent.left(row[0])
        return self._change("DELETE FROM outbox WHERE n = ?", (n,))

    def _set_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _change(self, sql: str, values: tuple[object, ...]) -> int:
        return int(self._db.execute(sql, values).rowcount)

    def _write(self, work: Callable[[], T]) -> T:
        given_up = False
        for more in (iter((True,)), self._in_place(), self._of_others()):
            for found in more:
                if not found:
                    break
                try:
                    result = self._once(work)
                except StoreFull as error:
                    full = error
                    given_up = given_up or self.low_on_space
                    continue
                if given_up and self.low_on_space:
                    self._free_space()
                return result
        raise full

    def _in_place(self) -> Iterator[bool]:
        """Find space for a transaction, step by step, without a look at what else is on the disk."""
        if self._file.away is not None:
            for _ in range(STEPS):
                yield self._forget()
            return
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        for step in (self._file.space.grow, self._file.space.release):
            for _ in range(STEPS):
                with self._lock:
                    more = step()
                if not more:
                    break
                yield True

    def _of_others(self) -> Iterator[bool]:
        """Find space that waves take, then what events take that were received."""
        self._free_space()
        yield True
        with contextlib.suppress(StoreTrouble):
            yield bool(self._once(lambda: self._retention.step(0, TRIM_ROWS)))

    def _once(self, work: Callable[[], T]) -> T:
        with self._lock:
            self._unsent.begin()
            try:
                with self._db.atomic():
                    result = work()
                self._unsent.committed()
                self._file.space.settle()
            except sqlite3.Error as error:
                raise translated(error, self.path) from error
            return result

    def _free_space(self) -> None:
        if self.on_full is None:
            return
        with contextlib.suppress(StoreTrouble):  # a finding is not lost because waves could not be dropped
            self.on_full()
        self.hold_reserve()

    def _forget(self) -> bool:
        """Memory is full: forget what matters least and is oldest, and count it."""
        oldest = "SELECT n FROM outbox ORDER BY lane DESC, n LIMIT ?"
        with self._lock, self._db.atomic():
            chosen = self._db.execute(oldest, (TRIM_ROWS,)).fetchall()
            self._db.conn.executemany("DELETE FROM events WHERE n = ?", chosen)
            self._db.conn.executemany("DELETE FROM outbox WHERE n = ?", chosen)
        self.forgotten += len(chosen)
        return bool(chosen)
