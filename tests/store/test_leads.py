"""Leads of several rates in one recording, each at its own; and a finding is stored with what it rests on."""

import sqlite3
import time

import numpy as np
import pytest

from biosignal.events import Finding, Inputs, Mark, Strip
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from biosignal.wire.waveform import decode_wave
from edge_agent.store.events import EventStore
from edge_agent.store.keeper import Batch, Keeper
from edge_agent.store.strips import MOST_LEADS
from edge_agent.store.waveforms import WaveStore
from tests.store import events_made as made

ECG = tuple(Lead(name=name, kind=LeadKind.ECG) for name in ("I", "II"))
PLETH = (Lead(name="PLETH", kind=LeadKind.PLETH, unit=Unit.RAW, fs_hz=25.0),)
SECONDS = 60
CHANCE = np.random.default_rng(11)
FAST = np.round(np.cumsum(CHANCE.normal(0, 0.02, (2, 100 * SECONDS)), axis=1), 3).astype(np.float32)
SLOW = np.round(np.cumsum(CHANCE.normal(0, 3, (1, 25 * SECONDS)), axis=1)).astype(np.float32)


def blocks(start_s=0.0, end_s=SECONDS, step=4):
    """What a source yields: at each step the samples of both rates, those of the lower one lagging a little."""
    sent = round(start_s * 25)
    for at in range(round(start_s * 100), round(end_s * 100), step):
        end = min(at + step, round(end_s * 100))
        yield SampleBlock(recording="r", start=at, fs_hz=100.0, leads=ECG, samples=FAST[:, at:end].copy())
        due = end * 25 // 100
        if due > sent:
            yield SampleBlock(recording="r", start=sent, fs_hz=25.0, leads=PLETH, samples=SLOW[:, sent:due].copy())
            sent = due


class Kept:
    def __init__(self, folder, *, watched=False, **options):
        self.events = EventStore(folder / "events.db", "bed-1", "boot", reserve_bytes=0)
        self.waves = WaveStore(folder / "waveforms.db", 1 << 30, reserve_bytes=0, **options)
        self.stored, self.frames = [], []
        self.keeper = Keeper(
            self.events,
            self.waves,
            on_stored=lambda events, _arrived_s: self.stored.extend(events),
            live=self.frames.append,
            is_watched=lambda: watched,
            queue_size=1_000_000,
            retry_s=0.02,
        )
        self.keeper.start()

    def put(self, *events, block=None, closes=None):
        self.keeper.put(Batch(events=events, block=block, closes=closes))

    def settle(self):
        deadline = time.monotonic() + 30
        while not self.keeper.idle and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.keeper.idle
        assert self.keeper.trouble is None

    def strips(self):
        return [event for event in self.stored if isinstance(event, Strip)]


@pytest.fixture
def kept(tmp_path):
    made_ones = []

    def make(**options):
        made_ones.append(Kept(tmp_path, **options))
        return made_ones[-1]

    yield make
    for one in made_ones:
        one.keeper.stop(1.0)
        one.waves.close()
        one.events.close()


def samples(chunks):
    return np.concatenate([chunk.samples() for chunk in chunks])


@pytest.mark.parametrize("step", [4, 7, 640, 6000])
def test_leads_of_two_rates_are_kept_whole_and_written_together(tmp_path, step):
    waves = WaveStore(tmp_path / "waveforms.db", 1 << 30, reserve_bytes=0)
    for block in blocks(step=step):
        waves.append(block)
        together = waves._db.execute("SELECT count(*) FROM chunks").fetchone()[0]
        assert together % 3 == 0  # the chunk of the slow lead goes with those of the fast ones
    waves.flush()
    assert np.allclose(samples(waves.read("r", "II", 0, 6000)), FAST[1], atol=0.001)
    assert np.array_equal(samples(waves.read("r", "PLETH", 0, 1500)), SLOW[0])
    assert (waves.rate("r", "II"), waves.rate("r", "PLETH"), waves.rate("r", "V9")) == (100.0, 25.0, None)
    rows = waves._db.execute("SELECT lead, first, stop FROM chunks ORDER BY n").fetchall()
    assert len(rows) == 18
    assert {(lead, stop - first) for lead, first, stop in rows} == {("I", 1000), ("II", 1000), ("PLETH", 250)}
    waves.close()


def test_seconds_are_written_at_once_as_many_as_are_set(tmp_path):
    waves = WaveStore(tmp_path / "waveforms.db", 1 << 30, reserve_bytes=0, commit_s=30.0)
    written = []
    for block in blocks(step=100):
        waves.append(block)
        rows = waves._db.execute("SELECT count(*) FROM chunks").fetchone()[0]
        if not written or rows != written[-1]:
            written.append(rows)
        assert waves.newest("r", "I") >= block.end * (100 / block.fs_hz) - 100
    assert written == [0, 9, 18]
    assert np.allclose(samples(waves.read("r", "I", 0, 6000)), FAST[0], atol=0.001)
    waves.close()


