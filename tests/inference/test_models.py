"""Each task's model serves by itself; whatever is wrong with one leaves the others alone and says why."""

import pytest

from biosignal.events import Prediction, Rung, Unavailable
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from edge_agent.inference.models import Models, Served
from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from tests.bundles import SMALL_INPUTS, TASK, bundle_files, make_bundle, small, small_task, windows

CPU_ONLY = TensorRtSettings(enabled=False)


@pytest.fixture
def loudness():
    """A second task with a model; none but these two have one."""
    before = dict(TASKS)
    for name in [name for name, task in before.items() if task.model is not None and name != TASK]:
        del TASKS[name]
    TASKS["loudness"] = small_task()
    yield
    TASKS.clear()
    TASKS.update(before)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


def release(folder, *, task=TASK, version="1.0.0", **settings):
    where = folder / task / version
    where.mkdir(parents=True)
    for name, content in bundle_files(version=version, task=task, **settings).items():
        (where / name).write_bytes(content)


def opened(folder, **changes):
    models = Models(InferenceSettings(models_dir=folder, tensorrt=CPU_ONLY, **changes))
    models.open()
    return models


def reasons(models):
    return {served.task: served.reason for served in models.status()}


def test_each_task_with_a_contract_is_served_by_its_own_bundle(folder, loudness):
    release(folder, version="1.0.0")
    release(folder, version="1.1.0", seed=1)
    release(folder, **small())
    models = opened(folder)
    assert set(models) == {TASK, "loudness"}
    assert {served.task: (served.bundle, served.rung) for served in models.status()} == {
        TASK: ("ecg-beats/1.1.0", Rung.ONNX_CPU),
        "loudness": ("loudness/1.0.0", Rung.ONNX_CPU),
    }
    assert models[TASK].answer(windows(1)).bundle == "ecg-beats/1.1.0"
    assert models["loudness"].answer(windows(1, inputs=SMALL_INPUTS)).label in ("quiet", "loud")
    models.close()
    models.close()
    assert isinstance(models[TASK].answer(windows(1)), Unavailable)


def test_a_version_named_in_the_settings_is_used_for_its_task_alone(folder, loudness):
    for version in ("1.0.0", "1.1.0"):
        release(folder, version=version)
        release(folder, version=version, **small())
    models = opened(folder, versions={TASK: "1.0.0"})
    assert [served.bundle for served in models.status()] == ["ecg-beats/1.0.0", "loudness/1.1.0"]
    models.close()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"classes": ("V", "N", "S", "F")}, "other classes, or in another order"),
        ({"classes": ("N", "S", "V")}, "other classes"),
        ({"wrong_goldens": True}, "does not reproduce the golden vectors"),
        ({"wrong_hash": True}, "not the one the manifest hashed"),
    ],
    ids=["another order", "three classes", "golden vectors", "hash"],
)
def test_a_bundle_that_may_not_serve_leaves_its_task_alone_without_a_model(folder, loudness, settings, sentence):
    release(folder, **settings)
    release(folder, **small())
    models = opened(folder)
    assert sentence in reasons(models)[TASK]
    assert sentence in models[TASK].answer(windows(1)).reason
    assert isinstance(models["loudness"].answer(windows(1, inputs=SMALL_INPUTS)), Prediction)
    models.close()


def test_no_bundle_a_missing_version_and_a_fault_are_reasons_as_well(folder, loudness, monkeypatch):
    release(folder, **small())
    models = opened(folder, versions={"loudness": "7.0.0"})
    assert "no released bundle" in reasons(models)[TASK]
    assert "no such version" in reasons(models)["loudness"]

    def fault(_task):
        raise KeyError("a fault of ours")

    models.open(fault)
    assert "KeyError" in reasons(models)[TASK]
    assert models.status()[0] == Served(task=TASK, bundle=None, rung=Rung.RULES, reason=reasons(models)[TASK])


def test_a_task_declared_after_the_start_has_a_model_that_says_it_was_not_opened(folder, monkeypatch):
    models = opened(folder)
    with pytest.raises(KeyError):
        models["loudness"]
    monkeypatch.setitem(TASKS, "loudness", small_task())
    assert "no model of loudness" in models["loudness"].answer(windows(1, inputs=SMALL_INPUTS)).reason
    assert models["loudness"] is models["loudness"]


def test_a_switch_takes_the_next_window_and_closes_the_one_before(folder):
    release(folder)
    models = opened(folder)
    before = models[TASK].backend
    models.switch(TASK, models.serve(make_bundle(version="2.0.0", seed=4)), "trial")
    assert models[TASK].answer(windows(1)).bundle == "ecg-beats/2.0.0"
    with pytest.raises(Exception, match="closed"):
        before.infer(windows(1))
    models.switch(TASK, None, "rolled back, and nothing runs")
    assert models[TASK].answer(windows(1)) == Unavailable(task=TASK, reason="rolled back, and nothing runs")


def test_windows_are_timed_by_task_and_rung_and_give_the_same_numbers(folder, loudness):
    release(folder)
    release(folder, **small())
    seen = []
    models = Models(
        InferenceSettings(models_dir=folder, tensorrt=CPU_ONLY),
        on_window=lambda task, rung, seconds: seen.append((task, rung, seconds > 0)),
    )
    models.open()
    outcome = models[TASK].answer(windows(1))
    models["loudness"].answer(windows(1, inputs=SMALL_INPUTS))
    assert seen == [(TASK, Rung.ONNX_CPU, True), ("loudness", Rung.ONNX_CPU, True)]
    wanted = OnnxCpuBackend(make_bundle()).infer(windows(1))["scores"][0]
    assert [score for _, score in outcome.scores] == pytest.approx(wanted.tolist(), abs=1e-4)
    models.close()
