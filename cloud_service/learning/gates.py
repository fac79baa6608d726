"""Grades a candidate against the released model. Every figure says on which set and on how many marks it rests.

A gate passes, fails, or was not measured (with the reason). The task's contract comes first: a bundle whose classes
stand in another order would pass for one whose every answer is wrong. Golden vectors and the fixed anchor set must be
measured; what could not be measured otherwise is said in the report and does not pass for more than it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from biosignal.errors import BedsideError
from biosignal.model.bundle import Bundle
from biosignal.model.contract import ContractBroken, check_contract
from biosignal.tasks.lookup import contract_of, reviews_statements
from cloud_service.learning import comparisons, statement_comparisons
from cloud_service.learning.comparisons import NO_REGRESSION
from cloud_service.learning.dataset import DataSet
from cloud_service.learning.fixed_sets import FixedSet
from cloud_service.learning.gate import FAILED, PASSED, Gate, GateMargins, GateReport
from cloud_service.learning.reviewed import reviewed_kind


def check_task(bundle: Bundle) -> None:
    """Hold a bundle against the contract of the task it names.

    Raises
    ------
    ContractBroken : the task is not known or uses no model, the bundle is named otherwise, or it is not what the task
        needs.
    """
    manifest = bundle.manifest
    contract = contract_of(manifest.task)
    if manifest.name != manifest.task:
        raise ContractBroken("a bundle is named like its task", bundle=bundle.identity, task=manifest.task)
    check_contract(manifest, contract, task=manifest.task)


def grade_refit(
    parent: Bundle,
    candidate: Bundle,
    dataset: DataSet,
    *,
    fixed: Sequence[FixedSet] = (),
    margins: GateMargins | None = None,
) -> GateReport:
    """Run every gate on a bundle whose head was fitted to reviewed marks."""
    gates = _Gates(parent, candidate, margins or GateMargins())
    return gates.report(dataset.id, lambda: gates.of_refit(dataset, fixed))


def grade_import(
    parent: Bundle, candidate: Bundle, *, fixed: Sequence[FixedSet] = (), margins: GateMargins | None = None
) -> GateReport:
    """Run the gates on a bundle that was trained elsewhere.

    It has an encoder of its own, so the parent's anchor says nothing about it: only labelled sets with the model's
    inputs do, and without one the comparison by class fails.
    """
    gates = _Gates(parent, candidate, margins or GateMargins())
    return gates.report("", lambda: gates.of_import(fixed))


@dataclass(frozen=True, slots=True)
class _Gates:
    """The gates of one candidate. One that cannot be run has failed: it shows nothing in the candidate's favour."""

    parent: Bundle
    candidate: Bundle
    margins: GateMargins

    def report(self, dataset: str, more: Callable[[], Iterator[Gate]]) -> GateReport:
        """Run contract and golden vectors, and only behind both the others."""
        gates = [_run("contract", lambda: _contract(self.candidate))]
        if gates[-1].status == PASSED:
            gates.append(_run("golden vectors", lambda: comparisons.golden_vectors(self.candidate)))
        if gates[-1].status == PASSED:
            gates += more()
        return GateReport(
            candidate=self.candidate.identity,
            candidate_digest=self.candidate.digest,
            parent=self.parent.identity,
            dataset=dataset,
            gates=tuple(gates),
        )

    def of_refit(self, dataset: DataSet, fixed: Sequence[FixedSet]) -> Iterator[Gate]:
        """Grade by anchor, fixed sets and held-out reviews."""
        pair = self.parent, self.candidate
        compared = statement_comparisons if reviews_statements(dataset.task) else comparisons
        anchor_set = compared.ANCHOR_SET
        yield _run("encoder unchanged", lambda: comparisons.encoder_unchanged(*pair))
        yield _run(compared.NO_REGRESSION, lambda: compared.no_regression_on_anchor(*pair, self.margins), on=anchor_set)
        yield _run("calibration", lambda: compared.calibration(*pair, self.margins), on=anchor_set)
        yield from self._fixed(fixed)
        name = f"agreement with held-out reviewed {reviewed_kind(dataset.task).plural}"
        yield _run(name, lambda: compared.agreement(name, *pair, dataset, self.margins))
        yield from self._cost()

    def of_import(self, fixed: Sequence[FixedSet]) -> Iterator[Gate]:
        """Grade by fixed sets."""
        compared = list(self._fixed(fixed))
        yield from compared
        if not any(gate.status == PASSED for gate in compared):
            what = reviewed_kind(self.parent.manifest.task).plural
            why = f"there is no fixed set with enough {what} to compare a newly trained model on"
            yield Gate(name=NO_REGRESSION, status=FAILED, why=f"{why} (learning.fixed_sets_dir)", figures={})
        yield from self._cost()

    def _fixed(self, fixed: Sequence[FixedSet]) -> Iterator[Gate]:
        for one in fixed:
            compared = statement_comparisons if reviews_statements(self.parent.manifest.task) else comparisons
            compare = partial(compared.no_regression_on_fixed, self.parent, self.candidate, one, self.margins)
            yield _run(compared.NO_REGRESSION, compare, on=one.name)

    def _cost(self) -> Iterator[Gate]:
        yield _run("size", lambda: comparisons.size(self.parent, self.candidate, self.margins))
        yield _run("speed", lambda: comparisons.speed(self.parent, self.candidate, self.margins))


def _run(name: str, gate: Callable[[], Gate], *, on: str | None = None) -> Gate:
    try:
        return gate()
    except BedsideError as error:
        figures: dict[str, Any] = {"set": on, "n": 0} if on is not None else {}
        worst = error.facts.get("worst_difference")
        if isinstance(worst, float) and np.isfinite(worst):
            figures["worst_difference"] = worst
        return Gate(name=name, status=FAILED, why=str(error), figures=figures)


def _contract(candidate: Bundle) -> Gate:
    check_task(candidate)
    figures = {"classes": list(candidate.manifest.classes), "preprocessing": candidate.manifest.preprocessing}
    return Gate(name="contract", status=PASSED, why="it is what its task needs", figures=figures)
