"""Which rows were never sent, and whose turn it is: by lane and by age. Decides; touches nothing.

What was stored since the line opened is fresh and goes first. What waited before is the backlog: its lanes take turns
in fixed shares, so that none starves, and the findings and alarms in it go from both ends, as the newest matter most
and the oldest have waited longest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge_agent.sync.port import RECORDINGS, URGENT

ROTA = (0, 1, 0, 2, 0, 1, 0, 3)
"""Whose turn a packet of the backlog is: half for lane 0, a quarter for lane 1, an eighth each for the others."""
_MOST_STRETCHES = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """A stretch of places to look for rows of a lane in: behind `after`, up to `until`, from its newer end or not."""

    lane: int
    after: int
    until: int | None = None
    newest: bool = False


@dataclass(slots=True)
class _Unsent:
    """Of one lane: `head` is the place behind which rows are fresh, `old` the stretches of the backlog, ascending."""

    head: int = 0
    old: list[tuple[int, int]] = field(default_factory=list)


class Turns:
    """What was never sent, lane by lane."""

    def __init__(self) -> None:
        self._lanes = {lane: _Unsent() for lane in (*dict.fromkeys(ROTA), RECORDINGS)}
        self._next = 0
        self._from_newest = True

    def start_again(self, last: int) -> None:
        """There is a new connection: what waits at places up to `last` and was never sent is backlog now."""
        for lane in self._lanes.values():
            if last > lane.head:
                lane.old.append((lane.head, last))
                lane.head = last
            while len(lane.old) > _MOST_STRETCHES:
                # Between two stretches lies what was sent; what of it still waits is known to be on its way.
                lane.old[:2] = [(lane.old[0][0], lane.old[1][1])]

    def look_again(self, last: int) -> None:
        """Rows came into the outbox at old places: all up to `last` are looked at again."""
        for lane in self._lanes.values():
            lane.old = [(0, last)] if last else []
            lane.head = max(lane.head, last)

    def fresh(self, lane: int) -> Ask:
        """Where the fresh rows of a lane are."""
        return Ask(lane, self._lanes[lane].head)

    def asks(self, lane: int) -> Iterator[Ask]:
        """Where the next rows of a lane are, one stretch after the other while each turns out to be empty.

        What is fresh comes first; in the lanes that must not wait it goes on its own, ahead of all turns.
        """
        if lane not in (URGENT, RECORDINGS):
            yield self.fresh(lane)
        before: Ask | None = None
        while (ask := self._old(lane)) is not None and ask != before:
            before = ask
            yield ask

    def _old(self, lane: int) -> Ask | None:
        stretches = self._lanes[lane].old
        if not stretches:
            return None
        newest = lane == URGENT and self._from_newest
        after, until = stretches[-1 if newest else 0]
        return Ask(lane, after, until, newest)

    def lanes(self) -> tuple[int, ...]:
        """Give the lanes of the backlog in the order of this turn."""
        turn = self._next % len(ROTA)
        return tuple(dict.fromkeys((*ROTA[turn:], *ROTA[:turn])))

    def note_turn(self, lane: int) -> None:
        """A packet of that lane's backlog went."""
        self._next += 1
        if lane == URGENT:
            self._from_newest = not self._from_newest

    def note_taken(self, ask: Ask, places: Sequence[int], *, is_all: bool) -> None:
        """Rows at these places were sent; `is_all` when there are no others in the stretch."""
        lane = self._lanes[ask.lane]
        if ask.until is None:
            lane.head = max((lane.head, *places))
            return
        end, left = -1 if ask.newest else 0, (ask.after, ask.until)
        if places:
            left = (ask.after, min(places) - 1) if ask.newest else (max(places), ask.until)
        if is_all or left[0] >= left[1]:
            del lane.old[end]
        else:
            lane.old[end] = left
