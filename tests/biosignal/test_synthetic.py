"""The synthetic patient is reproducible and is what it says."""

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.synthetic.ecg import Patient, synthetic_ecg


def test_a_seed_gives_the_same_samples_and_another_seed_others():
    one, again, other = (synthetic_ecg(seed=seed, fs_hz=250.0, duration_s=10.0) for seed in (1, 1, 2))
    assert np.array_equal(one.samples, again.samples)
    assert not np.array_equal(one.samples, other.samples)


def test_beats_are_where_the_r_peaks_are():
    ecg = synthetic_ecg(seed=1, fs_hz=500.0, duration_s=30.0, patient=Patient(s_share=0, v_share=0, f_share=0))
    assert set(ecg.labels) == {"N"}
    for beat in ecg.beats[1:-1]:
        assert abs(int(np.argmax(ecg.samples[beat - 50 : beat + 50])) - 50) <= 3


def test_the_shares_are_kept():
    ecg = synthetic_ecg(seed=4, fs_hz=100.0, duration_s=3000.0)
    for kind, share in (("S", 0.06), ("V", 0.06), ("F", 0.02)):
        assert ecg.labels.count(kind) / len(ecg.labels) == pytest.approx(share, rel=0.3)


@pytest.mark.parametrize(
    "wrong",
    [{"fs_hz": 10.0}, {"duration_s": 0.0}, {"patient": Patient(v_share=0.95)}, {"patient": Patient(s_share=-1)}],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(BadInput, match="synthetic"):
        synthetic_ecg(**{"seed": 1, "fs_hz": 250.0, "duration_s": 10.0} | wrong)
