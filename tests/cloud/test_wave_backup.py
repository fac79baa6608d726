"""Database and waves are copied while the service runs, and put back only as they were."""

import os
import sqlite3
import stat
import subprocess
import threading

import numpy as np
import pytest
from cloud_running import Running, wait_for
from cloud_ward import message, recording
from hypothesis import given, settings
from hypothesis import strategies as st
from test_wave_archive import kept

from cloud_service.access.devices import add_device
from cloud_service.cli import main
from cloud_service.database.event_tables import RecordingRow
from cloud_service.errors import CopyDamaged
from cloud_service.ingest.commit import commit
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings
from cloud_service.waves.archive import WaveArchive
from cloud_service.waves.copy import SUMS, WavesNotCopied, copy_waves, put_waves_back

HOUR = 3600 * 10
FS = 10.0


def archive_in(folder):
    return WaveArchive(folder, reserve_bytes=0)


def store(archive, *starts, device="bed-1", length=100):
    archive.store(device, [kept(start, np.arange(length) + start, fs_hz=FS) for start in starts])


def age(folder, by_s=60):
    """Let every part have been written a while ago."""
    for path in folder.glob("*/*/*.db"):
        written = path.stat().st_mtime_ns - by_s * 10**9
        os.utime(path, ns=(written, written))


def read(folder, device="bed-1"):
    return {one.start: one.samples().tolist() for one in archive_in(folder).read(device, "r", "II", 0, 10 * 24 * 3600)}


steps = st.lists(st.one_of(st.just("copy"), st.integers(0, 40).map(lambda hour: hour * HOUR)), max_size=8)


@given(steps)
@settings(max_examples=15, deadline=None)
def test_whatever_was_stored_before_the_last_copy_comes_back(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("any")
    archive, expected = archive_in(folder / "waves"), {}
    for step in [*steps, "copy"]:
        if step == "copy":
            copy_waves(folder / "waves", folder / "copy")
            expected = read(folder / "waves")
        else:
            store(archive, step)
    put_waves_back(folder / "copy", folder / "back")
    assert read(folder / "back") == expected


def test_a_part_that_nobody_wrote_to_is_not_copied_again_and_others_are(tmp_path):
    waves, copy = tmp_path / "waves", tmp_path / "copy"
    archive = archive_in(waves)
    store(archive, 0, 20 * HOUR)
    age(waves)
    assert copy_waves(waves, copy).parts == 2
    store(archive, 20 * HOUR + 100)
    again = copy_waves(waves, copy)
    assert (again.parts, again.kept) == (1, 1)
    assert copy_waves(waves, copy).parts == 1  # written just now: the clock of a disk may not tell the next apart
    assert {stat.S_IMODE(path.stat().st_mode) for path in copy.rglob("*") if path.is_file()} == {0o600}
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=copy, check=True)


def test_a_copy_is_made_while_waves_are_stored_and_each_part_is_of_one_moment(tmp_path):
    waves, ended = tmp_path / "waves", threading.Event()
    archive = archive_in(waves)

    def go_on():
        start = 0
        while not ended.is_set():
            archive.store("bed-1", [kept(start, [1] * 100, lead=lead, fs_hz=FS) for lead in ("I", "II")])
            start += 100

    storing = threading.Thread(target=go_on)
    storing.start()
    try:
        wait_for(lambda: list(waves.glob("*/*/*.db")))
        for number in range(2):
            copy_waves(waves, tmp_path / f"copy-{number}")
    finally:
        ended.set()
        storing.join()
    for number in range(2):
        copied = archive_in(tmp_path / f"copy-{number}")
        first, second = (copied.read("bed-1", "r", lead, 0, 6 * 3600) for lead in ("I", "II"))
        assert [one.start for one in first] == [one.start for one in second]
        assert len(first) > 0


def test_what_the_clinic_let_go_of_stays_in_the_copy_and_what_it_has_is_not_written_over(tmp_path):
    waves, copy = tmp_path / "waves", tmp_path / "copy"
    archive = archive_in(waves)
    store(archive, 0, 20 * HOUR)
    copy_waves(waves, copy)
    (waves / "bed-1" / "r" / "00000.db").unlink()
    copy_waves(waves, copy)
    store(archive, 20 * HOUR + 100)
    back = put_waves_back(copy, waves)
    assert (back.parts, back.kept) == (1, 1)
    assert sorted(read(waves)) == [0, 20 * HOUR, 20 * HOUR + 100]


