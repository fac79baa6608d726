"""A file that cannot be looked at now is not damaged; memory stands in for it, and loses nothing within its bound."""

import os
import sqlite3

import pytest

from biosignal.events import Series
from edge_agent.store.errors import StoreInUse, StoreMisplaced, StoreTrouble
from edge_agent.store.events import EventStore
from edge_agent.store.lanes import Lane
from edge_agent.store.place import check_folder
from tests.store import events_made as made

MIB = 1 << 20


def open_store(folder, **options):
    return EventStore(folder / "events.db", "bed-1", "boot", **{"reserve_bytes": 0, "stand_in_bytes": MIB, **options})


def filled(folder, count=50):
    store = open_store(folder)
    store.add_many(made.finding(str(number), "r") for number in range(count))
    store.close()
    return (folder / "events.db").read_bytes()


def test_a_locked_file_is_left_as_it_is_and_what_came_meanwhile_goes_into_it(tmp_path, monkeypatch):
    content = filled(tmp_path)
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **{**named, "timeout": 0.05}))
    with pytest.raises(StoreTrouble):
        open_store(tmp_path, stand_in_bytes=0)
    store = open_store(tmp_path)
    assert "locked" in store.away
    assert store.add(made.finding("new", "r", rev=0)).id
    assert not store.bring_back()
    confirmed = store.add(made.finding("sent meanwhile", "r2"))
    assert store.confirm([(confirmed.id, confirmed.rev)]) == 1
    assert (tmp_path / "events.db").read_bytes() == content
    assert not list(tmp_path.glob("*.damaged-*"))
    other.execute("COMMIT")
    other.close()
    assert store.bring_back()
    assert store.away is None
    assert len(store.outbox(1000)) == 51
    assert store.get(confirmed.id) is not None
    # Numbers go on behind those of both.
    assert store.add(made.finding("newer", "r")).seq == 50
    store.close()


def test_memory_that_is_full_forgets_what_matters_least_and_counts_it(tmp_path):
    (tmp_path / "events.db").symlink_to("/nowhere/at/all")
    store = open_store(tmp_path)
    assert store.away
    for number in range(300):
        store.add(made.finding(str(number), "r"))
    for number in range(6000):
        store.add(made.series(str(number), "r"))
    assert store.forgotten > 0
    assert len(store.outbox(10**6)) == 6300 - store.forgotten
    assert len(store.outbox(10**6, int(Lane.FINDINGS))) == 300
    newest = [event for event in store.events("series", limit=10**6) if isinstance(event.body, Series)][-1]
    assert newest.id == made.series("5999", "r").id
    os.unlink(tmp_path / "events.db")  # noqa: PTH108  # the link, not what it leads to
    assert store.bring_back()
    assert len(store.outbox(10**6)) == 6300 - store.forgotten
    store.close()


def test_a_second_daemon_is_refused_and_no_memory_stands_in(tmp_path):
    store = open_store(tmp_path)
    with pytest.raises(StoreInUse):
        open_store(tmp_path)
    store.close()


def test_a_folder_that_cannot_be_is_for_a_person_to_change(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreMisplaced):
        open_store(tmp_path / "file")
    with pytest.raises(StoreMisplaced):
        check_folder(tmp_path / "file" / "below")
