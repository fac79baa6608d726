"""What the network of the diagnosis is given of the waves: measured in its own window, the same however cut."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.leads import INDEPENDENT
from biosignal.ecg.measuring import NAMES
from biosignal.events import Rung
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.ecg import synthetic_ecg
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT, NAME
from biosignal.tasks.ecg_diagnosis.task import ECG_DIAGNOSIS
from biosignal.tasks.ecg_diagnosis.waves import KNOWN
from biosignal.tasks.ecg_waves.task import ECG_WAVES
from biosignal.tasks.signal_quality.task import SIGNAL_QUALITY
from export.report.served import Served, released

FS_HZ = 250.0
LEADS = tuple(Lead(name=name, kind=LeadKind.ECG) for name in INDEPENDENT)


class Listening:
    """A backend that keeps what it is given."""

    rung = Rung.ONNX_CPU
    bundle = f"{NAME}/0.0.1"

    def __init__(self):
        self.measured = []

    def infer(self, inputs):
        self.measured.append(inputs["measured"][0])
        return {"scores": np.full((1, len(CLASSES)), 0.1, np.float32)}

    def close(self):
        pass


@lru_cache
def waves():
    return Served({ECG_WAVES.name: released(ECG_WAVES.name)}).models()[ECG_WAVES.name]


@lru_cache
def patient():
    x = synthetic_ecg(seed=3, fs_hz=FS_HZ, duration_s=31.0).samples.astype(np.float32)
    return np.stack([x * np.float32(0.5 + 0.1 * row) for row in range(8)])


def given_to_the_network(cuts=(), *, gap_at=None, with_waves=True):
    heard = Listening()
    tasks = (SIGNAL_QUALITY, ECG_WAVES, ECG_DIAGNOSIS) if with_waves else (SIGNAL_QUALITY, ECG_DIAGNOSIS)
    models = {NAME: Model(NAME, CONTRACT, heard), ECG_WAVES.name: waves()}
    pipeline = Pipeline(tasks, Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=LEADS), models=models)
    samples, at, before = patient(), 0, 0
    for border in sorted({*cuts, samples.shape[1], *(() if gap_at is None else (gap_at,))}):
        part = samples[:, before:border]
        if part.shape[1]:
            pipeline.push(SampleBlock(recording="r", start=at, fs_hz=FS_HZ, leads=LEADS, samples=part))
        at, before = at + part.shape[1], border
        if border == gap_at:
            pipeline.push(Gap(recording="r", start=at, length=100, reason="lost"))
            at += 100
    pipeline.finish()
    return heard.measured


def test_intervals_and_heights_of_the_synthetic_patient_are_measured():
    (numbers, known), *others = given_to_the_network()
    assert len(others) == 2
    found = dict(zip(NAMES, numbers.tolist(), strict=True))
    assert known.mean() > 0.95
    assert 0.06 <= found["qrs_long"] <= 0.13
    assert 0.1 <= found["pr"] <= 0.22
    assert 0.3 <= found["qt"] <= 0.46
    assert found["V6.r"] == pytest.approx(found["V1.r"] * 1.2 / 0.7, rel=0.02)


def test_without_the_waves_nothing_is_measured_and_the_network_is_asked_all_the_same():
    every = given_to_the_network(with_waves=False)
    assert len(every) == 3
    assert all(one.shape == KNOWN and not one.any() for one in every)


@given(st.lists(st.integers(1, 7700), max_size=12))
@settings(max_examples=5, deadline=None)
def test_it_is_the_same_to_the_bit_however_the_samples_are_cut(cuts):
    for one, two in zip(given_to_the_network(), given_to_the_network(cuts), strict=True):
        np.testing.assert_array_equal(one, two)


def test_no_wave_before_a_gap_is_measured_behind_it():
    behind = given_to_the_network(gap_at=1500)
    assert len(behind) == 2
    found = dict(zip(NAMES, behind[0][0].tolist(), strict=True))
    assert 0.5 <= found["rr"] <= 1.2
