"""Every row of the outbox has its turn, once, whatever comes when; what is fresh and what is newest goes first."""

from dataclasses import dataclass
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sync.turns import ROTA, Turns

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("store"), st.sampled_from([0, 1, 2, 3]), st.integers(1, 9)),
        st.tuples(st.just("send"), st.integers(1, 4), st.integers(0, 3)),
        st.tuples(st.just("connect"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@dataclass
class Shelf:
    """An outbox in memory: (place, lane), ascending; nothing ever leaves it here."""

    rows: list

    def look(self, ask, most):
        fits = [
            n
            for n, lane in self.rows
            if lane == ask.lane and ask.after < n <= (10**9 if ask.until is None else ask.until)
        ]
        return (fits[::-1] if ask.newest else fits)[:most]


def send(turns, shelf, most, broken=0):
    """Send one packet as the client does; the line breaks behind all but `broken` of its rows."""
    for lane in turns.lanes():
        for ask in chain([turns.fresh(lane)] if lane == 0 else [], turns.asks(lane)):
            rows = shelf.look(ask, most)
            taken = rows[: max(0, len(rows) - broken)]
            turns.note_taken(ask, taken, is_all=len(taken) == len(rows) < most)
            if taken:
                turns.note_turn(lane)
                return taken
    return []


@given(STEPS)
def test_every_row_is_sent_exactly_once(steps):
    turns, shelf, sent = Turns(), Shelf([]), []
    for what, one, two in steps:
        if what == "store":
            first = len(shelf.rows) + 1
            shelf.rows += [(n, one) for n in range(first, first + two)]
        elif what == "connect":
            turns.start_again(len(shelf.rows))
        else:
            sent += send(turns, shelf, one, broken=two)
    turns.start_again(len(shelf.rows))
    while packet := send(turns, shelf, 3):
        sent += packet
    assert set(sent) == {n for n, _ in shelf.rows}
    if sum(what == "connect" for what, _, _ in steps) < 7:
        assert len(sent) == len(set(sent))


def test_each_lane_has_its_share_while_all_have_a_backlog():
    shelf = Shelf([(n, n % 4) for n in range(1, 4001)])
    turns = Turns()
    turns.start_again(4000)
    lanes = [send(turns, shelf, 8)[0] % 4 for _ in range(4 * len(ROTA))]
    assert [lanes.count(lane) for lane in range(4)] == [16, 8, 4, 4]


def test_a_backlog_of_findings_goes_from_both_ends():
    shelf = Shelf([(n, 0) for n in range(1, 41)])
    turns = Turns()
    turns.start_again(40)
    assert [send(turns, shelf, 3) for _ in range(3)] == [[40, 39, 38], [1, 2, 3], [37, 36, 35]]


def test_rows_that_came_back_are_looked_at_again():
    shelf = Shelf([(n, 3) for n in range(1, 5)])
    turns = Turns()
    assert send(turns, shelf, 9) == [1, 2, 3, 4]
    assert send(turns, shelf, 9) == []
    turns.look_again(4)
    assert send(turns, shelf, 9) == [1, 2, 3, 4]


def test_a_line_that_drops_all_the_time_is_remembered_in_few_stretches_and_loses_no_row():
    shelf = Shelf([])
    turns = Turns()
    for n in range(1, 200):
        shelf.rows.append((n, 3))
        turns.start_again(n)
        assert all(len(lane.old) <= 8 for lane in turns._lanes.values())
    sent = set()
    while packet := send(turns, shelf, 7):
        sent.update(packet)
    assert sent == set(range(1, 200))
