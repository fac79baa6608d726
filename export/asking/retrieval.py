"""How well the ranking finds the answer to a question: MedQuAD, by the answer's text and by the name of its page.

Ben Abacha A, Demner-Fushman D. A question-entailment approach to question answering. BMC Bioinformatics 2019;20:511.
The questions are in no index. Half of the pages, by their id, tuned the weights; the other half's questions score.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.asking.ranking import Ranking, Weights
from biosignal.asking.tokens import LONGEST
from biosignal.errors import BadInput

_ENDS = re.compile(r"(?<=[.?!])\s+|,,+|:,")
TUNES, SCORES = "tuning", "held out"
MOST = 3
TITLE_COUNTS = 20.0
"""How often the words of a page's name count against one word of its text; tuned with the weights."""


def records_of(folder: Path) -> list[dict[str, Any]]:
    """Read the questions and answers.

    Raises
    ------
    BadInput : there is no such file, or it is not as published.
    """
    return _lines_of(folder / "medquad.jsonl")


def sentences_of(folder: Path) -> list[str]:
    """Give a fixed part, one in forty, of the sentences of MTSamples' medical notes (CC0).

    Raises
    ------
    BadInput : there is no such file, or it is not as published.
    """
    notes = _lines_of(folder / "mtsamples.jsonl")
    cut = {part.strip() for one in notes for part in _ENDS.split(str(one["transcription"]))}
    usable = sorted(part for part in cut if 15 < len(part) < LONGEST)
    return [one for one in usable if hashlib.sha256(one.encode()).digest()[0] < 6]


def _lines_of(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise BadInput("the texts cannot be read", file=path, remedy="unpack the set `text`") from error


def part_of(record: Mapping[str, Any]) -> str:
    """Say what a question is used for: all of one page go together."""
    return TUNES if hashlib.sha256(str(record["id"]).encode()).digest()[0] % 2 else SCORES


def retrieval(
    records: Sequence[Mapping[str, Any]], *, part: str, weights: Weights | None = None, title: float = TITLE_COUNTS
) -> dict[str, Any]:
    """Score the questions of one part against the answers of all pages.

    A hit is an answer that was published to this very question, on whichever page. `title` 0 hides the pages' names.
    """
    ranking = Ranking([[(one["a"], 1.0), *([(one["focus"], title)] if title else [])] for one in records], weights)
    asked = [one for one in records if part_of(one) == part]
    published = [str(one["q"]) for one in records]
    places, seconds = [], []
    for one in asked:
        began = time.perf_counter()
        order = ranking.best(one["q"], 10)
        seconds.append(time.perf_counter() - began)
        places.append(next((at for at, found in enumerate(order) if published[found] == one["q"]), None))
    return {
        "questions": len(asked),
        "answers": len(records),
        "hit@1": _share(places, 1),
        f"hit@{MOST}": _share(places, MOST),
        "mrr@10": round(float(np.mean([0.0 if at is None else 1 / (at + 1) for at in places])), 4),
        "p95_ms": round(1000 * float(np.percentile(seconds, 95)), 2),
    }


def _share(places: Sequence[int | None], most: int) -> float:
    return round(sum(at is not None and at < most for at in places) / max(len(places), 1), 4)
