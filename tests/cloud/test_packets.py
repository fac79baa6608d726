"""Many events in one message: each has its own fate, and what is fresh never stands behind them."""

from cloud_ward import SITE, finding, message, payload, series
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from biosignal.wire.packet import MOST_EVENTS, join
from biosignal.wire.topics import Channel, up
from cloud_service.database.event_tables import DeadLetterRow, EventRow
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from cloud_service.ingest.waiting import MOST_BYTES, Waiting

TOPIC = up(SITE, "bed-1", Channel.EVENT)


def packet(*payloads):
    return Message(topic=TOPIC, payload=join(payloads))


def count(database, table):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_each_event_of_a_packet_is_stored_or_refused_for_itself(database):
    good = [finding(onset=onset) for onset in range(1000, 5000, 1000)]
    parts = [payload(event) for event in good]
    done = commit(database, [packet(parts[0], b'{"id": "half', parts[1], b'{"id":"odd","rev":0}', *parts[2:])])
    assert (done.new, done.refused) == (4, 2)
    receipt = done.receipts()[SITE, "bed-1"]
    assert list(receipt.committed) == [(event.id, 0) for event in good]
    assert [(id_, rev) for id_, rev, _ in receipt.rejected] == [("odd", 0)]
    assert receipt.packet == MOST_EVENTS
    assert count(database, DeadLetterRow) == 2
    again = commit(database, [packet(*parts), message(good[0])])
    assert (again.new, again.known) == (0, 5)
    assert count(database, EventRow) == 4


def test_a_packet_of_too_many_places_is_one_dead_letter(database):
    done = commit(database, [Message(topic=TOPIC, payload=b"\x1e" * 100_000)])
    assert done.refused == 1
    assert count(database, DeadLetterRow) == 1


def test_what_comes_alone_is_taken_before_packets_that_came_earlier():
    waiting = Waiting(most=100, batch=50)
    packets = [packet(*[payload(series())] * 40) for _ in range(5)]
    for one in packets:
        assert waiting.put(one)
    fresh = message(finding())
    assert waiting.put(fresh)
    assert waiting.take(0) == [fresh, *packets[:2]]
    assert waiting.take(0) == packets[2:4]
    assert waiting.take(0) == packets[4:]
    assert waiting.take(0) == []


@given(st.lists(st.integers(0, 3), max_size=40))
def test_what_was_let_in_comes_out_once(kinds):
    waiting, put, taken = Waiting(most=7, batch=3), [], []
    for number, kind in enumerate(kinds):
        one = Message(topic=TOPIC, payload=join([b"%d" % number] * max(1, kind)))
        if kind == 0:
            taken += waiting.take(0)
        elif waiting.put(one):
            put.append(one)
    while rest := waiting.take(0):
        taken += rest
    assert sorted(map(str, taken)) == sorted(map(str, put))
    assert len(waiting) == 0


def test_bytes_that_wait_have_an_end():
    waiting = Waiting(most=1000, batch=50)
    large = packet(*[b"x" * (1 << 20)] * 16)
    let_in = [waiting.put(large) for _ in range(6)]
    assert sum(let_in) == MOST_BYTES // len(large.payload)
    waiting.take(0)
    assert waiting.put(large)
