"""Which rows are on their way without a receipt, and when each is due again. Decides; touches nothing."""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.sync.port import Row

Key = tuple[str, int]


def full_jitter(attempts: int, first_s: float, most_s: float, chance: random.Random) -> float:
    """Draw a wait, evenly from 0 to the exponential bound, so that many devices do not come back together.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return chance.uniform(0.0, min(most_s, first_s * 2.0 ** min(attempts, 30)))


@dataclass(slots=True)
class Sent:
    """A row on its way. `sent_s`, `due_s` are on the monotonic clock.

    `is_urgent` : it has the window of what must not wait. `is_alone` : it is not packed with others, as the message
    that it was in was not answered, and nobody knows which of its rows was why.
    """

    n: int
    is_urgent: bool
    attempts: int
    sent_s: float
    due_s: float
    is_alone: bool = False


class Flight:
    """Rows sent and not yet received.

    A row counts against the window until its receipt is overdue; after that it waits for its next turn and lets
    others pass, so a row that is never answered holds up nobody. While no receipt comes at all, nothing new is sent
    but a little of what is urgent.

    Parameters
    ----------
    window : messages on their way, once for what is urgent and once for all else. `packet` says how many rows one
        may hold.
    """

    most_tracked = 2000
    most_tracked_in_silence = 64

    def __init__(self, *, window: int, timeout_s: float, first_s: float, most_s: float, chance: random.Random) -> None:
        self.window, self._timeout, self._first, self._most = window, timeout_s, first_s, most_s
        self.packet = 1
        self._chance = chance
        self._sent: dict[Key, Sent] = {}
        self._last_receipt_s = float("-inf")
        self._opened_s = float("-inf")
        self._out_since_s: float | None = None

    def __len__(self) -> int:
        return len(self._sent)

    def __contains__(self, key: Key) -> bool:
        return key in self._sent

    def note_sent(self, row: Row, now_s: float, *, is_urgent: bool) -> None:
        """A row was just handed to the broker."""
        key = (row.id, row.rev)
        before = self._sent.get(key)
        attempts = before.attempts + 1 if before else 1
        due = now_s + self._timeout + full_jitter(attempts, self._first, self._most, self._chance)
        is_alone = before is not None and before.is_alone
        if self._out_since_s is None:
            self._out_since_s = now_s
        self._sent[key] = Sent(row.n, is_urgent, attempts, now_s, due, is_alone)

    def note_queued(self, row: Row, now_s: float) -> None:
        """A row came into the outbox at an old place: it is due now, as if it had been sent long ago."""
        self._sent[(row.id, row.rev)] = Sent(row.n, False, 0, now_s - self._timeout, now_s)

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
        self._out_since_s = now_s if self._sent else None

    def forget(self, key: Key) -> None:
        """A row is no longer in the outbox."""
        self._sent.pop(key, None)
        if not self._sent:
            self._out_since_s = None

    def start_again(self, now_s: float) -> None:
        """There is a new connection: whatever was on its way may be lost and is due now, in messages of one row.

        Whether this clinic reads messages of several is known once it has answered.
        """
        self.packet, self._opened_s, self._out_since_s = 1, now_s, None
        for entry in self._sent.values():
            entry.sent_s, entry.due_s = now_s - self._timeout, now_s

    def due(self, now_s: float, *, is_urgent: bool) -> list[tuple[Key, bool]]:
        """Rows to send again, oldest first, as many as the window has places for; and whether each goes alone."""
        ready = sorted(
            (entry.n, key) for key, entry in self._sent.items() if entry.is_urgent == is_urgent and entry.due_s <= now_s
        )
        chosen = ready[: self.free_places(now_s, is_urgent=is_urgent)]
        alone = self.window - sum(entry.is_alone and self._is_open(entry, now_s) for entry in self._sent.values())
        given: list[tuple[Key, bool]] = []
        for _, key in chosen:
            entry = self._sent[key]
            # What was on its way when the line broke was not ignored by the clinic, so it may be packed again.
            entry.is_alone = entry.is_alone or (entry.attempts > 0 and entry.sent_s >= self._opened_s)
            if not entry.is_alone or alone > 0:
                given.append((key, entry.is_alone))
                alone -= entry.is_alone
        return given

    def free_places(self, now_s: float, *, is_urgent: bool) -> int:
        """How many more rows a window takes."""
        open_ = sum(entry.is_urgent == is_urgent and self._is_open(entry, now_s) for entry in self._sent.values())
        return max(0, self.window * self.packet - open_)

    def places_for_new(self, now_s: float, *, is_urgent: bool) -> int:
        """How many rows that were never sent may go now."""
        tracked = sum(entry.is_urgent == is_urgent for entry in self._sent.values())
        most = self.most_tracked
        if self.is_silent(now_s):
            most = self.most_tracked_in_silence if is_urgent else 0
        return max(0, min(self.free_places(now_s, is_urgent=is_urgent), most - tracked))

    def is_quiet(self, now_s: float) -> bool:
        """Whether nothing is on its way that may still be answered in time."""
        return not any(self._is_open(entry, now_s) for entry in self._sent.values())

    def is_silent(self, now_s: float) -> bool:
        """Whether a receipt is overdue and none at all came since that row was sent."""
        sent = (entry for entry in self._sent.values() if entry.attempts)
        return any(e.sent_s + self._timeout <= now_s and e.sent_s > self._last_receipt_s for e in sent)

    def silent_s(self, now_s: float) -> float:
        """How long rows have been out on this connection without any receipt; 0 when none is out."""
        return 0.0 if self._out_since_s is None else now_s - self._out_since_s

    def _is_open(self, entry: Sent, now_s: float) -> bool:
        return now_s < entry.sent_s + self._timeout
