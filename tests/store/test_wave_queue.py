"""Stored waves wait for the clinic as long as it takes: those asked for first, each until it is receipted."""

import math
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_wave_store import FS, block

from biosignal.wire.waveform import chunk_id, decode_wave
from edge_agent.store.waveforms import WaveStore

LENGTH = 8000


@pytest.fixture
def make(tmp_path):
    made = []

    def make(**options):
        if made:
            made.pop().close()
        made.append(WaveStore(tmp_path / "waveforms.db", options.pop("budget", 10**9), reserve_bytes=0, **options))
        return made[-1]

    yield make
    made.pop().close()


def filled(store, recording="r"):
    store.append(block(0, LENGTH, recording))
    store.flush()
    return store


def places(store, most=1000):
    return [(chunk.lead, chunk.start) for one in store.to_send(most) for chunk in [decode_wave(one.frame)]]


def test_nothing_waits_until_somebody_asks(make):
    store = filled(make())
    assert store.waiting == 0
    assert store.to_send(10) == []


@given(start_s=st.floats(0, 100), length_s=st.floats(0.1, 100))
@settings(max_examples=30, deadline=None)
def test_what_is_asked_for_is_every_chunk_that_touches_the_stretch_and_no_other(tmp_path_factory, start_s, length_s):
    store = filled(WaveStore(tmp_path_factory.mktemp("w") / "waveforms.db", 10**9, reserve_bytes=0))
    end_s = start_s + length_s
    wanted = {
        (lead, first)
        for lead in ("I", "II")
        for first in range(0, LENGTH, 1000)
        if first < math.ceil(end_s * FS) and first + 1000 > math.floor(start_s * FS)
    }
    assert store.ask("r", start_s, end_s) == len(wanted) == store.waiting
    assert set(places(store)) == wanted
    store.close()


def test_of_another_recording_there_is_nothing(make):
    assert filled(make()).ask("other", 0, 80) == 0


def test_a_chunk_waits_until_it_is_received_also_behind_a_restart(make):
    store = filled(make())
    store.ask("r", 0, 20)
    first, *rest = store.to_send(10)
    assert first.id == chunk_id(recording="r", lead=decode_wave(first.frame).lead, start=0)
    store.received([first.n])
    again = make()
    assert again.waiting == len(rest) == 3
    assert [one.id for one in again.to_send(10)] == [one.id for one in rest]
    again.received([one.n for one in rest])
    assert again.to_send(10) == []


def test_where_all_goes_the_oldest_goes_first_and_what_is_asked_for_before_it(make):
    store = filled(make(send_all=True))
    assert store.waiting == 16
    written = places(store, 16)
    assert written[0] == ("I", 0)
    store.ask("r", 60, 70)
    asked = [("I", 6000), ("II", 6000)]
    assert places(store, 16) == asked + [one for one in written if one not in asked]
    assert places(store, 1) == asked[:1]


def test_what_was_dropped_for_space_waits_no_more(make):
    store = make(budget=60_000, send_all=True)
    for n in range(6):
        filled(store, f"r{n}")
    assert store.counts().dropped > 0
    assert len(store.to_send(10_000)) == store.counts().chunks


def test_what_was_held_in_memory_goes_as_well_once_the_file_is_back(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    file = folder / "waveforms.db"
    (folder / "waveforms.db").mkdir()  # nobody can open a folder as a file
    store = WaveStore(file, 10**9, reserve_bytes=0, send_all=True, stand_in_bytes=1 << 22)
    assert store.away
    filled(store)
    file.rmdir()
    assert store.bring_back()
    assert store.waiting == 16
    assert len(store.to_send(100)) == 16
    store.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE chunks SET frame = substr(frame, 1, 40) WHERE first < 3000",
        "UPDATE chunks SET frame = zeroblob(length(frame)) WHERE first < 3000",
        "UPDATE chunks SET lead = lead || '?' WHERE first < 3000",
        "UPDATE chunks SET stop = stop + 1 WHERE first < 3000",
    ],
)
def test_a_chunk_that_is_damaged_on_the_disk_leaves_the_line_and_holds_up_nothing(make, tmp_path, damage):
    filled(make(send_all=True))
    with sqlite3.connect(tmp_path / "waveforms.db") as file:
        assert file.execute(damage).rowcount == 6
    file.close()
    store = make(send_all=True)
    assert [start for _, start in places(store, 4)] == [3000, 4000, 5000, 6000]
    assert len(store.to_send(100)) == 10
    assert store.waiting == make(send_all=True).waiting == 10


def test_what_is_damaged_on_the_disk_is_no_wave_and_what_is_beside_it_is(make, tmp_path):
    filled(make())
    with sqlite3.connect(tmp_path / "waveforms.db") as file:
        file.execute("UPDATE chunks SET frame = zeroblob(length(frame)) WHERE lead = 'I' AND first = 2000")
    file.close()
    assert [(part.start, part.end) for part in make().read("r", "I", 1000, 4000)] == [(1000, 2000), (3000, 4000)]


def test_how_many_wait_is_always_how_many_there_are(make):
    store = make(budget=60_000, send_all=True)
    for n in range(6):
        filled(store, f"r{n}")
        some = store.to_send(3)
        store.received([one.n for one in some])
        store.received([one.n for one in some])  # receipts come twice
        assert store.waiting == len(store.to_send(10_000))
    store.received([one.n for one in store.to_send(10_000)])
    assert store.waiting == 0
