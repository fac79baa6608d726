"""The real TensorRT of both flavours on a real GPU; each skips with the reason where there is none."""

import os
import sys

import numpy as np
import pytest

from biosignal.events import Rung
from biosignal.model.backend import BackendFailed
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from edge_agent.inference.ladder import climb
from edge_agent.inference.settings import SYSTEM_PYTHON, InferenceSettings, TensorRtSettings
from edge_agent.inference.trt_backend import probe_tensorrt
from edge_agent.inference.trt_plans import PlanHost
from tests.bundles import make_bundle, small, small_task, windows

PYTHON = {
    "tensorrt": os.environ.get("BEDSIDE_INFERENCE_TENSORRT_PYTHON", SYSTEM_PYTHON),
    "tensorrt_rtx": sys.executable,
}


@pytest.mark.gpu
@pytest.mark.timeout(900)
@pytest.mark.parametrize("flavour", sorted(PYTHON))
def test_the_real_tensorrt_reproduces_the_golden_vectors_of_two_tasks_in_one_process(tmp_path, monkeypatch, flavour):
    monkeypatch.setitem(TASKS, "loudness", small_task())
    python = PYTHON[flavour]
    settings = TensorRtSettings(python=python, flavour=flavour, cache_dir=tmp_path, wait_s=800, infer_timeout_s=2.0)
    try:
        facts = probe_tensorrt(settings)
    except BackendFailed as reason:
        pytest.skip(str(reason))
    host, ladder = PlanHost(settings), InferenceSettings(tensorrt=settings, cross_check_every=1)
    try:
        for bundle in (make_bundle(), make_bundle(**small())):
            backend = climb(bundle, ladder, host)
            assert backend.rung is Rung.TENSORRT, (backend.reason, facts)
            inputs = windows(20, inputs={spec.name: spec.shape for spec in bundle.manifest.inputs})
            got, wanted = backend.infer(inputs), OnnxCpuBackend(bundle).infer(inputs)
            assert np.allclose(got["scores"], wanted["scores"], atol=bundle.manifest.golden_tolerance)
            assert backend.rung is Rung.TENSORRT
        assert host.started <= 3, "one process serves both; only a build without a plan beside it ends it first"
    finally:
        host.close()
