"""The TensorRT rung: find or build the plan, load it into the host, and serve once it reproduced the golden vectors."""

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Rung
from biosignal.model.admission import AdmissionReport, NotAdmitted, admit
from biosignal.model.backend import BackendFailed
from biosignal.model.bundle import Bundle
from biosignal.tasks.lookup import contract_of
from edge_agent.inference.engine_cache import EngineCache, Ingredients, ingredients
from edge_agent.inference.settings import DEFAULT_CACHE, TensorRtSettings
from edge_agent.inference.trt_client import ChildRefused, TrtChild
from edge_agent.inference.trt_plans import BUSY_S, HostBusy, PlanGone, PlanHost


class TensorRtBackend:
    """Runs a plan in the host; larger batches are cut to the profile's largest."""

    def __init__(self, bundle: Bundle, host: PlanHost, plan: bytes, settings: TensorRtSettings) -> None:
        self._manifest = bundle.manifest
        self._host = host
        self._plan = host.load(bundle.manifest, plan)
        self._timeout_s = self._patience_s = settings.load_timeout_s
        self._settings = settings

    def go_live(self) -> None:
        """From now on a window must be answered within the time set for it: it was admitted."""
        self._timeout_s, self._patience_s = self._settings.infer_timeout_s, BUSY_S

    @property
    def bundle(self) -> str:
        """``name/version`` of the bundle it serves."""
        return self._manifest.identity

    @property
    def rung(self) -> Rung:
        """`Rung.TENSORRT`."""
        return Rung.TENSORRT

    @property
    def pid(self) -> int | None:
        """Process id of the host; None where it is gone."""
        return self._host.pid

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        """Run once, within the time set for each part of a batch.

        Raises
        ------
        BackendFailed : the host refused, died, was late or busy, or an output is not finite.
        """
        batch, most = len(next(iter(inputs.values()))), self._plan.max_batch
        parts = [self._part(inputs, at, min(at + most, batch)) for at in range(0, batch, most)]
        outputs = {spec.name: np.concatenate([part[spec.name] for part in parts]) for spec in self._manifest.outputs}
        for name, value in outputs.items():
            if not np.isfinite(value).all():
                raise BackendFailed("an output is not finite", bundle=self.bundle, output=name)
        return outputs

    def _part(self, inputs: Mapping[str, NDArray[np.float32]], start: int, end: int) -> dict[str, NDArray[np.float32]]:
        body = b"".join(
            np.ascontiguousarray(inputs[spec.name][start:end], np.float32).tobytes() for spec in self._manifest.inputs
        )
        answer = self._host.infer(
            self._plan, body, batch=end - start, timeout_s=self._timeout_s, patience_s=self._patience_s
        )
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
        """Let the plan go; safe to call twice."""
        self._host.unload(self._plan)


def probe_tensorrt(settings: TensorRtSettings) -> Mapping[str, Any]:
    """Give the facts of the GPU and of TensorRT.

    Raises
    ------
    BackendFailed : why there is no such rung here, in a sentence.
    """
    host = PlanHost(settings)
    try:
        return host.facts()
    finally:
        host.close()


def open_tensorrt(
    bundle: Bundle, host: PlanHost, settings: TensorRtSettings, *, stop: threading.Event | None = None
) -> tuple[TensorRtBackend, AdmissionReport]:
    """Bring the rung up: probe, plan from the cache or built here, load, admit.

    A cached plan that does not verify, load or reproduce the golden vectors is set aside, and one is built in its place
    once. A fresh one that fails is set aside too, and the rung is not to be had. `stop`, when set, calls a build off.

    Raises
    ------
    BackendFailed, NotAdmitted : why it is not to be had.
    """
    facts = host.facts()
    wanted = ingredients(bundle, facts, max_batch=settings.max_batch, workspace_bytes=settings.workspace_bytes)
    cache = EngineCache(settings.cache_dir or DEFAULT_CACHE)
    plan = cache.find(wanted.key())
    if plan is not None:
        try:
            return _serve(bundle, host, plan, settings)
        except (PlanGone, HostBusy):
            raise
        except (BackendFailed, NotAdmitted) as stale:
            cache.set_aside(wanted.key(), str(stale))
    plan = _build(bundle, wanted, cache, host, settings, stop or threading.Event())
    cache.store(wanted.key(), plan)
    try:
        return _serve(bundle, host, plan, settings)
    except (PlanGone, HostBusy):
        raise
    except (BackendFailed, NotAdmitted) as failed:
        cache.set_aside(wanted.key(), f"built just now: {failed}")
        raise


def _serve(
    bundle: Bundle, host: PlanHost, plan: bytes, settings: TensorRtSettings
) -> tuple[TensorRtBackend, AdmissionReport]:
    backend = TensorRtBackend(bundle, host, plan, settings)
    try:
        report = admit(backend, bundle, contract_of(bundle.manifest.task))
    except BaseException as failed:
        backend.close()
        if isinstance(failed.__cause__, PlanGone | HostBusy):
            raise failed.__cause__ from failed
        raise
    backend.go_live()
    return backend, report


def _build(
    bundle: Bundle,
    wanted: Ingredients,
    cache: EngineCache,
    host: PlanHost,
    settings: TensorRtSettings,
    stop: threading.Event,
) -> bytes:
    """Build in a child of its own, with a limit on time and memory, at low priority."""
    timing = cache.find(wanted.timing_key(), "timing") or b""

    def work(child: TrtChild) -> tuple[Mapping[str, Any], bytes]:
        return child.call(
            "build",
            bundle.onnx + timing,
            timeout_s=settings.build_timeout_s,
            memory_bytes=settings.build_memory_bytes,
            onnx_bytes=len(bundle.onnx),
            workspace_bytes=settings.workspace_bytes,
            profile=wanted.profiles,
        )

    answer, body = host.build(work, stop=stop)
    size = int(answer["plan_bytes"])
    if not 0 < size <= len(body):
        raise ChildRefused("the build gave no plan")
    if body[size:]:
        cache.store(wanted.timing_key(), body[size:], "timing")
    return body[:size]
