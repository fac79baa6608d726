"""Which rows are on their way without a receipt, and when each is due again. Decides; touches nothing."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.sync.port import Row

URGENT = 0
Key = tuple[str, int]


def full_jitter(attempts: int, first_s: float, most_s: float, chance: random.Random) -> float:
    """Draw a wait, evenly from 0 to the exponential bound, so that many devices do not come back together.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return chance.uniform(0.0, min(most_s, first_s * 2.0 ** min(attempts, 30)))


@dataclass(slots=True)
class Sent:
    """A row on its way. `sent_s`, `due_s` are on the monotonic clock."""

    n: int
    lane: int
    attempts: int
    sent_s: float
    due_s: float


class Flight:
    """Rows sent and not yet received.

    A row counts against the window until its receipt is overdue; after that it waits for its next turn and lets
    others pass, so a row that is never answered holds up nobody. While no receipt comes at all, nothing new is sent
    but a little of lane 0.
    """

    most_tracked = 2000
    most_tracked_in_silence = 64

    def __init__(self, *, window: int, timeout_s: float, first_s: float, most_s: float, chance: random.Random) -> None:
        self.window, self._timeout, self._first, self._most = window, timeout_s, first_s, most_s
        self._chance = chance
        self._sent: dict[Key, Sent] = {}
        self._cursor: dict[int, int] = {}
        self._last_receipt_s = float("-inf")

    def __len__(self) -> int:
        return len(self._sent)

    def note_sent(self, row: Row, now_s: float) -> None:
        """A row was just handed to the broker."""
        key = (row.id, row.rev)
        before = self._sent.get(key)
        attempts = before.attempts + 1 if before else 1
        due = now_s + self._timeout + full_jitter(attempts, self._first, self._most, self._chance)
        self._sent[key] = Sent(row.n, row.lane, attempts, now_s, due)
        self._cursor[row.lane] = max(row.n, self._cursor.get(row.lane, 0))

    def note_queued(self, row: Row, now_s: float) -> None:
        """A row came into the outbox behind the cursor: it is due now, as if it had been sent long ago."""
        self._sent[(row.id, row.rev)] = Sent(row.n, row.lane, 0, now_s - self._timeout, now_s)

    def note_receipt(self, keys: Iterable[Key], now_s: float) -> None:
        """The clinic answered: these are done, and the others' waits start small again."""
        self._last_receipt_s = now_s
        for key in keys:
            self._sent.pop(key, None)
        for entry in self._sent.values():
            if entry.attempts > 1:
                entry.attempts = 1
                latest = max(now_s, entry.sent_s + self._timeout) + self._chance.uniform(0.0, self._first)
                entry.due_s = min(entry.due_s, latest)

    def forget(self, key: Key) -> None:
        """A row is no longer in the outbox."""
        self._sent.pop(key, None)

    def start_again(self, now_s: float) -> None:
        """There is a new connection: whatever was on its way may be lost and is due now."""
        for entry in self._sent.values():
            entry.sent_s, entry.due_s = now_s - self._timeout, now_s

    def due(self, lane: int, now_s: float) -> list[Key]:
        """Rows of a lane to send again, oldest first, as many as the window has places for."""
        ready = sorted((e.n, key) for key, e in self._sent.items() if e.lane == lane and e.due_s <= now_s)
        return [key for _, key in ready[: self.free_places(lane, now_s)]]

    def free_places(self, lane: int, now_s: float) -> int:
        """How many more rows the window of a lane takes."""
        urgent = lane == URGENT
        open_ = sum((e.lane == URGENT) == urgent and now_s < e.sent_s + self._timeout for e in self._sent.values())
        return max(0, self.window - open_)

    def places_for_new(self, lane: int, now_s: float) -> int:
        """How many rows that were never sent may go now."""
        tracked = sum((e.lane == URGENT) == (lane == URGENT) for e in self._sent.values())
        most = self.most_tracked
        if self.is_silent(now_s):
            most = self.most_tracked_in_silence if lane == URGENT else 0
        return max(0, min(self.free_places(lane, now_s), most - tracked))

    def cursor(self, lane: int) -> int:
        """Place of the newest row of a lane that was ever sent."""
        return self._cursor.get(lane, 0)

    def is_silent(self, now_s: float) -> bool:
        """Whether a receipt is overdue and none at all came since that row was sent."""
        sent = (entry for entry in self._sent.values() if entry.attempts)
        return any(e.sent_s + self._timeout <= now_s and e.sent_s > self._last_receipt_s for e in sent)
