"""A damaged file is set aside and its rows saved; a bad place is refused; a full disk costs waves, not findings."""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest

from biosignal.events import Series
from biosignal.signal.blocks import Lead, SampleBlock
from edge_agent.store.errors import StoreFull, StoreUnsafe, StoreUnwritable
from edge_agent.store.event_rows import SEQ_JUMP
from edge_agent.store.events import EventStore
from edge_agent.store.place import check_folder, file_system
from edge_agent.store.waveforms import WaveStore

CLOCK = "2026-01-01T00:00:00.000Z"


def series(id_):
    numbers = {"fs_hz": 360.0, "start": 0, "end": 1, "decided_at": 1, "step": 1, "columns": ()}
    return Series(id=id_, task="t", recording="r", leads=("II",), **numbers)


def open_store(path, **options):
    return EventStore(path, "bed-1", "boot-1", utc_now=lambda: CLOCK, **{"reserve_bytes": 0, **options})


def filled(path, rows=400):
    store = open_store(path)
    store.add_many([series(f"e{index}") for index in range(rows)])
    store.confirm([(f"e{index}", 0) for index in range(rows // 2)])
    store.reject([("e399", 0, "why")])
    store.close()


def damage(path, page, pages=1, page_size=512):
    with path.open("r+b") as file:
        file.seek(page * page_size)
        file.write(os.urandom(pages * page_size))


def test_a_sound_file_is_left_alone(tmp_path):
    path = tmp_path / "events.db"
    filled(path)
    store = open_store(path)
    assert store.salvage is None
    assert list(tmp_path.glob("*damaged*")) == []
    store.close()


@pytest.mark.parametrize("page", range(2, 62, 12))
def test_a_bad_page_costs_its_own_rows_only(tmp_path, page):
    path = tmp_path / "events.db"
    filled(path)
    damage(path, page)
    store = open_store(path)
    report = store.salvage
    assert report is not None
    assert (tmp_path / report.set_aside).exists()
    assert "kept as" in str(report)
    # One page in some sixty is gone: at least nine rows in ten are back.
    assert len(store.events(limit=10**6)) >= 360
    waiting = {row.id for row in store.outbox(10**6)}
    stored = {event.id for event in store.events(limit=10**6)}
    assert {f"e{index}" for index in range(200, 399)} & stored <= waiting
    new = store.add(series("new"))
    assert new.seq >= 400
    store.close()
    again = open_store(path)
    assert again.salvage is None
    again.close()


def test_numbers_of_lost_rows_are_never_given_again(tmp_path):
    path = tmp_path / "events.db"
    filled(path)
    store = open_store(path)
    store._db.execute("UPDATE events SET crc = crc + 1 WHERE seq = 399")
    store.close()
    damage_index(path)
    store = open_store(path)
    assert store.salvage is not None
    assert store.get("e399") is None
    assert store.add(series("new")).seq >= 400 + SEQ_JUMP - 1
    store.close()


def damage_index(path):
    """Spoil the first page that is not the schema's: enough for the check to fail."""
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events_by_kind'").fetchone()
    connection.close()
    damage(path, root - 1)


def test_a_file_that_is_no_database_is_set_aside(tmp_path):
    path = tmp_path / "events.db"
    path.write_bytes(os.urandom(50_000))
    store = open_store(path)
    assert set(store.salvage.unreadable) == {"events", "sequences", "outbox", "rejected", "commands"}
    store.add(series("a"))
    assert len(store.outbox(10)) == 1
    store.close()
    path.write_bytes(os.urandom(50_000))
    open_store(path).close()
    assert len([name for name in tmp_path.glob("*damaged*") if not name.name.endswith("-wal")]) == 2


def test_damaged_waves_are_saved_by_their_own_checksums(tmp_path):
    path = tmp_path / "waveforms.db"
    waves = WaveStore(path, 10**9, utc_now=lambda: CLOCK)
    values = np.random.default_rng(1).normal(0, 1, (1, 100_000)).astype(np.float32)
    leads = (Lead(name="I"),)
    waves.append(SampleBlock(recording="r", start=0, fs_hz=100.0, leads=leads, samples=values))
    waves.close()
    damage(path, 30)
    waves = WaveStore(path, 10**9, utc_now=lambda: CLOCK)
    assert waves.salvage is not None
    assert waves.counts().chunks >= 90
    for chunk in waves.read("r", "I", 0, 100_000):
        assert np.abs(chunk.samples() - values[0, chunk.start : chunk.end]).max() < 0.001
    waves.close()


def test_a_network_file_system_is_refused(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path}/far nfs4 rw 0 0\n")
    (tmp_path / "far" / "store").mkdir(parents=True)
    with pytest.raises(StoreUnsafe) as refused:
        check_folder(tmp_path / "far" / "store", mounts)
    assert "network file system" in str(refused.value)
    assert file_system(tmp_path, mounts) == "ext4"
    check_folder(tmp_path, mounts)
    assert file_system(tmp_path, tmp_path / "nowhere") is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable) as refused:
        open_store(tmp_path / "file" / "events.db")
    assert refused.value.exit_code == 2
    with pytest.raises(StoreUnwritable):
        check_folder(Path("/proc/store"))


def test_a_full_file_is_named_and_the_store_goes_on(tmp_path):
    store = open_store(tmp_path / "events.db")
    store._db.execute("PRAGMA max_page_count = 40")
    added = []

    def add_on():
        for index in range(10_000):
            store.add(series(f"e{index}"))
            added.append(f"e{index}")

    with pytest.raises(StoreFull) as full:
        add_on()
    assert "free space" in full.value.advice
    assert [event.id for event in store.events(limit=10**5)] == added
    store.confirm([(added[0], 0)])
    store._db.execute("PRAGMA max_page_count = 100000")
    assert store.add(series("later")).seq == len(added)
    store.close()


@pytest.fixture
def small_disk(tmp_path):
    """Give a real file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_waves_go_and_findings_stay(small_disk):
    waves = WaveStore(small_disk / "waveforms.db", 10**9, reserve_bytes=1 << 20)
    store = open_store(small_disk / "events.db", reserve_bytes=1 << 20, on_full=waves.shed)
    leads = (Lead(name="I"),)
    noise = np.random.default_rng(1).normal(0, 1, (1, 1000)).astype(np.float32)
    at = 0
    filler = small_disk / "somebody else"
    with filler.open("wb") as file:
        file.write(bytes(2 << 20))
    for _ in range(1200):
        waves.append(SampleBlock(recording="r", start=at, fs_hz=100.0, leads=leads, samples=noise))
        at += 1000
    assert waves.counts().dropped > 0
    for index in range(300):
        store.add(series(f"e{index}"))
    assert len(store.outbox(1000)) == 300
    # Now somebody else takes whatever is left.
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    for index in range(300, 600):
        store.add(series(f"e{index}"))
    assert len(store.outbox(1000)) == 600
    assert waves.counts().dropped > 0
    waves.close()
    store.close()
