"""Some hours of the waves of one recording, in one SQLite file that is written whole transactions at a time."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from biosignal.errors import BadInput
from biosignal.wire.waveform import MAX_COUNT, WaveChunk, decode_wave
from cloud_service.waves.extremes import Extremes, extremes_of

BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS chunks (
    lead TEXT NOT NULL, first INTEGER NOT NULL, stop INTEGER NOT NULL, frame BLOB NOT NULL, UNIQUE (lead, first));
CREATE TABLE IF NOT EXISTS seconds (
    lead TEXT NOT NULL, first INTEGER NOT NULL, second INTEGER NOT NULL, low BLOB NOT NULL, high BLOB NOT NULL,
    held BLOB NOT NULL, PRIMARY KEY (lead, first)) WITHOUT ROWID
"""
_ADD = """
INSERT INTO chunks VALUES (?, ?, ?, ?)
ON CONFLICT (lead, first) DO UPDATE SET stop = excluded.stop, frame = excluded.frame WHERE excluded.stop > stop
"""
_READ = """
SELECT frame FROM chunks WHERE lead = :lead AND first < :end AND stop > :start AND first > :start - :longest
ORDER BY first
"""
_SECONDS = """
SELECT second, low, high, held FROM seconds WHERE lead = ? AND first < ? AND first > ? ORDER BY first
"""


class Kept(NamedTuple):
    """A chunk, and the frame it came in."""

    chunk: WaveChunk
    frame: bytes


class Part:
    """One file. Several threads and processes may use it; each call opens it anew."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, kept: Sequence[Kept]) -> None:
        """Store chunks; they are on disk when this returns. One that is here stays, unless it is longer now.

        Raises
        ------
        sqlite3.Error : it cannot be written now; nothing was.
        """
        with self._open(writable=True) as db, db:
            for chunk, frame in kept:
                longer = db.execute(_ADD, (chunk.lead, chunk.start, chunk.end, frame)).rowcount > 0
                if longer:
                    one = extremes_of(chunk, 1.0)
                    blobs = (one.low.tobytes(), one.high.tobytes(), one.held.tobytes())
                    values = (chunk.lead, chunk.start, one.first, *blobs)
                    db.execute("INSERT OR REPLACE INTO seconds VALUES (?, ?, ?, ?, ?, ?)", values)

    def read(self, lead: str, start: int, end: int) -> Iterator[WaveChunk]:
        """Give the chunks that touch samples [start, end), in order."""
        wanted = {"lead": lead, "start": start, "end": end, "longest": MAX_COUNT}
        with self._open() as db:
            rows = db.execute(_READ, wanted).fetchall()
        for (frame,) in rows:
            with suppress(BadInput):  # damaged on disk: it is shown as what is not here
                yield decode_wave(frame)

    def seconds(self, lead: str, start: int, end: int) -> Iterator[Extremes]:
        """Give the extremes by the second of the chunks that begin in samples (start - the longest chunk, end)."""
        with self._open() as db:
            rows = db.execute(_SECONDS, (lead, end, start - MAX_COUNT)).fetchall()
        for second, low, high, held in rows:
            yield Extremes(
                first=second,
                width_s=1.0,
                low=np.frombuffer(low, np.float32),
                high=np.frombuffer(high, np.float32),
                held=np.frombuffer(held, np.bool_),
            )

    def rate(self, lead: str) -> float | None:
        """Sampling frequency of a lead; None where nothing of it is here."""
        with self._open() as db:
            row = db.execute("SELECT frame FROM chunks WHERE lead = ? LIMIT 1", (lead,)).fetchone()
        return decode_wave(row[0]).fs_hz if row else None

    @contextmanager
    def _open(self, *, writable: bool = False) -> Iterator[sqlite3.Connection]:
        mode = "rwc" if writable else "ro"
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_S)) as db:
            if writable:
                db.executescript(_SCHEMA)
            yield db
