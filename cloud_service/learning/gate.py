"""The verdict of a gate, the report of all, and how much worse than the released model a candidate may be."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PASSED, FAILED, NOT_MEASURED = "passed", "failed", "not-measured"


@dataclass(frozen=True, kw_only=True, slots=True)
class GateMargins:
    """How much worse than the released model a candidate may be.

    `f1`, `se`, `ppv`: fall per class, where the class has at least `min_marks` in the set; a fall within `errors`
    binomial standard errors of the released model's own figure may be chance and does not fail. `ece`: rise
    of the expected calibration error. `reviewed`: fall of the agreement with held-out reviewed marks. `size`, `speed`:
    largest ratio. `loss`, `loss_share`: rise of the log loss of a statement, as it is and of the released model's.
    """

    f1: float = 0.02
    se: float = 0.03
    ppv: float = 0.03
    loss: float = 0.02
    loss_share: float = 0.25
    min_marks: int = 20
    errors: float = 1.0
    ece: float = 0.02
    reviewed: float = 0.0
    size: float = 1.1
    speed: float = 1.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """One verdict with what it rests on."""

    name: str
    status: str
    why: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class GateReport:
    """All verdicts on one candidate."""

    candidate: str
    candidate_digest: str
    parent: str
    dataset: str
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether no gate failed; gates that must be measured fail where they could not be."""
        return all(gate.status != FAILED for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values."""
        return {**asdict(self), "passed": self.passed}
