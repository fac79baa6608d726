"""Reviewed beats move the head; the gates say honestly what that cost."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from biosignal.model.admission import NotAdmitted, admit
from biosignal.model.bundle import open_bundle, seal
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import contract_of
from cloud_service.learning.card import card_of
from cloud_service.learning.comparisons import expected_calibration_error
from cloud_service.learning.dataset import freeze, split_groups
from cloud_service.learning.errors import NothingToLearn, RefitImpossible
from cloud_service.learning.fixed_sets import FixedSet
from cloud_service.learning.gate import FAILED, NOT_MEASURED, PASSED, GateMargins
from cloud_service.learning.gates import grade_refit
from cloud_service.learning.refit import RefitSettings, anchor_of, head_of, refit, run, with_card
from tests.bundles import CLASSES, make_bundle
from tests.learning.population import HEARTS, STRANGE

BY = RefitSettings()


@pytest.fixture(scope="module")
def parent():
    return HEARTS.released_bundle()


def frozen(parent, *lists):
    return freeze([mark for one in lists for mark in one], parent.manifest, left_out=Counter())


def statuses(report):
    return {gate.name: gate.status for gate in report.gates}


def share_called(bundle, label, inputs):
    return float((run(bundle, inputs)[0].argmax(axis=1) == CLASSES.index(label)).mean())


def test_relabelled_beats_move_the_head_and_the_rest_stays(parent):
    unseen = HEARTS.marks(STRANGE, 100, seed=99)
    by_share = sorted(CLASSES, key=lambda label: share_called(parent, label, unseen))
    label, before = by_share[0], by_share[-1]
    dataset = frozen(parent, HEARTS.reviews(STRANGE, label, 40, seed=50, model_label=before))
    candidate = refit(parent, dataset, version="1.0.1", by=BY)
    assert share_called(parent, label, unseen) < 0.3
    assert share_called(candidate, label, unseen) > 0.9
    report = grade_refit(parent, candidate, dataset, margins=GateMargins(speed=5.0))
    assert report.passed, report
    assert set(statuses(report).values()) == {"passed"}
    anchor = next(gate for gate in report.gates if gate.name == "no regression by class")
    assert anchor.figures["n"] == 400
    assert anchor.figures["set"]


def test_poisoned_labels_fail_the_gates(parent):
    poison = [HEARTS.reviews(kind, CLASSES[(kind + 1) % 4], 200, seed=60 + kind) for kind in range(4)]
    dataset = frozen(parent, *poison)
    report = grade_refit(parent, refit(parent, dataset, version="1.0.1", by=BY), dataset)
    assert not report.passed
    gate = next(gate for gate in report.gates if gate.name == "no regression by class")
    assert gate.status == FAILED
    assert "fell" in gate.why


def test_agreeing_reviews_leave_the_head_where_it_was(parent):
    dataset = frozen(parent, *(HEARTS.reviews(kind, CLASSES[kind], 5, seed=70 + kind) for kind in range(4)))
    candidate = refit(parent, dataset, version="1.0.1", by=replace(BY, reviewed_weight=1e-9))
    np.testing.assert_allclose(head_of(candidate).weight, head_of(parent).weight, atol=1e-4)


def test_the_same_reviews_give_the_same_model(parent):
    said = HEARTS.reviews(STRANGE, "V", 10, seed=51)
    first, second = frozen(parent, said), frozen(parent, list(reversed(said)))
    assert first.id == second.id
    models = [refit(parent, dataset, version="1.0.1", by=BY).onnx for dataset in (first, second)]
    assert models[0] == models[1]


def test_a_candidate_admits_itself_and_only_its_head_is_new(parent):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 10, seed=52))
    candidate = refit(parent, dataset, version="1.0.1", by=BY)
    admit(OnnxCpuBackend(candidate), candidate, contract_of(candidate.manifest.task))
    with pytest.raises(NotAdmitted):
        admit(OnnxCpuBackend(parent), candidate, contract_of(candidate.manifest.task))
    assert candidate.manifest.training["dataset"] == dataset.id
    assert candidate.manifest.training["parent"]["digest"] == parent.digest
    assert anchor_of(candidate).label.size == anchor_of(parent).label.size


def test_the_card_tells_the_gates_and_keeps_the_trained_models_card_once(parent):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 10, seed=53))
    first = refit(parent, dataset, version="1.0.1", by=BY)
    first = with_card(first, card_of(parent, first, dataset, grade_refit(parent, first, dataset)))
    second = refit(first, dataset, version="1.0.2", by=BY)
    second = with_card(second, card_of(first, second, dataset, grade_refit(first, second, dataset)))
    assert dataset.id in second.card
    assert "no regression by class" in second.card
    assert second.card.count("# Candidate") == 1
    assert second.manifest.version == "1.0.2"


def test_one_patient_means_no_held_out_figure_rather_than_a_false_one(parent):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 10, seed=54, patients=1))
    report = grade_refit(parent, refit(parent, dataset, version="1.0.1", by=BY), dataset)
    assert statuses(report)["agreement with held-out reviewed beats"] == NOT_MEASURED


def test_held_out_reviewed_beats_that_get_worse_fail(parent):
    before = max(CLASSES, key=lambda label: share_called(parent, label, HEARTS.marks(STRANGE, 50, seed=98)))
    other = "V" if before != "V" else "F"
    said = HEARTS.reviews(STRANGE, other, 40, seed=55)
    held = split_groups({beat.group for beat in said})
    dataset = frozen(parent, [replace(beat, label=before) if beat.group in held else beat for beat in said])
    report = grade_refit(parent, refit(parent, dataset, version="1.0.1", by=BY), dataset)
    gate = next(gate for gate in report.gates if gate.name.startswith("agreement"))
    assert gate.status == FAILED
    assert gate.figures["candidate"] < gate.figures["parent"]


def test_a_bundle_with_wrong_goldens_fails_the_first_gate_and_no_other_is_run(parent):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 10, seed=56))
    report = grade_refit(parent, make_bundle(version="1.0.9", wrong_goldens=True), dataset)
    assert statuses(report) == {"contract": PASSED, "golden vectors": FAILED}
    assert not report.passed


def test_another_encoder_is_noticed(parent):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 10, seed=57))
    assert statuses(grade_refit(parent, make_bundle(version="1.0.9", seed=8), dataset))["encoder unchanged"] == FAILED


def test_a_fixed_set_is_graded_by_name(parent):
    inputs, label = HEARTS.labelled(30, seed=90)
    ward = FixedSet(name="ward-a", inputs=inputs, label=label)
    dataset = frozen(parent, *(HEARTS.reviews(kind, CLASSES[(kind + 1) % 4], 200, seed=60 + kind) for kind in range(4)))
    report = grade_refit(parent, refit(parent, dataset, version="1.0.1", by=BY), dataset, fixed=[ward])
    (gate,) = (gate for gate in report.gates if gate.figures.get("set") == "ward-a")
    assert gate.status == FAILED
    assert gate.figures["n"] == 120
    few = FixedSet(name="few", inputs={k: v[:3] for k, v in inputs.items()}, label=label[:3])
    report = grade_refit(parent, parent, dataset, fixed=[few])
    (gate,) = (gate for gate in report.gates if gate.figures.get("set") == "few")
    assert gate.status == NOT_MEASURED


def test_a_bundle_without_memory_cannot_be_refitted(parent):
    files = {name: data for name, data in parent.files.items() if name not in ("manifest.json", "anchor.npz")}
    bare = open_bundle(seal(parent.manifest, files))
    with pytest.raises(RefitImpossible):
        refit(bare, frozen(parent, HEARTS.reviews(STRANGE, "V", 10, seed=58)), version="1.0.1", by=BY)


def test_nothing_reviewed_is_said(parent):
    with pytest.raises(NothingToLearn):
        freeze([], parent.manifest, left_out={"evidence cannot be read": 2})


def test_reviewers_who_disagree_are_counted_and_left_out(parent):
    said = HEARTS.reviews(STRANGE, "V", 4, seed=59)
    other = replace(said[0], finding="another finding", reviewer="second", label="N")
    same = replace(said[1], finding="another finding", reviewer="second")
    dataset = frozen(parent, said, [other, same])
    assert len(dataset.label) == 3
    assert dataset.manifest["left_out"] == {"reviewers disagree": 1}
    assert ["reviewer", "second"] in [beat["reviewers"] for beat in dataset.marks]


def test_no_patient_is_on_both_sides(parent):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 50, seed=61, patients=10))
    sides = {}
    for beat in dataset.marks:
        sides.setdefault(beat["group"], set()).add(beat["held_out"])
    assert all(len(side) == 1 for side in sides.values())
    assert 0 < dataset.held_out.sum() < 50


def test_calibration_error_is_what_it_says():
    scores = np.array([[0.8, 0.2]] * 10)
    label = np.array([0] * 8 + [1] * 2)
    assert expected_calibration_error(scores, label) == pytest.approx(0.0)
    assert expected_calibration_error(scores, np.zeros(10, int)) == pytest.approx(0.2)
