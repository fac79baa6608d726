"""Recordings with seizures are read, scored and tuned on, in the layout of CHB-MIT and as snippets."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from edge_agent.operate.settings_file import load_settings
from export.cli import main
from export.report.sets import NoSet
from export.seizure.edf_file import read_eeg
from export.seizure.evaluate import evaluate_seizures
from export.seizure.limits_file import limits_text, read_limits
from export.seizure.patients import imitators, with_seizures
from export.seizure.recordings import entries_of, subject_of, summary
from export.seizure.tune import drawn_settings, tune
from tests.export.chbmit_layout import (
    CHANNELS,
    FS_HZ,
    ONSET_S,
    samples_of,
    with_seizure,
    write_edf,
    write_subject,
)

DATA = Path(os.environ.get("EDGE_DATA_DIR", "."))
needs_chbmit = pytest.mark.skipif(
    not (DATA / "chbmit" / "chbmit_seizures.npz").is_file(), reason="EDGE_DATA_DIR names no folder with chbmit"
)
needs_eegmmidb = pytest.mark.skipif(
    not (DATA / "eegmmidb" / "S001R01.edf").is_file(), reason="EDGE_DATA_DIR names no folder with eegmmidb"
)


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """Two subjects, each with a seizure in one file and none in the other."""
    folder = tmp_path_factory.mktemp("chbmit-layout")
    write_subject(folder, "chb01", seed=3)
    write_subject(folder, "chb02", seed=5)
    return folder


def test_a_file_is_read_in_microvolts_without_what_is_no_eeg(tmp_path):
    uv = samples_of(*with_seizure(), seed=1)
    write_edf(tmp_path / "one.edf", uv)
    leads, samples, fs_hz = read_eeg(tmp_path / "one.edf")
    assert [lead.name for lead in leads] == [*(name.upper() for name in CHANNELS), f"{CHANNELS[2].upper()}#2"]
    assert fs_hz == FS_HZ
    assert np.abs(samples[:8] - uv).max() < 0.06


def test_a_torn_record_at_the_end_is_left_out(tmp_path):
    write_edf(tmp_path / "one.edf", samples_of(*with_seizure(lasts_s=75.0), seed=1))
    whole = (tmp_path / "one.edf").read_bytes()
    (tmp_path / "torn.edf").write_bytes(whole[:-101])
    _, samples, fs_hz = read_eeg(tmp_path / "torn.edf")
    assert samples.shape[1] < 75 * fs_hz
    assert samples.shape[1] % fs_hz == 0


@pytest.mark.parametrize("content", [b"", b"0" * 255, b"0" * 4000])
def test_what_is_no_edf_is_refused_by_name(tmp_path, content):
    (tmp_path / "bad.edf").write_bytes(content)
    with pytest.raises(NoSet, match=r"bad\.edf"):
        read_eeg(tmp_path / "bad.edf")


def test_both_spellings_of_the_summary_are_read(tmp_path):
    path = tmp_path / "chb24-summary.txt"
    path.write_text(
        "File Name: a.edf\nNumber of Seizures in File: 1\nSeizure Start Time: 2996 seconds\n"
        "Seizure End Time: 3036 seconds\nFile Name: b.edf\nNumber of Seizures in File: 0\nFile Name: c.edf\n"
        "Seizure 1 Start Time:  12 seconds\nSeizure 1 End Time: 40 seconds\nSeizure 2 Start Time: 99 seconds\n"
        "Seizure 2 End Time: 101 seconds\n"
    )
    assert summary(path) == {"a.edf": ((2996.0, 3036.0),), "b.edf": (), "c.edf": ((12.0, 40.0), (99.0, 101.0))}


def test_a_seizure_without_an_end_is_refused(tmp_path):
    path = tmp_path / "chb01-summary.txt"
    path.write_text("File Name: a.edf\nSeizure Start Time: 5 seconds\n")
    with pytest.raises(NoSet, match=r"a\.edf"):
        summary(path)


def test_one_child_that_came_twice_is_one_subject():
    assert {subject_of(name) for name in ("chb01_03", "chb21_19")} == {"chb01"}
    assert (subject_of("chb02_16+"), subject_of("S001R02")) == ("chb02", "S001")


def test_a_folder_without_recordings_says_what_it_should_hold(tmp_path):
    with pytest.raises(NoSet) as refused:
        entries_of(tmp_path)
    assert "summary" in refused.value.advice


def test_the_synthetic_seizures_are_found_and_nothing_else(layout, capsys):
    assert main(["evaluate", "seizure", "--data-dir", str(layout), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    gross = figures["gross"]
    assert (gross["seizures"], gross["found"], gross["false"], gross["f1"]) == (2, 2, 0, 1.0)
    assert gross["latency_most_s"] <= 10.0
    assert set(figures["groups"]["recordings"]) == {"all", "chb01", "chb02"}
    assert figures["average"]["subjects"] == 2
    assert [row["onset_s"] for row in figures["records"] if row["seizures"]] == [[float(ONSET_S)]] * 2


def test_single_records_are_scored_and_a_mistyped_one_is_refused(layout, capsys):
    assert main(["evaluate", "seizure", "--data-dir", str(layout), "--records", "chb01_02"]) == 0
    assert "chb01_02" in capsys.readouterr().out
    assert main(["evaluate", "seizure", "--data-dir", str(layout), "--records", "chb09_99"]) == 2
    assert "chb09_99" in capsys.readouterr().err


def test_tuning_writes_settings_that_the_daemon_takes(layout, tmp_path, capsys):
    out = tmp_path / "limits.toml"
    arguments = ["train", "--task", "eeg-seizure", "--data", str(layout), "--out", str(out), "--quick", "--steps", "4"]
    assert main(arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["subjects"], figures["seizures"], figures["settings"]) == (2, 2, 4)
    assert {fold["subject"] for fold in figures["folds"]} == {"chb01", "chb02"}
    assert figures["tuned_on_all"]["f1"] >= figures["defaults"]["f1"]
    limits = read_limits(out)
    assert limits == load_settings(out, environment={}).limits["eeg-seizure"]
    scored = evaluate_seizures(layout, records=["chb01_01"], limits=limits)
    assert scored["gross"]["found"] == 1


def test_one_subject_alone_tunes_nothing(tmp_path):
    write_subject(tmp_path, "chb01", seed=3, quiet=False)
    with pytest.raises(NoSet, match="two subjects"):
        tune(tmp_path, quick=True)


def test_settings_are_drawn_by_their_seed_and_the_defaults_come_first():
    first, again, other = (drawn_settings(6, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first[0] == SeizureLimits()
    assert len(set(first)) == 6


def test_limits_survive_the_way_through_a_file(tmp_path):
    limits = SeizureLimits(evidence=0.05, of_s=6, on_s=6)
    (tmp_path / "limits.toml").write_text(limits_text(limits, about="two\nlines"))
    assert read_limits(tmp_path / "limits.toml") == limits


@pytest.mark.parametrize(
    "text", ["[limits.eeg-seizure]\nevidense = 1.0\n", "[limits.eeg-seizure]\nevidence = -1.0\n", "["]
)
def test_limits_that_cannot_be_are_refused(tmp_path, text):
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(BadInput):
        read_limits(tmp_path / "limits.toml")


def test_every_patient_that_chose_the_limits_has_a_name_of_its_own_and_its_truth():
    patients = [*with_seizures(), *imitators()]
    names = [one.scenario.name for one in patients]
    assert len(set(names)) == len(names)
    assert {one.has_seizure for one in with_seizures()} == {True}
    assert {one.has_seizure for one in imitators()} == {False}


@pytest.mark.data
@needs_chbmit
def test_every_whole_seizure_is_found_within_ten_seconds_and_nothing_before_one():
    figures = evaluate_seizures(DATA / "chbmit")
    gross = figures["gross"]
    assert (gross["seizures"], gross["found"], gross["within_10_s"], gross["false"]) == (4, 4, 4, 0)
    assert figures["groups"]["10 s before a seizure"]["all"]["false"] == 0
    # The targets of the project were 6 of 7 and 2 of 2; what was measured is in docs/accuracy.md.
    snippets = figures["groups"]["10 s of a seizure behind 10 s"]
    assert [snippets[name]["found"] for name in ("chb01", "chb02")] == [7, 2]
    assert "chb02_19" not in [row["record"] for row in figures["records"] if row["seizures"]]


@pytest.mark.data
@needs_eegmmidb
def test_nothing_is_found_where_a_healthy_person_opens_and_closes_the_eyes_and_moves():
    assert evaluate_seizures(DATA / "eegmmidb")["gross"]["false"] == 0
