"""TensorRT in its child process: every way it fails is a sentence, and the parent lives."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from biosignal.model.admission import NotAdmitted
from biosignal.model.backend import BackendFailed
from biosignal.model.onnx_cpu import OnnxCpuBackend
from edge_agent.inference.engine_cache import EngineCache, ingredients
from edge_agent.inference.trt_backend import probe_tensorrt
from edge_agent.inference.trt_client import ChildLost, ChildRefused, TrtChild
from edge_agent.inference.trt_plans import PlanGone
from tests.bundles import INPUTS, make_bundle, windows

FAKES = Path(__file__).with_name("fake_tensorrt")


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie nobody waits for yet has ended too)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def plan_of(gpu) -> dict:
    (plan,) = gpu.cache_dir.glob("*.plan")
    return json.loads(plan.read_bytes().split(b"\n")[1])


@pytest.mark.parametrize(
    ("version", "environment"),
    [("10.3.0", {}), ("10.13.3", {}), ("11.4.1", {}), ("11.4.1", {"FAKE_TRT_NO_FLAG": "1"})],
    ids=["10.3", "10.13", "11", "11 without the flag"],
)
def test_it_builds_strongly_typed_on_each_generation_and_answers_like_the_cpu(gpu, version, environment):
    bundle = make_bundle()
    backend, report = gpu.open(bundle, gpu.tensorrt(version=version, environment=environment))
    inputs = windows(5)
    wanted = OnnxCpuBackend(bundle).infer(inputs)
    got = backend.infer(inputs)
    pid = backend.pid
    backend.close()
    backend.close()
    plan = plan_of(gpu)
    assert report.windows == 3
    assert all(np.allclose(got[name], wanted[name], atol=1e-6) for name in wanted)
    assert (plan["version"], plan["strongly_typed"], plan["tf32"]) == (version, True, False)
    assert plan["profile"] == {name: [[1, *shape], [1, *shape], [8, *shape]] for name, shape in INPUTS.items()}
    assert plan["pools"] == {"WORKSPACE": 128 << 20}
    assert gone(pid)


def test_a_batch_above_the_profile_is_cut(gpu):
    bundle = make_bundle()
    backend, _ = gpu.open(bundle, gpu.tensorrt(max_batch=4))
    inputs = windows(11)
    got, wanted = backend.infer(inputs), OnnxCpuBackend(bundle).infer(inputs)
    backend.close()
    assert np.allclose(got["scores"], wanted["scores"], atol=1e-6)
    assert got["scores"].shape == (11, 4)


def test_the_probe_tells_the_facts(gpu):
    facts = probe_tensorrt(gpu.tensorrt())
    assert {name: facts[name] for name in ("tensorrt", "cuda", "gpu", "compute_capability", "sm_count")} == {
        "tensorrt": "10.3.0",
        "cuda": "12.6.0",
        "gpu": "Orin",
        "compute_capability": "8.7",
        "sm_count": 8,
    }


@pytest.mark.parametrize(
    ("driver", "sentence"),
    [("absent", "no NVIDIA driver"), ("broken", "cuInit gave 100"), ("no-gpu", "finds no GPU")],
)
def test_without_a_gpu_tensorrt_is_not_even_imported(gpu, driver, sentence):
    mark = gpu.folder / "imported"
    with pytest.raises(ChildRefused, match=sentence):
        probe_tensorrt(gpu.tensorrt(driver=driver, environment={"FAKE_TRT_IMPORTED": str(mark)}))
    assert not mark.exists()
    probe_tensorrt(gpu.tensorrt(environment={"FAKE_TRT_IMPORTED": str(mark)}))
    assert mark.exists()


def test_the_real_driver_is_asked_when_nothing_is_faked(gpu):
    found = any(Path(folder, "libcuda.so.1").exists() for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64"))
    if found or shutil.which("nvidia-smi"):
        pytest.skip("this machine has an NVIDIA driver")
    with pytest.raises(ChildRefused, match=r"no NVIDIA driver: libcuda\.so\.1 cannot be loaded"):
        probe_tensorrt(gpu.tensorrt(python_path=()))


def test_a_missing_interpreter_or_package_is_said(gpu, tmp_path):
    with pytest.raises(ChildRefused, match="does not start") as refused:
        probe_tensorrt(gpu.tensorrt(python="/no/such/python"))
    assert "inference.tensorrt.python" in refused.value.advice
    shutil.copy(FAKES / "sitecustomize.py", tmp_path)
    with pytest.raises(ChildRefused, match="lacks a package: No module named 'tensorrt'"):
        probe_tensorrt(gpu.tensorrt(python_path=(str(tmp_path),)))


def test_a_tensorrt_too_old_is_refused_with_a_sentence(gpu):
    with pytest.raises(ChildRefused, match=r"8\.6\.1 cannot build strongly typed"):
        gpu.open(make_bundle(), gpu.tensorrt(version="8.6.1"))


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("parse-error", "does not read the ONNX file: node 0"),
        ("no-build", "built no engine: no implementation"),
        ("segv-build", "died at `build`: signal SIGSEGV"),
        ("hang-build", "did not answer `build` within 1.5 s"),
        ("hog-build", "MiB at `build`, above its limit"),
        ("no-context", "makes no execution context"),
    ],
)
def test_a_build_that_fails_is_a_sentence_and_leaves_no_plan(gpu, word, sentence):
    gpu.fail(word)
    limit_s = 1.5 if word == "hang-build" else 30.0
    with pytest.raises(BackendFailed, match=sentence):
        gpu.open(make_bundle(), gpu.tensorrt(build_timeout_s=limit_s, build_memory_bytes=300 << 20))
    assert list(gpu.cache_dir.glob("*.plan")) == []


def test_a_library_that_prints_or_talks_a_lot_breaks_no_frame(gpu):
    gpu.fail("print", "noisy")
    backend, _ = gpu.open(make_bundle(), gpu.tensorrt())
    backend.close()


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("hang", "did not answer `infer` within 0.3 s"),
        ("segv", "signal SIGSEGV"),
        ("raise", "illegal memory access"),
        ("false-execute", "did not start the run"),
        ("false-address", "refuses the address"),
        ("false-shape", "refuses the shape"),
    ],
)
def test_a_run_that_fails_costs_one_window_and_ends_the_child(gpu, word, sentence):
    gpu.warm()
    backend, _ = gpu.open(make_bundle(), gpu.tensorrt(infer_timeout_s=0.3))
    gpu.fail(word)
    started, pid = time.monotonic(), backend.pid
    with pytest.raises(ChildLost, match=sentence):
        backend.infer(windows(1))
    assert time.monotonic() - started < 3.0
    assert gone(pid)
    with pytest.raises(PlanGone):
        backend.infer(windows(1))
    backend.close()


def test_a_second_start_takes_the_cached_plan(gpu):
    bundle = make_bundle()
    gpu.open(bundle, gpu.tensorrt())[0].close()
    gpu.fail("no-build")
    backend, _ = gpu.open(bundle, gpu.tensorrt())
    backend.close()
    with pytest.raises(ChildRefused, match="built no engine"):
        gpu.open(make_bundle(seed=1), gpu.tensorrt())


def sealed_plan(gpu, bundle, change) -> str:
    """Put a changed plan into the cache, with a valid seal."""
    settings = gpu.tensorrt()
    gpu.warm()
    wanted = ingredients(
        bundle,
        probe_tensorrt(settings),
        max_batch=settings.max_batch,
        workspace_bytes=settings.workspace_bytes,
    )
    cache = EngineCache(gpu.cache_dir)
    plan = cache.find(wanted.key())
    assert plan is not None
    cache.store(wanted.key(), change(plan))
    return wanted.key()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda plan: plan[: len(plan) // 2], "does not load the plan"),
        (lambda plan: b"", "does not load the plan"),
        (lambda plan: plan.replace(b'"10.3.0"', b'"10.2.0"'), "version tag does not match"),
        (lambda plan: plan.replace(b'"drift": false', b'"drift": true'), "golden vectors"),
        (lambda plan: plan.replace(b'"rr"', b'"rx"'), "not those of the bundle"),
    ],
    ids=["cut", "empty", "other version", "wrong numbers", "other tensors"],
)
def test_a_cached_plan_that_is_no_good_is_set_aside_and_rebuilt(gpu, change, sentence):
    bundle = make_bundle()
    key = sealed_plan(gpu, bundle, change)
    backend, report = gpu.open(bundle, gpu.tensorrt())
    backend.close()
    cache = EngineCache(gpu.cache_dir)
    assert report.worst_difference <= 1e-4
    assert [sentence in reason for reason in cache.reasons()] == [True]
    assert cache.find(key) is not None


def test_a_tampered_plan_is_never_loaded(gpu):
    bundle = make_bundle()
    gpu.warm()
    (plan,) = gpu.cache_dir.glob("*.plan")
    plan.write_bytes(plan.read_bytes() + b"x")
    gpu.open(bundle, gpu.tensorrt())[0].close()
    assert EngineCache(gpu.cache_dir).reasons() == ["its seal does not match"]


@pytest.mark.parametrize(("word", "sentence"), [("segv-load", "SIGSEGV"), ("drift", "golden vectors")])
def test_a_plan_is_rebuilt_once_and_not_again(gpu, word, sentence):
    bundle = make_bundle()
    gpu.warm()
    gpu.fail(word)
    with pytest.raises((BackendFailed, NotAdmitted), match=sentence):
        gpu.open(bundle, gpu.tensorrt())
    reasons = EngineCache(gpu.cache_dir).reasons()
    assert [reason.startswith("built just now") for reason in reasons] == [False, True]
    assert list(gpu.cache_dir.glob("*.plan")) == []


def test_the_child_leaves_when_it_is_asked_or_its_parent_dies(gpu):
    child = TrtChild(gpu.tensorrt())
    child.call("probe", timeout_s=20)
    child.close()
    assert gone(child.pid)
    with pytest.raises(ChildLost):
        child.call("probe", timeout_s=1)
    program = textwrap.dedent(
        """
        import os, sys
        from edge_agent.inference.settings import TensorRtSettings
        from edge_agent.inference.trt_client import TrtChild
        child = TrtChild(TensorRtSettings(python=sys.executable, python_path=(sys.argv[1],)))
        child.call("facts", timeout_s=20)
        print(child.pid, flush=True)
        os._exit(0)
        """
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(FAKES)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    deadline = time.monotonic() + 5
    while not gone(int(said)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(int(said))


def test_an_unknown_command_is_refused_and_the_child_stays(gpu):
    child = TrtChild(gpu.tensorrt())
    with pytest.raises(ChildRefused, match="unknown command"):
        child.call("dance", timeout_s=20)
    with pytest.raises(ChildRefused, match="no plan is loaded"):
        child.call("infer", b"", timeout_s=20, name="none", batch=1)
    assert child.alive
    child.close()


def test_a_program_that_does_not_speak_our_frames_is_ended(gpu, tmp_path):
    liar = tmp_path / "python"
    liar.write_text("#!/bin/sh\necho 'Hello, this is no frame at all'\nsleep 60\n")
    liar.chmod(0o755)
    child = TrtChild(gpu.tensorrt(python=str(liar)))
    with pytest.raises(ChildLost, match="no frame"):
        child.call("probe", timeout_s=10)
    assert gone(child.pid)
