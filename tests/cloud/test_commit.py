"""Exactly once in effect: whatever is repeated, reordered, damaged or cut short."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cloud_ward import (
    SITE,
    alarm,
    answer,
    explanation,
    finding,
    inputs,
    mark,
    marks_of,
    message,
    pack,
    payload,
    recording,
    series,
    strip,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from biosignal.events import Abstained
from biosignal.wire.topics import Channel, up
from cloud_service.access.devices import renew_device, revoke_device
from cloud_service.database.connection import open_database
from cloud_service.database.event_tables import (
    AlarmRow,
    DeadLetterRow,
    EventRow,
    ExplanationRow,
    FindingRow,
    InputsRow,
    MarkPackRow,
    MarkRow,
    RecordingRow,
    SeriesRow,
    StripRow,
)
from cloud_service.ingest import dead_letters
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit, replay

BED = (SITE, "bed-1")
PAUSED = Abstained(task="ecg-beats", reason="rejected signal")
TOPIC = up(SITE, "bed-1", Channel.EVENT)
ALL = [finding(rev=rev, onset=onset) for onset in (1000, 9000) for rev in range(3)]


def rows(database, table):
    with database.read() as session:
        return list(session.scalars(select(table)))


def count(database, table):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_every_kind_lands_in_its_table(database):
    about = finding()
    ours = [recording(), *marks_of(about), about, strip(about), explanation(about), alarm(about), series(), pack()]
    events = [*ours, answer("c")]
    done = commit(database, [message(one, seq=seq) for seq, one in enumerate(events)])
    assert done.receipts()[BED].committed == tuple((one.id, getattr(one, "rev", 0)) for one in events)
    assert done.new == len(events)
    tables = (RecordingRow, FindingRow, StripRow, ExplanationRow, AlarmRow, SeriesRow, MarkPackRow, InputsRow)
    assert [count(database, table) for table in tables] == [1] * len(tables)
    assert [(row.label, row.inputs) for row in rows(database, MarkRow)] == [("V", inputs().id), (None, None)]


def test_the_same_mark_of_two_devices_belongs_to_each(database):
    done = commit(database, [message(mark()), message(mark(outcome=PAUSED), device="bed-2")])
    assert done.new == 2
    assert {row.device: row.label for row in rows(database, MarkRow)} == {"bed-1": "V", "bed-2": None}


@given(st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_duplicates_and_order_change_nothing(tmp_path_factory, data):
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('clinic') / 'clinic.db'}")
    extra = data.draw(st.lists(st.sampled_from(ALL), max_size=8))
    deliveries = data.draw(st.permutations([*ALL, *extra]))
    size = data.draw(st.integers(1, len(deliveries)))
    receipted = []
    for first in range(0, len(deliveries), size):
        batch = [message(one) for one in deliveries[first : first + size]]
        receipted += commit(database, batch).receipts()[BED].committed
    assert sorted(receipted) == sorted((one.id, one.rev) for one in deliveries)
    assert {(row.id, row.rev) for row in rows(database, EventRow)} == {(one.id, one.rev) for one in ALL}
    assert count(database, EventRow) == len(ALL)
    assert {row.id: (row.rev, row.end) for row in rows(database, FindingRow)} == {
        one.id: (one.rev, one.end) for one in ALL if one.rev == 2
    }
    database.close()


def test_a_device_cannot_speak_for_another(database):
    forged = Message(topic=up(SITE, "bed-2", Channel.EVENT), payload=payload(finding(device="bed-1"), device="bed-1"))
    inside = Message(topic=up(SITE, "bed-2", Channel.EVENT), payload=payload(finding(device="bed-1"), device="bed-2"))
    done = commit(database, [forged, inside])
    assert (done.new, done.refused) == (0, 2)
    assert list(done.receipts()) == [(SITE, "bed-2")]
    assert count(database, DeadLetterRow) == 2


def test_a_device_cannot_write_over_the_alarm_of_another(database):
    mine = alarm(finding())
    commit(database, [message(mine)])
    theirs = alarm(finding(), rev=5)
    object.__setattr__(theirs, "device", "bed-2")
    done = commit(database, [message(theirs, device="bed-2")])
    assert done.rejected[SITE, "bed-2"] == [(mine.id, 5, "the id belongs to another device")]
    assert [(row.device, row.rev) for row in rows(database, AlarmRow)] == [("bed-1", 0)]


def test_two_devices_may_replay_the_same_record(database):
    done = commit(database, [message(recording("bed-1")), message(recording("bed-2"), device="bed-2")])
    assert done.new == 2
    assert {row.device for row in rows(database, RecordingRow)} == {"bed-1", "bed-2"}


def test_a_device_stays_at_its_site(database):
    commit(database, [message(finding())])
    done = commit(database, [message(finding(onset=5), site="elsewhere")])
    assert done.rejected["elsewhere", "bed-1"][0][2] == "the device belongs to site ward"


def test_a_revoked_device_is_not_heard(database):
    commit(database, [message(finding())])
    revoke_device(database, name="bed-1", by="test")
    done = commit(database, [message(finding(onset=5))])
    assert done.refused == 1
    assert not done.receipts()
    assert not rows(database, DeadLetterRow)


def test_a_device_that_is_let_in_again_has_lost_nothing(database):
    commit(database, [message(finding())])
    revoke_device(database, name="bed-1", by="test")
    commit(database, [message(finding(onset=5))])
    renew_device(database, name="bed-1", by="test")
    assert commit(database, [message(finding(onset=5))]).new == 1


def test_the_same_name_with_other_content_keeps_both_and_marks_it(database):
    commit(database, [message(finding())])
    other = finding()
    object.__setattr__(other, "end", 7777)
    done = commit(database, [message(other)])
    assert done.receipts()[BED].committed == ((other.id, 0),)
    assert rows(database, FindingRow)[0].end != 7777
    assert [row.reason for row in rows(database, DeadLetterRow)] == [dead_letters.CONFLICT]


@given(st.binary(max_size=80))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_becomes_a_dead_letter_and_never_a_receipt(database, payload):
    done = commit(database, [Message(topic=TOPIC, payload=payload)])
    assert done.new == 0
    assert done.refused == 1
    assert not done.committed
    assert payload in {row.payload for row in rows(database, DeadLetterRow)}


def broken(**changes):
    document = json.loads(payload(finding(onset=42)))
    document.update(changes)
    document["body"]["id"] = document["id"]
    return Message(topic=TOPIC, payload=json.dumps(document).encode())


@pytest.mark.parametrize(
    "poison",
    [
        broken(schema=99),
        broken(seq=2**80),
        broken(id="\ud800"),
        Message(topic=TOPIC, payload=b"[" * 100_000),
        Message(topic=TOPIC, payload=b" " * (1 << 21)),
        Message(topic="bedside/v1/ward/bed 1/up/event", payload=b"{}"),
    ],
    ids=["schema", "huge number", "surrogate", "deep", "large", "topic"],
)
def test_a_poison_message_holds_up_nobody(database, poison):
    good = finding()
    done = commit(database, [message(good), poison, message(finding(onset=7))])
    assert (done.new, done.refused) == (2, 1)
    assert (good.id, 0) in done.receipts()[BED].committed
    assert count(database, DeadLetterRow) == 1


def test_a_dead_letter_is_replayed_once_it_can_be_read(database, monkeypatch):
    from cloud_service.ingest import arrival

    monkeypatch.setattr(arrival, "LARGEST", 10)
    assert commit(database, [message(finding())]).refused == 1
    assert replay(database).refused == 1
    monkeypatch.undo()
    done = replay(database)
    assert (done.new, done.refused) == (1, 0)
    assert replay(database).new == 0
    with database.read() as session:
        assert dead_letters.count(session) == 0


def test_a_failed_commit_gives_no_receipt_and_stores_nothing(database):
    def fail(_connection):
        raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    event.listen(database.writer, "commit", fail)
    with pytest.raises(OperationalError):
        commit(database, [message(finding())])
    event.remove(database.writer, "commit", fail)
    assert count(database, EventRow) == 0
    assert commit(database, [message(finding())]).new == 1


KILL = """
import os, sys
from sqlalchemy import event
from cloud_service.database.connection import open_database
from cloud_service.ingest.commit import commit
from cloud_ward import finding, message
database = open_database(sys.argv[1])
if sys.argv[2] == "before":
    event.listen(database.writer, "commit", lambda _: os._exit(9))