def test_a_finding_has_a_strip_of_each_of_its_leads_at_the_rate_of_each(kept):
    room = kept()
    leads = ("I", "II", "PLETH")
    room.put(made.recording("r"))
    for block in blocks():
        events = ()
        if block.start == 2000 and block.fs_hz == 100.0:
            events = (made.finding("f", "r", onset=2000, strip=(1600, 2600), leads=leads),)
        room.put(*events, block=block)
    room.put(made.closed("r"), closes="r")
    room.settle()
    cut = {strip.lead: decode_wave(strip.data) for strip in room.strips()}
    assert set(cut) == set(leads)
    assert [(cut[name].start, cut[name].end, cut[name].fs_hz) for name in leads] == [
        (1600, 2600, 100.0),
        (1600, 2600, 100.0),
        (400, 650, 25.0),
    ]
    assert np.allclose(cut["I"].samples(), FAST[0, 1600:2600], atol=0.001)
    assert np.array_equal(cut["PLETH"].samples(), SLOW[0, 400:650])
    assert cut["PLETH"].unit is Unit.RAW
    assert {strip.finding for strip in room.strips()} == {made.finding("f", "r").id}


def test_a_finding_of_many_leads_has_strips_of_its_first_ones(kept):
    room = kept()
    names = tuple(f"E{number}" for number in range(MOST_LEADS + 8))
    values = np.zeros((len(names), 1000), np.float32)
    leads = tuple(Lead(name=name) for name in names)
    room.put(
        made.finding("f", "r", onset=300, strip=(100, 700), leads=names),
        block=SampleBlock(recording="r", start=0, fs_hz=100.0, leads=leads, samples=values),
    )
    room.put(made.closed("r"), closes="r")
    room.settle()
    assert [strip.lead for strip in room.strips()] == list(names[:MOST_LEADS])


def test_live_frames_are_of_each_lead_at_its_rate(kept):
    room = kept(watched=True)
    for block in blocks(end_s=4.0):
        room.put(block=block)
    room.settle()
    shown = [decode_wave(frame) for frame in room.frames]
    for name, rate, truth in (("I", 100.0, FAST[0]), ("PLETH", 25.0, SLOW[0])):
        frames = [chunk for chunk in shown if chunk.lead == name]
        assert {chunk.fs_hz for chunk in frames} == {rate}
        assert all(chunk.length >= 0.2 * rate for chunk in frames)
        assert [chunk.start for chunk in frames[1:]] == [chunk.end for chunk in frames[:-1]]
        assert np.allclose(samples(frames), truth[: frames[-1].end], atol=0.001)
        assert frames[-1].end >= 3.7 * rate


def test_a_gap_ends_a_live_frame(kept):
    room = kept(watched=True)
    for block in (*blocks(end_s=1.1), *blocks(start_s=2.0, end_s=3.0)):
        room.put(block=block)
    room.settle()
    spans = [(chunk.start, chunk.end) for chunk in map(decode_wave, room.frames) if chunk.lead == "I"]
    assert not any(start < 200 < end or start < 110 < end for start, end in spans)


# ---- one transaction


def test_a_finding_is_never_stored_without_what_it_rests_on(kept):
    room = kept()
    seen = made.inputs(b"12345678")
    batch = (seen, made.mark("r", 7, seen), made.finding("f", "r", marks=made.mark_set(7)), made.text("f"))
    room.events._db.execute("CREATE TRIGGER no BEFORE INSERT ON events WHEN new.kind = 'explanation' BEGIN "
                            "SELECT raise(ABORT, 'no'); END")  # fmt: skip
    room.put(*batch)
    time.sleep(0.2)
    assert room.events.counts().events == 0
    assert room.keeper.trouble is not None
    room.events._db.execute("DROP TRIGGER no")
    room.settle()
    assert [envelope.body for envelope in room.events.events()] == list(batch)
    assert [row.lane for row in sorted(room.events.outbox(10), key=lambda row: row.n)] == [1, 1, 0, 0]


def test_the_same_inputs_are_one_row_however_often_they_come(kept):
    room = kept()
    seen = made.inputs(b"12345678")
    for start in range(5):
        room.put(seen, made.mark("r", start, seen), made.finding(str(start), "r", marks=made.mark_set(start)))
    room.settle()
    stored = [envelope.body for envelope in room.events.events()]
    assert sum(isinstance(body, Inputs) for body in stored) == 1
    assert sum(isinstance(body, Mark) for body in stored) == 5
    assert sum(isinstance(body, Finding) for body in stored) == 5


def test_logs_wait_for_a_commit_that_happens_anyway_but_not_long(kept):
    room = kept()
    room.put(made.series("a", "r"))
    room.put(made.series("b", "r"), made.finding("f", "r"))
    room.put(made.series("c", "r"))
    room.settle()
    assert [envelope.kind for envelope in room.events.events()] == ["series", "series", "finding", "series"]


def test_a_revision_of_a_finding_takes_less_than_a_kilobyte_on_disk(tmp_path):
    path = tmp_path / "events.db"
    store = EventStore(path, "bed-1", "boot-1", reserve_bytes=0)
    store.add_many(made.finding("f", "r", rev, marks=made.mark_set(*range(12))) for rev in range(500))
    store.close()
    with sqlite3.connect(path) as connection:
        (pages,) = connection.execute(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        ).fetchone()
    connection.close()
    assert pages / 500 < 600
