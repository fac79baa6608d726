"""Sending again what the clinic had received: it was given back an older copy of its database.

A point in time is looked up once, and from there on the order of storing counts: a clock that was set back meanwhile
hides nothing. What is sent twice changes nothing at the clinic. It goes in the last lane, as nothing new must wait for
it, and of what the clinic has had once no second copy is needed.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from biosignal.errors import BadInput
from edge_agent.store.database import Database
from edge_agent.store.lanes import Lane
from edge_agent.store.rows import unpack

STEP_ROWS = 1000
"""Rows looked at or queued at a time: the store is not held longer than for some milliseconds."""
NEAR_ROWS = 100_000
"""So far back it is looked for what was stored just before the point."""
Read = Callable[..., list[tuple[Any, ...]]]
_QUEUE = "INSERT OR IGNORE INTO outbox (n, lane) SELECT n, ? FROM events WHERE n > ? AND n <= ?"


@dataclass(frozen=True, kw_only=True, slots=True)
class SentAgain:
    """What became of it: events queued once more, those that waited anyway, and at most how many are not held any more.

    An event of the time asked for that was deleted leaves a hole in the numbers of its recording. Numbers that were
    left out after damage look the same, so `gone` is the most that it can be.
    """

    queued: int
    waiting: int
    gone: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        gone = f"at most {self.gone} of that time are no longer held" if self.gone else "all of that time are held"
        return f"{self.queued} events go again, {self.waiting} waited anyway; {gone}"


def as_second(since: str) -> str:
    """Write a time as the first characters of the times that events have.

    Raises
    ------
    BadInput : it is no time with a zone.
    """
    try:
        time = datetime.fromisoformat(since.replace("Z", "+00:00"))
    except ValueError as error:
        raise BadInput("this is not a time", since=since) from error
    if time.tzinfo is None:
        raise BadInput("this time names no time zone", since=since)
    return time.astimezone(timezone.utc).isoformat(timespec="seconds")[:19]


def place_before(read: Read, since: str) -> int:
    """Place behind which lies what was stored at or after a second, as `as_second` writes it; 0 for all of it.

    Looks at one row of each step first, and then at those of the step in which it begins.
    """
    before = 0
    while row := _rows(read, before + STEP_ROWS, 1):
        at = _second(row[0][1])
        if at is None or at >= since:
            break
        before = int(row[0][0])
    while rows := _rows(read, before, STEP_ROWS):
        for n, payload in rows:
            if (_second(payload) or "") >= since:
                return before
            before = int(n)
    return before


def queue_step(db: Database, after: int, until: int) -> tuple[int, int]:
    """Queue what lies behind `after` up to `until`; gives how many were queued, and how many waited already.

    What the clinic had rejected goes as well: the letters that it kept may be lost with all else.
    """
    there = "SELECT count(*) FROM {} WHERE n > ? AND n <= ?"
    waiting = int(db.execute(there.format("outbox"), (after, until)).fetchone()[0])
    queued = db.execute(_QUEUE, (int(Lane.LOGS), after, until)).rowcount
    db.execute("DELETE FROM rejected WHERE n > ? AND n <= ?", (after, until))
    return int(queued), waiting


def count_held(read: Read, after: int, until: int) -> Counter[int]:
    """Count the events of each recording behind `after` up to `until`."""
    sql = "SELECT recording, count(*) FROM events WHERE n > ? AND n <= ? GROUP BY recording"
    return Counter({int(recording): int(count) for recording, count in read(sql, (after, until))})


def count_gone(read: Read, held: Counter[int], after: int, opened: Callable[[str], int | None]) -> int:
    """Count the numbers behind place `after` that no event has any more, in all recordings that reach behind it.

    Parameters
    ----------
    held : events of each recording behind the place. opened : looks up where a recording's opening lies.
    """
    sequences = read("SELECT n, recording, next FROM sequences ORDER BY n")
    oldest = min((place for place, recording, _ in sequences if recording and place in held), default=None)
    gone = 0
    for place, recording, following in sequences:
        lies = opened(recording) if recording else after
        if place in held:
            first = 0 if lies is not None and lies > after else _next_seq(read, place, after)
            gone += max(0, int(following) - first - held[place])
        elif recording and lies is None and oldest is not None and place > oldest:
            gone += int(following)  # it began behind the place, and nothing of it is left
    return gone


def _next_seq(read: Read, recording: int, after: int) -> int:
    """Number behind the last event of a recording up to a place."""
    sql = "SELECT seq FROM events WHERE recording = ? AND n <= ? AND n > ? ORDER BY n DESC LIMIT 1"
    return next((int(seq) + 1 for (seq,) in read(sql, (recording, after, after - NEAR_ROWS))), 0)


def _rows(read: Read, after: int, limit: int) -> list[tuple[Any, ...]]:
    return read("SELECT n, payload FROM events WHERE n > ? ORDER BY n LIMIT ?", (after, limit))


def _second(payload: bytes | str) -> str | None:
    """When an event was stored, to the second; None where its row cannot be read."""
    try:
        return str(json.loads(unpack(payload))["at"])[:19]
    except (ValueError, KeyError, TypeError):
        return None
