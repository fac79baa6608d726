"""Where an event lies, by its id: the newest in memory, the others in a table that is filled in long strides.

An id is as good as random. Kept in an index, each event would touch a page of its own, and a disk writes whole pages:
that was most of what this store wrote. So the places of the last events are held in memory, read anew when the file is
opened, and now and then all of them are put into the table, in the order of their keys.
"""

from array import array

import numpy as np
import numpy.typing as npt

from edge_agent.store.database import Database
from edge_agent.store.rows import key_of, long_id, short_id

MOST_RECENT = 50_000
"""So many places are held in memory: less than a megabyte."""
STRIDE = 2_000
"""So many are put into the table in one step: the store is not held longer than for some milliseconds."""
SCHEMA = "CREATE TABLE ids (key INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (key, n)) WITHOUT ROWID"
_UNTIL = "ids_until"
_PUT = "INSERT OR IGNORE INTO ids VALUES (?, ?)"


class Ids:
    """Finds events by (id, rev). A place of a transaction that was rolled back does no harm: the row is looked at.

    Parameters
    ----------
    most : how many places are held in memory.
    """

    def __init__(self, db: Database, *, most: int = MOST_RECENT) -> None:
        self._db = db
        self._most = most
        # Two rows of numbers and no dictionary: twelve bytes an event instead of some two hundred.
        self._keys, self._places = array("i"), array("q")
        self._round: npt.NDArray[np.int64] = np.empty((0, 2), dtype=np.int64)
        self._round_until = 0
        until = db.execute("SELECT value FROM meta WHERE name = ?", (_UNTIL,)).fetchone()
        for n, id_ in db.execute("SELECT n, id FROM events WHERE n > ?", (int(until[0]) if until else 0,)):
            self.add(long_id(id_), n)

    def add(self, id_: str, n: int) -> None:
        """Note where an event was put."""
        self._keys.append(key_of(id_))
        self._places.append(n)

    def revisions(self, id_: str) -> dict[int, int]:
        """Places of all stored revisions of an event, by revision."""
        key = key_of(id_)
        places = {n for (n,) in self._db.execute("SELECT n FROM ids WHERE key = ?", (key,)).fetchall()}
        places.update(self._places[at] for at in np.flatnonzero(np.asarray(self._keys) == key))
        sql = "SELECT rev FROM events WHERE n = ? AND id = ?"
        found = {n: self._db.execute(sql, (n, short_id(id_))).fetchone() for n in places}
        return {int(row[0]): n for n, row in found.items() if row is not None}

    def write_stride(self) -> bool:
        """Put the next places into the table once too many are held; within a transaction of the caller.

        Places of events that are gone leave the table in the same step. Returns whether there was anything to write;
        then `stride_written` must follow the commit.
        """
        if not self._round.size and len(self._keys) >= self._most:
            # A place that was noted and rolled back may lie behind the newest event, and be given to another one.
            self._round_until = int(self._db.execute("SELECT coalesce(max(n), 0) FROM events").fetchone()[0])
            held = np.column_stack((self._keys, self._places))
            held = held[held[:, 1] <= self._round_until]
            self._round = held[np.lexsort((held[:, 1], held[:, 0]))]
        stride = self._round[:STRIDE].tolist()
        if not stride:
            return False
        self._db.conn.executemany(_PUT, stride)
        gone = "DELETE FROM ids WHERE key BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM events e WHERE e.n = ids.n)"
        self._db.execute(gone, (stride[0][0], stride[-1][0]))
        if len(self._round) <= STRIDE:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_UNTIL, str(self._round_until)))
        return True

    def stride_written(self) -> None:
        """The stride is on disk; behind the last one of a round its places need not be held any more."""
        self._round = self._round[STRIDE:]
        if self._round.size:
            return
        # A copy: a piece of a large array would keep all of it.
        self._round = self._round.copy()
        behind = np.asarray(self._places) > self._round_until
        self._keys, self._places = _where(self._keys, behind), _where(self._places, behind)


def _where(numbers: "array[int]", wanted: npt.NDArray[np.bool_]) -> "array[int]":
    return array(numbers.typecode, np.asarray(numbers)[wanted].tobytes())


def fill(db: Database) -> None:
    """Put the places of all events into the table: the file is new and its rows came from another."""
    rows = db.execute("SELECT n, id FROM events").fetchall()
    db.conn.executemany(_PUT, sorted((key_of(long_id(id_)), n) for n, id_ in rows))
    if rows:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_UNTIL, str(max(n for n, _ in rows))))
