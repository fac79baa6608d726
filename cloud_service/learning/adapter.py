"""The adapter of a language model that words bring: taken in with what its texts were found to be worth, and gated."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from biosignal.wording.bundle import GGUF, WordsBundle
from cloud_service.learning.gate import FAILED, PASSED, Gate

LOCKED, ALONE = "tuned + lock", "base + lock"
"""How `export llm evaluate` names the texts of the model with its adapter, and without, as devices write both."""
SOON = "by_model_within_8_cpu_s"
WHOLE = ("faithful", "supported", "complete")
FEWEST = 20
"""Held-out findings that an adapter was at least tried on."""
_KEPT = ("model", "adapter", "corpus", "findings", "memory_mb")


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """An adapter, and what the desk found its texts to be worth."""

    adapter: bytes
    figures: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """The hash of the adapter's file."""
        return hashlib.sha256(self.adapter).hexdigest()


def brought_from(adapter: Path, figures: Path) -> Brought:
    """Read what a desk made: the adapter, and the file of `export llm evaluate --json`.

    Raises
    ------
    BadInput : a file cannot be read, or is not what it should be.
    """
    try:
        data, found = adapter.read_bytes(), json.loads(figures.read_bytes())
        scored = {name: found["writers"][name] for name in (ALONE, LOCKED)}
        kept = {name: found[name] for name in _KEPT}
    except OSError as error:
        raise BadInput("a file cannot be read", file=str(error.filename), why=error.strerror) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("these are no figures of an adapter", file=str(figures), lacks=str(error)) from error
    if not data.startswith(GGUF):
        raise BadInput("the adapter is no GGUF file", file=str(adapter), remedy="make it by `export llm adapter`")
    writers = {name: {key: one for key, one in scores.items() if key != "examples"} for name, scores in scored.items()}
    return Brought(adapter=data, figures={**kept, "writers": writers})


def carried(parent: WordsBundle | None) -> Brought | None:
    """Give the adapter of the words that were released before, which goes on with the next."""
    if parent is None or parent.adapter is None or parent.figures is None:
        return None
    return Brought(adapter=parent.adapter, figures=parent.figures)


def adapter_gate(brought: Brought, parent: WordsBundle | None) -> Gate:
    """Ask the figures whether the adapter may go to devices: true and whole texts, and no fewer of them in time.

    The lock makes them true whatever the adapter is; this asks whether it was tried, and is worth its place.
    """
    if (before := carried(parent)) is not None and before.sha256 == brought.sha256:
        return _gate("as it was released before", [], sha256=brought.sha256)
    try:
        tuned, alone = (brought.figures["writers"][name] for name in (LOCKED, ALONE))
        wrong = [
            *_ungrounded(brought, tuned),
            *(f"only {tuned[name]:.1%} are {name}" for name in WHOLE if tuned[name] < 1),
            *_rarer(tuned["cost"][SOON], alone["cost"][SOON]),
        ]
        figures = {name: tuned[name] for name in (*WHOLE, "grade", "other_than_template")}
        within = tuned["cost"][SOON]
    except (KeyError, TypeError, ValueError) as error:
        return _gate("", [f"the figures are not those of an evaluation: {error!r}"], sha256=brought.sha256)
    return _gate("true, whole, and no rarer in time than without it", wrong, n=tuned["texts"], soon=within, **figures)


def _ungrounded(brought: Brought, tuned: Mapping[str, Any]) -> list[str]:
    if brought.figures["adapter"]["sha256"] != brought.sha256:
        return ["the figures are of another adapter"]
    tried = tuned["texts"]
    return [] if tried >= FEWEST else [f"it was tried on {tried} findings, and {FEWEST} are asked for"]


def _rarer(tuned: float, alone: float) -> list[str]:
    return [] if tuned >= alone else [f"within 8 s it writes {tuned:.1%} of the texts, the model alone {alone:.1%}"]


def _gate(otherwise: str, wrong: list[str], **figures: object) -> Gate:
    status, why = (FAILED, "; ".join(wrong)) if wrong else (PASSED, otherwise)
    return Gate(name="texts of the adapter", status=status, why=why, figures=figures)
