"""What the places of events cost while they are held in memory."""

import tracemalloc

from edge_agent.store.database import Database
from edge_agent.store.event_rows import PLAN
from edge_agent.store.ids import MOST_RECENT, Ids


def test_the_places_of_all_events_that_are_held_take_less_than_a_megabyte():
    db = Database(memory=True)
    db.conn.executescript(PLAN.migrations[-1])
    ids = Ids(db)
    tracemalloc.start()
    try:
        for n in range(MOST_RECENT):
            ids.add(f"event-{n}", n)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        db.conn.close()
    assert held_bytes < 1_000_000
