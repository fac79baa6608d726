"""The released bundle of the diagnosis: what it was made of, and what it says."""

import json
from pathlib import Path

import numpy as np

from biosignal.model.npz import read_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, MAIN, PERSISTING
from biosignal.tasks.ecg_diagnosis.limits import DiagnosisLimits
from biosignal.tasks.ecg_diagnosis.rule import limit_of
from biosignal.tasks.ecg_diagnosis.waves import KNOWN
from export.release import admitted, read_bundle

FOLDER = Path(__file__).parents[2] / "models" / "ecg-diagnosis" / "1.2.0"
TRAINING = json.loads((FOLDER / "manifest.json").read_text())["training"]


def test_the_limits_that_are_set_are_those_that_were_chosen_on_folds_kept_out():
    assert dict(limit_of(DiagnosisLimits())) == TRAINING["limits"]
    assert set(TRAINING["limits"]) == set(PERSISTING)


def test_only_folds_one_to_eight_trained_it_and_it_is_as_small_as_it_says():
    assert TRAINING["folds"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert TRAINING["parameters"] + TRAINING["random"] <= 500_000
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 900_000
    assert min(TRAINING["counts"].values()) >= 40


def test_it_beats_its_baseline_on_folds_kept_out():
    alone, both = TRAINING["alone"], TRAINING["kept_out"]["by_leads"]["all"][0]["macro_auc"]
    assert both > alone["network"]["macro_auc"] > alone["random kernels and ridge"]["macro_auc"]
    assert both > alone["trees"]["macro_auc"]


def test_what_is_measured_adds_to_infarction_and_hypertrophy_on_folds_kept_out():
    for code in ("MI", "HYP", "macro"):
        gain, low, high = TRAINING["gain"][code]
        assert 0.0 < low <= gain <= high


def test_it_is_admitted_and_a_lead_that_is_masked_is_not_looked_at():
    bundle = read_bundle(FOLDER)
    assert admitted(bundle).worst_difference < 1e-3
    backend = OnnxCpuBackend(bundle)
    random = np.random.default_rng(1)
    ecg = random.normal(0.0, 0.2, (1, 8, 1000)).astype(np.float32)
    mask = np.array([[1, 1, 0, 0, 1, 0, 0, 0]], np.float32)
    other = np.where(mask[:, :, np.newaxis] > 0, ecg, 5.0).astype(np.float32)
    measured = np.zeros((1, *KNOWN), np.float32)
    one, two = (backend.infer({"ecg": x, "mask": mask, "measured": measured})["scores"] for x in (ecg, other))
    assert one.shape == (1, len(CLASSES))
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert ((one > 0) & (one < 1)).all()


def test_what_is_measured_counts_and_what_is_not_measured_is_no_zero():
    backend = OnnxCpuBackend(read_bundle(FOLDER))
    random = np.random.default_rng(2)
    given = {"ecg": random.normal(0.0, 0.2, (1, 8, 1000)).astype(np.float32), "mask": np.ones((1, 8), np.float32)}

    def said(numbers, known):
        return backend.infer(given | {"measured": np.stack([numbers, known])[np.newaxis].astype(np.float32)})["scores"]

    numbers, nothing, all_known = random.normal(0.0, 0.5, KNOWN[1]), np.zeros(KNOWN[1]), np.ones(KNOWN[1])
    assert np.abs(said(numbers, all_known) - said(nothing, nothing)).max() > 0.05
    half = np.arange(KNOWN[1]) % 2
    assert np.abs(said(numbers * half, half) - said(numbers * half, all_known)).max() > 1e-4


def test_the_reviewed_records_it_brings_are_those_that_trained_and_none_else():
    bundle = read_bundle(FOLDER)
    arrays = read_npz(bundle.files["similar.npz"], max_bytes=1 << 20)
    assert {str(one) for one in arrays["record"]} <= set(TRAINING["records"]["ptbxl"])
    assert len(set(arrays["record"].tolist())) == TRAINING["kept_out"]["records"]
    first = bundle.similar().to(np.full(len(CLASSES), 0.01))
    assert len(first) == 3


def test_the_card_names_every_statement():
    card = (FOLDER / "card.md").read_text()
    assert all(f"| {code} |" in card for code in CLASSES if code not in MAIN)
