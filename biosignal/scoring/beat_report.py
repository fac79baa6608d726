"""The comparison of beats by EC57 in the form that every scorer gives."""

from dataclasses import dataclass
from typing import Any

from biosignal.scoring.ec57 import KINDS, LEARNING_S, BeatScore, Detection
from biosignal.scoring.score import Table

SHORT_S = 2 * LEARNING_S
"""In a shorter recording the standard's learning period would leave too little to score."""


def learning_period_s(length_s: float) -> float:
    """Give the stretch that is left out of a recording of this length: EC57's five minutes, none where it is short."""
    return LEARNING_S if length_s >= SHORT_S else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class BeatReport:
    """What EC57 says of the beats of one recording."""

    score: BeatScore
    start_s: float
    protocol: str = "EC57"

    def to_json(self) -> dict[str, Any]:
        """Give the matrix, and for each kind of beat its counts, sensitivity `se` and positive predictivity `ppv`."""
        kinds = {name.lower(): _figures(count(self.score)) for name, count in KINDS.items()}
        return {"matrix": self.score.matrix.tolist()} | kinds

    def table(self) -> Table:
        """Give a row for each kind of beat."""
        return Table(
            head=("", "Se %", "+P %", "found", "missed", "extra"),
            rows=tuple(_row(name, count(self.score)) for name, count in KINDS.items()),
        )


def _figures(kind: Detection) -> dict[str, Any]:
    se, ppv = kind.sensitivity, kind.positive_predictivity
    return {
        "tp": kind.tp,
        "fn": kind.fn,
        "fp": kind.fp,
        "se": None if se is None else round(se, 6),
        "ppv": None if ppv is None else round(ppv, 6),
    }


def _row(name: str, kind: Detection) -> tuple[str, ...]:
    shares = (_percent(kind.sensitivity), _percent(kind.positive_predictivity))
    return (name, *shares, str(kind.tp), str(kind.fn), str(kind.fp))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
