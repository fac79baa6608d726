"""TensorRT for RTX through the host: the real parser, builder and compiler; what needs a card runs on stand-ins."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import models
from edge_agent.inference.bundle_folder import load_bundle, models_dir
from edge_agent.inference.settings import TensorRtSettings
from edge_agent.inference.trt_backend import probe_tensorrt
from edge_agent.inference.trt_client import ChildRefused, TrtChild
from edge_agent.inference.trt_engine import deserialise
from edge_agent.inference.trt_flavours import Refused, Toolkit
from tests.bundles import make_bundle, windows

RELEASED = sorted(path.parent for path in models_dir().glob("*/*/manifest.json"))
installed = pytest.mark.skipif(
    find_spec("tensorrt_rtx_bindings") is None, reason="TensorRT for RTX is not installed (the extra `rtx`)"
)


def test_its_calls_answer_like_the_cpu_through_the_runtime_library(gpu):
    bundle = make_bundle()
    backend, report = gpu.open(bundle, gpu.tensorrt_rtx())
    inputs = windows(11)
    got, wanted = backend.infer(inputs), OnnxCpuBackend(bundle).infer(inputs)
    backend.close()
    assert report.windows == 3
    assert all(np.allclose(got[name], wanted[name], atol=1e-6) for name in wanted)
    (plan,) = gpu.cache_dir.glob("*.plan")
    assert list(gpu.cache_dir.glob("*.timing")) == []
    about = json.loads(plan.read_bytes().split(b"\n")[1])
    assert (about["version"], about["strongly_typed"], about["tf32"]) == ("1.7.1.116", True, False)


def test_its_plans_have_keys_of_their_own_and_the_facts_name_the_flavour(gpu):
    facts = probe_tensorrt(gpu.tensorrt_rtx())
    assert (facts["flavour"], facts["tensorrt"], facts["cuda"]) == ("tensorrt_rtx", "rtx 1.7.1.116", "12.9")
    assert probe_tensorrt(gpu.tensorrt())["flavour"] == "tensorrt"


@pytest.mark.parametrize("word", ["hang", "segv", "raise", "false-execute"])
def test_a_run_that_fails_ends_the_process_as_with_the_other_flavour(gpu, word):
    backend, _ = gpu.open(make_bundle(), gpu.tensorrt_rtx(infer_timeout_s=0.5))
    gpu.fail(word)
    with pytest.raises(Exception, match="TensorRT process"):
        backend.infer(windows(1))
    assert backend.pid is None


def test_a_flavour_that_is_none_or_is_not_there_is_said(gpu):
    with pytest.raises(ChildRefused, match="no flavour 'tensorflow'"):
        probe_tensorrt(gpu.tensorrt(flavour="tensorflow"))
    child = TrtChild(gpu.tensorrt())
    with pytest.raises(ChildRefused, match="only TensorRT for RTX builds for another GPU"):
        build(child, make_bundle(), "SM86")
    child.close()


def build(child, bundle, target) -> bytes:
    shapes = {spec.name: ((1, *spec.shape), (1, *spec.shape), (8, *spec.shape)) for spec in bundle.manifest.inputs}
    answer, body = child.call(
        "build",
        bundle.onnx,
        timeout_s=110,
        onnx_bytes=len(bundle.onnx),
        workspace_bytes=TensorRtSettings().workspace_bytes,
        profile=shapes,
        target=target,
    )
    assert answer["plan_bytes"] == len(body)
    return body


@pytest.fixture
def real():
    """The host with the real TensorRT for RTX of this interpreter; it needs neither GPU nor driver to build."""
    child = TrtChild(TensorRtSettings(python=sys.executable, flavour="tensorrt_rtx"))
    yield child
    child.close()


def test_every_released_bundle_is_built_below():
    assert {folder.parent.name for folder in RELEASED} <= set(models())
    assert RELEASED


@installed
@pytest.mark.parametrize("folder", RELEASED, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
@pytest.mark.parametrize("target", ["SM86", "SM89", "SM120"])
def test_the_real_compiler_builds_a_plan_of_every_released_bundle_for_each_generation_of_cards(real, folder, target):
    bundle = load_bundle(folder)
    plan = build(real, bundle, target)
    assert len(plan) > 100_000
    assert real.alive


@installed
def test_the_real_parser_names_what_it_does_not_read(real):
    bundle = make_bundle()
    with pytest.raises(ChildRefused, match="does not read the ONNX file"):
        build(real, _Onnx(bundle.manifest, bundle.onnx.replace(b"Softmax", b"Softest")), "SM86")
    with pytest.raises(ChildRefused, match="does not compile for SM87; it does for SM75, SM80, SM86"):
        build(real, bundle, "SM87")
    with pytest.raises(ChildRefused, match=r"built no engine: .*FP32 GEMM is not supported"):
        build(real, load_bundle(RELEASED[0]), "SM75")
    assert len(build(real, bundle, "SM86")) > 10_000


class _Onnx:
    def __init__(self, manifest, onnx):
        self.manifest, self.onnx = manifest, onnx


@installed
def test_without_a_driver_a_real_plan_is_refused_with_cudas_reason_and_no_crash(real):
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has an NVIDIA driver")
    plan = build(real, make_bundle(), "SM86")
    with pytest.raises(Refused, match=r"does not load the plan: .*cudaError 35"):
        deserialise(Toolkit("tensorrt_rtx"), plan)
    with pytest.raises(ChildRefused, match=r"no NVIDIA driver: libcuda\.so\.1 cannot be loaded"):
        real.call("load", plan, timeout_s=60, name="a", inputs={}, outputs={})
