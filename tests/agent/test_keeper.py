"""The keeper writes an event until it is written, in order; waves that cannot be are counted."""

import sqlite3

import pytest

from biosignal.events import Finding, Recording
from edge_agent.store.events import EventStore
from edge_agent.store.keeper import Batch, Keeper
from edge_agent.store.waveforms import WaveStore
from tests.agent.conftest import until
from tests.flow.analysing import FS_HZ, block, events_of, excerpt


@pytest.fixture(scope="module")
def said():
    """Real events of five minutes."""
    return events_of([block(0, excerpt(0, 299))])


class Rooms:
    def __init__(self, folder, **more):
        self.events = EventStore(folder / "events.db", "bed-1", "boot")
        self.waves = WaveStore(folder / "waveforms.db", 1 << 30)
        self.stored, self.frames = [], []
        self.keeper = Keeper(
            self.events,
            self.waves,
            on_stored=lambda events, _arrived_s: self.stored.extend(events),
            live=self.frames.append,
            is_watched=lambda: bool(more.get("watched")),
            queue_size=more.get("queue_size", 256),
            retry_s=0.02,
        )


@pytest.fixture
def rooms(tmp_path):
    made = []

    def make(**more):
        made.append(Rooms(tmp_path, **more))
        return made[-1]

    yield make
    for one in made:
        one.keeper.stop(0.5)
        one.waves.close()
        one.events.close()


def bodies(store):
    return [envelope.body for envelope in store.events(limit=100_000)]


def test_a_store_that_fails_for_a_while_costs_no_event_and_no_order(rooms, said):
    room = rooms()
    room.events._db.execute("ALTER TABLE outbox RENAME TO hidden")  # what a failing disk does, made undoable
    room.keeper.start()
    for event in said:
        room.keeper.put(Batch(events=(event,)))
    until(lambda: room.keeper.counts.retries >= 3)
    assert room.keeper.trouble is not None
    assert bodies(room.events) == []
    assert not room.keeper.idle

    room.events._db.execute("ALTER TABLE hidden RENAME TO outbox")
    until(lambda: room.keeper.idle)
    written = [body for body in bodies(room.events) if body.id in {event.id for event in said}]
    assert written == said
    assert room.keeper.trouble is None
    assert room.events.counts().outbox >= len(said)


def test_a_live_put_never_waits_and_keeps_events_where_waves_find_no_room(rooms, said):
    room = rooms(queue_size=4)
    samples = excerpt(0, 20)
    for n, event in enumerate(said[:20]):  # nobody writes yet
        first = n * 360
        room.keeper.put(Batch(events=(event,), block=block(first, samples[:, first : first + 360])))
    assert room.keeper.counts.waves_dropped == 16
    assert not room.keeper.wait_for_place(0.01)
    assert "too slow" in room.keeper.trouble
    room.keeper.start()
    until(lambda: room.keeper.idle)
    assert [event for event in room.stored if event in said] == said[:20]
    assert room.keeper.counts.blocks == 4
    assert room.keeper.trouble is None
    assert room.keeper.wait_for_place(0.01)


def test_an_event_the_store_refuses_is_counted_and_the_others_of_its_batch_are_kept(rooms, said):
    room = rooms()
    wrong = Recording(
        id="x", device="bed-1", source="s", leads=(), fs_hz=float("nan"), started_utc=None, subject=None,
        previous=None,
    )  # fmt: skip
    room.keeper.start()
    room.keeper.put(Batch(events=(said[0], wrong, said[1])))
    until(lambda: room.keeper.idle)
    assert bodies(room.events)[:2] == said[:2]
    assert room.keeper.counts.events_refused == 1


def test_a_fault_in_one_batch_does_not_end_the_writing(rooms, said, monkeypatch):
    room = rooms()
    fails = [True]
    append = room.waves.append

    def broken(block):
        if fails[0]:
            raise sqlite3.InterfaceError("an error nobody expected")
        append(block)

    monkeypatch.setattr(room.waves, "append", broken)
    room.keeper.start()
    room.keeper.put(Batch(events=(said[0],), block=block(0, excerpt(0, 1))))
    until(lambda: room.keeper.idle)
    assert "nobody expected" in room.keeper.trouble
    fails[0] = False
    room.keeper.put(Batch(events=(said[1],), block=block(360, excerpt(1, 2))))
    until(lambda: room.keeper.idle)
    assert room.keeper.trouble is None
    assert bodies(room.events)[:2] == said[:2]


def test_strips_follow_their_findings_and_live_frames_go_only_to_who_watches(rooms, said):
    room = rooms(watched=True, queue_size=1000)
    samples = excerpt(0, 299)
    room.keeper.start()
    room.keeper.put(Batch(events=tuple(event for event in said if not isinstance(event, Finding))))
    recording = said[0].id
    findings = tuple(event for event in said if isinstance(event, Finding))
    for second in range(299):
        piece = block(second * 360, samples[:, second * 360 : (second + 1) * 360])
        piece = type(piece)(
            recording=recording, start=piece.start, fs_hz=FS_HZ, leads=piece.leads, samples=piece.samples.copy()
        )
        room.keeper.put(Batch(events=findings if second == 0 else (), block=piece))
    room.keeper.put(Batch(closes=recording))
    until(lambda: room.keeper.idle)
    wanted = {one.id for one in findings if one.evidence.strip_end > one.evidence.strip_start}
    assert room.keeper.counts.strips == len(wanted) > 0
    assert len(room.frames) == 299
    assert room.waves.newest(recording, "MLII") == 299 * 360
