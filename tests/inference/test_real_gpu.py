"""The real TensorRT on a real GPU; skips with the reason where there is none."""

import os

import numpy as np
import pytest

from biosignal.events import Rung
from biosignal.model.backend import BackendFailed
from biosignal.model.onnx_cpu import OnnxCpuBackend
from edge_agent.inference.ladder import Ladder
from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from edge_agent.inference.trt_backend import probe_tensorrt
from tests.bundles import make_bundle, windows


@pytest.mark.gpu
@pytest.mark.timeout(900)
def test_the_real_tensorrt_reproduces_the_golden_vectors(tmp_path):
    python = os.environ.get("BEDSIDE_INFERENCE_TENSORRT_PYTHON", "/usr/bin/python3")
    settings = TensorRtSettings(python=python, cache_dir=tmp_path, wait_s=800, infer_timeout_s=2.0)
    try:
        facts = probe_tensorrt(settings)
    except BackendFailed as reason:
        pytest.skip(str(reason))
    bundle = make_bundle()
    backend = Ladder("ecg-beats", InferenceSettings(tensorrt=settings, cross_check_every=1)).serve(bundle)
    try:
        assert backend.rung is Rung.TENSORRT, (backend.reason, facts)
        inputs = windows(20)
        got, wanted = backend.infer(inputs), OnnxCpuBackend(bundle).infer(inputs)
        assert np.allclose(got["scores"], wanted["scores"], atol=bundle.manifest.golden_tolerance)
        assert backend.rung is Rung.TENSORRT
    finally:
        backend.close()
