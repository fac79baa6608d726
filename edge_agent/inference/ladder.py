"""The ladder TensorRT -> ONNX Runtime on the CPU -> rules: the best rung that reproduced the golden vectors serves.

The CPU rung is always loaded: it is the reference for the cross-check and answers at once, within the same call, when
TensorRT fails. So a hang, crash or drift of TensorRT costs no beat its answer.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Rung
from biosignal.model.admission import AdmissionReport, NotAdmitted, admit, worst_difference
from biosignal.model.backend import BackendFailed
from biosignal.model.bundle import Bundle
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import contract_of
from edge_agent.inference.budget import Budget, Clock
from edge_agent.inference.settings import InferenceSettings
from edge_agent.inference.trt_backend import TensorRtBackend, open_tensorrt
from edge_agent.inference.trt_client import ChildLost
from edge_agent.inference.trt_plans import HostBusy, PlanGone, PlanHost

OnChange = Callable[[Rung, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class LadderState:
    """State of a ladder: for metrics, the dashboard and `doctor`.

    `answered` counts calls by rung. `worst_difference` is the largest seen by the cross-check, absent before the first.
    """

    bundle: str
    rung: Rung
    reason: str
    answered: Mapping[Rung, int]
    failures: Mapping[Rung, int]
    cross_checks: int
    worst_difference: float | None
    admissions: tuple[AdmissionReport, ...]
    tensorrt_pid: int | None


class _Blame(Enum):
    """Whose fault it is that TensorRT does not answer."""

    PLAN = "plan"  # it was refused, or its numbers are wrong: a second try would fail in the same way
    PROCESS = "process"  # the process died at work on this plan
    OTHERS = "others"  # the process was ended by something else


def _blame(failure: BaseException) -> _Blame:
    causes = (failure, failure.__cause__)
    if any(isinstance(cause, PlanGone | HostBusy) for cause in causes):
        return _Blame.OTHERS
    return _Blame.PROCESS if any(isinstance(cause, ChildLost) for cause in causes) else _Blame.PLAN


@dataclass(slots=True)
class _Attempt:
    """TensorRT being brought up on a thread of its own; the thread fills in one of `opened` and `refused`."""

    opened: tuple[TensorRtBackend, AdmissionReport] | None = None
    refused: str = ""
    blame: _Blame = _Blame.PLAN
    abandoned: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


class LadderBackend:
    """Serves one bundle on the best rung there is. `rung`, read after `infer`, is the rung that gave that answer.

    One thread calls `infer`; `state` and `close` may be called from any. `on_change(rung, reason)` is called on the
    thread that calls `infer`, before that window's answer.

    Raises
    ------
    NotAdmitted : the CPU does not reproduce the golden vectors; without a reference nothing may serve.
    """

    def __init__(
        self,
        bundle: Bundle,
        settings: InferenceSettings,
        host: PlanHost,
        *,
        on_change: OnChange | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._bundle, self._settings, self._host, self._clock = bundle, settings, host, clock
        self._on_change = on_change
        self._guard = threading.RLock()
        self._cpu: OnnxCpuBackend | None = None
        self._tensorrt: TensorRtBackend | None = None
        self._attempt: _Attempt | None = None
        self._try_tensorrt_at: float | None = clock() if settings.tensorrt.enabled else None
        self._try_cpu_at = 0.0
        self._budgets = {rung: Budget(settings, clock) for rung in (Rung.TENSORRT, Rung.ONNX_CPU)}
        self._answered: Counter[Rung] = Counter()
        self._failures: Counter[Rung] = Counter()
        self._cross_checks, self._worst = 0, -1.0
        self._admissions: dict[Rung, AdmissionReport] = {}
        self._closed = False
        self._rung, self._reason, self._proven = Rung.ONNX_CPU, "TensorRT is switched off in the settings", ""
        self._open_cpu()

    @property
    def bundle(self) -> str:
        """``name/version`` of the bundle it serves."""
        return self._bundle.identity

    @property
    def rung(self) -> Rung:
        """The rung that gave the last answer, or would give the first."""
        return self._rung

    @property
    def reason(self) -> str:
        """Why it serves on this rung, in a sentence."""
        return self._reason

    @property
    def settled(self) -> bool:
        """Whether no rung is being brought up at this moment."""
        return self._attempt is None

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        """Answer on the best rung; where TensorRT fails, at once on the CPU.

        Raises
        ------
        BackendFailed : the inputs are not the bundle's, or no rung but the rules is left.
        """
        with self._guard:
            if self._closed:
                raise BackendFailed("the backend is closed", bundle=self.bundle)
            self._check(inputs)
            self._climb()
            outputs = self._on_tensorrt(inputs) if self._tensorrt else None
            if outputs is None:
                outputs = self._on_cpu(inputs)
            self._answered[self._rung] += 1
            return outputs

    def listen(self, on_change: OnChange | None) -> None:
        """Call `on_change` at each later change of the rung."""
        self._on_change = on_change

    def wait(self, timeout_s: float) -> bool:
        """Wait until TensorRT was brought up or refused, and take it up; return whether that is decided."""
        with self._guard:
            self._climb()
            attempt = self._attempt
        if attempt is not None and attempt.done.wait(timeout_s):
            with self._guard:
                self._climb()
        return self.settled

    def state(self) -> LadderState:
        """Its state now."""
        return LadderState(
            bundle=self.bundle,
            rung=self._rung,
            reason=self._reason,
            answered=dict(self._answered),
            failures=dict(self._failures),
            cross_checks=self._cross_checks,
            worst_difference=self._worst if self._cross_checks else None,
            admissions=tuple(self._admissions.values()),
            tensorrt_pid=self._tensorrt.pid if self._tensorrt else None,
        )

    def close(self) -> None:
        """Give back every rung; safe to call twice."""
        with self._guard:
            self._closed = True
            self._abandon()
            for backend in (self._tensorrt, self._cpu):
                if backend is not None:
                    backend.close()
            self._tensorrt = self._cpu = None

    def _check(self, inputs: Mapping[str, NDArray[np.float32]]) -> None:
        """A window that is wrong in itself must not cost a rung."""
        specs = {spec.name: spec.shape for spec in self._bundle.manifest.inputs}
        shapes = {name: value.shape[1:] for name, value in inputs.items()}
        batches = {value.shape[:1] for value in inputs.values()}
        whole = shapes == specs and len(batches) == 1 and batches != {(0,)}
        if not whole or not all(value.dtype == np.float32 and np.isfinite(value).all() for value in inputs.values()):
            raise BackendFailed("the window is not what the bundle takes, or is not finite", shapes=shapes, wants=specs)

    def _on_tensorrt(self, inputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, NDArray[np.float32]] | None:
        assert self._tensorrt is not None
        try:
            outputs = self._tensorrt.infer(inputs)
        except HostBusy as busy:
            self._step_down(str(busy))
            return None
        except PlanGone as gone:
            self._begin_again(str(gone))
            return None
        except BackendFailed as failed:
            self._failures[Rung.TENSORRT] += 1
            self._restart_tensorrt(str(failed))
            return None
        self._set_rung(Rung.TENSORRT, self._proven)
        every = self._settings.cross_check_every
        if every and self._cpu and (self._answered[Rung.TENSORRT] + 1) % every == 0:
            return self._cross_check(inputs, outputs, self._cpu)
        return outputs

    def _cross_check(
        self,
        inputs: Mapping[str, NDArray[np.float32]],
        outputs: Mapping[str, NDArray[np.float32]],
        reference: OnnxCpuBackend,
    ) -> Mapping[str, NDArray[np.float32]]:
        try:
            wanted = reference.infer(inputs)
        except BackendFailed:
            self._failures[Rung.ONNX_CPU] += 1
            return outputs
        gap, where = worst_difference(outputs, wanted)
        self._cross_checks += 1
        self._worst = max(self._worst, gap)
        tolerance = self._bundle.manifest.golden_tolerance
        if gap <= tolerance:
            return outputs
        self._lose_tensorrt(f"TensorRT drifted from the CPU by {gap:.3g} in {where}, more than {tolerance:g}")
        return wanted

    def _on_cpu(self, inputs: Mapping[str, NDArray[np.float32]]) -> Mapping[str, NDArray[np.float32]]:
        if self._cpu is None and self._clock() >= self._try_cpu_at:
            try:
                self._open_cpu()
                self._set_rung(Rung.ONNX_CPU, "the CPU reproduces the golden vectors again")
            except NotAdmitted as refused:
                self._lose_cpu(str(refused))
        if self._cpu is None:
            raise BackendFailed("no backend is left, rules only", bundle=self.bundle, reason=self._reason)
        try:
            return self._cpu.infer(inputs)
        except BackendFailed as failed:
            self._failures[Rung.ONNX_CPU] += 1
            if self._budgets[Rung.ONNX_CPU].spend() > self._settings.restarts:
                self._lose_cpu(f"the CPU failed too often: {failed}")
            raise

    def _open_cpu(self) -> None:
        try:
            backend = OnnxCpuBackend(self._bundle)
        except BackendFailed as refused:
            raise NotAdmitted(str(refused)) from refused
        self._admissions[Rung.ONNX_CPU] = admit(backend, self._bundle, contract_of(self._bundle.manifest.task))
        self._cpu = backend

    def _lose_cpu(self, reason: str) -> None:
        if self._cpu is not None:
            self._cpu.close()
        self._cpu, self._try_cpu_at = None, self._budgets[Rung.ONNX_CPU].lose()
        self._set_rung(Rung.RULES, reason)

    def _restart_tensorrt(self, reason: str) -> None:
        spent = self._budgets[Rung.TENSORRT].spend()
        if spent > self._settings.restarts:
            self._lose_tensorrt(f"{reason}; too often: {spent} times in {self._settings.restarts_within_s:g} s")
            return
        self._begin_again(f"{reason}; starting it again, {spent} of {self._settings.restarts}")

    def _begin_again(self, reason: str) -> None:
        """Load and admit the plan once more. A process that another plan ended is not held against this one."""
        self._drop_tensorrt()
        self._begin()
        self._step_down(reason)

    def _lose_tensorrt(self, reason: str) -> None:
        self._drop_tensorrt()
        self._try_tensorrt_at = self._budgets[Rung.TENSORRT].lose()
        wait_s = self._try_tensorrt_at - self._clock()
        self._step_down(f"{reason}; it is tried again in {wait_s / 60:.0f} min")

    def _drop_tensorrt(self) -> None:
        if self._tensorrt is not None:
            self._tensorrt.close()
        self._tensorrt = None

    def _step_down(self, reason: str) -> None:
        self._set_rung(Rung.ONNX_CPU if self._cpu else Rung.RULES, reason)

    def _climb(self) -> None:
        """Take up what was brought up meanwhile, or begin when the time has come; a window boundary is here."""
        if self._attempt is None and self._try_tensorrt_at is not None and self._clock() >= self._try_tensorrt_at:
            self._begin()
            self._reason = "TensorRT is being prepared"
        attempt = self._attempt
        if attempt is None or not attempt.done.is_set():
            return
        self._attempt = None
        if attempt.opened is None:
            self._fail(attempt)
            return
        self._tensorrt, report = attempt.opened
        self._admissions[Rung.TENSORRT] = report
        self._proven = f"TensorRT reproduces {report.windows} golden windows within {report.worst_difference:.2g}"
        self._set_rung(Rung.TENSORRT, self._proven)

    def _fail(self, attempt: _Attempt) -> None:
        if attempt.blame is _Blame.OTHERS:
            self._begin_again(attempt.refused)
            return
        self._failures[Rung.TENSORRT] += 1
        if attempt.blame is _Blame.PROCESS and Rung.TENSORRT in self._admissions:
            self._restart_tensorrt(attempt.refused)
        else:
            self._lose_tensorrt(attempt.refused)

    def _begin(self) -> None:
        self._try_tensorrt_at = None
        self._attempt = _Attempt()
        threading.Thread(target=self._bring_up, args=(self._attempt,), name="edge.inference.open", daemon=True).start()

    def _bring_up(self, attempt: _Attempt) -> None:
        opened, refused = None, ""
        try:
            opened = open_tensorrt(self._bundle, self._host, self._settings.tensorrt, stop=attempt.abandoned)
        except Exception as failed:  # noqa: BLE001 the border of this thread: the reason is the answer
            refused = str(failed) or type(failed).__name__
            attempt.blame = _blame(failed)
        with attempt.lock:
            if opened and attempt.abandoned.is_set():
                opened[0].close()
            else:
                attempt.opened, attempt.refused = opened, refused
        attempt.done.set()

    def _abandon(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return
        with attempt.lock:
            attempt.abandoned.set()
            if attempt.opened:
                attempt.opened[0].close()

    def _set_rung(self, rung: Rung, reason: str) -> None:
        changed = rung is not self._rung
        self._rung, self._reason = rung, reason
        if changed and self._on_change is not None:
            self._on_change(rung, reason)


def climb(
    bundle: Bundle, settings: InferenceSettings, host: PlanHost, *, on_change: OnChange | None = None
) -> LadderBackend:
    """Admit a bundle on the best rung that reproduces its golden vectors.

    The bundle serving until now is not touched: the caller closes its backend after the switch. Waits up to
    `tensorrt.wait_s` for TensorRT; a longer build goes on aside, and the backend climbs at a later window.

    Raises
    ------
    ContractBroken : it is not what its task needs.
    NotAdmitted : no rung may serve it.
    """
    backend = LadderBackend(bundle, settings, host)
    backend.wait(settings.tensorrt.wait_s)
    backend.listen(on_change)
    return backend
