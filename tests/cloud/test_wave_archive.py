"""The clinic's waves are what devices sent, in whatever order and however often, and their extremes are true."""

import os
import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.signal.blocks import Unit
from biosignal.wire.waveform import INVALID, WaveChunk, decode_wave, encode_wave
from cloud_service.waves import archive as archive_module
from cloud_service.waves.archive import ArchiveFull, WaveArchive
from cloud_service.waves.extremes import extremes_of
from cloud_service.waves.part import Kept

RNG = np.random.default_rng(7)


def kept(start, counts, *, lead="II", fs_hz=250.0, recording="r", gain=0.001):
    counts = np.asarray(counts, np.int16)
    facts = {"recording": recording, "lead": lead, "unit": Unit.MILLIVOLT, "gain": gain, "offset": 0.0}
    chunk = WaveChunk(start=start, fs_hz=fs_hz, counts=counts, **facts)
    return Kept(decode_wave(encode_wave(chunk)), encode_wave(chunk))


def chunks(total, fs_hz, *, lead="II", at=0, skip=()):
    per = round(10 * fs_hz)
    values = RNG.integers(-3000, 3000, total).astype(np.int16)
    cut = [
        kept(first, values[first - at : first - at + per], lead=lead, fs_hz=fs_hz)
        for number, first in enumerate(range(at, at + total, per))
        if number not in skip
    ]
    return values, cut


@pytest.fixture
def archive(tmp_path):
    return WaveArchive(tmp_path / "waves", reserve_bytes=0)


@given(data=st.data(), fs_hz=st.sampled_from([125.0, 249.89, 360.0]))
@settings(max_examples=25, deadline=None)
def test_any_order_and_any_repetition_give_what_was_recorded(tmp_path_factory, data, fs_hz):
    archive = WaveArchive(tmp_path_factory.mktemp("waves"), reserve_bytes=0)
    skip = data.draw(st.sets(st.integers(0, 11), max_size=4))
    values, cut = chunks(round(115 * fs_hz), fs_hz, skip=skip)
    sent = data.draw(st.permutations(cut)) + data.draw(st.lists(st.sampled_from(cut), max_size=5))
    while sent:
        several = data.draw(st.integers(1, 5))
        archive.store("bed-1", sent[:several])
        sent = sent[several:]
    expected = np.full(values.size, np.nan, np.float32)
    for one in cut:
        expected[one.chunk.start : one.chunk.end] = one.chunk.samples()
    start, end = sorted((data.draw(st.floats(0, 115)), data.draw(st.floats(0, 115))))
    found = np.full(values.size, np.nan, np.float32)
    reached = 0
    for piece in archive.read("bed-1", "r", "II", start, end):
        assert piece.start >= reached
        found[piece.start : piece.end] = piece.samples()
        reached = piece.end
    inside = slice(int(np.ceil(start * fs_hz)), int(np.ceil(end * fs_hz)))
    np.testing.assert_array_equal(found[inside], expected[inside])
    assert np.isnan(found[: inside.start]).all()
    assert np.isnan(found[inside.stop :]).all()


@given(data=st.data(), fs_hz=st.sampled_from([100.0, 249.89, 360.0]), width_s=st.sampled_from([0.05, 1.0, 10.0]))
@settings(max_examples=25, deadline=None)
def test_extremes_are_those_of_the_samples_however_they_were_cut(tmp_path_factory, data, fs_hz, width_s):
    archive = WaveArchive(tmp_path_factory.mktemp("waves"), reserve_bytes=0)
    skip = data.draw(st.sets(st.integers(0, 6), max_size=3))
    _, cut = chunks(round(65 * fs_hz), fs_hz, skip=skip)
    archive.store("bed-1", cut)
    first, count = data.draw(st.integers(0, 40)), 50
    made = archive.extremes("bed-1", "r", "II", first=first, count=count, width_s=width_s)
    index = np.concatenate([np.arange(one.chunk.start, one.chunk.end) for one in cut])
    samples = np.concatenate([one.chunk.samples() for one in cut])
    where = np.floor(index / (fs_hz * width_s)).astype(int) - first
    for stretch in range(count):
        here = samples[where == stretch]
        assert made.held[stretch] == bool(here.size)
        if here.size:
            assert (made.low[stretch], made.high[stretch]) == (here.min(), here.max())


