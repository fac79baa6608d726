"""One start of the store on a disk with hardly anything free: what became of the events that waited."""

import contextlib
import os

from edge_agent.store.event_rows import PLAN
from edge_agent.store.events import EventStore
from tests.store import events_made as made

UNSENT, NEW = 150, 40
CLOCK = "2026-01-01T00:00:00.000Z"


def open_store(folder, **options):
    return EventStore(
        folder / "events.db", "bed-1", "boot", utc_now=lambda: CLOCK, **{"stand_in_bytes": 4 << 20, **options}
    )


def waiting(store):
    return {row.id for row in store.outbox(10**6)}


def ids(first, count):
    return {made.finding(str(number), "r").id for number in range(first, first + count)}


def _fill(folder, *, killed):
    """Add events in a process of its own, which ends with or without closing the store."""
    child = os.fork()
    if not child:
        try:
            store = open_store(folder, reserve_bytes=2 << 20)
            store.add_many(made.finding(str(number), "r") for number in range(UNSENT))
            if not killed:
                store.close()
                # Who looked in from outside may have removed these; their space is gone with them.
                for ending in ("-wal", "-shm"):
                    (folder / f"events.db{ending}").unlink(missing_ok=True)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def start_on(disk, *, leave_kb, greedy, killed=False):
    """Fill the store, then the disk, start, add, make place, start again; say how the start went.

    What is lost makes an assertion fail.
    """
    disk.free()
    for file in disk.folder.iterdir():
        file.unlink()
    _fill(disk.folder, killed=killed)
    disk.fill(leave_kb=leave_kb)
    with disk.greedy() if greedy else contextlib.nullcontext():
        store = open_store(disk.folder, reserve_bytes=2 << 20)
        away = store.away
        for number in range(UNSENT, UNSENT + NEW):
            store.add(made.finding(str(number), "r"))
        assert ids(UNSENT, NEW) <= waiting(store)
        assert not list(disk.folder.glob("*.damaged-*"))
    disk.free()
    assert store.bring_back()
    assert waiting(store) == ids(0, UNSENT + NEW)
    store.close()
    store = open_store(disk.folder, reserve_bytes=2 << 20)
    assert store.away is None
    assert store.salvage is None
    assert waiting(store) == ids(0, UNSENT + NEW)
    assert [tuple(row) for row in store._db.execute("PRAGMA integrity_check")] == [("ok",)]
    assert store._db.execute("PRAGMA page_size").fetchone()[0] == PLAN.page_bytes
    store.close()
    return "in memory" if away else "in its file"
