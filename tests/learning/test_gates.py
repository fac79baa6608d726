"""A candidate is held against its task's contract before anything of it is run, and no fault of it ends a job."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from biosignal.errors import BadInput
from biosignal.model.bundle import open_bundle, pack, seal
from biosignal.model.contract import ContractBroken
from biosignal.model.npz import write_npz
from biosignal.tasks import TASKS
from cloud_service.access.roles import Role
from cloud_service.learning.errors import NotReleasable
from cloud_service.learning.fixed_sets import FixedSet
from cloud_service.learning.gate import FAILED, GateMargins
from cloud_service.learning.gates import check_task, grade_import
from cloud_service.learning.jobs import import_bundle, released_bundle, start_job
from cloud_service.learning.release import release_candidate
from tests.bundles import bundle_files, make_bundle
from tests.learning.population import HEARTS


def statuses(report):
    return {gate.name: gate.status for gate in report.gates}


def other_classes(*classes):
    """A whole bundle with these classes."""
    return bundle_files(version="1.1.0", classes=classes)


BROKEN = {
    "classes in another order": (other_classes("V", "N", "S", "F"), "other classes, or in another order"),
    "three classes": (other_classes("N", "S", "V"), "other classes"),
    "another preprocessing": (
        bundle_files(version="1.1.0", change=lambda one: replace(one, preprocessing="ecg-beats/999")),
        "another preprocessing",
    ),
    "other inputs": (bundle_files(version="1.1.0", inputs={"beat": (2, 122), "rr": (8,)}), "other inputs"),
}


@pytest.mark.parametrize(("files", "why"), BROKEN.values(), ids=BROKEN)
def test_a_bundle_that_is_not_what_its_task_needs_fails_a_gate_of_its_own(parent, files, why):
    report = grade_import(parent, open_bundle(files))
    assert statuses(report) == {"contract": FAILED}
    assert why in report.gates[0].why
    assert not report.passed


@pytest.mark.parametrize(("files", "why"), BROKEN.values(), ids=BROKEN)
def test_a_bundle_that_is_not_what_its_task_needs_is_imported_as_refused(workshop, files, why):
    row = import_bundle(workshop, pack(files), by="test")
    assert (row.state, row.passed) == ("gated", False)
    assert why in row.reason
    with pytest.raises(NotReleasable):
        release_candidate(workshop, row.id, by="test")


def test_a_bundle_named_otherwise_than_its_task_is_refused():
    files = bundle_files(change=lambda one: replace(one, name="other"))
    with pytest.raises(ContractBroken, match="named like its task"):
        check_task(open_bundle(files))


def test_a_bundle_of_a_task_that_uses_no_model_is_refused(workshop):
    for task in ("signal-quality", "no-such-task"):
        with pytest.raises(BadInput, match="no model of this task"):
            import_bundle(workshop, pack(bundle_files(task=task)), by="test")
        with pytest.raises(ContractBroken):
            check_task(make_bundle(task=task))


def test_a_candidate_whose_task_has_changed_since_it_was_graded_is_not_released(workshop, monkeypatch):
    inputs, label = HEARTS.labelled(40, seed=5)
    better = with_version(released_bundle(workshop, HEARTS.task), "1.1.0")
    workshop = replace(workshop, margins=GateMargins(speed=100.0), fixed_sets_dir=workshop.state_dir / "sets")
    write_set(workshop.fixed_sets_dir / HEARTS.task, inputs, label)
    row = import_bundle(workshop, pack(better.files), by="test")
    assert row.passed, row.reason
    changed = replace(TASKS[HEARTS.task].model, preprocessing="ecg-beats/999")
    monkeypatch.setitem(TASKS, HEARTS.task, replace(TASKS[HEARTS.task], model=changed))
    with pytest.raises(ContractBroken, match="another preprocessing"):
        release_candidate(workshop, row.id, by="test")


def with_version(bundle, version):
    files = {name: data for name, data in bundle.files.items() if name != "manifest.json"}
    return open_bundle(seal(replace(bundle.manifest, version=version), files))


def write_set(folder, inputs, label):
    folder.mkdir(parents=True)
    (folder / "ward-a.npz").write_bytes(write_npz({**inputs, "label": label}))


def test_a_shipped_bundle_that_is_not_what_its_task_needs_is_said_in_the_job(place):
    folder = place.models_dir / HEARTS.task / "1.0.0"
    for name, data in bundle_files(classes=("V", "N", "S", "F"), anchor=8).items():
        (folder / name).write_bytes(data)
    engineer = place.person(Role.ENGINEER)
    job = start_job(place.database, by="test", task=HEARTS.task).id
    place.work()
    row = engineer.get(f"/learning/jobs/{job}").body
    assert row["state"] == "failed"
    assert "another order" in row["reason"]


def without_numbers(bundle, *, tensor, version="1.1.0"):
    """The bundle with one weight that is no number."""
    model = onnx.load_from_string(bundle.onnx)
    for one in model.graph.initializer:
        if one.name == tensor:
            value = numpy_helper.to_array(one).copy()
            value.flat[0] = np.nan
            one.CopyFrom(numpy_helper.from_array(value, one.name))
    files = {name: data for name, data in bundle.files.items() if name != "manifest.json"}
    files["model.onnx"] = model.SerializeToString(deterministic=True)
    return open_bundle(seal(replace(bundle.manifest, version=version), files))


@pytest.mark.parametrize("tensor", ["head.bias", "head.weight", "trunk.bias"])
def test_a_model_that_answers_with_no_numbers_fails_its_golden_vectors(parent, tensor):
    report = grade_import(parent, without_numbers(parent, tensor=tensor))
    assert statuses(report)["golden vectors"] == FAILED
    json.dumps(report.to_json(), allow_nan=False)


def test_a_refused_candidate_can_be_read_over_the_api(place, parent):
    row = import_bundle(place.workshop, pack(without_numbers(parent, tensor="head.bias").files), by="test")
    answer = place.person(Role.REVIEWER).get(f"/learning/candidates/{row.id}")
    assert answer.status == 200
    assert [gate["status"] for gate in answer.body["report"]["gates"]] == ["passed", FAILED]


def test_a_model_that_answers_a_fixed_set_with_no_numbers_fails_that_gate_and_the_others_are_run(parent):
    candidate = without_numbers_when_loud(parent)
    inputs, label = HEARTS.labelled(30, seed=3)
    loud = FixedSet(name="loud", inputs={name: value * np.float32(1e6) for name, value in inputs.items()}, label=label)
    calm = FixedSet(name="calm", inputs=inputs, label=label)
    report = grade_import(parent, candidate, fixed=[loud, calm], margins=GateMargins(speed=100.0))
    by_set = {gate.figures.get("set"): gate for gate in report.gates}
    assert by_set["loud"].status == FAILED
    assert "not finite" in by_set["loud"].why
    assert by_set["calm"].status == "passed"
    assert statuses(report)["speed"] == "passed"
    assert not report.passed
    json.dumps(report.to_json(), allow_nan=False)


def without_numbers_when_loud(parent, *, version="1.1.0"):
    """The parent, but an input above a million times the usual makes its scores no numbers: infinity times zero."""
    model = onnx.load_from_string(parent.onnx)
    graph = model.graph
    for node in graph.node:
        if node.op_type == "Softmax":
            node.input[0] = "logits.or.not"
    graph.initializer.append(numpy_helper.from_array(np.array(1e36, np.float32), "huge"))
    graph.initializer.append(numpy_helper.from_array(np.array(0.0, np.float32), "nothing"))
    at = len(graph.node) - 1
    for number, node in enumerate(
        [
            onnx.helper.make_node("ReduceMax", ["flat.beat"], ["most"], axes=[1], keepdims=1),
            onnx.helper.make_node("Mul", ["most", "huge"], ["endless"]),
            onnx.helper.make_node("Mul", ["endless", "nothing"], ["zero.or.not"]),
            onnx.helper.make_node("Add", ["logits", "zero.or.not"], ["logits.or.not"]),
        ]
    ):
        graph.node.insert(at + number, node)
    onnx.checker.check_model(model)
    files = {name: data for name, data in parent.files.items() if name != "manifest.json"}
    files["model.onnx"] = model.SerializeToString(deterministic=True)
    return open_bundle(seal(replace(parent.manifest, version=version), files))


def test_a_fixed_set_the_model_cannot_read_fails_its_gate(parent):
    other = FixedSet(name="other", inputs={"sound": np.zeros((4, 24), np.float32)}, label=np.zeros(4, np.uint8))
    report = grade_import(parent, parent, fixed=[other])
    (gate,) = (gate for gate in report.gates if gate.figures.get("set") == "other")
    assert gate.status == FAILED
    assert "other names" in gate.why
