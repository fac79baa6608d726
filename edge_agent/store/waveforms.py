"""Samples on disk: ten-second chunks per lead, each a checked frame, within a budget of bytes.

Chunks lie on absolute sample indices, so however the blocks were cut, the same recording gives the same rows. They
are committed when ten seconds of all leads are full (every 40 ms would write 142 times the data); what is not yet on
disk is read from memory. What is absent from `read` does not exist: a gap, or dropped to free space. Each lead counts
its samples at its own rate.
"""

import contextlib
import logging
import math
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from biosignal.errors import BadInput, BrokenStream
from biosignal.signal.blocks import Lead, SampleBlock, Samples
from biosignal.wire.waveform import WaveChunk, chunk_id, decode_wave, encode_wave, quantise
from edge_agent.store.connecting import translated
from edge_agent.store.database import Database
from edge_agent.store.errors import StoreFull
from edge_agent.store.opened import OpenStore
from edge_agent.store.pages import Value
from edge_agent.store.plan import Found, Plan, Row, Salvage, Taken
from edge_agent.store.reading import utc_text
from edge_agent.store.space import OwnSpace

log = logging.getLogger(__name__)
CHUNK_S = 10.0
PAGE_BYTES = 512
"""A commit writes every page it touched: with pages of 4096 bytes chunks of two kilobytes write twice as much."""
RESERVE_BYTES = 2 << 20
"""Space held for the log: without it a full disk could not be emptied, as deleting is written there first."""
STEP_BYTES = 32 << 10
"""The file grows by so much at once: on a full disk no more than this is new before old waves make place."""
SHED_PART = 8
"""On a full disk an eighth of the waves is dropped at once, so that it is not full again a second later."""

LONGEST = 1 << 20
"""No chunk has more samples: so far before a stretch the first chunk that reaches into it is looked for."""

_SCHEMA_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE chunks (
    n INTEGER PRIMARY KEY, recording TEXT NOT NULL, lead TEXT NOT NULL, first INTEGER NOT NULL,
    stop INTEGER NOT NULL, pinned INTEGER NOT NULL, received INTEGER NOT NULL DEFAULT 0, frame BLOB NOT NULL,
    UNIQUE (recording, lead, first));
CREATE INDEX chunks_by_stop ON chunks (recording, stop);
CREATE INDEX chunks_by_worth ON chunks (pinned, received DESC, n);
CREATE TABLE pins (
    n INTEGER PRIMARY KEY, recording TEXT NOT NULL, first INTEGER NOT NULL, stop INTEGER NOT NULL,
    UNIQUE (recording, first, stop))
"""
_SCHEMA_2 = """
DROP INDEX chunks_by_stop;
DROP INDEX chunks_by_worth;
DROP TABLE pins
"""
_SCHEMA_3 = """
CREATE TABLE waiting (n INTEGER PRIMARY KEY, asked INTEGER NOT NULL);
CREATE INDEX waiting_asked ON waiting (n) WHERE asked
"""
_INSERT = """
INSERT OR IGNORE INTO chunks (recording, lead, first, stop, frame, pinned)
VALUES (:recording, :lead, :first, :stop, :frame, :pinned)
"""
_WAIT = """
INSERT OR IGNORE INTO waiting SELECT n, 0 FROM chunks
WHERE recording = :recording AND lead = :lead AND first = :first
"""
_ASK = """
INSERT INTO waiting SELECT n, 1 FROM chunks
WHERE recording = :recording AND lead = :lead AND first < :end AND stop > :start AND first > :start - :longest
ON CONFLICT DO UPDATE SET asked = 1
"""
_WAVE_COLUMNS = ("n", "recording", "lead", "first", "stop", "frame")
_WAVE = "SELECT n, recording, lead, first, stop, frame FROM chunks WHERE n = ?"
_WAITING = (
    "SELECT n FROM waiting WHERE asked ORDER BY n LIMIT ?",
    "SELECT n FROM waiting WHERE NOT asked ORDER BY n LIMIT ?",
)
_PIN = """
UPDATE chunks SET pinned = 1 WHERE recording = :recording AND lead = :lead AND first < :end AND stop > :start
    AND first > :start - :longest
