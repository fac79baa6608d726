"""`python -m export evaluate` scores recordings through the daemon's own pipeline."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from biosignal.synthetic.ecg import Patient, synthetic_ecg
from export.cli import main
from export.report.served import served
from export.report.sets import records_of, set_of

SECONDS = 40.0
STEADY = Patient(s_share=0.0, v_share=0.0, f_share=0.0)


def write_record(folder, name, *, symbols=None, leads=("II", "V"), seed=3):
    """A synthetic patient, one wave on every lead, with its own beats as the reference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb

        ecg = synthetic_ecg(seed=seed, fs_hz=250.0, duration_s=SECONDS, patient=STEADY)
        wfdb.wrsamp(
            name,
            fs=250,
            units=["mV"] * len(leads),
            sig_name=list(leads),
            p_signal=np.stack([ecg.samples] * len(leads), axis=1).astype(np.float64),
            fmt=["16"] * len(leads),
            write_dir=str(folder),
        )
        if symbols is not None:
            wfdb.wrann(name, "atr", np.asarray(ecg.beats), symbol=[symbols] * len(ecg.beats), write_dir=str(folder))


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("somewhere")
    write_record(folder, "one", symbols="N")
    write_record(folder, "two", symbols="N", seed=4, leads=("II",))
    return folder


def evaluate(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments), "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


def test_it_names_bundle_and_backend_and_what_trained_it(patients, capsys):
    figures = evaluate(capsys, "qrs", "--data-dir", patients)
    named = [(bundle["name"], bundle["version"]) for bundle in figures["bundles"]]
    assert named == [
        ("ecg-front", "1.1.1"),
        ("ecg-beats", "2.0.0"),
        ("ecg-rhythm", "1.0.0"),
        ("ecg-waves", "1.0.0"),
        ("ecg-diagnosis", "1.2.0"),
        ("eeg-sleep", "1.0.1"),
    ]
    assert {len(bundle["sha256"]) for bundle in figures["bundles"]} == {64}
    assert all("onnxruntime" in bundle["backend"] for bundle in figures["bundles"])
    assert [row["record"] for row in figures["records"]] == ["one", "two"]
    assert [row["trained_on"] for row in figures["records"]] == [False, False]
    assert figures["gross"]["se"] > 90
    assert figures["gross"]["ppv"] == 100.0
    assert figures["average"]["se"] > 90
    assert figures["interval"]["se"][0] <= figures["gross"]["se"] <= figures["interval"]["se"][1]


def test_a_reference_plays_no_part_in_what_is_decided(patients, tmp_path, capsys):
    write_record(tmp_path, "one", symbols="V")
    as_n = evaluate(capsys, "qrs", "--data-dir", patients, "--records", "one")
    as_v = evaluate(capsys, "qrs", "--data-dir", tmp_path)
    assert as_n["gross"] == as_v["gross"]


@pytest.mark.parametrize("beats", ["detected", "reference"])
def test_classes_are_scored_where_they_were_found_or_at_the_reference(patients, beats, capsys):
    figures = evaluate(capsys, "beats", "--data-dir", patients, "--records", "one", "--from", "0", "--beats", beats)
    assert figures["beats"] == beats
    assert figures["gross"]["v"]["se"] is None
    assert figures["gross"]["qrs"]["se"] >= (100.0 if beats == "reference" else 90.0)
    assert figures["gross"]["s"]["fp"] + figures["gross"]["v"]["fp"] <= 2


def test_a_steady_heart_raises_no_alarm_and_is_nowhere_in_fibrillation(patients, capsys):
    alarms = evaluate(capsys, "alarms", "--data-dir", patients, "--records", "one")
    assert alarms["gross"]["high"]["false_per_hour"] == 0.0
    assert alarms["gross"]["hours"] == pytest.approx(SECONDS / 3600, abs=1e-3)
    vf = evaluate(capsys, "vf", "--data-dir", patients, "--records", "one")
    assert (vf["gross"]["episodes"], vf["gross"]["false"]) == (0, 0)


def test_quality_is_scored_by_the_labels_of_the_set(tmp_path, capsys):
    write_record(tmp_path, "good")
    write_record(tmp_path, "bad")
    bad = tmp_path / "bad.dat"
    bad.write_bytes(bytes(bad.stat().st_size))
    (tmp_path / "LABELS.csv").write_text("record,label\ngood,acceptable\nbad,unacceptable\n")
    figures = evaluate(capsys, "quality", "--data-dir", tmp_path)
    assert figures["set"] == "cinc2011"
    assert figures["gross"]["auroc"] == 1.0