@pytest.mark.parametrize("harm", ["changed", "gone", "outside", "no sums", "no sum"])
def test_a_copy_that_is_not_what_it_was_is_named_and_nothing_of_it_is_put_back(tmp_path, harm):
    waves, copy = tmp_path / "waves", tmp_path / "copy"
    store(archive_in(waves), 0, 20 * HOUR)
    copy_waves(waves, copy)
    part, sums = copy / "bed-1" / "r" / "00000.db", copy / SUMS
    if harm == "changed":
        part.write_bytes(part.read_bytes()[:-1] + b"?")
    elif harm == "gone":
        part.unlink()
    elif harm == "no sums":
        sums.unlink()
    else:
        sums.write_text(sums.read_text() + ("0" * 64 + "  ../other.db\n" if harm == "outside" else "hello  x\n"))
    with pytest.raises(CopyDamaged):
        put_waves_back(copy, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_part_that_cannot_be_read_is_named_and_all_others_are_copied(tmp_path):
    waves = tmp_path / "waves"
    store(archive_in(waves), 0, 20 * HOUR)
    (waves / "bed-1" / "r" / "00000.db").write_bytes(b"no database" * 100)
    with pytest.raises(WavesNotCopied, match=r"00000\.db"):
        copy_waves(waves, tmp_path / "copy")
    assert sorted(read(tmp_path / "copy")) == [20 * HOUR]


def test_a_running_clinic_is_copied_and_put_back_whole(fresh, tmp_path, capsys):
    state, copy, waves = ["--state-dir", str(fresh)], tmp_path / "copy.db", tmp_path / "copied-waves"
    running = CloudSettings(state_dir=fresh, http=HttpSettings(port=0), mqtt=MqttSettings(enabled=False))
    with Running(running) as clinic:
        add_device(clinic.clinic.database, name="bed-1", site="ward", by="test")
        commit(clinic.clinic.database, [message(recording())])
        store(clinic.clinic.archive, 0, 20 * HOUR)
        assert main(["backup", str(copy), "--waves", str(waves), *state]) == 0
    assert "2 parts of waves" in capsys.readouterr().out
    empty = tmp_path / "empty"
    assert main(["restore", str(copy), "--waves", str(waves), "--state-dir", str(empty)]) == 0
    assert stat.S_IMODE((empty / "clinic.db").stat().st_mode) == 0o600
    restored = CloudSettings(state_dir=empty, http=HttpSettings(port=0), mqtt=MqttSettings(enabled=False))
    with Running(restored) as clinic:
        with clinic.clinic.database.read() as session:
            assert session.get(RecordingRow, ("bed-1", "r")) is not None
        assert sorted(read(empty / "waves")) == [0, 20 * HOUR]


def test_a_restore_writes_over_no_database_and_takes_none_that_was_changed(fresh, tmp_path, capsys):
    store(archive_in(fresh / "waves"), 0)
    state, copy, empty = ["--state-dir", str(fresh)], tmp_path / "copy.db", ["--state-dir", str(tmp_path / "empty")]
    assert main(["backup", str(copy), *state]) == 0
    assert main(["restore", str(copy), *state]) == 3
    assert "there is a database" in capsys.readouterr().err
    with sqlite3.connect(copy) as changed:
        changed.execute("DELETE FROM users")
    assert main(["restore", str(copy), *empty]) == 1
    assert "not what they were" in capsys.readouterr().err
    (tmp_path / "copy.sha256").unlink()
    assert main(["restore", str(copy), *empty]) == 1
    assert not (tmp_path / "empty" / "clinic.db").exists()
    copy_waves(fresh / "waves", tmp_path / "waves-copy")
    assert main(["restore", str(copy), "--waves", str(tmp_path / "waves-copy"), *empty]) == 1
    assert not (tmp_path / "empty" / "waves").exists()
    assert main(["backup", *state]) == 2
    assert main(["restore", str(copy), "--database-url", "postgresql://nowhere/x", *empty]) == 2
    assert "pg_restore" in capsys.readouterr().err