"""
_READ = """
SELECT frame FROM chunks WHERE recording = :recording AND lead = :lead AND first < :end AND stop > :start AND first >=
    coalesce((SELECT max(first) FROM chunks WHERE recording = :recording AND lead = :lead AND first <= :start), 0)
ORDER BY first
"""


_LEADS = """
WITH RECURSIVE leads (lead) AS (
    SELECT min(lead) FROM chunks WHERE recording = ?1
    UNION ALL SELECT (SELECT min(lead) FROM chunks WHERE recording = ?1 AND lead > leads.lead) FROM leads
    WHERE leads.lead IS NOT NULL)
SELECT lead FROM leads WHERE lead IS NOT NULL
"""
"""The leads of a recording: from one to the next in the index, not past every chunk."""
_COLUMNS = ("n", "recording", "lead", "first", "stop", "pinned", "received", "frame")


def _recognised(rowid: int, values: Sequence[Value]) -> Found | None:
    if len(values) != len(_COLUMNS) or not isinstance(values[-1], bytes):
        return None
    return "chunks", {**dict(zip(_COLUMNS, values, strict=True)), "n": rowid}


def _absorb(db: Database, found: Iterator[Found], _damaged: bool) -> Taken:
    """Take in the chunks that are new here, behind those that are here: the oldest of all go first."""
    behind = int(db.execute("SELECT coalesce(max(n), 0) FROM chunks").fetchone()[0])
    new, bad, places = 0, set(), set()
    for _, row in found:
        if not _is_believed(row):
            bad.add(row["n"])
            continue
        places.add(row["n"])
        n = row["n"] + behind if 0 < row["n"] < 1 << 40 else None
        values = (n, *(row[name] for name in _COLUMNS[1:]))
        new += db.execute("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values).rowcount
    return Taken(new={"chunks": new}, lost={"chunks": len(bad - places)})


def _is_believed(row: Row) -> bool:
    """Believe a chunk only when its frame says of itself what its row says."""
    try:
        chunk = decode_wave(row["frame"])
    except (BadInput, TypeError):
        return False
    said = (chunk.recording, chunk.lead, chunk.start, chunk.end)
    return said == tuple(row[name] for name in ("recording", "lead", "first", "stop"))


PLAN = Plan(
    name="waveforms",
    migrations=(_SCHEMA_1, _SCHEMA_2, _SCHEMA_3),
    tables=("chunks",),
    recognised=_recognised,
    absorb=_absorb,
    backup=False,
    auto_vacuum=True,
    page_bytes=PAGE_BYTES,
)


def _readable(frames: Iterable[bytes]) -> Iterator[WaveChunk]:
    for frame in frames:
        with contextlib.suppress(BadInput):
            yield decode_wave(frame)


@dataclass(frozen=True, kw_only=True, slots=True)
class WaveCounts:
    """The waves in numbers, since the store was opened where not of the file.

    `dropped` chunks freed space, `dropped_pinned` of them held findings' strips, `lost` could not be written at all,
    `clipped` samples did not fit their range.
    """

    chunks: int
    size_bytes: int
    budget_bytes: int
    dropped: int
    dropped_pinned: int
    lost: int
    clipped: int


class StoredWave(NamedTuple):
    """A chunk that waits for the clinic: its place in line, the id that a receipt names, and its frame."""

    n: int
    id: str
    frame: bytes


class _Tail:
    """Samples of one lead that are not on disk yet: contiguous, within one chunk."""

    def __init__(self, block: SampleBlock, lead: Lead, start: int) -> None:
        self.recording, self.lead, self.fs_hz = block.recording, lead, block.fs_hz
        self.start = self.end = start
        self._pieces: list[Samples] = []

    def add(self, samples: Samples) -> None:
        self._pieces.append(samples)
        self.end += samples.size

    def chunk(self) -> tuple[WaveChunk, int]:
        counts, step, offset, clipped = quantise(np.concatenate(self._pieces), self.lead.unit)
        chunk = WaveChunk(
            recording=self.recording,
            lead=self.lead.name,
            start=self.start,
            fs_hz=self.fs_hz,
            unit=self.lead.unit,
            gain=step,
            offset=offset,
            counts=counts,
        )
        return chunk, clipped


class _Pin(NamedTuple):
    recording: str
    lead: str
    start: int
    end: int

    def holds(self, chunk: WaveChunk) -> bool:
        same = (chunk.recording, chunk.lead) == (self.recording, self.lead)
        return same and chunk.start < self.end and chunk.end > self.start


class WaveStore:
    """The waves of one device, in one SQLite file. Any thread may call; calls take turns.

    Parameters
    ----------
    path : the file; its folder is made where absent.
    budget_bytes : how large the waves may grow. Past it the oldest chunks go, and what a finding's strip needs last.
    commit_s : seconds of signal that are written at once; a power cut costs as much. Whole chunks are written, so it
        counts in steps of `CHUNK_S`.
    reserve_bytes : space held for its log, so that waves can be deleted on a full disk.
    stand_in_bytes : most that is held in memory while the file cannot be opened now, until `bring_back`; 0: none.
    send_all : queue every chunk for the clinic as it is written, and not only what is asked for.

    Raises
    ------
    StoreMisplaced, StoreUnsafe, StoreInUse, StoreForeign : see each.
    StoreFull, StoreUnwritable, StoreTrouble : it cannot be opened now, and nothing may stand in.
    """

    def __init__(
        self,
        path: Path,
        budget_bytes: int,
        *,
        commit_s: float = CHUNK_S,
        send_all: bool = False,
        utc_now: Callable[[], str] = utc_text,
        synchronous: str = "FULL",
        reserve_bytes: int = RESERVE_BYTES,
        stand_in_bytes: int = 0,
    ) -> None:
        self.path, self._budget, self._commit_s = path, budget_bytes, commit_s
        self._send_all = send_all
        self._stand_in_bytes = stand_in_bytes
        space = OwnSpace(
            path, page_bytes=PLAN.page_bytes, log_bytes=min(PLAN.log_bytes, reserve_bytes // 2), step_bytes=STEP_BYTES
        )
        self._file = OpenStore(
            path, PLAN, space, utc_now=utc_now, synchronous=synchronous, stand_in_bytes=stand_in_bytes
        )
        self._db = self._file.db
        self._lock = threading.RLock()
        self._tails: dict[str, _Tail] = {}
        self._full: list[_Tail] = []
        self._pins: set[_Pin] = set()
        self._dropped_until = 0
        self._dropped = self._dropped_pinned = self._lost = self._clipped = 0
        self._waiting = self._count_waiting()

    def _use(self, db: Database) -> None:
        if self._send_all:  # what was held in memory has another place in the file, and waits there
            held = self._db.execute("SELECT recording, lead, first FROM chunks").fetchall()
            with db.atomic():
                db.conn.executemany(
                    _WAIT, [dict(zip(("recording", "lead", "first"), row, strict=True)) for row in held]
                )
        self._db, self._dropped_until = db, 0
        self._waiting = self._count_waiting()

    # -- without its file

    @property
    def salvage(self) -> Salvage | None:
        """What was saved out of a damaged file, or found beside this one, when it was opened."""
        return self._file.salvage

    @property
    def away(self) -> str | None:
        """Why the file cannot be opened, while the newest waves are held in memory; None when it is open."""
        return self._file.why_away

    def bring_back(self) -> bool:
        """Try to open the file again; what was held in memory goes into it. True when the file is open."""
        return self._file.bring_back(self._lock, self._use)

    # -- writing

    def append(self, block: SampleBlock) -> None:
        """Take samples of leads of one rate; what is due is on disk when this returns.

        Raises
        ------
        StoreFull : the disk is full and dropping old waves did not help. These chunks are lost and counted; later
            ones are tried again.
        """
        with self._lock:
            ended = [name for name, tail in self._tails.items() if tail.recording != block.recording]
            self._full += [self._tails.pop(name) for name in ended]
            for lead, samples in zip(block.leads, block.samples, strict=True):
                self._take(block, lead, samples)
            if ended or self._is_due():
                self._write_full()

    def flush(self) -> None:
        """Put on disk what is in memory: at the end of a recording, or before the process ends.

        Raises
        ------
        StoreFull : see `append`.
        """
        with self._lock:
            self._full.extend(self._tails.values())
            self._tails.clear()
            self._write_full()

    def pin(self, recording: str, lead: str, start: int, end: int) -> None:
        """Keep samples [start, end) of a lead longest: a finding rests on them. On disk with the next chunks."""
        with self._lock:
            self._pins.add(_Pin(recording, lead, start, end))

    def shed(self) -> None:
        """Free space on a full disk: drop an eighth of the waves and give the space back to the file system.

        Raises
        ------
        StoreFull : not even the space held back was enough to delete with.
        """
        with self._lock:
            try:
                self._drop(max(1, self._size() // SHED_PART))
                self._give_back()
            except sqlite3.Error as error:
                raise translated(error, self.path) from error

    # -- reading

    def read(self, recording: str, lead: str, start: int, end: int) -> list[WaveChunk]:
        """Give what exists of samples [start, end), in order, without overlap; what is missing does not exist.

        Nor does what was damaged on the disk.
        """
        wanted = {"recording": recording, "lead": lead, "start": start, "end": end}
        with self._lock:
            try:
                rows = self._db.execute(_READ, wanted).fetchall()
            except sqlite3.Error as error:
                raise translated(error, self.path) from error
            chunks = [*_readable(row[0] for row in rows)]
            chunks += [tail.chunk()[0] for tail in self._held(recording, lead)]
        parts: list[WaveChunk] = []
        reached = start
        for chunk in chunks:
            part = chunk.part(reached, end)
            if part.length:
                parts.append(part)
                reached = part.end
        return parts

    def newest(self, recording: str, lead: str) -> int:
        """Index one past the last sample that is known of a lead; 0 where there is none."""
        with self._lock:
            held = self._held(recording, lead)
            if held:
                return held[-1].end
            sql = "SELECT stop FROM chunks WHERE recording = ? AND lead = ? ORDER BY first DESC LIMIT 1"
            row = self._db.execute(sql, (recording, lead)).fetchone()
            return int(row[0]) if row else 0

    def rate(self, recording: str, lead: str) -> float | None:
        """Sampling frequency of a lead; None where no sample of it is known."""
        with self._lock:
            held = self._held(recording, lead)
            if held:
                return held[-1].fs_hz
            sql = "SELECT frame FROM chunks WHERE recording = ? AND lead = ? ORDER BY first DESC LIMIT 1"
            row = self._db.execute(sql, (recording, lead)).fetchone()
            return decode_wave(row[0]).fs_hz if row else None

    # -- for the clinic

    @property
    def waiting(self) -> int:
        """How many chunks wait for the clinic, about; looks at no file."""
        return self._waiting

    def ask(self, recording: str, start_s: float, end_s: float) -> int:
        """Queue for the clinic what is on disk of seconds [start_s, end_s) of all leads; gives how many chunks.

        Raises
        ------
        StoreFull : there is no space to note it.
        """
        with self._lock:
            leads = [lead for (lead,) in self._db.execute(_LEADS, (recording,)).fetchall()]
            asked = 0
            with self._writing():
                for lead in leads:
                    fs_hz = self.rate(recording, lead) or 0.0
                    stretch = {"start": math.floor(start_s * fs_hz), "end": math.ceil(end_s * fs_hz)}
                    values = {"recording": recording, "lead": lead, **stretch, "longest": LONGEST}
                    asked += self._db.execute(_ASK, values).rowcount
            self._waiting = self._count_waiting()
            return asked

    def to_send(self, most: int) -> list[StoredWave]:
        """Give the first chunks that wait: what was asked for before all else, else the oldest first.

        One that was damaged on the disk leaves the line: no receipt could name it, and it would be sent for ever.
        """
        if not self._waiting:
            return []
        with self._lock:
            rows = self._first_in_line(most)
            while damaged := [row["n"] for row in rows if not _is_believed(row)]:
                log.warning("store.waves.damaged", extra={"facts": {"chunks": len(damaged)}})
                self.received(damaged)
                rows = self._first_in_line(most)
        return [
            StoredWave(
                row["n"], chunk_id(recording=row["recording"], lead=row["lead"], start=row["first"]), row["frame"]
            )
            for row in rows
        ]

    def _first_in_line(self, most: int) -> list[Row]:
        places: list[int] = []
        for sql in _WAITING:
            places += [n for (n,) in self._db.execute(sql, (most - len(places),)).fetchall()]
        rows = [self._db.execute(_WAVE, (n,)).fetchone() for n in places]
        return [dict(zip(_WAVE_COLUMNS, row, strict=True)) for row in rows if row is not None]

    def received(self, places: Iterable[int]) -> None:
        """Take chunks out of the queue: the clinic has them, or will never take them.

        Raises
        ------
        StoreFull : there is no space to note it; they are sent again.
        """
        with self._lock, self._writing():
            gone = self._db.conn.executemany("DELETE FROM waiting WHERE n = ?", [(n,) for n in places])
            self._waiting -= gone.rowcount

    def counts(self) -> WaveCounts:
        """Count, for doctor and metrics."""
        with self._lock:
            return WaveCounts(
                chunks=int(self._db.execute("SELECT count(*) FROM chunks").fetchone()[0]),
                size_bytes=self._size(),
                budget_bytes=self._budget,
                dropped=self._dropped,
                dropped_pinned=self._dropped_pinned,
                lost=self._lost,
                clipped=self._clipped,
            )

    def close(self) -> None:
        """Put on disk what is in memory and let another process in."""
        with self._lock:
            try:
                self.flush()
            finally:
                self._file.close()

    # -- inside

    def _held(self, recording: str, lead: str) -> list["_Tail"]:
        """What is known of a lead and not on disk yet, in order."""
        tails = [tail for tail in self._full if tail.lead.name == lead]
        tails += [self._tails[lead]] if lead in self._tails else []
        return [tail for tail in tails if tail.recording == recording and tail.end > tail.start]

    def _is_due(self) -> bool:
        """Whether enough is full to be written, and no lead of a lower rate is about to fill its chunk as well."""
        if not self._full:
            return False
        first_s = min(tail.start / tail.fs_hz for tail in self._full)
        last_s = max(tail.end / tail.fs_hz for tail in self._full)
        lags = any(tail.start / tail.fs_hz < last_s - CHUNK_S / 2 for tail in self._tails.values())
        if lags and last_s - first_s < self._commit_s + CHUNK_S:
            return False
        return last_s - first_s > self._commit_s - CHUNK_S / 2

    def _take(self, block: SampleBlock, lead: Lead, samples: Samples) -> None:
        per_chunk = max(1, round(CHUNK_S * block.fs_hz))
        at = block.start
        while at < block.end:
            tail = self._tails.get(lead.name)
            if tail is not None and at < tail.end:
                raise BrokenStream("a block overlaps what was stored", lead=lead.name, start=at, have=tail.end)
            if tail is None or tail.end != at:
                if tail is not None:
                    self._full.append(tail)
                tail = self._tails[lead.name] = _Tail(block, lead, at)
            border = (at // per_chunk + 1) * per_chunk
            stop = min(border, block.end)
            tail.add(samples[at - block.start : stop - block.start])
            if stop == border:
                self._full.append(self._tails.pop(lead.name))
            at = stop

    def _write_full(self) -> None:
        tails, self._full = self._full, []
        chunks = []
        for tail in tails:
            chunk, clipped = tail.chunk()
            chunks.append(chunk)
            self._clipped += clipped
        wanted = 2 * sum(chunk.counts.nbytes for chunk in chunks)
        for make_place in (lambda: None, lambda: self._file.space.grow(wanted), self._drop_within):
            try:
                make_place()
                self._insert(chunks)
            except StoreFull as error:
                full = error
            else:
                break
        else:
            self._lost += len(chunks)
            raise full
        excess = self._size() - self._most()
        if excess > 0:
            self._drop(excess)

    def _most(self) -> int:
        return self._budget if self._file.away is None else min(self._budget, self._stand_in_bytes // 2)

    def _drop_within(self) -> None:
        """Drop waves and keep their pages: on a full disk the file goes round in the space it has."""
        self._drop(max(1, self._size() // SHED_PART), give_back=False)

    def _insert(self, chunks: list[WaveChunk]) -> None:
        rows = [
            {
                "recording": chunk.recording,
                "lead": chunk.lead,
                "first": chunk.start,
                "stop": chunk.end,
                "frame": encode_wave(chunk),
                "pinned": any(pin.holds(chunk) for pin in self._pins),
            }
            for chunk in chunks
        ]
        with self._writing():
            for pin in self._pins:
                self._db.execute(_PIN, {**pin._asdict(), "longest": LONGEST})
            self._db.conn.executemany(_INSERT, rows)
            if self._send_all:
                self._db.conn.executemany(_WAIT, rows)
                self._waiting += len(rows)
        reached = {(chunk.recording, chunk.lead): chunk.end for chunk in chunks}
        self._pins = {pin for pin in self._pins if pin.end > reached.get((pin.recording, pin.lead), 0)}

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._db.atomic():
                yield
            self._file.space.settle()
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    def _count_waiting(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def _size(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def _drop(self, excess: int, *, give_back: bool = True) -> None:
        """Delete chunks until `excess` bytes are free: the oldest first, pinned last."""
        target = self._size() - excess
        while self._size() > target:
            victims, pinned = self._oldest()
            if not victims:
                break
            with self._writing():
                for table in ("chunks", "waiting"):
                    self._db.conn.executemany(f"DELETE FROM {table} WHERE n = ?", [(n,) for n in victims])  # noqa: S608
            self._waiting = self._count_waiting() if self._waiting else 0
            self._dropped += len(victims)
            self._dropped_pinned += len(victims) if pinned else 0
        if give_back and 8 * self._pragma("freelist_count") > self._pragma("page_count"):
            self._give_back()

    def _oldest(self) -> tuple[list[int], bool]:
        """Give the oldest chunks that no finding needs; where there is none, the oldest of all."""
        free = "SELECT n FROM chunks WHERE n > ? AND NOT pinned ORDER BY n LIMIT 16"
        victims = [int(n) for (n,) in self._db.execute(free, (self._dropped_until,)).fetchall()]
        if victims:
            self._dropped_until = victims[-1]
            return victims, False
        return [int(n) for (n,) in self._db.execute("SELECT n FROM chunks ORDER BY n LIMIT 16").fetchall()], True

    def _give_back(self) -> None:
        """Return free pages to the file system, a few at a time so that the log stays small."""
        left = -1
        while self._pragma("freelist_count") not in (0, left):
            left = self._pragma("freelist_count")
            self._db.execute("PRAGMA incremental_vacuum(64)").fetchall()
            # Not TRUNCATE: the log keeps the space that is held for it.
            self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        self._file.space.settle()

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
