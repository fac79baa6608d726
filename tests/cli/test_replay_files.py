import itertools
import json

import numpy as np
import pytest
import wfdb

from tests.cli.conftest import FS_HZ, heart
from tests.sources.edf_files import write_edf


def told(out):
    return [json.loads(line) for line in out.splitlines()]


def beats_of(lines):
    return [line["sample"] for line in lines if line["type"] == "beat"]


@pytest.fixture
def files(tmp_path):
    """The same minute of a heart as EDF+ with an annotation, and as CSV without a time column."""
    ecg, peaks = heart(60)
    folder = tmp_path / "files"
    folder.mkdir()
    edf = write_edf(
        folder / "heart.edf", [("ECG II", FS_HZ, "mV", ecg * 1000), ("SpO2", 1, "%", np.full(60, 97.0))],
        annotations=[(30.0, 2.0, "patient coughs")],
    )  # fmt: skip
    csv = folder / "heart.csv"
    csv.write_text("II (mV)\n" + "".join(f"{value:.4f}\n" for value in ecg))
    return edf, csv, peaks


def test_an_edf_file_is_replayed_with_all_its_rates_and_says_what_no_task_reads(edge, files):
    edf, _, peaks = files
    code, out, err = edge("replay", edf, "--json")
    assert code == 0, err
    lines = told(out)
    assert (lines[0]["leads"], lines[0]["fs_hz"], lines[0]["samples"]) == (["ECG II"], 250, 15_000)
    assert lines[0]["not_analysed"] == ["SpO2"]
    assert lines[1] == {"type": "remark", "sample": 7500, "for_s": 2.0, "text": "patient coughs"}
    assert len(beats_of(lines)) == len(peaks)
    _, out, _ = edge("replay", edf)
    assert "oxygen-saturation SpO2: not analysed" in out


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_heart_of_a_file_is_read_wherever_its_signal_stands_among_those_of_other_rates(edge, tmp_path, order):
    ecg, peaks = heart(30)
    signals = [
        ("ECG II", FS_HZ, "mV", ecg * 1000),
        ("Resp chest", 25, "", np.sin(np.arange(30 * 25) / 9.0)),
        ("SpO2", 1, "%", np.full(30, 97.0)),
    ]
    edf = write_edf(tmp_path / "mixed.edf", [signals[place] for place in order])
    code, out, err = edge("replay", edf, "--json")
    assert code == 0, err
    lines = told(out)
    assert (lines[0]["leads"], lines[0]["fs_hz"], lines[0]["samples"]) == (["ECG II"], FS_HZ, 30 * FS_HZ)
    assert len(beats_of(lines)) == len(peaks)
    code, out, err = edge("replay", edf, "--json", "--lead", "each")
    assert code == 0, err
    assert len(beats_of(told(out))) == len(peaks)


def test_a_csv_file_is_replayed_at_the_rate_given(edge, files):
    _, csv, peaks = files
    code, out, err = edge("replay", csv, "--fs", "250", "--json")
    assert code == 0, err
    assert len(beats_of(told(out))) == len(peaks)
    code, _, err = edge("replay", csv)
    assert code == 2
    assert "Try: say it with `--fs 250`" in err


def test_a_heart_in_named_arrays_is_replayed_as_any_other(edge, tmp_path):
    ecg, peaks = heart(30)
    np.savez(tmp_path / "ecg.npz", fs_hz=FS_HZ, II=ecg)
    code, out, err = edge("replay", tmp_path / "ecg.npz", "--json")
    assert code == 0, err
    lines = told(out)
    assert (lines[0]["leads"], lines[0]["fs_hz"]) == (["II"], FS_HZ)
    assert len(beats_of(lines)) == len(peaks)


def test_a_stretch_is_replayed_in_the_time_of_the_whole_record(edge, record, tmp_path):
    _, whole, _ = edge("replay", record, "--json")
    code, out, err = edge(
        "replay", record, "--from", "0:20", "--to", "40", "--json", "--truth", "--out", tmp_path / "o"
    )
    assert code == 0, err
    lines = told(out)
    assert (lines[0]["first_sample"], lines[0]["samples"], lines[-1]["samples"]) == (5000, 5000, 5000)
    inside = [sample for sample in beats_of(told(whole)) if 5000 + 500 <= sample < 10_000 - 500]
    assert set(inside) <= set(beats_of(lines))
    assert all(5000 <= sample < 10_000 for sample in beats_of(lines))
    score = next(line for line in lines if line["type"] == "score")
    assert (score["qrs"]["fn"], score["qrs"]["fp"]) == (0, 0)
    written = wfdb.rdann(str(tmp_path / "o" / "plain"), "bds")
    assert sorted(written.sample[np.isin(written.symbol, ["N", "S", "V", "F", "Q"])]) == sorted(beats_of(lines))
    _, text, _ = edge("replay", record, "--from", "0:20")
    assert "From 0:20.0 on; times are those of the whole record" in text


@pytest.mark.parametrize("flags", [("--from", "x"), ("--to", "1:2:3:4"), ("--from", "-5"), ("--from", "2:00")])
def test_times_that_are_none_are_refused(edge, record, flags):
    code, _, err = edge("replay", record, f"{flags[0]}={flags[1]}")
    assert code == 2
    assert "Try: " in err
