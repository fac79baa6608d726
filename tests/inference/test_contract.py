"""A bundle that is not what its task needs is refused before anything of it runs; the task goes on without a model."""

from dataclasses import replace

import pytest

from biosignal.model.admission import NotAdmitted, admit
from biosignal.model.bundle import open_bundle
from biosignal.model.contract import ContractBroken, check_contract
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import contract_of
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle
from tests.bundles import CLASSES, CONTRACT, INPUTS, TASK, bundle_files, make_bundle, small, small_task, windows

SWAPPED = ("V", "N", "S", "F")
WRONG = {
    "classes in another order": ({"classes": SWAPPED}, ("N", "S", "V", "F"), SWAPPED),
    "three classes": ({"classes": ("N", "S", "V")}, CLASSES, ("N", "S", "V")),
    "another preprocessing": (
        {"change": lambda manifest: replace(manifest, preprocessing="ecg-beats/999")},
        CONTRACT.preprocessing,
        "ecg-beats/999",
    ),
    "another shape": (
        {"inputs": {**INPUTS, "beat": (2, 122)}},
        INPUTS,
        {**INPUTS, "beat": (2, 122)},
    ),
    "another task": (small(TASK) | {"task": "ecg-qrs"}, None, None),
}


class Strange:
    """A backend that answers whatever it is given."""

    def __init__(self, bundle, answer):
        self._real, self._answer = OnnxCpuBackend(bundle), answer
        self.bundle, self.rung = self._real.bundle, self._real.rung

    def infer(self, inputs):
        return self._answer(dict(self._real.infer(inputs)))

    def close(self):
        self._real.close()


def write(folder, **settings):
    folder.mkdir(parents=True)
    for name, content in bundle_files(**settings).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("wrong", WRONG)
def test_a_sealed_bundle_that_reproduces_its_golden_vectors_and_breaks_the_contract_is_refused(wrong, tmp_path):
    settings, wanted, given = WRONG[wrong]
    bundle = open_bundle(bundle_files(**settings))
    with pytest.raises(ContractBroken) as refused:
        load_bundle(write(tmp_path / "1.0.0", **settings), task=TASK)
    with pytest.raises(ContractBroken):
        cpu_backend(bundle)
    if wanted is not None:
        assert (refused.value.facts["wanted"], refused.value.facts["given"]) == (wanted, given)
        with pytest.raises(ContractBroken):
            admit(OnnxCpuBackend(bundle), bundle, contract_of(TASK))


def test_a_bundle_whose_scores_have_another_name_is_refused():
    outputs = make_bundle().manifest.outputs
    manifest = replace(make_bundle().manifest, outputs=(replace(outputs[0], name="odds"), outputs[1]))
    with pytest.raises(ContractBroken, match="other scores"):
        check_contract(manifest, contract_of(TASK), task=TASK)


def test_a_released_bundle_keeps_the_contract_of_its_task():
    found = [(name, find_bundle(name)) for name, task in TASKS.items() if task.model is not None]
    assert found
    for name, folder in found:
        if folder is not None:
            assert load_bundle(folder, task=name).manifest.task == name


def test_a_bundle_of_no_task_of_this_version_is_refused():
    with pytest.raises(ContractBroken, match="no task of this version"):
        cpu_backend(make_bundle(**small("loudness")))


def test_a_task_that_is_added_later_has_its_contract_kept_as_well(monkeypatch):
    monkeypatch.setitem(TASKS, "loudness", small_task())
    backend = cpu_backend(make_bundle(**small()))
    assert backend.infer(windows(2, inputs=small()["inputs"]))["scores"].shape == (2, 2)
    with pytest.raises(ContractBroken, match="another order"):
        cpu_backend(make_bundle(**(small() | {"classes": ("loud", "quiet")})))


def _raise(_):
    raise RuntimeError("a driver's own error")


@pytest.mark.parametrize(
    "answer",
    [
        lambda out: {**out, "scores": out["scores"] * float("nan")},
        lambda out: {"embedding": out["embedding"]},
        lambda out: {**out, "scores": out["scores"][:, :3]},
        lambda out: None,
        _raise,
    ],
    ids=["NaN", "no scores", "three scores", "nothing", "raises"],
)
def test_a_backend_with_such_golden_answers_is_not_admitted(answer):
    bundle = make_bundle()
    with pytest.raises(NotAdmitted):
        admit(Strange(bundle, answer), bundle, contract_of(TASK))
