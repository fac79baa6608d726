"""Where an event lies, by its id: the newest in memory, the others in a table that is filled in long strides.

An id is as good as random. Kept in an index, each event would touch a page of its own, and a disk writes whole pages:
that was most of what this store wrote. So the places of the last events are held in memory, read anew when the file is
opened, and now and then all of them are put into the table, in the order of their keys.
"""

from collections import defaultdict

from edge_agent.store.database import Database
from edge_agent.store.rows import key_of, long_id, short_id

MOST_RECENT = 50_000
"""So many places are held in memory: some megabytes."""
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
        self._recent: defaultdict[int, list[int]] = defaultdict(list)
        self._count = 0
        self._round: list[tuple[int, int]] = []
        self._round_until = 0
        until = db.execute("SELECT value FROM meta WHERE name = ?", (_UNTIL,)).fetchone()
        for n, id_ in db.execute("SELECT n, id FROM events WHERE n > ?", (int(until[0]) if until else 0,)).fetchall():
            self.add(long_id(id_), n)

    def add(self, id_: str, n: int) -> None:
        """Note where an event was put."""
        self._recent[key_of(id_)].append(n)
        self._count += 1

    def revisions(self, id_: str) -> dict[int, int]:
        """Places of all stored revisions of an event, by revision."""
        key = key_of(id_)
        places = {n for (n,) in self._db.execute("SELECT n FROM ids WHERE key = ?", (key,)).fetchall()}
        sql = "SELECT rev FROM events WHERE n = ? AND id = ?"
        found = {n: self._db.execute(sql, (n, short_id(id_))).fetchone() for n in places | {*self._recent.get(key, ())}}
        return {int(row[0]): n for n, row in found.items() if row is not None}

    def write_stride(self) -> bool:
        """Put the next places into the table once too many are held; within a transaction of the caller.

        Places of events that are gone leave the table in the same step. Returns whether there was anything to write;
        then `stride_written` must follow the commit.
        """
        if not self._round and self._count >= self._most:
            # A place that was noted and rolled back may lie behind the newest event, and be given to another one.
            self._round_until = int(self._db.execute("SELECT coalesce(max(n), 0) FROM events").fetchone()[0])
            held = ((key, n) for key, places in self._recent.items() for n in places)
            self._round = sorted(place for place in held if place[1] <= self._round_until)
        stride = self._round[:STRIDE]
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
        if self._round:
            return
        kept = [(key, n) for key, places in self._recent.items() for n in places if n > self._round_until]
        self._recent.clear()
        for key, n in kept:
            self._recent[key].append(n)
        self._count = len(kept)


def fill(db: Database) -> None:
    """Put the places of all events into the table: the file is new and its rows came from another."""
    rows = db.execute("SELECT n, id FROM events").fetchall()
    db.conn.executemany(_PUT, sorted((key_of(long_id(id_)), n) for n, id_ in rows))
    if rows:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_UNTIL, str(max(n for n, _ in rows))))
