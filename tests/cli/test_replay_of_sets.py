import json

import edfio
import numpy as np
import pytest
import wfdb

from tests.cli.conftest import FS_HZ, heart
from tests.sources.physionet_here import serving, without_pauses


@pytest.fixture
def site(tmp_path, monkeypatch):
    without_pauses(monkeypatch)
    with serving(tmp_path / "site") as here:
        monkeypatch.setenv("BEDSIDE_PHYSIONET_URL", here.url)
        yield here


def put_heart(site, path, *, annotator="atr"):
    """Half a minute of a heart with its truth, as a set has it."""
    ecg, peaks = heart(30)
    folder, _, name = path.rpartition("/")
    (site.root / folder).mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name, fs=FS_HZ, units=["mV"], sig_name=["II"], p_signal=ecg[:, np.newaxis], fmt=["16"], adc_gain=[1000.0],
        baseline=[0], write_dir=str(site.root / folder),
    )  # fmt: skip
    wfdb.wrann(name, annotator, peaks, symbol=["N"] * len(peaks), write_dir=str(site.root / folder))


def test_a_record_of_a_set_is_fetched_scored_and_the_second_time_read_from_the_cache(edge, site, monkeypatch):
    put_heart(site, "svdb/1.0.0/800")
    site.put_sums("svdb/1.0.0")
    code, out, err = edge("replay", "svdb/800", "--truth")
    assert code == 0, err
    assert "QRS  100.00  100.00" in out
    assert "MIT-BIH Supraventricular Arrhythmia Database 1.0.0, licence: ODC-By 1.0" in err
    monkeypatch.setenv("BEDSIDE_PHYSIONET_URL", "http://127.0.0.1:9/")
    again = edge("replay", "svdb/800", "--truth")
    assert again[0] == 0
    assert "licence" not in again[2]


def test_a_bare_truth_is_that_of_the_set(edge, site):
    put_heart(site, "challenge-2013/1.0.0/set-a/a01", annotator="fqrs")
    code, out, err = edge("replay", "challenge-2013/a01", "--truth", "--json")
    assert code == 0, err
    score = next(line for line in map(json.loads, out.splitlines()) if line["type"] == "score")
    assert score["truth"] == "fqrs"


def test_what_is_fetched_can_be_converted(edge, site, tmp_path):
    put_heart(site, "svdb/1.0.0/800")
    code, _, err = edge("convert", "svdb/800", tmp_path / "800.edf")
    assert code == 0, err
    found = edfio.read_edf(tmp_path / "800.edf")
    assert len(found.annotations) == len(heart(30)[1])


def test_truth_on_a_night_of_sleep_says_how_long_each_stage_was(edge, site):
    folder = site.root / "sleep-edfx" / "1.0.0" / "sleep-cassette"
    folder.mkdir(parents=True)
    signal = edfio.EdfSignal(np.sin(np.arange(6000) / 9), 100, label="EEG Fpz-Cz", physical_dimension="uV")
    edfio.Edf([signal]).write(folder / "SC4001E0-PSG.edf")
    scored = [(0, 3600, "Sleep stage W"), (3600, 60, "Sleep stage 2"), (3660, 30, "Sleep stage R")]
    hypnogram = edfio.Edf([], annotations=[edfio.EdfAnnotation(*one) for one in scored])
    hypnogram.write(folder / "SC4001EC-Hypnogram.edf")
    site.put_sums("sleep-edfx/1.0.0")
    code, out, err = edge("replay", "sleep-edfx/SC4001E0", "--truth")
    assert code == 0, err
    assert "Stages by SC4001EC-Hypnogram.edf: 2 1:00.0, R 0:30.0, W 1:00:00.0" in out
    _, out, _ = edge("replay", "sleep-edfx/SC4001E0", "--truth", "--json")
    stages = next(line for line in map(json.loads, out.splitlines()) if line["type"] == "stages")
    assert stages["seconds"] == {"2": 60.0, "R": 30.0, "W": 3600.0}
