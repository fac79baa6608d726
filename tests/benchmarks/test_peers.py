"""Detectors of others are scored by our scorer, told as missing where they are, and not run twice. Nothing is timed."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import peers
from benchmarks.machine import machine_facts
from benchmarks.peer_runner import PEERS
from benchmarks.peers import Column, Found, Row, detect, installed, mark_of, read_found, row_of, table_of, without_holes
from benchmarks.report import report, table
from biosignal.scoring.score import Annotations
from biosignal.signal.blocks import Lead, LeadKind
from edge_agent.sources.excerpt import Excerpt
from export.report.reading import Signals

FS_HZ = 100.0
BEATS = list(range(150, 6000, 100))
KEY = ("made", "1")


@pytest.fixture
def made():
    samples = np.zeros((1, 6000), np.float32)
    samples[0, BEATS] = 1.0
    return Signals(
        name="1",
        fs_hz=FS_HZ,
        leads=(Lead(name="I", kind=LeadKind.ECG),),
        samples=samples,
        reference=Annotations(BEATS, ["N"] * len(BEATS)),
    )


def test_the_table_scores_each_detector_and_says_which_is_not_here(made):
    rows = [
        Row(detector="ours", version="v 1", call="ours()", timed_s=0.5, found={KEY: Found(samples=BEATS)}),
        # All 80 ms late, one not found, one that is none.
        Row(
            detector="late",
            call="late()",
            timed_s=1.0,
            found={KEY: Found(samples=sorted({at + 8 for at in BEATS[1:]} | {3400}))},
        ),
        Row(detector="raised", call="raised()", found={KEY: Found(samples=(), error="ValueError: too flat")}),
        Row(detector="missing", call="missing()", why_not="not installed: `make peers`"),
    ]
    told = table_of(rows, [Column(name="made, 1", of_set="made", records=("1",))], {KEY: made}, made)
    scores = {row["detector"]: row["scores"].get("made, 1") for row in told["rows"]}
    count = len(BEATS)
    assert (scores["ours"]["fn"], scores["ours"]["fp"], scores["ours"]["f1_50"]) == (0, 0, 100.0)
    assert (scores["late"]["fn"], scores["late"]["fp"], scores["late"]["f1_50"]) == (1, 1, 0.0)
    assert (scores["raised"]["fn"], scores["raised"]["fp"]) == (count, 0)
    assert scores["missing"] is None
    assert [row["times_ours"] for row in told["rows"]] == [1.0, 2.0, None, None]
    assert told["rows"][0]["cpu_s_an_hour"] == pytest.approx(0.5 * 60)

    machine = {**machine_facts(), "load_after": [0.0]}
    shown = table(report([], {}, machine=machine, quick=False, seconds=1.0, peers=json.loads(json.dumps(told))))
    assert f"| late | 1 / 1 | {200 / count:.3f} | {100 * (count - 1) / count:.2f} / 0.00 | 60 | 2 |" in shown
    assert "| missing | not installed: `make peers` |" in shown
    assert "- raised: `raised()`; made/1 counts as without beats (ValueError: too flat)" in shown
    assert "not asked for" not in shown
    widths = {line.count("|") for line in shown.splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_a_table_without_peers_has_no_part_about_them():
    machine = {**machine_facts(), "load_after": [0.0]}
    assert "QRS complexes" not in table(report([], {}, machine=machine, quick=False, seconds=1.0))
    shown = table(report([], {}, machine=machine, quick=False, seconds=1.0, peers={"why_not": "no recordings"}))
    assert "QRS complexes" not in shown
    assert "Not measured: peers (no recordings)" in shown


def test_where_there_is_no_environment_no_peer_is_installed(tmp_path):
    assert installed(tmp_path / "python") == ({}, "")


def test_an_environment_that_does_not_run_says_why(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 3\n")
    broken.chmod(0o755)
    assert installed(broken) == ({}, " (no such library)")


def test_a_peer_that_ends_at_once_found_nothing_and_says_why(made, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'No module named peer' >&2\nexit 1\n")
    broken.chmod(0o755)
    found, timed = detect("sleepecg", "0", {KEY: made}, made, python=broken, kept=tmp_path / "kept")
    assert found == {KEY: Found(samples=(), error="No module named peer")}
    assert timed.cpu_s is None
    row = row_of(Row(detector="sleepecg"), found, timed)
    assert row.why_not == "could do no record: No module named peer"
    assert not row.found


def test_every_peer_that_is_asked_for_is_known():
    assert {peer.package for peer in PEERS.values()} == {
        "sleepecg",
        "wfdb",
        "neurokit2",
        "fast-qrs-detector",
        "openecg",
    }


def test_a_real_peer_runs_in_a_process_of_its_own_and_once_only(tmp_path):
    """sleepecg is what the programs need for their excerpt anyway."""
    source = Excerpt()
    source.open("test")
    blocks = list(source.read())
    samples = np.concatenate([block.samples for block in blocks], axis=1)
    lead = Signals(name="208", fs_hz=blocks[0].fs_hz, leads=blocks[0].leads, samples=samples)
    there, _ = installed(Path(sys.executable))
    assert "sleepecg" in there

    def run(version="1", signals=lead):
        return detect(
            "sleepecg",
            version,
            {KEY: signals},
            lead,
            python=Path(sys.executable),
            kept=tmp_path / "kept",
        )

    first, timed = run()
    assert not first[KEY].error
    assert not first[KEY].kept
    assert len(first[KEY].samples) > 400
    assert timed.cpu_s > 0
    again, timed = run()
    assert again[KEY] == replace(first[KEY], kept=True)
    assert timed.cpu_s > 0
    assert not run(version="2")[0][KEY].kept
    assert list((tmp_path / "kept").iterdir()) == [tmp_path / "kept" / f"made-1-{lead.seconds:.0f}s-sleepecg.json"]


@given(
    samples=st.lists(st.one_of(st.floats(-5, 5, width=32), st.just(float("nan"))), min_size=1, max_size=40).filter(
        lambda some: any(np.isfinite(some))
    )
)
def test_missing_samples_are_filled_and_the_others_kept(samples):
    given_ = np.array(samples, np.float32)
    filled = without_holes(given_)
    there = np.isfinite(given_)
    assert np.isfinite(filled).all()
    assert np.array_equal(filled[there], given_[there].astype(np.float64))
    assert filled.min() >= np.nanmin(given_)
    assert filled.max() <= np.nanmax(given_)


@pytest.mark.parametrize("text", ["", '{"mark": "a", "samp', '{"mark": "b", "samples": [], "cpu_s": 1.0, "error": ""}'])
def test_a_result_that_is_torn_or_of_something_else_is_not_used(text, tmp_path):
    path = tmp_path / "found.json"
    assert read_found(path, "a") is None
    path.write_text(text)
    assert read_found(path, "a") is None


def test_the_mark_knows_samples_rate_version_and_peer(made):
    lead = made.samples[0].astype(np.float64)
    other = lead.copy()
    other[7] += 1e-9
    marks = {
        mark_of(lead, 100.0, "sleepecg", "1"),
        mark_of(other, 100.0, "sleepecg", "1"),
        mark_of(lead, 125.0, "sleepecg", "1"),
        mark_of(lead, 100.0, "sleepecg", "2"),
        mark_of(lead, 100.0, "wfdb xqrs", "1"),
    }
    assert len(marks) == 5


def test_without_recordings_nothing_is_measured(monkeypatch):
    monkeypatch.delenv("EDGE_DATA_DIR", raising=False)
    with pytest.raises(peers.NotMeasured, match="EDGE_DATA_DIR"):
        peers.measure(quick=True)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("EDGE_DATA_DIR"), reason="EDGE_DATA_DIR is not set")
def test_the_first_lead_of_a_record_is_read_as_far_as_asked():
    data = Path(os.environ["EDGE_DATA_DIR"])
    signals = peers._lead(data, peers.TIMED, 10.0)
    assert [lead.name for lead in signals.leads] == ["MLII"]
    assert signals.samples.shape == (1, 3600)
    first = next(peers._columns(data, quick=False))
    assert (first.name, len(first.records)) == ("mitdb, 48", 48)
