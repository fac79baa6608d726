"""On a full disk a store lives in the space it has, also while another program takes every byte that is freed."""

import contextlib
import os

import numpy as np
import pytest

from biosignal.signal.blocks import Lead, SampleBlock
from edge_agent.store.errors import StoreFull
from edge_agent.store.events import EventStore
from edge_agent.store.space import OwnSpace
from edge_agent.store.waveforms import WaveStore
from tests.store import events_made as made
from tests.store.full_disk import SmallDisk
from tests.store.full_start import ids, start_on, waiting

LEADS = (Lead(name="I"),)


@pytest.fixture
def disk(tmp_path):
    made_disk = SmallDisk(tmp_path / "disk", 12)
    yield made_disk
    made_disk.close()


@pytest.mark.parametrize("leave_kb", [0, 36, 128])
@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("killed", [False, True])
def test_a_start_on_a_full_disk_forgets_nothing(disk, leave_kb, greedy, killed):
    start_on(disk, leave_kb=leave_kb, greedy=greedy, killed=killed)


def test_findings_go_into_what_is_held_back_while_another_takes_all_that_is_freed(disk):
    store = EventStore(disk.folder / "events.db", "bed-1", "boot", reserve_bytes=1 << 19)
    assert not store.low_on_space
    disk.fill()
    added = 0
    with disk.greedy():
        while not store.low_on_space or added < 500:
            store.add_many(made.finding(str(number), "r") for number in range(added, added + 50))
            added += 50
        assert not store.hold_reserve()
        with contextlib.suppress(StoreFull):
            for number in range(added, added + 20_000):
                store.add(made.finding(str(number), "r"))
                added += 1
        with pytest.raises(StoreFull):
            store.add(made.finding("one more", "r"))
        # Full to the last page: what was stored is there, and a receipt finds space for what is new.
        assert waiting(store) == ids(0, added)
        first = store.outbox(200)
        assert store.confirm((row.id, row.rev) for row in first) == 200
        store.add(made.finding("behind", "r"))
    disk.free()
    assert store.hold_reserve()
    assert not store.low_on_space
    assert len(store.outbox(10**6)) == added - 200 + 1
    store.close()


def test_waves_go_round_in_their_file_while_another_takes_all_that_is_freed(disk):
    store = WaveStore(disk.folder / "waveforms.db", 10**9)
    noise = np.random.default_rng(1).normal(0, 1, (1, 1000)).astype(np.float32)
    at = 0

    def append(count):
        nonlocal at
        for _ in range(count):
            store.append(SampleBlock(recording="r", start=at, fs_hz=100.0, leads=LEADS, samples=noise))
            at += 1000

    append(200)
    disk.fill()
    with disk.greedy():
        append(400)
        counts = store.counts()
        assert counts.lost == 0
        assert counts.dropped > 100
        assert store.read("r", "I", at - 50_000, at)
    disk.free()
    append(200)
    assert store.counts().lost == 0
    store.close()


def test_the_log_keeps_its_space_when_the_file_is_closed_and_old_frames_do_not_come_back(tmp_path):
    path = tmp_path / "events.db"
    for round_ in range(3):
        store = EventStore(path, "bed-1", "boot", reserve_bytes=1 << 20)
        store.add(made.finding(str(round_), "r"))
        held = (tmp_path / "events.db-wal").stat()
        assert held.st_nlink == 2
        assert held.st_size == (tmp_path / "events.db.reserve").stat().st_size > 1 << 19
        assert waiting(store) == ids(0, round_ + 1)
        store.close()
        assert (tmp_path / "events.db.reserve").stat().st_ino == held.st_ino


def test_a_disk_without_space_for_it_holds_nothing_back_and_says_so(disk):
    disk.fill(leave_kb=2000)
    store = EventStore(disk.folder / "events.db", "bed-1", "boot", reserve_bytes=64 << 20)
    assert store.low_on_space
    store.add(made.finding("0", "r"))
    store.close()


def test_without_a_reserve_nothing_is_held(tmp_path):
    space = OwnSpace(tmp_path / "a.db", page_bytes=512, log_bytes=0)
    assert space.hold()
    assert not space.grow()
    assert not space.release()
    assert space.held_bytes == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208  # nothing at all
