"""Rows on their way: what is forgotten, and what a message that nobody answers holds up."""

import random
from types import SimpleNamespace

from edge_agent.sync.flight import Flight

KEY, OTHER = ("a", 0), ("b", 0)


def make():
    flight = Flight(window=4, timeout_s=5.0, first_s=1.0, most_s=60.0, chance=random.Random(1))
    for n, (id_, rev) in enumerate((KEY, OTHER), 1):
        flight.note_sent(SimpleNamespace(n=n, id=id_, rev=rev), 100.0, is_urgent=True)
    return flight


def test_a_row_that_left_the_outbox_is_on_its_way_no_more():
    flight = make()
    flight.forget(KEY)
    assert KEY not in flight
    assert OTHER in flight
    flight.forget(OTHER)
    assert len(flight) == 0
    flight.forget(OTHER)
    assert flight.due(1e9, is_urgent=True) == []


def test_a_receipt_ends_what_it_names_and_nothing_else():
    flight = make()
    flight.note_receipt([KEY, ("never sent", 3)], 101.0)
    assert [key for key, _ in flight.due(1e9, is_urgent=True)] == [OTHER]
