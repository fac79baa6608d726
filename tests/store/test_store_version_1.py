"""A device of version 1 is upgraded: its events are all there, waiting as they waited, read in today's shapes."""

import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from biosignal.events import AlarmEvent, AlarmState, Finding, FindingState, Recording
from biosignal.wire.envelope import decode
from edge_agent.store.errors import StoreForeign
from edge_agent.store.event_rows import PLAN
from edge_agent.store.events import EventStore
from edge_agent.store.integrity import open_file

GOLDEN = Path(__file__).parent / "golden" / "device-v1-events.sql"
CLOCK = "2026-12-01T00:00:00.000Z"


@pytest.fixture
def old(tmp_path):
    """The file as version 1 left it, killed in the middle of an alarm."""
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(GOLDEN.read_text(encoding="utf-8"))
    return path


def rows(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def opened(path, **options):
    return EventStore(path, "bed-4", "boot-2", utc_now=lambda: CLOCK, reserve_bytes=0, **options)


def test_every_event_is_there_byte_for_byte_and_waits_as_it_waited(old):
    payloads = [row[0].encode() for row in rows(old, "SELECT payload FROM events ORDER BY n")]
    waited = rows(old, "SELECT e.id, e.rev FROM outbox o JOIN events e ON e.n = o.n ORDER BY o.n")
    rejected = rows(old, "SELECT e.id, e.rev, r.reason FROM rejected r JOIN events e ON e.n = r.n ORDER BY r.n")
    store = opened(old)
    assert store.salvage is None
    assert store.events(limit=10_000) == [decode(payload) for payload in payloads]
    waiting = sorted(store.outbox(10_000), key=lambda row: row.n)
    assert [(row.id, row.rev) for row in waiting] == waited
    assert {row.payload for row in waiting} <= set(payloads)
    assert [(row.id, row.rev, row.reason) for row in store.rejected()] == rejected
    assert len(payloads) > 20
    assert len(waited) > 5
    store.close()


def test_what_was_open_can_be_closed_and_numbers_go_on(old):
    following = dict(rows(old, "SELECT recording, next FROM sequences"))
    store = opened(old)
    recording = store.newest("recording.opened").body
    assert isinstance(recording, Recording)
    still_open = [one for one in store.findings(recording.id) if one.state is not FindingState.CLOSED]
    assert still_open
    assert all(isinstance(one, Finding) and one.task for one in still_open)
    alarms = [envelope.body for envelope in store.latest("alarm")]
    assert any(isinstance(alarm, AlarmEvent) and alarm.state is not AlarmState.RESOLVED for alarm in alarms)
    added = store.add(alarms[-1].__class__(**{**fields(alarms[-1]), "rev": alarms[-1].rev + 1}))
    assert added.seq == following[recording.id]
    assert store.confirm([(added.id, added.rev)]) == 1
    store.close()


def fields(event):
    return {name: getattr(event, name) for name in type(event).__dataclass_fields__}


def test_the_old_file_is_kept_and_the_new_one_is_not_copied_again(old, tmp_path):
    before = rows(old, "SELECT * FROM events ORDER BY n")
    opened(old).close()
    (kept,) = tmp_path.glob("events.db.before-v2-*")
    assert rows(kept, "SELECT * FROM events ORDER BY n") == before
    assert rows(old, "SELECT value FROM meta WHERE name = 'version'") == [("2",)]
    opened(old).close()
    assert list(tmp_path.glob("events.db.before-v2-*")) == [kept]
    assert not list(tmp_path.glob("events.db.new*"))


def test_killed_while_the_new_file_is_made_the_old_one_is_still_there(old, tmp_path):
    payloads = rows(old, "SELECT payload FROM events ORDER BY n")
    (tmp_path / "events.db.new").write_bytes(b"half of a file")
    (tmp_path / "events.db.new-wal").write_bytes(b"and of its log")
    store = opened(old)
    assert len(store.events(limit=10_000)) == len(payloads)
    store.close()


def test_a_damaged_file_of_version_1_is_saved_into_one_of_today(old, tmp_path):
    count = len(rows(old, "SELECT n FROM events"))
    with old.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(b"\xa5" * 4096)
    store = opened(old)
    assert store.salvage is not None
    assert count * 0.8 < len(store.events(limit=10_000)) <= count
    assert store.outbox(1)[0].payload
    store.close()


def test_a_row_of_version_1_that_is_not_what_was_written_is_told_and_kept_aside(old):
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE events SET crc = ? WHERE n = 3", (zlib.crc32(b"other"),))
    store = opened(old)
    assert store.salvage is not None
    assert "made by version 1" in str(store.salvage)
    assert dict(store.salvage.lost)["events"] == 1
    store.close()


def test_a_file_of_version_1_of_another_store_is_left_alone(old, tmp_path):
    other = tmp_path / "other.db"
    shutil.copy(old, other)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("UPDATE meta SET value = 'photos' WHERE name = 'store'")
    with pytest.raises(StoreForeign):
        open_file(other, PLAN, at=CLOCK)
    assert rows(other, "SELECT value FROM meta WHERE name = 'version'") == [("1",)]
