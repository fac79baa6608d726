"""The vetted sentences: read once from `knowledge.json` and checked for completeness."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from biosignal.errors import BedsideError
from biosignal.tasks.findings import KINDS, QUANTITIES


class KnowledgeBroken(BedsideError):
    """The file of vetted sentences is not as this program needs it."""

    remedy = "reinstall the package: knowledge.json belongs to it"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassKnowledge:
    """What may be said about one kind: equivalent labels and meanings, and the one action."""

    labels: tuple[str, ...]
    severity: str
    meanings: tuple[str, ...]
    meaning_source: str
    actions: tuple[str, ...]
    quantities: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """All vetted sentences, with the sha256 of the file they came from."""

    sha256: str
    classes: Mapping[str, ClassKnowledge]
    quantities: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, str]
    degraded: tuple[str, ...]
    not_assessable: tuple[str, ...]
    not_assessable_action: str

    def wordings(self, kind: str, quantity: str) -> tuple[str, ...]:
        """Wordings of a quantity for a kind, each with the field ``{value}``."""
        return self.classes[kind].quantities.get(quantity) or self.quantities[quantity]


@cache
def knowledge() -> Knowledge:
    """Read the packaged file.

    Raises
    ------
    KnowledgeBroken : a kind, quantity or source is missing, or a wording has no place for its number.
    """
    raw = resources.files("edge_agent.explain").joinpath("knowledge.json").read_bytes()
    return parse(raw)


def parse(raw: bytes) -> Knowledge:
    """Read and check the bytes of a knowledge file.

    Raises
    ------
    KnowledgeBroken : see `knowledge`.
    """
    try:
        document = json.loads(raw)
        known = Knowledge(
            sha256=hashlib.sha256(raw).hexdigest(),
            classes={kind: _class(entry) for kind, entry in document["classes"].items()},
            quantities={name: tuple(texts) for name, texts in document["quantities"].items()},
            sources={name: entry["cite"] for name, entry in document["sources"].items()},
            degraded=tuple(document["degraded"]),
            not_assessable=tuple(document["not_assessable"]["meaning"]["texts"]),
            not_assessable_action=document["not_assessable"]["action"]["text"],
        )
        _check(known, document)
    except (KeyError, TypeError, ValueError) as error:
        raise KnowledgeBroken("the vetted sentences cannot be read", error=str(error)) from error
    return known


def _class(entry: dict[str, Any]) -> ClassKnowledge:
    return ClassKnowledge(
        labels=tuple(entry["labels"]),
        severity=entry["severity"],
        meanings=tuple(entry["meaning"]["texts"]),
        meaning_source=entry["meaning"]["source"],
        actions=tuple(action["text"] for action in entry["actions"]),
        quantities={name: tuple(texts) for name, texts in entry["quantities"].items()},
    )


def _check(known: Knowledge, document: dict[str, Any]) -> None:
    missing = [*(set(KINDS) - set(known.classes)), *(set(QUANTITIES) - set(known.quantities))]
    if missing:
        raise KnowledgeBroken("vetted sentences are missing", missing=sorted(missing))
    cited = {document["not_assessable"]["action"]["source"], document["not_assessable"]["meaning"]["source"]}
    for entry in document["classes"].values():
        cited |= {entry["meaning"]["source"], *(action["source"] for action in entry["actions"])}
    if not cited <= set(known.sources):
        raise KnowledgeBroken("a sentence names an unknown source", unknown=sorted(cited - set(known.sources)))
    tables = [known.quantities, *(entry.quantities for entry in known.classes.values())]
    for wordings in (wordings for table in tables for wordings in table.values()):
        if not wordings or any(wording.count("{value}") != 1 for wording in wordings):
            raise KnowledgeBroken("a wording needs its number exactly once", wordings=wordings)
