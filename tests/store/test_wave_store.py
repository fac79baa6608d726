"""Waves are kept exactly, found by sample index, and give way when room runs out."""

import itertools
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BrokenStream
from biosignal.events import Evidence, Finding, FindingState, Priority, QualityLevel, Unavailable
from biosignal.signal.blocks import Lead, SampleBlock
from biosignal.wire.waveform import decode_wave
from edge_agent.store.errors import StoreFull, StoreInUse
from edge_agent.store.strips import cut_strip
from edge_agent.store.waveforms import WaveStore

FS = 100.0
LEADS = (Lead(name="I"), Lead(name="II"))
CHANCE = np.random.default_rng(5)
LONG = np.round(np.cumsum(CHANCE.normal(0, 0.02, (2, 20_000)), axis=1), 3).astype(np.float32)


def block(start, end, recording="r", values=LONG):
    return SampleBlock(recording=recording, start=start, fs_hz=FS, leads=LEADS, samples=values[:, start:end].copy())


def joined(chunks):
    return np.concatenate([chunk.samples() for chunk in chunks])


def finding(onset, start, end):
    evidence = Evidence(measures=(), strip_start=start, strip_end=end, fs_hz=FS, quality=QualityLevel.USABLE)
    return Finding(
        id="f",
        rev=0,
        task="t",
        device="bed-1",
        recording="r",
        stream="live",
        kind="pvc",
        state=FindingState.OPENED,
        priority=Priority.NONE,
        onset=onset,
        end=onset + 1,
        decided_at=onset + 1,
        leads=("II",),
        outcome=Unavailable(task="t", reason="none"),
        evidence=evidence,
    )


@pytest.fixture
def waves(tmp_path):
    opened = WaveStore(tmp_path / "waveforms.db", 10**9, reserve_bytes=0)
    yield opened
    opened.close()


def test_what_was_stored_is_read_back_to_half_a_microvolt(waves):
    waves.append(block(0, 2500))
    chunks = waves.read("r", "II", 0, 2500)
    assert [(chunk.start, chunk.end) for chunk in chunks] == [(0, 1000), (1000, 2000), (2000, 2500)]
    assert np.abs(joined(chunks) - LONG[1, :2500]).max() <= 0.00051


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 4999), max_size=12))
def test_however_the_blocks_are_cut_the_rows_are_the_same(tmp_path_factory, cuts):
    store = WaveStore(tmp_path_factory.mktemp("w") / "waveforms.db", 10**9, reserve_bytes=0)
    borders = [0, *sorted(set(cuts)), 5000]
    for start, end in itertools.pairwise(borders):
        store.append(block(start, end))
    rows = store._db.execute("SELECT lead, first, stop, frame FROM chunks ORDER BY lead, first").fetchall()
    assert [row[:3] for row in rows] == [(name, i * 1000, i * 1000 + 1000) for name in ("I", "II") for i in range(5)]
    assert b"".join(row[3] for row in rows) == b"".join(frames_of_one_cut(tmp_path_factory))
    store.close()


def frames_of_one_cut(factory, kept={}):  # noqa: B006  # computed once
    if not kept:
        store = WaveStore(factory.mktemp("w") / "waveforms.db", 10**9, reserve_bytes=0)
        store.append(block(0, 5000))
        kept["frames"] = [row[0] for row in store._db.execute("SELECT frame FROM chunks ORDER BY lead, first")]
        store.close()
    return kept["frames"]


def test_only_whole_chunks_cost_a_commit(waves):
    before = waves._db.conn.total_changes
    for start in range(0, 1000, 4):
        waves.append(block(start, start + 4))
    assert waves._db.conn.total_changes - before == len(LEADS)


def test_a_gap_is_seen_as_absent(waves):
    waves.append(block(0, 1500))
    waves.append(block(1800, 3000))
    chunks = waves.read("r", "I", 1400, 1900)
    assert [(chunk.start, chunk.end) for chunk in chunks] == [(1400, 1500), (1800, 1900)]
    assert waves.read("r", "I", 1500, 1800) == []
    assert waves.read("other", "I", 0, 100) == []


def test_what_is_flushed_early_survives_and_goes_on(tmp_path):
    first = WaveStore(tmp_path / "waveforms.db", 10**9, reserve_bytes=0)
    first.append(block(0, 1234))
    with pytest.raises(StoreInUse):
        WaveStore(tmp_path / "waveforms.db", 10**9, reserve_bytes=0)
    first.close()
    second = WaveStore(tmp_path / "waveforms.db", 10**9, reserve_bytes=0)
    second.append(block(1234, 2100))
    assert np.abs(joined(second.read("r", "II", 0, 2100)) - LONG[1, :2100]).max() <= 0.00051
    assert second.newest("r", "II") == 2100
    second.close()


