"""The released beat classifier is whole, small, and computes what it was released with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from biosignal.model.contract import check_contract
from biosignal.model.manifest import Role
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.kinds import CONTRACT
from export.dataset import BeatSet
from export.release import GATE, admitted, bundle_of, golden_inputs, manifest_of, read_bundle

FOLDER = Path(__file__).parents[2] / "models" / "ecg-beats" / "2.0.0"


@pytest.fixture(scope="module")
def bundle():
    return read_bundle(FOLDER)


def test_it_is_admitted(bundle):
    report = admitted(bundle)
    assert report.windows >= 50
    assert report.worst_difference <= report.tolerance


def test_the_preprocessing_has_not_drifted_since_the_release(bundle):
    inputs, _, _ = bundle.golden()
    for name, now in golden_inputs().items():
        np.testing.assert_allclose(now, inputs[name], atol=1e-4)


def test_the_trainer_would_write_the_released_manifest_again(bundle):
    released = bundle.manifest
    (width,) = released.output(Role.EMBEDDING).shape
    again = manifest_of(released.version, width, released.training)
    assert replace(again, files=released.files).to_bytes() == released.to_bytes()


def test_the_manifest_is_what_the_task_needs(bundle):
    check_contract(bundle.manifest, TASKS["ecg-beats"].model, task="ecg-beats")


def test_it_is_small(bundle):
    assert sum(map(len, bundle.files.values())) < 1_500_000
    assert len(bundle.files["anchor.npz"]) < 1_000_000
    assert bundle.manifest.training["parameters"] <= 150_000


def test_the_head_is_one_gemm_on_the_embedding(bundle):
    graph = onnx.load_model_from_string(bundle.onnx).graph
    (head,) = [node for node in graph.node if "head.weight" in node.input]
    assert head.op_type == "Gemm"
    assert list(head.input) == ["embedding", "head.weight", "head.bias"]
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    _, outputs, _ = bundle.golden()
    logits = outputs["embedding"] @ weights["head.weight"].T + weights["head.bias"]
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(scores / scores.sum(axis=1, keepdims=True), outputs["scores"], atol=1e-5)


def test_the_golden_windows_reach_more_than_one_class(bundle):
    _, outputs, _ = bundle.golden()
    assert len(set(outputs["scores"].argmax(axis=1).tolist())) >= 2


def test_the_anchor_splits_patients_and_has_every_class_in_both_parts(bundle):
    anchor = bundle.anchor()
    assert 5000 < len(anchor.label) < 9000
    assert set(anchor.patient[anchor.part == 1].tolist()) == set(GATE)
    for part in (0, 1):
        assert set(anchor.label[anchor.part == part].tolist()) == {0, 1, 2, 3}


def test_the_anchor_is_of_this_head(bundle):
    anchor = bundle.anchor()
    weights = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load_model_from_string(bundle.onnx).graph.initializer
    }
    called = (anchor.embedding.astype(np.float32) @ weights["head.weight"].T + weights["head.bias"]).argmax(axis=1)
    assert (called == anchor.label).mean() > 0.85


def test_the_same_parts_make_the_same_bundle(bundle):
    random = np.random.default_rng(0)
    beats = BeatSet(
        {one.name: random.normal(size=(40, *one.shape)).astype(np.float32) for one in CONTRACT.inputs},
        random.integers(0, 4, 40),
        random.choice([101, 119], 40),
    )
    one, other = (bundle_of(bundle.manifest, bundle.onnx, "card", beats, seed=3) for _ in range(2))
    assert one.files == other.files
    assert set(one.anchor().patient[one.anchor().part == 1].tolist()) == {119}
