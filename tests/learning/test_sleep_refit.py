"""The head of a network that remembers is fitted to reviewed epochs: what it hands on stays what it was."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from biosignal.model.admission import admit
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from cloud_service.learning.dataset import freeze
from cloud_service.learning.gates import grade_refit
from cloud_service.learning.refit import RefitSettings, answers, refit, run
from cloud_service.learning.reviewed import ReviewedMark
from export.release import read_bundle

NAME = "eeg-sleep"
BUNDLE = Path(__file__).parents[2] / "models" / NAME / "1.0.1"


@pytest.fixture(scope="module")
def parent():
    return read_bundle(BUNDLE)


def reviews(parent, label, *, groups=4):
    """Every golden epoch, called `label` by a reviewer, in turn of several patients."""
    inputs, _, _ = parent.golden()
    scores, _ = run(parent, inputs)
    for index, row in enumerate(scores):
        yield ReviewedMark(
            finding=f"f{index}",
            recording=f"r{index % groups}",
            group=f"g{index % groups}",
            leads=("Fpz-Cz",),
            start=3000 * index,
            label=label,
            reviewer="reader",
            model_label=parent.manifest.classes[int(row.argmax())],
            bundle=parent.identity,
            model_seen=True,
            inputs={name: tensor[index] for name, tensor in inputs.items()},
        )


def test_reviewed_epochs_move_the_head_and_nothing_that_is_remembered(parent):
    label = parent.manifest.classes[3]
    dataset = freeze(list(reviews(parent, label)), parent.manifest, left_out=Counter())
    candidate = refit(parent, dataset, version="1.0.2", by=RefitSettings(reviewed_weight=400.0))
    inputs, _, _ = parent.golden()
    before, after = answers(parent, inputs), answers(candidate, inputs)
    place = parent.manifest.classes.index(label)
    assert after["scores"][:, place].mean() > before["scores"][:, place].mean()
    np.testing.assert_array_equal(after["state_after"], before["state_after"])
    np.testing.assert_array_equal(after["embedding"], before["embedding"])
    assert admit(OnnxCpuBackend(candidate), candidate, TASKS[NAME].model).worst_difference < 1e-5


def test_a_candidate_is_graded_like_that_of_any_other_task(parent):
    dataset = freeze(list(reviews(parent, parent.manifest.classes[2])), parent.manifest, left_out=Counter())
    candidate = refit(parent, dataset, version="1.0.2", by=RefitSettings(reviewed_weight=1e-6))
    status = {gate.name: gate.status for gate in grade_refit(parent, candidate, dataset).gates}
    assert {status[name] for name in ("contract", "golden vectors", "encoder unchanged", "calibration")} == {"passed"}
    assert status["no regression by class"] == "passed"