def test_alarms_of_the_challenge_are_confirmed_or_not_and_a_missed_one_counts_five_times(tmp_path, capsys):
    write_record(tmp_path, "a1")
    write_record(tmp_path, "a2")
    (tmp_path / "ALARMS").write_text("a1,Asystole,0\na2,Tachycardia,1\n")
    figures = evaluate(capsys, "challenge", "--data-dir", tmp_path)
    # The heart is steady: the false alarm is not confirmed, and the one called true is missed.
    assert {name: figures["gross"][name] for name in ("tp", "fn", "fp", "tn")} == {"tp": 0, "fn": 1, "fp": 0, "tn": 1}
    assert figures["gross"]["score"] == pytest.approx(100 / 6)
    assert figures["groups"]["Asystole"]["tnr"] == 100.0


@pytest.mark.timeout(600)  # each process imports everything anew: a busy machine takes its time
def test_records_scored_side_by_side_give_the_same(patients, capsys):
    alone = evaluate(capsys, "qrs", "--data-dir", patients)
    assert evaluate(capsys, "qrs", "--data-dir", patients, "--jobs", "2") == alone


def test_people_read_a_table(patients, capsys):
    assert main(["evaluate", "alarms", "--data-dir", str(patients), "--records", "one"]) == 0
    said = capsys.readouterr()
    assert "ecg-beats 2.0.0 (sha256" in said.out
    assert "false_per_hour 0" in said.out
    assert "1 of 1: one" in said.err


SCORED = "qrs|beats|alarms|vf|af|rhythm|quality|challenge|sleep|seizure|delineation|diagnosis|completion"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--bundle", "models/ecg-beats/2.0.0"],
            f"export evaluate {{{SCORED}}} --data-dir",
        ),
        (
            ["everything", "--data-dir", "."],
            f"export evaluate {{{SCORED}}} --data-dir",
        ),
        (["qrs"], "--data-dir"),
        (["qrs", "--data-dir", ".", "--beats", "reference"], "leave --beats out"),
        (["qrs", "--data-dir", ".", "--from", "-1"], "--from 0"),
        (["qrs", "--data-dir", "/nowhere"], "folder of one set"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_what_to_do(arguments, expected, capsys):
    assert main(["evaluate", *arguments]) == 2
    assert expected in capsys.readouterr().err


def test_a_set_that_lacks_what_is_scored_against_is_refused(tmp_path, patients, capsys):
    write_record(tmp_path, "alone")
    for what in ("qrs", "quality"):
        assert main(["evaluate", what, "--data-dir", str(tmp_path)]) == 2
    assert main(["evaluate", "qrs", "--data-dir", str(patients), "--records", "three"]) == 2
    assert "three" in capsys.readouterr().err


def test_sets_are_recognised_by_their_name_or_by_what_is_in_them(tmp_path):
    for name, content in (("svdb", "802.hea"), ("copy", "cu01.hea"), ("other", "x.hea")):
        (tmp_path / name).mkdir()
        (tmp_path / name / content).write_text("x 1 250 0\n")
    names = {folder.name: set_of(folder).name for folder in tmp_path.iterdir()}
    assert names == {"svdb": "svdb", "copy": "cudb", "other": "other"}


def test_a_record_of_segments_is_one_record(tmp_path):
    (tmp_path / "whole.hea").write_text("# a comment\nwhole/2 1 250 500\npart1 250\npart2 250\n")
    for part in ("part1", "part2"):
        (tmp_path / f"{part}.hea").write_text(f"{part} 1 250 250\n")
    assert records_of(tmp_path, set_of(tmp_path)) == ["whole"]


def test_groups_of_a_set_are_named_like_records(tmp_path):
    folder = tmp_path / "mitdb"
    folder.mkdir()
    for name in ("100", "101", "102"):
        (folder / f"{name}.hea").write_text(f"{name} 1 360 0\n")
    known = set_of(folder)
    assert records_of(folder, known, ["paced", "DS2"]) == ["102", "100"]


@pytest.mark.parametrize(
    ("of_set", "record", "expected"),
    [
        ("mitdb", "101", True),
        ("mitdb", "100", False),
        ("nstdb", "118e06", True),
        ("vfdb", "420", False),
        ("svdb", "807", True),
        ("svdb", "802", True),
    ],
)
def test_the_manifest_says_whether_a_record_trained_the_bundle(of_set, record, expected):
    assert served().trained_on(of_set, record) is expected


def test_the_released_bundles_lie_where_they_are_looked_for():
    assert set(served(Path(__file__).parents[2] / "models" / "ecg-beats" / "2.0.0").bundles) == set(served().bundles)
