"""What the clinic had received is queued once more: from a point on, whole, and with what is missing counted."""

import random

import pytest
from events_made import closed, finding, recording

from biosignal.errors import BadInput
from edge_agent.store import again
from edge_agent.store.events import EventStore
from edge_agent.store.lanes import Lane


class Clock:
    """Says when an event is stored: a minute later each time, unless it is set."""

    def __init__(self):
        self.minute = 0

    def __call__(self):
        self.minute += 1
        return f"2026-01-01T{self.minute // 60:02}:{self.minute % 60:02}:00.000Z"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(again, "STEP_ROWS", 7)
    made = EventStore(tmp_path / "events.db", "bed-1", "boot-1", utc_now=clock, reserve_bytes=0)
    yield made
    made.close()


def received(store, *events):
    """Store events, as if the clinic had received them since."""
    keys = [(envelope.id, envelope.rev) for event in events for envelope in store.add_many([event])]
    store.confirm(keys)
    return keys


def waiting(store):
    return [(row.id, row.rev) for row in store.outbox(10_000)]


def of_recording(name, count):
    return [recording(name), *(finding(f"{name}-{n}", name) for n in range(count)), closed(name)]


@pytest.mark.parametrize("index", [0, 1, 6, 7, 8, 20, 39])
def test_what_was_stored_since_a_time_goes_again_and_nothing_else(store, index):
    keys = received(store, *of_recording("r", 38))
    at = store.get(*keys[index]).at
    done = store.send_again(at)
    assert waiting(store) == keys[index:]
    assert {row.lane for row in store.outbox(100)} == {int(Lane.LOGS)}
    assert (done.queued, done.waiting, done.gone) == (40 - index, 0, 0)
    assert store.send_again(at).waiting == 40 - index
    assert waiting(store) == keys[index:]


def test_everything_goes_where_no_time_is_given_and_what_waits_keeps_its_lane(store):
    keys = received(store, *of_recording("r", 5))
    fresh = store.add(finding("fresh", "r"))
    done = store.send_again(None)
    assert (done.queued, done.waiting) == (7, 1)
    assert sorted(waiting(store)) == sorted([*keys, (fresh.id, 0)])
    assert store.waiting(fresh.id, 0).lane == int(Lane.FINDINGS)
    assert str(done) == "7 events go again, 1 waited anyway; all of that time are held"


def test_nothing_goes_where_nothing_was_stored_since(store):
    received(store, *of_recording("r", 30))
    assert store.send_again("2026-02-01T00:00Z").queued == 0
    assert waiting(store) == []


def test_a_clock_that_was_set_back_hides_nothing(store, clock):
    received(store, *of_recording("r", 20))
    at = store.get("r").at
    clock.minute = -1
    later = received(store, *of_recording("s", 20))
    store.send_again(at)
    assert set(later) <= set(waiting(store))


def test_what_the_clinic_had_rejected_goes_as_well(store):
    envelope = store.add(finding("f", "r"))
    store.reject([(envelope.id, 0, "it is not read")])
    assert store.send_again(None).queued == 1
    assert store.rejected() == []
    assert waiting(store) == [(envelope.id, 0)]


def test_a_row_that_cannot_be_read_moves_no_point(store):
    keys = received(store, *of_recording("r", 38))
    for damaged in (7, 8, 9, 14):
        store._db.execute("UPDATE events SET payload = x'00' WHERE n = ?", (damaged,))
    store._db.conn.commit()
    store.send_again(store.get(*keys[20]).at)
    assert waiting(store) == keys[20:]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_no_longer_held_is_counted_and_never_too_low(store, seed):
    """Of what was deleted, all that was stored since then is counted; at most that and what lay beside it before."""
    chance = random.Random(seed)
    keys = [key for name in "abcd" for key in received(store, *of_recording(name, chance.randrange(1, 25)))]
    point = chance.randrange(len(keys))
    at = store.get(*keys[point]).at
    deleted = sorted(chance.sample(range(len(keys)), chance.randrange(1, len(keys))))
    store._db.conn.executemany("DELETE FROM events WHERE n = ?", [(index + 1,) for index in deleted])
    store._db.conn.commit()
    kept = [key for index, key in enumerate(keys) if index not in deleted and index >= point]
    done = store.send_again(at)
    assert waiting(store) == kept
    since = sum(index >= point for index in deleted)
    if kept:
        assert since <= done.gone <= len(deleted)
        assert f"at most {done.gone} of that time are no longer held" in str(done) or done.gone == 0


@pytest.mark.parametrize("wrong", ["yesterday", "2026-01-01T00:00", ""])
def test_what_is_no_time_with_a_zone_is_refused(store, wrong):
    with pytest.raises(BadInput):
        store.send_again(wrong)
