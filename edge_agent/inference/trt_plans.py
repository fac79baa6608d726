"""The one TensorRT process of the daemon, and the plans of all tasks in it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from biosignal.model.backend import BackendFailed
from biosignal.model.bundle import Manifest
from edge_agent.inference.settings import TensorRtSettings
from edge_agent.inference.trt_client import ChildLost, ChildRefused, TrtChild
from edge_agent.pulse import Pulse

T = TypeVar("T")
LIMIT_S = 2.0
"""A process that is late is ended within so many seconds behind its time-out."""
BUSY_S = 0.02
"""How long a window waits while another plan is loaded; after that the CPU answers it sooner."""


class PlanGone(BackendFailed):
    """The process was ended by something else than this plan, and the plan with it."""

    remedy = "the plan is loaded again at once; meanwhile the next rung of the ladder serves"


class HostBusy(BackendFailed):
    """The process loads or tests another plan at this moment."""

    remedy = "the next rung of the ladder answers this window"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedPlan:
    """A plan in the process: its name there, which process it was, and the largest batch it takes."""

    name: str
    process: int
    max_batch: int


class PlanHost:
    """One process with one CUDA context for the plans of all tasks.

    It starts when the first plan is wanted and ends with the last. When it dies, every plan in it is gone: the call in
    which it died raises `ChildLost`, later calls for other plans `PlanGone`. Any thread may call; one call at a time.
    """

    def __init__(self, settings: TensorRtSettings) -> None:
        self._settings = settings
        self.pulse = Pulse("inference host", LIMIT_S)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._notes = threading.Lock()  # guards the plans that are to leave; never held during a call
        self._leaving: list[LoadedPlan] = []
        self._child: TrtChild | None = None
        self._process = 0
        self._loaded: set[str] = set()
        self._names = 0
        self._facts: Mapping[str, Any] = {}

    @property
    def pid(self) -> int | None:
        """Id of the process; None where there is none."""
        child = self._child
        return child.pid if child is not None else None

    @property
    def started(self) -> int:
        """How many processes there have been."""
        return self._process

    def facts(self) -> Mapping[str, Any]:
        """Give the facts of the GPU and of TensorRT.

        Raises
        ------
        BackendFailed : why there is no TensorRT here, in a sentence.
        """
        with self._working():
            self._running()
            return self._facts

    def load(self, manifest: Manifest, plan: bytes) -> LoadedPlan:
        """Load a bundle's plan beside the others, under a name of its own.

        Raises
        ------
        ChildRefused : it cannot be loaded. ChildLost : it took the process and every other plan with it.
        """
        with self._working():
            child = self._running()
            self._names += 1
            name = f"{manifest.identity}#{self._names}"
            answer, _ = self._call(
                child,
                "load",
                plan,
                timeout_s=self._settings.load_timeout_s,
                name=name,
                inputs={spec.name: spec.shape for spec in manifest.inputs},
                outputs={spec.name: spec.shape for spec in manifest.outputs},
            )
            self._loaded.add(name)
            return LoadedPlan(name=name, process=self._process, max_batch=int(answer["max_batch"]))

    def infer(
        self, plan: LoadedPlan, body: bytes, *, batch: int, timeout_s: float, patience_s: float = BUSY_S
    ) -> bytes:
        """Run a plan once.

        Raises
        ------
        ChildRefused : it cannot be run so. ChildLost : the process died of it, or was late.
        PlanGone : it is not in the process any more. HostBusy : another plan was busy for longer than `patience_s`.
        """
        self._child_of(plan)  # a plan that is gone needs no wait for the process that is being started
        with self._working(patience_s):
            child = self._child_of(plan)
            return self._call(child, "infer", body, timeout_s=timeout_s, name=plan.name, batch=batch)[1]

    def unload(self, plan: LoadedPlan) -> None:
        """Let a plan go, now or as soon as the call under way has ended; safe to call twice."""
        with self._notes:
            self._leaving.append(plan)
        if self._lock.acquire(blocking=False):
            try:
                self._let_go()
            finally:
                self._lock.release()

    def build(self, work: Callable[[TrtChild], T], *, stop: threading.Event) -> T:
        """Do one build in a process of its own, at low priority, one at a time.

        The host is ended first where no plan is in it: its context would hold memory that the build needs.
        """
        with self._building:
            if stop.is_set():
                raise ChildRefused("the build was called off")
            with self._working():
                if not self._loaded:
                    self._end()
            child = TrtChild(self._settings, nice=10, stop=stop)
            try:
                return work(child)
            finally:
                child.close()

    def close(self) -> None:
        """End the process, and a call under way with it; safe to call twice."""
        self._stop.set()
        with self._lock:
            self._end()

    @contextmanager
    def _working(self, patience_s: float = -1.0) -> Iterator[None]:
        if not self._lock.acquire(timeout=patience_s):
            raise HostBusy("the TensorRT process is busy with another plan")
        try:
            self._let_go()
            yield
        finally:
            self._lock.release()

    def _running(self) -> TrtChild:
        """Give the process, started where there is none."""
        if self._stop.is_set():
            raise ChildRefused("the TensorRT process was closed")
        if self._child is not None and not self._child.alive:
            self._end()
        if self._child is None:
            self._child = child = TrtChild(self._settings, stop=self._stop)
            self._process += 1
            try:
                self._call(child, "probe", timeout_s=self._settings.start_timeout_s)
                answer, _ = self._call(child, "facts", timeout_s=self._settings.start_timeout_s)
            except ChildRefused:
                self._end()
                raise
            self._facts = answer["facts"]
        return self._child

    def _child_of(self, plan: LoadedPlan) -> TrtChild:
        child = self._child
        if child is None or plan.process != self._process:
            raise PlanGone("the TensorRT process was ended, and the plan with it", plan=plan.name)
        return child

    def _call(
        self, child: TrtChild, command: str, body: bytes = b"", *, timeout_s: float, **order: Any
    ) -> tuple[Mapping[str, Any], bytes]:
        self.pulse.beat(timeout_s + LIMIT_S)
        try:
            return child.call(command, body, timeout_s=timeout_s, **order)
        except ChildLost:
            self._end()
            raise
        finally:
            self.pulse.rest()

    def _let_go(self) -> None:
        with self._notes:
            leaving, self._leaving = self._leaving, []
        for plan in leaving:
            if self._child is None or plan.process != self._process or plan.name not in self._loaded:
                continue
            self._loaded.discard(plan.name)
            if self._loaded:
                self._unload(self._child, plan)
            else:
                self._end()

    def _unload(self, child: TrtChild, plan: LoadedPlan) -> None:
        with suppress(BackendFailed):  # if unloading failed, the next window meets the error and handles it
            self._call(child, "unload", timeout_s=self._settings.unload_timeout_s, name=plan.name)

    def _end(self) -> None:
        child, self._child = self._child, None
        self._loaded.clear()
        if child is not None:
            child.close()