@pytest.mark.parametrize("first", range(40))
def test_no_stretch_loses_its_first_or_last_sample_to_rounding(archive, first):
    rising = kept(0, np.arange(3600), fs_hz=360.0)
    archive.store("bed-1", [rising])
    samples = rising.chunk.samples()[first * 18 : (first + 1) * 18]
    made = archive.extremes("bed-1", "r", "II", first=first, count=1, width_s=0.05)
    assert (made.low[0], made.high[0]) == (samples[0], samples[-1])


def test_what_the_device_declared_invalid_is_kept_and_has_no_extremes(archive):
    archive.store("bed-1", [kept(0, [INVALID] * 2500)])
    made = archive.extremes("bed-1", "r", "II", first=0, count=20, width_s=1.0)
    assert made.held.tolist() == [True] * 10 + [False] * 10
    assert np.isnan(made.low).all()


def test_a_chunk_that_is_longer_now_takes_the_place_of_its_beginning(archive):
    long = kept(0, RNG.integers(-99, 99, 2500))
    archive.store("bed-1", [kept(0, long.chunk.counts[:700])])
    archive.store("bed-1", [long])
    archive.store("bed-1", [kept(0, long.chunk.counts[:900])])
    (piece,) = archive.read("bed-1", "r", "II", 0, 60)
    np.testing.assert_array_equal(piece.counts, long.chunk.counts)
    np.testing.assert_array_equal(
        archive.extremes("bed-1", "r", "II", first=0, count=10, width_s=1.0).high, extremes_of(long.chunk, 1.0).high
    )


def test_hours_apart_lie_in_files_of_their_own_and_are_read_as_one(archive, monkeypatch):
    monkeypatch.setattr(archive_module, "PART_S", 20.0)
    values, cut = chunks(250 * 90, 250.0)
    archive.store("bed-1", cut)
    assert len(list(archive.folder.glob("bed-1/r/*.db"))) == 5
    read = np.concatenate([one.counts for one in archive.read("bed-1", "r", "II", 15.0, 75.0)])
    np.testing.assert_array_equal(read, values[250 * 15 : 250 * 75])


def test_one_device_neither_reads_nor_writes_anothers(archive):
    archive.store("bed-1", [kept(0, [1] * 100)])
    archive.store("bed-2", [kept(0, [2] * 100)])
    assert archive.read("bed-1", "r", "II", 0, 1)[0].counts.tolist() == [1] * 100
    assert archive.read("bed-3", "r", "II", 0, 1) == []
    assert archive.read("..", "r", "II", 0, 1) == []


@pytest.mark.parametrize(
    "bad", [{"recording": "../x"}, {"start": -5}, {"fs_hz": 0.0}, {"fs_hz": float("nan")}, {"gain": float("inf")}]
)
def test_what_no_device_of_ours_sends_is_refused_and_writes_nothing(archive, bad):
    facts = {"start": 0, "counts": [1] * 50, **bad}
    with pytest.raises(BadInput):
        archive.store("bed-1", [kept(0, [1] * 50), kept(facts.pop("start"), facts.pop("counts"), **facts)])
    assert not archive.folder.exists()


def test_a_disk_with_too_little_space_takes_no_waves(tmp_path):
    full = WaveArchive(tmp_path / "waves", reserve_bytes=1 << 60)
    with pytest.raises(ArchiveFull, match="too little space"):
        full.store("bed-1", [kept(0, [1] * 50)])


def test_a_damaged_frame_is_shown_as_what_is_not_there(archive):
    _, cut = chunks(250 * 30, 250.0)
    archive.store("bed-1", cut)
    (file,) = archive.folder.glob("bed-1/r/*.db")
    with sqlite3.connect(file) as db:
        db.execute("UPDATE chunks SET frame = x'00' WHERE first = 2500")
    assert [one.start for one in archive.read("bed-1", "r", "II", 0, 30)] == [0, 5000]


def test_parts_that_are_too_old_go_and_leave_no_empty_folder(archive):
    archive.store("bed-1", [kept(0, [1] * 50), kept(0, [1] * 50, recording="new")])
    (file,) = archive.folder.glob("bed-1/r/*.db")
    os.utime(file, (1000.0, 1000.0))
    assert archive.remove_before(2000.0) == 1
    assert [path.name for path in (archive.folder / "bed-1").iterdir()] == ["new"]