commit(database, [message(finding())])
os._exit(9)
"""


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_a_kill_around_the_commit_loses_nothing_and_doubles_nothing(tmp_path, when, stored):
    url = f"sqlite:///{tmp_path / 'clinic.db'}"
    here = Path(__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(here)!r})\n{KILL}", url, when],
        cwd=here.parents[1],
        check=False,
    )
    assert ran.returncode == 9
    database = open_database(url)
    assert count(database, EventRow) == stored
    done = commit(database, [message(finding())])  # no receipt went out, so the device sends it again
    assert done.receipts()[BED].committed == ((finding().id, 0),)
    assert count(database, EventRow) == 1
    database.close()


def test_of_a_long_dead_letter_the_beginning_is_kept_with_length_and_hash(database):
    payload = b"x" * (20 << 20)
    commit(database, [Message(topic=TOPIC, payload=payload)])
    (letter,) = rows(database, DeadLetterRow)
    assert letter.payload == payload[: dead_letters.MOST_BYTES]
    assert letter.payload_sha256 == hashlib.sha256(payload).hexdigest()
    assert str(len(payload)) in letter.reason
    assert replay(database).refused == 0  # what was cut is not tried again


def test_the_dead_letters_of_a_device_have_an_end_and_the_oldest_go(database, monkeypatch, caplog):
    monkeypatch.setattr(dead_letters, "MOST_OF_A_DEVICE", 30)
    other = up(SITE, "bed-2", Channel.EVENT)
    commit(database, [Message(topic=other, payload=b"kept")])
    for number in range(100):
        commit(database, [Message(topic=TOPIC, payload=b"bad %d" % number)])
    kept = [letter.payload for letter in rows(database, DeadLetterRow)]
    assert kept[0] == b"kept"
    assert 20 <= len(kept) - 1 <= 30
    assert kept[-1] == b"bad 99"
    assert "ingest.dead_letters.dropped" in [record.message for record in caplog.records]