def test_an_overlapping_block_is_refused(waves):
    waves.append(block(0, 500))
    with pytest.raises(BrokenStream):
        waves.append(block(400, 600))


def test_a_new_recording_leaves_the_old_one_whole(waves):
    waves.append(block(0, 700, "a"))
    waves.append(block(0, 300, "b"))
    assert waves.newest("a", "I") == 700
    assert joined(waves.read("a", "I", 0, 700)).size == 700
    assert joined(waves.read("b", "I", 0, 300)).size == 300


def test_a_budget_drops_the_old_first_and_what_is_pinned_last(tmp_path):
    store = WaveStore(tmp_path / "waveforms.db", 150_000, reserve_bytes=0)
    for lead in ("I", "II"):
        store.pin("r", lead, 0, 1000)
    noise = CHANCE.normal(0, 1, (2, 200_000)).astype(np.float32)
    for start in range(0, 40_000, 1000):
        store.append(block(start, start + 1000, values=noise))
    for start in range(40_000, 200_000, 1000):
        store.append(block(start, start + 1000, values=noise))
    assert store.read("r", "I", 30_000, 35_000) == []
    counts = store.counts()
    assert counts.size_bytes <= 150_000
    assert counts.dropped > 0
    assert counts.dropped_pinned == 0
    assert joined(store.read("r", "I", 0, 1000)).size == 1000
    assert joined(store.read("r", "I", 199_000, 200_000)).size == 1000
    store.close()
    assert os.path.getsize(tmp_path / "waveforms.db") < 200_000  # noqa: PTH202  # the file itself shrank


def test_a_full_file_costs_old_waves_and_then_says_so(tmp_path):
    store = WaveStore(tmp_path / "waveforms.db", 10**9, reserve_bytes=0)
    noise = CHANCE.normal(0, 1, (2, 200_000)).astype(np.float32)
    store._db.execute("PRAGMA max_page_count = 60")
    for start in range(0, 200_000, 1000):
        store.append(block(start, start + 1000, values=noise))
    assert store.counts().dropped > 0
    assert store.counts().lost == 0
    assert joined(store.read("r", "I", 199_000, 200_000)).size == 1000
    too_much = WaveStore(tmp_path / "tiny.db", 10**9, reserve_bytes=0)
    too_much._db.execute("PRAGMA max_page_count = 10")
    with pytest.raises(StoreFull) as full:
        too_much.append(block(0, 60_000, values=noise))
    assert "free space" in full.value.advice
    assert too_much.counts().lost > 0
    store.close()
    too_much.close()


def test_clipped_samples_are_counted(waves):
    values = np.zeros((2, 1000), np.float32)
    values[0, 10], values[0, 20] = 100, -100
    waves.append(block(0, 1000, values=values))
    assert waves.counts().clipped > 0


def test_a_strip_waits_for_its_samples_and_holds_them(waves):
    wanted = finding(1500, 900, 2300)
    waves.append(block(0, 2000))
    assert cut_strip(waves, wanted) is None
    waves.append(block(2000, 2400))
    strip = cut_strip(waves, wanted)
    chunk = decode_wave(strip.data)
    assert (strip.start, strip.lead, strip.finding) == (900, "II", "f")
    assert (chunk.start, chunk.end) == (900, 2300)
    assert np.abs(chunk.samples() - LONG[1, 900:2300]).max() <= 0.00051
    assert cut_strip(waves, wanted) == strip
    waves.append(block(2400, 3000))
    assert waves._db.execute("SELECT count(*) FROM chunks WHERE pinned").fetchone()[0] == 3


def test_a_strip_stops_at_a_gap(waves):
    waves.append(block(0, 1600))
    waves.append(block(1700, 4000))
    strip = cut_strip(waves, finding(1500, 900, 2300))
    assert (strip.start, decode_wave(strip.data).end) == (900, 1600)
    assert cut_strip(waves, finding(1750, 1650, 2300)).start == 1700
    assert cut_strip(waves, finding(9000, 8900, 9100)) is None
    assert cut_strip(waves, finding(3990, 3900, 4100)) is None
    assert decode_wave(cut_strip(waves, finding(3990, 3900, 4100), final=True).data).end == 4000
    assert cut_strip(waves, finding(9000, 8900, 9100), final=True) is None


def test_a_strip_over_different_offsets_keeps_its_values(waves):
    values = np.zeros((2, 2000), np.float32)
    values[:, 1000:] = 40.0
    waves.append(block(0, 2000, values=values))
    strip = decode_wave(cut_strip(waves, finding(1000, 900, 1100)).data)
    assert np.abs(strip.samples() - values[1, 900:1100]).max() <= 0.001
