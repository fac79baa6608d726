"""The TensorRT rung: find or build the plan, load it in a child, and serve once it reproduced the golden vectors."""

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Rung
from biosignal.model.admission import AdmissionReport, NotAdmitted, admit
from biosignal.model.backend import BackendFailed
from biosignal.model.bundle import Bundle
from edge_agent.inference.engine_cache import EngineCache, Ingredients, ingredients
from edge_agent.inference.settings import TensorRtSettings
from edge_agent.inference.trt_client import ChildRefused, TrtChild


class TensorRtBackend:
    """Runs a loaded plan in the child; larger batches are cut to the profile's largest."""

    def __init__(self, bundle: Bundle, child: TrtChild, plan: bytes, settings: TensorRtSettings) -> None:
        self._manifest = bundle.manifest
        self._child = child
        answer, _ = child.call(
            "load",
            plan,
            timeout_s=settings.load_timeout_s,
            inputs={spec.name: spec.shape for spec in bundle.manifest.inputs},
            outputs={spec.name: spec.shape for spec in bundle.manifest.outputs},
        )
        self._max_batch = int(answer["max_batch"])
        self.timeout_s = settings.load_timeout_s

    @property
    def bundle(self) -> str:
        """``name/version`` of the bundle it serves."""
        return self._manifest.identity

    @property
    def rung(self) -> Rung:
        """`Rung.TENSORRT`."""
        return Rung.TENSORRT

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        """Run once, within `timeout_s` for each part of a batch.

        Raises
        ------
        BackendFailed : the child refused, died or was late, or an output is not finite.
        """
        batch = len(next(iter(inputs.values())))
        parts = [self._part(inputs, at, min(at + self._max_batch, batch)) for at in range(0, batch, self._max_batch)]
        outputs = {spec.name: np.concatenate([part[spec.name] for part in parts]) for spec in self._manifest.outputs}
        for name, value in outputs.items():
            if not np.isfinite(value).all():
                raise BackendFailed("an output is not finite", bundle=self.bundle, output=name)
        return outputs

    def _part(self, inputs: Mapping[str, NDArray[np.float32]], start: int, end: int) -> dict[str, NDArray[np.float32]]:
        body = b"".join(
            np.ascontiguousarray(inputs[spec.name][start:end], np.float32).tobytes() for spec in self._manifest.inputs
        )
        _, answer = self._child.call("infer", body, timeout_s=self.timeout_s, batch=end - start)
        outputs, at = {}, 0
        for spec in self._manifest.outputs:
            size = 4 * (end - start) * int(np.prod(spec.shape))
            if at + size > len(answer):
                raise BackendFailed("the TensorRT process answered too little", bytes=len(answer))
            flat = np.frombuffer(answer[at : at + size], np.float32)
            outputs[spec.name] = flat.reshape(end - start, *spec.shape)
            at += size
        return outputs

    def close(self) -> None:
        """End the child; safe to call twice."""
        self._child.close()


def probe_tensorrt(settings: TensorRtSettings) -> Mapping[str, Any]:
    """Tell the facts of the GPU and of TensorRT.

    Raises
    ------
    BackendFailed : why there is no such rung here, in a sentence.
    """
    child = TrtChild(settings)
    try:
        return _facts(child, settings)
    finally:
        child.close()


def _facts(child: TrtChild, settings: TensorRtSettings) -> Mapping[str, Any]:
    child.call("probe", timeout_s=settings.start_timeout_s)
    answer, _ = child.call("facts", timeout_s=settings.start_timeout_s)
    facts: Mapping[str, Any] = answer["facts"]
    return facts


def open_tensorrt(
    bundle: Bundle, settings: TensorRtSettings, *, stop: threading.Event | None = None
) -> tuple[TensorRtBackend, AdmissionReport]:
    """Bring the rung up: probe, plan from the cache or built here, load, admit.

    A cached plan that does not verify, load or reproduce the golden vectors is set aside, and one is built in its place
    once. A fresh one that fails is set aside too, and the rung is not to be had. `stop`, when set, calls it off.

    Raises
    ------
    BackendFailed, NotAdmitted : why it is not to be had.
    """
    child = TrtChild(settings, stop=stop)
    try:
        facts = _facts(child, settings)
        wanted = ingredients(bundle, facts, max_batch=settings.max_batch, workspace_bytes=settings.workspace_bytes)
        cache = EngineCache(settings.cache_dir)
        plan = cache.find(wanted.key())
    except BaseException:
        child.close()
        raise
    if plan is not None:
        try:
            return _serve(bundle, child, plan, settings)
        except (BackendFailed, NotAdmitted) as stale:
            cache.set_aside(wanted.key(), str(stale))
    child.close()  # its context would hold memory that the build needs
    plan = _build(bundle, wanted, cache, settings, stop)
    cache.store(wanted.key(), plan)
    child = TrtChild(settings, stop=stop)
    try:
        return _serve(bundle, child, plan, settings)
    except (BackendFailed, NotAdmitted) as failed:
        cache.set_aside(wanted.key(), f"built just now: {failed}")
        raise


def _serve(
    bundle: Bundle, child: TrtChild, plan: bytes, settings: TensorRtSettings
) -> tuple[TensorRtBackend, AdmissionReport]:
    try:
        backend = TensorRtBackend(bundle, child, plan, settings)
        report = admit(backend, bundle)
    except BaseException:
        child.close()
        raise
    backend.timeout_s = settings.infer_timeout_s
    return backend, report


def _build(
    bundle: Bundle, wanted: Ingredients, cache: EngineCache, settings: TensorRtSettings, stop: threading.Event | None
) -> bytes:
    """Build in a child of its own, with a limit on time and memory, at low priority."""
    timing = cache.find(wanted.timing_key(), "timing") or b""
    child = TrtChild(settings, nice=10, stop=stop)
    try:
        answer, body = child.call(
            "build",
            bundle.onnx + timing,
            timeout_s=settings.build_timeout_s,
            memory_bytes=settings.build_memory_bytes,
            onnx_bytes=len(bundle.onnx),
            workspace_bytes=settings.workspace_bytes,
            profile=wanted.profiles,
        )
    finally:
        child.close()
    size = int(answer["plan_bytes"])
    if not 0 < size <= len(body):
        raise ChildRefused("the build gave no plan")
    if body[size:]:
        cache.store(wanted.timing_key(), body[size:], "timing")
    return body[:size]
