"""However a file is damaged, every event whose bytes are still there comes back, and nothing that was not stored.

Here without the copy of what waits, which is tried in test_unsent_copy.py; the long form is `make fault
ROW=corruption`.
"""

import random
import sqlite3
import time
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from edge_agent.store.event_rows import PAGE_BYTES
from edge_agent.store.pages import read_rows
from edge_agent.store.rows import long_id
from tests.store import damage
from tests.store import events_made as made
from tests.store.damaged_store import fill, open_store, payloads

PIECE = 8


class Sound(NamedTuple):
    content: bytes
    stored: dict
    waits: set

    def __repr__(self):
        return "Sound()"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A file of findings, texts and strips that span many pages: its bytes, what is in it, what waits."""
    folder = tmp_path_factory.mktemp("sound")
    store = open_store(folder)
    fill(store)
    stored, waits = payloads(store), {(row.id, row.rev) for row in store.outbox(10**6)}
    store.close()
    return Sound((folder / "events.db").read_bytes(), stored, waits)


def saved(folder, content, log=b""):
    """Open a store on these bytes; what it holds, what waits, and the seconds of the processor."""
    (folder / "events.db").write_bytes(content)
    if log:
        (folder / "events.db-wal").write_bytes(log)
    began_s = time.process_time()
    store = open_store(folder)
    took_s = time.process_time() - began_s
    held, waits, salvage = payloads(store), {(row.id, row.rev) for row in store.outbox(10**6)}, store.salvage
    store.close()
    return held, waits, salvage, took_s


@pytest.mark.parametrize("kind", [damage.header, damage.first_page], ids=lambda kind: kind.__name__)
def test_where_only_the_beginning_is_spoiled_everything_is_saved_in_time(sound, tmp_path, kind):
    content, stored, waits = sound
    (tmp_path / "events.db").write_bytes(content)
    kind(tmp_path / "events.db", random.Random(1))
    held, waiting, salvage, took_s = saved(tmp_path, (tmp_path / "events.db").read_bytes())
    assert held == stored
    assert waits <= waiting
    assert salvage is not None
    assert took_s < 5.0  # of the processor: a machine under load takes longer by the clock


def test_a_file_without_length_beside_its_log_is_saved_from_the_log(tmp_path):
    folder = tmp_path / "a"
    store = open_store(folder)
    store.add_many(made.finding(str(number), "r") for number in range(200))
    log = (folder / "events.db-wal").read_bytes()
    stored = payloads(store)
    store.close()
    (tmp_path / "b").mkdir()
    held, waiting, salvage, _ = saved(tmp_path / "b", b"", log)
    assert held == stored
    assert waiting == set(stored)
    assert "empty beside its log" in str(salvage)


def test_a_file_that_an_earlier_version_set_aside_is_taken_in_once(sound, tmp_path):
    content, stored, waits = sound
    (tmp_path / "events.db.damaged-20260101T000000000Z").write_bytes(content)
    store = open_store(tmp_path)
    assert payloads(store) == stored
    # The file was sound: what the clinic had received is not sent again.
    assert {(row.id, row.rev) for row in store.outbox(10**6)} >= waits
    assert len(store.outbox(10**6)) < len(stored)
    assert "found beside it" in str(store.salvage)
    new = store.add(made.finding("new", "r0"))
    assert new.seq > max(event.seq for event in store.events(limit=10**6) if event.recording == "r0" and event != new)
    store.confirm((row.id, row.rev) for row in store.outbox(10**6))
    store.close()
    store = open_store(tmp_path)
    assert store.salvage is None
    assert store.outbox(10) == []
    store.close()


_PIECES = {}


def pieces_of(sound):
    """By event: pieces of its bytes, so near to each other that every page it lies on has one."""
    if not _PIECES:
        with sqlite3.connect(":memory:") as connection:
            connection.deserialize(sound[0].replace(b"\x02\x02", b"\x01\x01", 1))  # a copy without a log
            for id_, rev, payload in connection.execute("SELECT id, rev, payload FROM events"):
                starts = range(len(payload) - PIECE + 1)
                _PIECES[long_id(id_), rev] = {id_[:PIECE], *(payload[start : start + PIECE] for start in starts)}
    return _PIECES


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    seed=st.integers(0, 10**6), kind=st.sampled_from([kind for kind in damage.KINDS if kind is not damage.no_length])
)
def test_whatever_is_damaged_what_is_whole_comes_back_and_nothing_is_invented(sound, tmp_path_factory, seed, kind):
    content, stored, waits = sound
    rows = pieces_of(sound)
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "events.db"
    path.write_bytes(content)
    kind(path, random.Random(seed))
    spoiled = path.read_bytes()
    held, _, salvage, _ = saved(folder, spoiled)
    assert all(stored.get(key) == payload for key, payload in held.items())
    if salvage is None:
        # SQLite sees nothing wrong: no page of the tree was touched, nor an event that waits.
        assert waits <= held.keys()
    assert _whole(content, spoiled, rows) <= held.keys()


def _whole(content, spoiled, rows):
    """Events none of whose pages was touched: a page is taken for theirs where any piece of their bytes lies on it."""
    touched = {
        start // PAGE_BYTES
        for start in range(0, len(content), PAGE_BYTES)
        if content[start : start + PAGE_BYTES] != spoiled[start : start + PAGE_BYTES]
    }
    at_risk = {
        content[place : place + PIECE]
        for page in touched
        for place in range(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)
    }
    return {key for key, pieces in rows.items() if at_risk.isdisjoint(pieces)}


def test_rows_are_read_as_sqlite_reads_them(tmp_path):
    """Every type and length that SQLite stores, over pages of several sizes."""
    for size in (512, 1024, 4096):
        path = tmp_path / f"{size}.db"
        rng = random.Random(size)
        values = [
            None,
            0,
            1,
            -1,
            127,
            -129,
            40_000,
            -(1 << 23),
            1 << 31,
            -(1 << 40),
            1 << 60,
            0.5,
            -1e300,
            "",
            "ä" * 300,
        ]
        values += [rng.randbytes(length) for length in (0, 1, 400, 477, 478, 508, 509, 5_000, 70_000)]
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA page_size = {size}")
            connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, a, b)")
            rows = [(n, value, values[-n]) for n, value in enumerate(values, 1)]
            connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        connection.close()
        found = {(rowid, *map(_key, row[1:])) for rowid, row in read_rows(path, page_bytes=4096) if len(row) == 3}
        assert found == {(n, _key(a), _key(b)) for n, a, b in rows}


def _key(value):
    return (type(value).__name__, value)
