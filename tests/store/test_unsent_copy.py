"""What waits for the clinic is kept a second time: where the pages of `events.db` are gone, findings come back."""

import contextlib
import random
from dataclasses import replace

import pytest

from biosignal.errors import BadInput
from edge_agent.store.errors import StoreFull
from edge_agent.store.unsent import copy_of, records
from tests.store import damage
from tests.store import events_made as made
from tests.store.damaged_store import fill, held, open_store, start_on
from tests.store.full_disk import SmallDisk


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A closed store of 1,212 findings, and what it held."""
    folder = tmp_path_factory.mktemp("sound")
    store = open_store(folder)
    fill(store)
    before = held(store)
    store.close()
    return folder, before


def findings(first, count):
    return [made.finding(str(number), "r") for number in range(first, first + count)]


def keys(events):
    return {(event.id, event.rev) for event in events}


def copied(folder):
    return {(record.id, record.rev) for record in records(copy_of(folder / "events.db"))}


@pytest.mark.parametrize(
    "kind", [damage.cut_short, damage.random_pages, damage.no_length], ids=lambda kind: kind.__name__
)
def test_no_finding_that_waits_is_lost_with_the_pages_it_lay_on(sound, tmp_path, kind):
    start = start_on(sound[0], tmp_path / "spoiled", sound[1], kind, seed=1)
    assert start.unsent_findings == 100.0
    assert start.invented == 0


def test_a_store_that_vanished_gives_back_the_findings_that_waited_in_it(sound, tmp_path):
    start = start_on(sound[0], tmp_path / "spoiled", sound[1], lambda file, _rng: file.unlink(), seed=1)
    assert start.unsent_findings == 100.0


def test_it_is_emptied_once_the_clinic_has_all_and_what_comes_then_is_copied_again(tmp_path):
    store = open_store(tmp_path)
    store.add_many([*findings(0, 20), made.strip("0", "r", bytes(100))])
    assert copied(tmp_path) == keys(findings(0, 20))
    first = [(row.id, row.rev) for row in store.outbox(10)]
    store.confirm(first)
    assert copied(tmp_path) == keys(findings(0, 20))
    store.confirm((row.id, row.rev) for row in store.outbox(100))
    assert copy_of(tmp_path / "events.db").stat().st_size == 0
    store.add_many(findings(20, 3))
    assert copied(tmp_path) == keys(findings(20, 3))
    store.reject((row.id, row.rev, "unreadable") for row in store.outbox(10))
    assert copied(tmp_path) == set()
    store.retry_rejected()
    assert copied(tmp_path) == keys(findings(20, 3))
    store.close()


def test_what_was_not_stored_is_not_copied(tmp_path):
    store = open_store(tmp_path)
    bad = replace(made.finding("bad", "r"), leads=(1,))
    with pytest.raises(BadInput):
        store.add_many([*findings(0, 3), bad])
    store.add_many(findings(3, 1))
    assert copied(tmp_path) == keys(findings(3, 1)) == {(row.id, row.rev) for row in store.outbox(10)}
    store.close()


@pytest.mark.parametrize("harm", ["absent", "emptied", "torn", "spoiled"])
def test_a_copy_that_lacks_something_is_put_right_when_the_store_is_opened(tmp_path, harm):
    store = open_store(tmp_path)
    store.add_many(findings(0, 50))
    store.close()
    file = copy_of(tmp_path / "events.db")
    content = file.read_bytes()
    if harm == "absent":
        file.unlink()
    else:
        at = random.Random(1).randrange(len(content))
        spoiled = {"emptied": b"", "torn": content[:-5], "spoiled": content[:at] + b"\0" * 40 + content[at + 40 :]}
        file.write_bytes(spoiled[harm])
        # What is whole in it is read, whatever stands around it.
        assert copied(tmp_path) < keys(findings(0, 50))
        assert len(copied(tmp_path)) >= {"emptied": 0, "torn": 49, "spoiled": 48}[harm]
    store = open_store(tmp_path)
    assert store.salvage is None
    store.add_many(findings(50, 1))
    assert copied(tmp_path) == keys(findings(0, 51))
    store.close()


def test_on_a_full_disk_the_store_goes_on_and_the_copy_is_put_right_later(tmp_path):
    disk = SmallDisk(tmp_path / "disk", 12)
    try:
        store = open_store(disk.folder)
        store.add_many(findings(0, 300))
        disk.fill()
        added = 300
        with contextlib.suppress(StoreFull):  # nothing is held back in this store
            for added in range(300, 5_000):
                store.add_many(findings(added, 1))
        assert added < 4_999
        stored = keys(findings(0, added))
        assert copied(disk.folder) <= stored
        disk.free()
        store.trim(1 << 30)
        assert copied(disk.folder) == stored
        store.add_many(findings(added, 1))
        assert copied(disk.folder) == keys(findings(0, added + 1))
        store.close()
    finally:
        disk.close()
