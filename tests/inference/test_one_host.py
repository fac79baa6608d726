"""One TensorRT process and one context hold the plans of all tasks; what ends it costs each task one window at most."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from biosignal.events import Prediction, Rung
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from edge_agent.inference.models import Models
from edge_agent.inference.trt_client import ChildLost, ChildRefused, TrtChild
from edge_agent.inference.trt_plans import HostBusy, PlanGone
from tests.bundles import SMALL_INPUTS, TASK, bundle_files, make_bundle, small, small_task, windows

LOUDNESS = "loudness"


@pytest.fixture(autouse=True)
def loudness():
    """A second task with a model; none but these two have one."""
    before = dict(TASKS)
    for name in [name for name, task in before.items() if task.model is not None and name != TASK]:
        del TASKS[name]
    TASKS[LOUDNESS] = small_task()
    yield
    TASKS.clear()
    TASKS.update(before)


def given(task, seed=1):
    return windows(1, seed=seed, inputs=SMALL_INPUTS) if task == LOUDNESS else windows(1, seed=seed)


@pytest.fixture
def serving(gpu, tmp_path):
    """Both tasks, each on TensorRT."""
    gpu.warm()
    folder = tmp_path / "models"
    for settings in ({}, small()):
        where = folder / settings.get("task", TASK) / "1.0.0"
        where.mkdir(parents=True)
        for name, content in bundle_files(**settings).items():
            (where / name).write_bytes(content)
    opened = []

    def open_models(**changes):
        changed = []
        models = Models(
            gpu.ladder(models_dir=folder, **changes),
            on_rung=lambda task, rung, reason: changed.append((task, rung, reason)),
        )
        models.open()
        opened.append(models)
        return models, changed

    yield open_models
    for models in opened:
        models.close()


def rungs(models):
    return {served.task: served.rung for served in models.status()}


def until_all_on_tensorrt(models, within_s=60.0):
    """Feed both tasks until they are back; every window must be answered."""
    deadline = time.monotonic() + within_s
    while set(rungs(models).values()) != {Rung.TENSORRT}:
        assert time.monotonic() < deadline, models.status()
        for task in models:
            assert isinstance(models[task].answer(given(task)), Prediction)
        time.sleep(0.02)


def children() -> int:
    """TensorRT processes of this one."""
    mine = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = {pid for each in mine for pid in each.read_text().split()}
    return sum(b"trt_host" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def pids(models):
    return {models[task].backend.state().tensorrt_pid for task in models}


def test_two_tasks_share_one_process_and_answer_like_the_cpu(serving):
    models, _ = serving()
    assert set(rungs(models).values()) == {Rung.TENSORRT}
    assert len(pids(models)) == 1
    assert children() == 1
    for seed in range(3):
        for task, bundle in ((TASK, make_bundle()), (LOUDNESS, make_bundle(**small()))):
            wanted = OnnxCpuBackend(bundle).infer(given(task, seed))
            got = models[task].infer(given(task, seed))
            assert all(np.allclose(got[name], wanted[name], atol=1e-6) for name in wanted)
    models.close()
    assert children() == 0


def test_a_crash_at_one_task_costs_each_one_window_on_the_cpu_and_both_come_back_in_one_process(gpu, serving):
    models, changed = serving()
    (before,) = pids(models)
    gpu.fail("segv")
    assert models[TASK].answer(given(TASK)).rung is Rung.ONNX_CPU
    gpu.fail()
    assert models[LOUDNESS].answer(given(LOUDNESS)).rung is Rung.ONNX_CPU
    assert "SIGSEGV" in changed[0][2]
    assert "was ended, and the plan with it" in changed[1][2]
    until_all_on_tensorrt(models)
    assert len(pids(models)) == 1
    assert pids(models) != {before}
    assert children() == 1
    assert models[TASK].backend.state().failures == {Rung.TENSORRT: 1}
    assert models[LOUDNESS].backend.state().failures == {}


def test_a_plan_that_kills_the_process_again_and_again_loses_the_rung_and_its_neighbour_keeps_it(gpu, serving):
    models, _ = serving(restarts=1)
    for _ in range(2):
        until_all_on_tensorrt(models)
        gpu.fail("segv")
        assert isinstance(models[TASK].answer(given(TASK)), Prediction)
        gpu.fail()
    reasons = {served.task: served.reason for served in models.status()}
    assert "too often: 2 times in 60 s" in reasons[TASK]
    deadline = time.monotonic() + 60
    while models[LOUDNESS].answer(given(LOUDNESS)).rung is not Rung.TENSORRT:
        assert time.monotonic() < deadline, models.status()
        time.sleep(0.02)
    assert rungs(models) == {TASK: Rung.ONNX_CPU, LOUDNESS: Rung.TENSORRT}


def test_a_process_that_died_between_two_windows_is_charged_to_the_one_that_finds_it(serving):
    models, _ = serving()
    (pid,) = pids(models)
    os.kill(pid, signal.SIGKILL)
    for task in (LOUDNESS, TASK):
        assert models[task].answer(given(task)).rung is Rung.ONNX_CPU
    assert models[LOUDNESS].backend.state().failures == {Rung.TENSORRT: 1}
    assert models[TASK].backend.state().failures == {}
    until_all_on_tensorrt(models)


def test_a_new_plan_is_loaded_and_admitted_beside_the_old_one_which_then_leaves_alone(serving):
    models, changed = serving()
    new = models.serve(make_bundle(version="1.1.0", seed=9))
    assert models[TASK].answer(given(TASK)).bundle == "ecg-beats/1.0.0"
    (pid,) = pids(models) | {new.state().tensorrt_pid}
    models.switch(TASK, new)
    for task in models:
        assert models[task].answer(given(task)).rung is Rung.TENSORRT
    assert models[TASK].answer(given(TASK)).bundle == "ecg-beats/1.1.0"
    assert pids(models) == {pid}
    assert changed == []


def test_the_same_bundle_can_be_loaded_twice_and_each_leaves_by_itself(gpu):
    gpu.warm()
    host, bundle = gpu.host(), make_bundle()
    (plan,) = gpu.cache_dir.glob("*.plan")
    first, second = (host.load(bundle.manifest, plan.read_bytes()) for _ in range(2))
    body = b"".join(value.tobytes() for value in windows(1).values())
    host.unload(first)
    host.unload(first)
    with pytest.raises(ChildRefused, match="no plan is loaded"):
        host.infer(first, body, batch=1, timeout_s=20)
    assert len(host.infer(second, body, batch=1, timeout_s=20)) == 4 * (4 + 16)
    host.unload(second)
    assert host.pid is None
    with pytest.raises(PlanGone):
        host.infer(second, body, batch=1, timeout_s=20)
    host.close()
    with pytest.raises(ChildRefused, match="closed"):
        host.load(bundle.manifest, plan.read_bytes())


def test_a_plan_whose_load_fails_leaves_the_others_at_work(gpu):
    gpu.warm()
    host, bundle = gpu.host(), make_bundle()
    (plan,) = gpu.cache_dir.glob("*.plan")
    good = host.load(bundle.manifest, plan.read_bytes())
    pid = host.pid
    with pytest.raises(ChildRefused, match="does not load the plan"):
        host.load(bundle.manifest, b"no plan")
    with pytest.raises(ChildRefused, match="not those of the bundle"):
        host.load(make_bundle(**small()).manifest, plan.read_bytes())
    body = b"".join(value.tobytes() for value in windows(1).values())
    assert host.infer(good, body, batch=1, timeout_s=20)
    assert host.pid == pid


def test_while_another_plan_is_loaded_the_cpu_answers_and_nothing_is_counted_as_a_failure(gpu, serving):
    models, changed = serving()
    gpu.fail("hang-load")
    backend = models[TASK].backend
    plan, lost = _plan(gpu), []

    def load() -> None:
        try:
            models._host.load(make_bundle().manifest, plan)
        except ChildLost as error:
            lost.append(str(error))

    loading = threading.Thread(target=load, daemon=True)
    loading.start()
    deadline = time.monotonic() + 20
    while models[TASK].answer(given(TASK)).rung is Rung.TENSORRT:
        assert time.monotonic() < deadline
    began_s = time.monotonic()
    assert isinstance(models[TASK].answer(given(TASK)), Prediction)
    assert time.monotonic() - began_s < 1.0
    assert changed[0][1:] == (Rung.ONNX_CPU, "the TensorRT process is busy with another plan")
    assert backend.state().failures == {}
    models.close()
    loading.join(20)
    assert "called off" in lost[0]


def _plan(gpu) -> bytes:
    return next(gpu.cache_dir.glob("*.plan")).read_bytes()


def test_a_window_that_waits_no_longer_than_it_may_is_told_that_the_host_is_busy(gpu):
    gpu.warm()
    host = gpu.host()
    plan = host.load(make_bundle().manifest, _plan(gpu))
    with host._lock, pytest.raises(HostBusy):
        host.infer(plan, b"", batch=1, timeout_s=1.0, patience_s=0.01)


def test_builds_are_done_one_at_a_time_and_end_a_host_without_plans_first(gpu):
    host = gpu.host()
    host.facts()
    seen, at_work = [], []

    def work(child: TrtChild) -> None:
        at_work.append(child.pid)
        seen.append((host.pid, len(at_work)))
        time.sleep(0.2)
        at_work.remove(child.pid)

    builders = [threading.Thread(target=host.build, args=(work,), kwargs={"stop": threading.Event()}) for _ in "ab"]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(30)
    assert seen == [(None, 1), (None, 1)]
