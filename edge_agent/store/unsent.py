"""A second copy of the findings and alarms that the clinic has not received, in a file beside `events.db`.

What waits for the clinic is nowhere else, and it lies on the newest pages, which go first when a file loses its end. So
each such row is appended to a file of its own with its checksum, and the file is emptied once none of them waits. It is
read when `events.db` is damaged, and an event that is found in both is taken once. The file is never flushed: a power
cut takes the newest of it and damages no database, and what it lacks is put right when the store is next opened.
"""

import logging
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge_agent.store.database import Database
from edge_agent.store.lanes import Lane
from edge_agent.store.plan import Found
from edge_agent.store.rows import long_id, short_id

log = logging.getLogger(__name__)
LANES = (int(Lane.FINDINGS), int(Lane.AGAIN), int(Lane.RECORDINGS))
SLACK = 10_000
"""So many records more than what waits are kept before the file is written anew."""
_MAGIC = b"\xf5uns"
_HEAD = struct.Struct(">qqqqIII")
_CHECK = struct.Struct(">I")
_COUNT = "SELECT count(*) FROM outbox WHERE lane IN (?, ?, ?)"
_WAITING = """
FROM outbox o JOIN events e ON e.n = o.n WHERE o.lane IN (?, ?, ?)
AND e.kind NOT IN ('inputs', 'mark', 'marks', 'series', 'strip') ORDER BY o.n
"""


class Record(NamedTuple):
    """One waiting event. `payload` and `crc` are as in its row."""

    n: int
    lane: int
    id: str
    rev: int
    seq: int
    crc: int
    payload: bytes

    def encoded(self) -> bytes:
        """Write it so that it can be found and checked whatever stands around it."""
        name = self.id.encode()
        head = _HEAD.pack(self.n, self.lane, self.rev, self.seq, self.crc, len(name), len(self.payload))
        content = head + name + self.payload
        return _MAGIC + content + _CHECK.pack(zlib.crc32(content))


class UnsentCopy:
    """The copy of one store. Every call is made under the lock of the store.

    Whatever happens to this file, no call raises: without it the store is as safe as its own file.

    Parameters
    ----------
    path : the store's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = copy_of(path)
        self._db: Database | None = None
        self._file = -1
        self._noted: list[bytes] = []
        self._more = self._waits = self._records = 0
        self._is_whole = False

    def follow(self, db: Database) -> None:
        """Copy what waits in this database from now on, and put the file right."""
        self.close()
        self._db = db
        try:
            self._waits = int(db.execute(_COUNT, LANES).fetchone()[0])
            held = {(record.n, record.crc) for record in records(self._path)} if self._waits else set()
            self._reopen()
            self._records = len(held)
            waiting = db.execute(f"SELECT o.n, e.crc {_WAITING}", LANES) if self._waits else ()
            self._is_whole = all((n, crc) in held for n, crc in waiting)
        except (OSError, sqlite3.Error) as error:
            self._fail(error)
            return
        self._empty_or_renew()

    def begin(self) -> None:
        """A transaction begins: forget what one that failed had noted."""
        self._noted, self._more = [], 0

    def note(self, record: Record) -> None:
        """Say that a row of the transaction waits for the clinic."""
        if record.lane in LANES:
            self._noted.append(record.encoded())
            self._more += 1

    def left(self, lane: int) -> None:
        """Say that a row of that lane waits no more."""
        self._more -= lane in LANES

    def committed(self) -> None:
        """The transaction is on disk."""
        self._waits += self._more
        if self._waits <= 0:
            self._empty_or_renew()
        elif self._noted and self._is_whole:
            self._append(b"".join(self._noted), len(self._noted))
        self.begin()

    def put_right(self) -> None:
        """Write the file anew where it lacks something, or holds much that was received."""
        if self._db is not None:
            self._empty_or_renew()

    def close(self) -> None:
        """Leave the file as it is."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._db, self._is_whole = -1, None, False
        self.begin()

    def _reopen(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _empty_or_renew(self) -> None:
        try:
            if self._waits <= 0:
                if self._file >= 0 and os.fstat(self._file).st_size:
                    os.ftruncate(self._file, 0)
                self._waits, self._records, self._is_whole = 0, 0, self._file >= 0
            elif not self._is_whole or self._records > 2 * self._waits + SLACK:
                self._renew()
        except (OSError, sqlite3.Error) as error:
            self._fail(error)

    def _renew(self) -> None:
        assert self._db is not None
        sql = f"SELECT o.n, o.lane, e.id, e.rev, e.seq, e.crc, e.payload {_WAITING}"
        new, count = self._path.with_name(self._path.name + ".new"), 0
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                for n, lane, id_, rev, seq, crc, payload in self._db.execute(sql, LANES):
                    file.write(Record(n, lane, long_id(id_), rev, seq, crc, payload).encoded())
                    count += 1
            new.replace(self._path)
        finally:
            new.unlink(missing_ok=True)
        self._reopen()
        self._records, self._is_whole = count, True

    def _append(self, content: bytes, count: int) -> None:
        try:
            # Of a write that a full disk cut short the beginning stays: who reads it sees that it is not whole.
            self._is_whole = os.write(self._file, content) == len(content)
            self._records += count
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError | sqlite3.Error) -> None:
        self._is_whole = False
        log.warning("store.unsent.failed", extra={"facts": {"file": self._path.name, "why": str(error)}})


def copy_of(path: Path) -> Path:
    """Where the copy of a store's file lies."""
    return path.with_name(path.name + ".unsent")


def records(path: Path) -> Iterator[Record]:
    """Yield every record of a copy whose bytes are those that were written; none where it cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return
    at = content.find(_MAGIC)
    while at >= 0:
        record, end = _record(content, at + len(_MAGIC))
        if record is not None:
            yield record
        at = content.find(_MAGIC, end)


def _record(content: bytes, at: int) -> tuple[Record | None, int]:
    """Read the record that begins there; None, and where to look on, where there is none."""
    if at + _HEAD.size > len(content):
        return None, at
    n, lane, rev, seq, crc, name, length = _HEAD.unpack_from(content, at)
    start = at + _HEAD.size + name
    end = start + length
    if end + _CHECK.size > len(content) or _CHECK.unpack_from(content, end)[0] != zlib.crc32(content[at:end]):
        return None, at
    id_ = content[at + _HEAD.size : start].decode()
    return Record(n, lane, id_, rev, seq, crc, content[start:end]), end + _CHECK.size


def kept_beside(path: Path) -> Iterator[Found]:
    """Yield the rows that the copy of a store holds, as rows of its tables."""
    for record in records(copy_of(path)):
        row = {**record._asdict(), "id": short_id(record.id)}
        yield "events", row
        yield "outbox", row
