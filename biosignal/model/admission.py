"""A backend serves only after its bundle kept the contract and it reproduced the golden vectors here."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from biosignal.errors import RefusedForSafety
from biosignal.events import Rung
from biosignal.model.backend import Backend, BackendFailed
from biosignal.model.bundle import Bundle, Tensors
from biosignal.model.contract import ModelContract, check_contract


class NotAdmitted(RefusedForSafety):
    """The backend does not give the numbers the model gave when it was released."""

    remedy = "the model in use stays; `edge-agent doctor` shows which rungs reproduce the golden vectors"


@dataclass(frozen=True, kw_only=True, slots=True)
class AdmissionReport:
    """`worst_difference` is the largest absolute difference over all `windows` and outputs, from `worst_output`."""

    bundle: str
    rung: Rung
    windows: int
    worst_difference: float
    worst_output: str
    tolerance: float


def worst_difference(got: Tensors, wanted: Tensors) -> tuple[float, str]:
    """Give the largest absolute difference and its tensor; infinite where a tensor is missing or not finite."""
    worst, where = 0.0, ""
    for name, want in wanted.items():
        have = got.get(name)
        if have is None or have.shape != want.shape or not np.isfinite(have).all():
            return float("inf"), name
        gap = float(np.max(np.abs(have.astype(np.float64) - want.astype(np.float64)), initial=0.0))
        if gap > worst or not where:
            worst, where = gap, name
    return worst, where


def admit(backend: Backend, bundle: Bundle, contract: ModelContract) -> AdmissionReport:
    """Hold the bundle against its task's contract, then run its golden windows and compare the outputs.

    The windows are run one at a time, as they come at the bedside, and once as a batch.

    Raises
    ------
    ContractBroken : the bundle's answers would be read wrongly, whatever its golden vectors say.
    NotAdmitted : an output is off by more than the bundle's tolerance or not finite, or the backend did not answer.
    """
    check_contract(bundle.manifest, contract, task=bundle.manifest.task)
    inputs, wanted, tolerance = bundle.golden()
    windows = len(next(iter(inputs.values())))
    spans = [(at, at + 1) for at in range(windows)] + ([(0, windows)] if windows > 1 else [])
    worst, where = 0.0, ""
    for start, end in spans:
        windows_in = {name: value[start:end] for name, value in inputs.items()}
        windows_out = {name: value[start:end] for name, value in wanted.items()}
        gap, name = _compare(backend, bundle, windows_in, windows_out, window=start)
        if gap > worst or not where:
            worst, where = gap, name
    report = AdmissionReport(
        bundle=bundle.identity,
        rung=backend.rung,
        windows=windows,
        worst_difference=worst,
        worst_output=where,
        tolerance=tolerance,
    )
    if not worst <= tolerance:
        raise NotAdmitted(
            "the backend does not reproduce the golden vectors",
            bundle=bundle.identity,
            rung=backend.rung.value,
            worst_difference=worst,
            output=where,
            tolerance=tolerance,
        )
    return report


def _compare(backend: Backend, bundle: Bundle, inputs: Tensors, wanted: Tensors, *, window: int) -> tuple[float, str]:
    facts: dict[str, Any] = {"bundle": bundle.identity, "rung": backend.rung.value, "window": window}
    try:
        return worst_difference(backend.infer(inputs), wanted)
    except BackendFailed as failed:
        raise NotAdmitted("the backend did not answer a golden window", **facts, reason=str(failed)) from failed
    except Exception as error:  # border: what raises at its golden windows must not serve, and must end nothing else
        reason = f"{type(error).__name__}: {error}"
        raise NotAdmitted("the backend failed at a golden window", **facts, reason=reason) from error
