import os
from pathlib import Path

import numpy as np
import pytest
import wfdb

from edge_agent.cli import main
from tests import bundles

FS_HZ = 250
DATA_DIR = os.environ.get("EDGE_DATA_DIR")  # read before each test takes it away


def heart(seconds, *, rate_per_min=72.0, seed=3):
    """A plain ECG: a narrow R wave on a little noise; millivolts, and the R peaks."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * FS_HZ)) / FS_HZ
    peaks_s = np.arange(0.7, seconds - 0.5, 60.0 / rate_per_min)
    ecg = 0.01 * rng.standard_normal(time_s.size)
    for peak_s in peaks_s:
        ecg += 1.2 * np.exp(-(((time_s - peak_s) / 0.012) ** 2)) + 0.2 * np.exp(
            -(((time_s - peak_s - 0.25) / 0.05) ** 2)
        )
    return ecg, np.round(peaks_s * FS_HZ).astype(int)


def write_record(folder, name, ecg, *, truth=None, leads=("II",)):
    folder.mkdir(parents=True, exist_ok=True)
    signal = np.column_stack([ecg * (1 + index) for index in range(len(leads))])
    wfdb.wrsamp(
        name,
        fs=FS_HZ,
        units=["mV"] * len(leads),
        sig_name=list(leads),
        p_signal=signal,
        fmt=["16"] * len(leads),
        adc_gain=[1000.0] * len(leads),
        baseline=[0] * len(leads),
        write_dir=str(folder),
    )
    if truth is not None:
        wfdb.wrann(name, "atr", truth, symbol=["N"] * len(truth), write_dir=str(folder))
    return folder / name


@pytest.fixture
def record(tmp_path):
    """A minute of a plain heart, two leads, with its truth."""
    ecg, peaks = heart(60)
    return write_record(tmp_path / "in", "plain", ecg, truth=peaks, leads=("II", "V5"))


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Nothing of the machine's own: no data folder, an own cache, a bundle that only this test has."""
    bundle = tmp_path / "models" / "ecg-beats" / "1.0.0"
    bundle.mkdir(parents=True)
    for name, content in bundles.bundle_files().items():
        (bundle / name).write_bytes(content)
    monkeypatch.delenv("EDGE_DATA_DIR", raising=False)
    monkeypatch.delenv("BEDSIDE_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("BEDSIDE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("BEDSIDE_PHYSIONET_URL", "http://127.0.0.1:9/")


@pytest.fixture
def edge(capsys):
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def mitdb(monkeypatch):
    """The unpacked MIT-BIH Arrhythmia Database."""
    if DATA_DIR is None or not (Path(DATA_DIR) / "mitdb" / "208.atr").is_file():
        pytest.skip("EDGE_DATA_DIR has no mitdb")
    monkeypatch.setenv("EDGE_DATA_DIR", DATA_DIR)
