"""The ladder: the best rung that proved itself serves, and no failure of TensorRT costs a beat its answer."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from biosignal.events import Rung
from biosignal.model.admission import NotAdmitted
from biosignal.model.backend import BackendFailed
from biosignal.model.contract import ContractBroken
from biosignal.model.onnx_cpu import OnnxCpuBackend
from edge_agent.inference.budget import Budget
from edge_agent.inference.ladder import LadderBackend, climb
from edge_agent.inference.settings import InferenceSettings
from edge_agent.inference.trt_plans import PlanHost
from tests.bundles import BEAT, INPUTS, make_bundle, small, windows

HOSTS: list[PlanHost] = []


def serve(settings, bundle=None, host=None) -> tuple[LadderBackend, list]:
    changes: list[tuple[Rung, str]] = []
    HOSTS.append(host or PlanHost(settings.tensorrt))
    backend = climb(
        bundle or make_bundle(), settings, HOSTS[-1], on_change=lambda rung, reason: changes.append((rung, reason))
    )
    return backend, changes


@pytest.fixture(autouse=True)
def warm(gpu):
    gpu.warm()
    yield
    while HOSTS:
        HOSTS.pop().close()


def answered_like_the_cpu(backend, seed=1) -> bool:
    inputs = windows(1, seed=seed)
    wanted = OnnxCpuBackend(make_bundle()).infer(inputs)
    got = backend.infer(inputs)
    return all(np.allclose(got[name], wanted[name], atol=1e-6) for name in wanted)


def until(backend, rung, within_s=20.0) -> int:
    """Feed windows until the rung serves; every one must be answered."""
    deadline = time.monotonic() + within_s
    for count in range(100_000):
        if backend.rung is rung:
            return count
        assert time.monotonic() < deadline, backend.reason
        assert answered_like_the_cpu(backend, seed=count)
        time.sleep(0.02)
    raise AssertionError(backend.reason)


def test_tensorrt_serves_where_it_reproduces_the_golden_vectors(gpu):
    backend, changes = serve(gpu.ladder())
    assert backend.rung is Rung.TENSORRT
    assert "3 golden windows" in backend.reason
    assert answered_like_the_cpu(backend)
    assert changes == []
    assert backend.state().answered == {Rung.TENSORRT: 1}
    backend.close()
    backend.close()
    with pytest.raises(BackendFailed, match="closed"):
        backend.infer(windows(1))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"driver": "absent"}, "no NVIDIA driver"),
        ({"python": "/no/such/python"}, "does not start"),
        ({"version": "8.6.1"}, "cannot build strongly typed"),
        ({"enabled": False}, "switched off"),
    ],
)
def test_without_tensorrt_the_cpu_serves_and_says_why(gpu, settings, sentence):
    backend, _ = serve(gpu.ladder(tensorrt=gpu.tensorrt(**settings)))
    assert backend.rung is Rung.ONNX_CPU
    assert sentence in backend.reason
    assert answered_like_the_cpu(backend)
    backend.close()


def test_the_wait_for_a_lost_rung_doubles_and_starts_small_again_after_a_long_peace():
    now = [0.0]
    budget = Budget(InferenceSettings(climb_after_s=600.0), lambda: now[0])
    waits = []
    for _ in range(7):
        until_s = budget.lose()
        waits.append((until_s - now[0]) / 600.0)
        now[0] = until_s
    assert waits == [1, 2, 4, 8, 16, 16, 16]
    now[0] += 3 * 16 * 600.0
    assert budget.lose() - now[0] == 600.0


def test_failures_long_ago_do_not_count():
    now = [0.0]
    budget = Budget(InferenceSettings(restarts_within_s=60.0), lambda: now[0])
    counts = []
    for _ in range(6):
        counts.append(budget.spend())
        now[0] += 25.0
    assert counts == [1, 2, 3, 3, 3, 3]


def test_a_bundle_whose_golden_vectors_nobody_reproduces_is_not_served(gpu):
    with pytest.raises(NotAdmitted, match="golden vectors"):
        serve(gpu.ladder(), make_bundle(wrong_goldens=True))
    with pytest.raises(ContractBroken, match="another order"):
        serve(gpu.ladder(), make_bundle(classes=("V", "N", "S", "F")))
    with pytest.raises(ContractBroken, match="no task of this version"):
        serve(gpu.ladder(), make_bundle(**small("loudness")))


def test_a_hang_is_answered_by_the_cpu_within_the_call_and_tensorrt_comes_back(gpu):
    backend, changes = serve(gpu.ladder(tensorrt=gpu.tensorrt(infer_timeout_s=0.2)))
    gpu.fail("hang")
    started = time.monotonic()
    assert answered_like_the_cpu(backend)
    assert time.monotonic() - started < 1.5
    assert backend.rung is Rung.ONNX_CPU
    gpu.fail()
    until(backend, Rung.TENSORRT)
    assert [rung for rung, _ in changes] == [Rung.ONNX_CPU, Rung.TENSORRT]
    assert "did not answer `infer` within 0.2 s" in changes[0][1]
    assert "1 of 5" in changes[0][1]
    backend.close()


def test_a_segmentation_fault_costs_no_window(gpu):
    backend, changes = serve(gpu.ladder())
    gpu.fail("segv")
    assert answered_like_the_cpu(backend)
    assert "SIGSEGV" in changes[0][1]
    gpu.fail()
    until(backend, Rung.TENSORRT)
    state = backend.state()
    assert state.failures == {Rung.TENSORRT: 1}
    backend.close()


def test_more_failures_than_the_budget_cost_the_rung_until_the_hysteresis_is_over(gpu):
    backend, changes = serve(gpu.ladder(restarts=1, climb_after_s=2.0))
    for _ in range(2):
        until(backend, Rung.TENSORRT)
        os.kill(backend.state().tensorrt_pid, signal.SIGSEGV)
        assert answered_like_the_cpu(backend)
        assert backend.rung is Rung.ONNX_CPU
    lost = time.monotonic()
    assert "too often: 2 times in 60 s" in backend.reason
    assert backend.settled
    until(backend, Rung.TENSORRT)
    assert time.monotonic() - lost >= 1.5
    assert [rung for rung, _ in changes] == [Rung.ONNX_CPU, Rung.TENSORRT] * 2
    backend.close()


def test_a_restart_that_dies_again_spends_the_budget(gpu):
    backend, _ = serve(gpu.ladder(restarts=1))
    gpu.fail("segv")
    deadline = time.monotonic() + 20
    while "too often" not in backend.reason and time.monotonic() < deadline:
        assert answered_like_the_cpu(backend)
        time.sleep(0.02)
    assert "too often: 2 times" in backend.reason
    assert backend.state().failures == {Rung.TENSORRT: 2}
    backend.close()


def test_a_drift_is_found_by_the_cross_check_and_demotes(gpu):
    backend, changes = serve(gpu.ladder(cross_check_every=5))
    gpu.fail("drift")
    wrong = [not answered_like_the_cpu(backend, seed) for seed in range(5)]
    assert wrong == [True, True, True, True, False]
    assert backend.rung is Rung.ONNX_CPU
    assert changes[0][0] is Rung.ONNX_CPU
    assert "drifted from the CPU by 0.01" in changes[0][1]
    assert "tried again in 10 min" in changes[0][1]
    assert backend.state().worst_difference == pytest.approx(0.01, abs=1e-4)
    assert answered_like_the_cpu(backend)
    backend.close()


def test_a_healthy_rung_passes_its_cross_checks(gpu):
    backend, _ = serve(gpu.ladder(cross_check_every=5))
    for seed in range(12):
        answered_like_the_cpu(backend, seed)
    assert backend.rung is Rung.TENSORRT
    assert backend.state().cross_checks == 2
    backend.close()


def test_a_window_that_is_not_finite_costs_no_rung(gpu):
    backend, _ = serve(gpu.ladder())
    for bad in (
        {"beat": np.full((1, *BEAT), np.nan, np.float32)},
        {"beat": np.zeros((1, 2, 3), np.float32)},
        {"beat": np.zeros((0, *BEAT), np.float32), "rr": np.zeros((0, *INPUTS["rr"]), np.float32)},
    ):
        with pytest.raises(BackendFailed, match="not what the bundle takes"):
            backend.infer({**windows(1), **bad})
    assert backend.rung is Rung.TENSORRT
    assert backend.state().failures == {}
    backend.close()


def test_when_the_cpu_fails_too_often_only_the_rules_are_left_until_it_climbs_back(gpu):
    settings = gpu.ladder(tensorrt=gpu.tensorrt(enabled=False), restarts=2, climb_after_s=0.5)
    backend, changes = serve(settings)
    huge = {**windows(1), "beat": np.full((1, *BEAT), 3e38, np.float32)}
    for _ in range(3):
        with pytest.raises(BackendFailed, match="not finite"):
            backend.infer(huge)
    assert backend.rung is Rung.RULES
    with pytest.raises(BackendFailed, match="rules only"):
        backend.infer(windows(1))
    time.sleep(0.6)
    assert answered_like_the_cpu(backend)
    assert [rung for rung, _ in changes] == [Rung.RULES, Rung.ONNX_CPU]
    backend.close()


def test_a_new_bundle_is_admitted_while_the_old_one_still_answers(gpu):
    old, _ = serve(gpu.ladder())
    new, _ = serve(gpu.ladder(), make_bundle(version="1.1.0", seed=9))
    assert old.infer(windows(1)).keys() == new.infer(windows(1)).keys()
    assert (old.bundle, new.bundle) == ("ecg-beats/1.0.0", "ecg-beats/1.1.0")
    assert (old.rung, new.rung) == (Rung.TENSORRT, Rung.TENSORRT)
    old.close()
    assert new.infer(windows(1))["scores"].shape == (1, 4)
    new.close()


def test_a_long_build_goes_on_aside_while_the_cpu_serves(gpu):
    gpu.fail("hang-build")
    started = time.monotonic()
    backend, _ = serve(gpu.ladder(tensorrt=gpu.tensorrt(wait_s=0.5, workspace_bytes=1 << 20)))
    assert time.monotonic() - started < 5
    assert (backend.rung, backend.settled) == (Rung.ONNX_CPU, False)
    assert "being prepared" in backend.reason
    assert answered_like_the_cpu(backend)
    backend.close()
    for thread in threading.enumerate():
        if thread.name == "edge.inference.open":
            thread.join(10)
            assert not thread.is_alive()
