"""A clinic of an older version: known by what it rejects, asked again now and then. Decides; touches nothing.

It rejects what it cannot read and would read it after an update, so what it rejected for that reason is sent again: a
few rows now and then while it still cannot read them, and all of them, a few at a time, once it can.
"""

from collections.abc import Iterable, Sequence

from edge_agent.sync.flight import Key

REASONS = ("unknown schema version", "unknown kind of event")
"""How a clinic says that it is older than the device."""
FIRST_S, MOST_S = 15.0, 600.0


class OutdatedClinic:
    """What is known of the clinic's version, and when it is asked again. Times are on the monotonic clock.

    Parameters
    ----------
    few : rows sent again at once. Fewer than may be on their way, so that new ones always find a place beside them.
    """

    def __init__(self, *, few: int, first_s: float = FIRST_S) -> None:
        self.reason: str | None = None
        self._few, self._first_s = few, first_s
        self._asked: set[Key] = set()
        self._wait_s = first_s
        self._due_s = float("-inf")
        self._is_read = False

    def note_connected(self) -> None:
        """There is a new connection: perhaps the clinic is another one now."""
        self._due_s = float("-inf")

    def rows_to_ask(self, now_s: float) -> int:
        """How many rejected rows are to be sent again now."""
        if self._asked or (now_s < self._due_s and not self._is_read):
            return 0
        self._due_s = now_s + self._wait_s
        return self._few

    def note_asked(self, keys: Iterable[Key]) -> None:
        """These rows are sent again; none is when nothing is left."""
        self._asked = set(keys)
        self._is_read = self._is_read and bool(self._asked)

    def note_receipt(self, committed: Sequence[Key], rejected: Iterable[tuple[str, int, str]], now_s: float) -> None:
        """The clinic answered."""
        reasons = {(id_, rev): reason for id_, rev, reason in rejected}
        unread = {key: reason for key, reason in reasons.items() if reason.startswith(REASONS)}
        read = {*committed, *reasons} - set(unread)
        if unread:
            self._note_unread(unread, now_s)
        elif self._asked & read:
            self.reason, self._wait_s, self._is_read = None, self._first_s, True
        elif read and self.reason is not None:
            # It reads something: what an earlier version of this device wrote, or all, if it was updated meanwhile.
            self._due_s = min(self._due_s, now_s + self._first_s)
        self._asked -= {*committed, *reasons}

    def _note_unread(self, unread: dict[Key, str], now_s: float) -> None:
        if self.reason is None:
            self._wait_s = self._first_s
            self._due_s = now_s + self._wait_s
        elif self._asked & set(unread):
            self._wait_s = min(MOST_S, 2 * self._wait_s)
            self._due_s = now_s + self._wait_s
        self.reason, self._is_read = next(iter(unread.values())), False
