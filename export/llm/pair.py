"""One pair: a finding with its evidence, what a language model is asked about it, and a text that may stand for it."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from biosignal.errors import BadInput
from biosignal.events import Finding
from biosignal.wire.codec import from_json, to_json


class Part(str, Enum):
    """What a pair is for; no record, and no held-out phrasing, is in both."""

    TRAINS = "trains"
    HELD = "held"


class NoCorpus(BadInput):
    """A file or folder holds no pairs that can be read."""

    remedy = "write one: python -m export llm corpus --data DIR --out CORPUS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Evidence and explanation.

    Parameters
    ----------
    id : of the finding's revision, and which of its texts this is.
    origin : the record it was found in, as ``set/record``, or ``drawn`` where the numbers are of nobody.
    prompt : what the model is asked, which holds all of the evidence.
    text : a member of the finding's language, or words that a clinician approved.
    """

    id: str
    part: Part
    origin: str
    finding: Finding
    prompt: str
    text: str


def row_of(pair: Pair) -> dict[str, Any]:
    """Give the pair as JSON values."""
    return {
        "id": pair.id,
        "part": pair.part.value,
        "origin": pair.origin,
        "finding": to_json(pair.finding),
        "prompt": pair.prompt,
        "text": pair.text,
    }


def pair_of(row: Any) -> Pair:
    """Read a pair from JSON values.

    Raises
    ------
    NoCorpus : a field is missing or is no such thing.
    """
    try:
        texts = {name: row[name] for name in ("id", "origin", "prompt", "text")}
        part, finding = Part(row["part"]), from_json(Finding, row["finding"])
    except (KeyError, TypeError, ValueError, BadInput) as error:
        raise NoCorpus("a pair cannot be read", reason=f"{type(error).__name__}: {error}") from error
    if not all(isinstance(text, str) for text in texts.values()):
        raise NoCorpus("a pair has a field that is no text", fields=", ".join(texts))
    return Pair(part=part, finding=finding, **texts)
