"""Events stay within their budget; what the clinic has not received, or what is still open, stays whatever it costs."""

import itertools
import random
from collections import Counter

import pytest

from biosignal.events import AlarmState, Finding, FindingState
from edge_agent.store.events import EventStore
from edge_agent.store.retention import FIRST, LAST, TRIM_ROWS
from tests.store import events_made as made

CLOSED = FindingState.CLOSED
BUDGET = 2 << 20
STEP = TRIM_ROWS * 4096  # generous: the largest events here are of three kilobytes


@pytest.fixture
def store(tmp_path):
    opened = EventStore(tmp_path / "events.db", "bed-1", "boot-1", reserve_bytes=0, ids_held=1000)
    yield opened
    opened.close()


def day_of(number, chance):
    """What a bed says on a day: one recording, sixty findings with all that belongs to them."""
    recording = f"r{number}"
    yield made.recording(recording)
    for index in range(60):
        name = f"{number}/{index}"
        seen = made.inputs(chance.randbytes(1500))
        yield seen
        yield made.mark(recording, index, seen)
        yield made.finding(name, recording, marks=made.mark_set(index))
        yield made.text(name)
        yield made.alarm(name, recording)
        yield made.strip(name, recording, chance.randbytes(2000))
        yield made.series(name, recording)
        yield made.finding(name, recording, 1, CLOSED)
        yield made.alarm(name, recording, 1, AlarmState.RESOLVED)
    yield made.closed(recording)


def trim(store, budget=BUDGET):
    deleted = 0
    while step := store.trim(budget):
        assert step <= TRIM_ROWS
        deleted += step
    return deleted


def receive(store, keep=()):
    waiting = store.outbox(100_000)
    store.confirm((row.id, row.rev) for row in waiting if row.id not in keep)


def kinds(store):
    return Counter(envelope.kind for envelope in store.events(limit=1_000_000))


def test_a_month_stays_within_the_budget_and_the_file_stops_growing(store, tmp_path):
    chance, sizes = random.Random(1), []
    kept = set()
    for number in range(30):
        events = list(day_of(number, chance))
        store.add_many(events)
        unlucky = events[5].id
        kept.add(unlucky)
        receive(store, keep=kept)
        trim(store)
        sizes.append((tmp_path / "events.db").stat().st_size)
    assert sizes[9] < BUDGET + STEP
    assert max(sizes) - sizes[9] < 1 << 16  # full since the second week: only what must stay was added
    assert {row.id for row in store.outbox(1000)} == kept
    assert all(store.get(id_) is not None for id_ in kept)
    newest = {event.id for event in events if isinstance(event, Finding)}
    assert newest <= {envelope.id for envelope in store.events(limit=1_000_000)}
    left = kinds(store)
    assert left["finding"] > left["inputs"]


def test_what_the_clinic_has_not_received_or_rejected_stays_over_the_budget(store):
    chance = random.Random(2)
    for number in range(8):
        store.add_many(day_of(number, chance))
    rejected = store.outbox(1)[0]
    store.reject([(rejected.id, rejected.rev, "why")])
    before = kinds(store)
    assert trim(store, 1) == 0
    assert kinds(store) == before
    receive(store)
    assert trim(store, 1) > 0
    assert store.get(rejected.id) is not None


def test_what_findings_rest_on_goes_before_findings_and_recordings_last(store):
    store.add_many([event for number in range(3) for event in day_of(number, random.Random(3))])
    receive(store)
    seen = []
    while store.trim(1, most=100):
        left = kinds(store)
        seen.append((sum(left[kind] for kind in FIRST), left["finding"] + left["alarm"], left["recording.opened"]))
    for before, after in itertools.pairwise(seen):
        if after[1] < before[1]:
            assert after[0] == 0
        if after[2] < before[2]:
            assert after[1] == 0
    assert set(kinds(store)) <= {*LAST}
    assert sum(kinds(store).values()) <= 1  # the newest row stays: its number is never given again


def test_what_is_open_stays_until_it_is_closed(store):
    store.add_many(day_of(0, random.Random(4)))
    store.add_many([made.recording("now"), made.finding("on", "now"), made.finding("on", "now", 1)])
    store.add_many([made.alarm("on", "now"), made.alarm("on", "now", 1, AlarmState.LATCHED), made.text("last")])
    receive(store)
    trim(store, 1)
    assert [one.rev for one in store.findings("now")] == [1]
    assert store.get(made.alarm("on", "now").id).rev == 1
    assert store.newest("recording.opened").id == "now"
    assert kinds(store)["recording.closed"] == 0  # that of the day before, behind its recording

    store.add_many([made.finding("on", "now", 2, CLOSED), made.alarm("on", "now", 2, AlarmState.RESOLVED)])
    store.add_many([made.closed("now"), made.text("very last")])
    receive(store)
    trim(store, 1)
    trim(store, 1)
    assert set(kinds(store)) <= {"explanation", *LAST}


def test_an_event_that_went_is_new_when_it_comes_again(store):
    seen = made.inputs(b"12345678")
    store.add_many([seen, made.text("last")])
    receive(store)
    assert trim(store, 1) == 1
    store.add(seen)
    assert [row.id for row in store.outbox(10)] == [seen.id]


def test_places_of_ids_are_found_after_the_file_was_opened_again(store, tmp_path):
    chance = random.Random(5)
    events = [event for number in range(6) for event in day_of(number, chance)]
    for first in range(0, len(events), 300):
        store.add_many(events[first : first + 300])
        store.trim(10**9)  # more than a thousand places: they go into their table
    assert store._db.execute("SELECT count(*) FROM ids").fetchone()[0] > 1000
    store.close()
    again = EventStore(tmp_path / "events.db", "bed-1", "boot-2", reserve_bytes=0, ids_held=1000)
    for event in events:
        again.add(event)
    assert again.counts().events == len({(event.id, getattr(event, "rev", 0)) for event in events})
    assert all(again.get(event.id, getattr(event, "rev", 0)).body == event for event in events)
    again.close()


def test_a_file_that_is_mostly_empty_is_made_short_when_it_is_opened(tmp_path):
    path = tmp_path / "events.db"
    store = EventStore(path, "bed-1", "boot-1", reserve_bytes=0)
    chance = random.Random(6)
    for number in range(12):
        store.add_many(made.strip(f"{number}/{index}", "r", chance.randbytes(4096 * 2)) for index in range(500))
    store.add(made.text("kept"))
    full = path.stat().st_size
    receive(store, keep={made.text("kept").id})
    trim(store, 1)
    store.close()
    EventStore(path, "bed-1", "boot-2", reserve_bytes=0).close()
    assert path.stat().st_size < full / 10
    again = EventStore(path, "bed-1", "boot-3", reserve_bytes=0)
    assert [row.id for row in again.outbox(10)] == [made.text("kept").id]
    assert again.add(made.text("kept")).boot == "boot-1"
    again.close()
    assert [entry.name for entry in tmp_path.iterdir() if "before" in entry.name] == []
