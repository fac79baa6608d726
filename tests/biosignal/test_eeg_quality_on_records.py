"""Real EEG: alpha is seen through the conditioning, and calm, bursts, sleep and seizures are hardly ever rejected."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from biosignal.eeg.conditioning import Band, conditioner
from biosignal.events import Mark, QualityLevel
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks.eeg_quality.task import EEG_QUALITY
from edge_agent.sources.edf_record import EdfRecord

RECORDS = Path(os.environ.get("EDGE_DATA_DIR", "/nonexistent"))
pytestmark = pytest.mark.data


def needed(*sets):
    lacking = [name for name in sets if not (RECORDS / name).is_dir()]
    if lacking:
        pytest.skip(f"EDGE_DATA_DIR lacks {', '.join(lacking)}")


def eeg_of(path):
    """The EEG leads of a file, their rate, and the samples."""
    blocks = [one for one in EdfRecord(path).read() if isinstance(one, SampleBlock)]
    rates = {one.fs_hz for one in blocks if any(lead.kind is LeadKind.EEG for lead in one.leads)}
    (fs_hz,) = rates
    blocks = [one for one in blocks if one.fs_hz == fs_hz]
    rows = [row for row, lead in enumerate(blocks[0].leads) if lead.kind is LeadKind.EEG]
    leads = tuple(blocks[0].leads[row] for row in rows)
    return leads, fs_hz, np.concatenate([one.samples[rows] for one in blocks], axis=1)


def chunks(x, fs_hz):
    size = round(0.1 * fs_hz)
    return [np.ascontiguousarray(x[:, at : at + size]) for at in range(0, x.shape[1], size)]


def seconds(leads, fs_hz, x):
    pipeline = Pipeline([EEG_QUALITY], Recorded(device="d", recording="r", fs_hz=fs_hz, leads=leads), models={})
    events, at = [], 0
    for samples in chunks(x, fs_hz):
        events += pipeline.push(SampleBlock(recording="r", start=at, fs_hz=fs_hz, leads=leads, samples=samples))
        at += samples.shape[1]
    return [one for one in events + pipeline.finish() if isinstance(one, Mark) and len(one.leads) == 1]


def rejected(marks):
    return sum(one.quality is QualityLevel.REJECTED for one in marks) / len(marks)


def alpha_power(run):
    """Power of 8-13 Hz at Oz in live chunks, behind the first seconds."""
    leads, fs_hz, x = eeg_of(RECORDS / "eegmmidb" / f"S001R0{run}.edf")
    row = [lead.name.strip(".") for lead in leads].index("Oz")
    seen = conditioner(fs_hz, rows=1, band=Band(8.0, 13.0))
    y = np.concatenate([seen.push(one) for one in chunks(x[row : row + 1], fs_hz)], axis=1)
    return float(np.mean(y[0, round(3 * fs_hz) :] ** 2))


def test_eyes_closed_show_five_times_the_alpha_of_eyes_open():
    needed("eegmmidb")
    assert alpha_power(2) / alpha_power(1) >= 5


@pytest.mark.parametrize(("run", "most"), [(1, 0.005), (2, 0.005), (3, 0.01)])
def test_people_at_rest_and_moving_are_not_rejected(run, most):
    needed("eegmmidb")
    leads, fs_hz, x = eeg_of(RECORDS / "eegmmidb" / f"S001R0{run}.edf")
    marks = seconds(leads, fs_hz, x)
    # The last second of run 3 is zeros in the file itself, on all leads.
    assert rejected([one for one in marks if one.label != "flat"]) <= most
    assert (Counter(one.label for one in marks)["flat"] == len(leads)) == (run == 3)


@pytest.mark.parametrize(("name", "most"), [("neonate_burst", 0.005), ("preterm", 0.11)])
def test_bursts_of_newborns_are_not_rejected(name, most):
    needed("burst")
    leads, fs_hz, x = eeg_of(RECORDS / "burst" / f"{name}.edf")
    marks = seconds(leads, fs_hz, x)
    # In one lead of the preterm's eight the mains are more than three times what the brain shows.
    assert rejected([one for one in marks if one.label != "flat"]) <= most
    # Cz is the newborn's reference and shows the hiss of its input; suppressed leads show more.
    assert {one.leads for one in marks if one.label == "flat"} == (
        {("EEG Cz-Ref",)} if name == "neonate_burst" else set()
    )


@pytest.mark.parametrize(
    ("name", "fs_hz"), [("data_N2_spindles_15sec_200Hz", 200.0), ("data_N3_no-spindles_30sec_100Hz", 100.0)]
)
def test_spindles_and_slow_waves_are_usable(name, fs_hz):
    needed("yasa")
    x = np.loadtxt(RECORDS / "yasa" / f"{name}.txt").ravel()[np.newaxis].astype(np.float32)
    lead = Lead(name="C3", unit=Unit.MICROVOLT, kind=LeadKind.EEG)
    assert {one.label for one in seconds((lead,), fs_hz, x)} == {"usable"}


def test_seizures_are_hardly_rejected():
    needed("chbmit")
    held = np.load(RECORDS / "chbmit" / "chbmit_seizures.npz")
    names, marks = [str(name) for name in held["channels"]], []
    once = [row for row, name in enumerate(names) if name not in names[:row]]
    leads = tuple(Lead(name=names[row], unit=Unit.MICROVOLT, kind=LeadKind.EEG) for row in once)
    for name in (one for one in held.files if one.startswith("full_")):
        x = ((held[name][once] + 0.5) * float(held["scale_uV"])).astype(np.float32)
        marks += seconds(leads, 256.0, x)
    assert rejected(marks) <= 0.05
