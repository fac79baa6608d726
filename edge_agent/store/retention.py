"""Which received events go when the file is over its budget, and in which order.

Their pages are used again, so the file stops growing; it is not made shorter while the daemon runs, which would write
the pages behind the freed ones once more. A file that is mostly empty is written anew when it is next opened.
"""

from collections.abc import Callable, Iterator

from biosignal.errors import BadInput
from biosignal.events import AlarmEvent, AlarmState, Finding, FindingState, closed_id
from biosignal.wire.envelope import decode
from edge_agent.store.database import Database
from edge_agent.store.ids import Ids
from edge_agent.store.rows import long_id, unpack

TRIM_ROWS = 500
"""Rows deleted in one step: the store is not held longer than for some milliseconds."""
COMMANDS_KEPT = 10_000
FIRST = ("inputs", "mark", "marks", "series", "strip", "explanation", "loss", "clock.anchor", "subject.assigned")
THEN = ("finding", "alarm", "model.report", "command.answer")
LAST = ("recording.opened", "recording.closed")
_ROW_BYTES = 64
_OLDEST = """
SELECT n, id, rev, kind, payload FROM events e WHERE n > ? AND kind IN ({kinds}) AND n < (SELECT max(n) FROM events)
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.n = e.n)
    AND NOT EXISTS (SELECT 1 FROM rejected r WHERE r.n = e.n)
ORDER BY n LIMIT 2000
"""


class Retention:
    """Deletes step by step. It remembers where it looked last, so that what stays is not looked at in every step.

    Parameters
    ----------
    held : bytes of the file that hold space for later and count for nothing.
    """

    def __init__(self, db: Database, ids: Ids, *, held: Callable[[], int] = lambda: 0) -> None:
        self._db, self._ids, self._held = db, ids, held
        self._looked: dict[tuple[str, ...], int] = {}

    def step(self, budget_bytes: int, most: int) -> int:
        """Delete at most `most` rows while the file is over budget; within a transaction of the caller."""
        excess = self._used() - budget_bytes
        deleted = 0
        for kinds in (FIRST, THEN, LAST):
            if excess <= 0 or deleted == most:
                break
            for n, size in self._victims(kinds):
                self._db.execute("DELETE FROM events WHERE n = ?", (n,))
                deleted, excess = deleted + 1, excess - size
                if excess <= 0 or deleted == most:
                    break
        if deleted:
            self._forget_commands()
        return deleted

    def _victims(self, kinds: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        """Give place and size of what may go, the oldest first, from where the last step ended."""
        sql = _OLDEST.format(kinds=", ".join(f"'{kind}'" for kind in kinds))
        while rows := self._db.execute(sql, (self._looked.get(kinds, 0),)).fetchall():
            for n, id_, rev, kind, payload in rows:
                self._looked[kinds] = n
                if not self._is_needed(long_id(id_), rev, kind, payload):
                    yield n, len(payload) + _ROW_BYTES
        self._looked[kinds] = 0  # the next step begins anew: what was open or not received may be so no more

    def _is_needed(self, id_: str, rev: int, kind: str, payload: bytes | str) -> bool:
        """Whether the next run of the daemon would miss it: what is open must be closed by somebody."""
        if kind == "recording.opened":
            return not self._has(closed_id(id_))
        body = _body(payload) if kind in ("finding", "alarm", "recording.closed") else None
        if isinstance(body, Finding):
            return body.state in (FindingState.OPENED, FindingState.EXTENDED) and not self._has(id_, above=rev)
        if isinstance(body, AlarmEvent):
            return body.state is not AlarmState.RESOLVED and not self._has(id_, above=rev)
        return kind == "recording.closed" and self._has(getattr(body, "recording", ""))

    def _has(self, id_: str, *, above: int = -1) -> bool:
        return max(self._ids.revisions(id_), default=-1) > above

    def _forget_commands(self) -> None:
        newest = "(SELECT max(rowid) FROM commands)"
        sql = f"DELETE FROM commands WHERE outcome IS NOT NULL AND rowid <= {newest} - ?"  # noqa: S608  # a constant
        self._db.execute(sql, (COMMANDS_KEPT,))

    def _used(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size") - self._held()

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])


def _body(payload: bytes | str) -> object:
    try:
        return decode(unpack(payload)).body
    except (BadInput, ValueError):
        return None  # nobody can read it any more
