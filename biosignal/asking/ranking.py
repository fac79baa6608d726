"""Ranks documents by a question: BM25 over words and over pieces of words, in plain numpy.

Robertson S, Zaragoza H. The probabilistic relevance framework: BM25 and beyond. Foundations and Trends in Information
Retrieval 2009;3:333-389.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from biosignal.asking.tokens import grams_of, stems_of

Scores: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Field: TypeAlias = tuple[str, float]
"""A text and how often it counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """How documents are weighed: saturation `k1` and length `b` of BM25, and what a piece of a word counts.

    The defaults found the answers of MedQuAD's tuning half best (`export/asking/retrieval.py`).
    """

    k1: float = 1.2
    b: float = 0.4
    pieces: float = 0.2


class Ranking:
    """Documents that a question is held against; each is some texts with their weights."""

    def __init__(self, documents: Sequence[Sequence[Field]], weights: Weights | None = None) -> None:
        self._weights = weights or Weights()
        counted = [_counted(fields) for fields in documents]
        lengths = np.array([sum(one.values()) for one in counted], np.float64)
        self._size = len(counted)
        self._postings = self._posted(counted, lengths / max(float(lengths.mean()), 1.0) if len(lengths) else lengths)

    def scores(self, question: str) -> Scores:
        """Score every document; zero where it shares nothing with the question."""
        total = np.zeros(self._size)
        for feature, share in self._features(question):
            if feature in self._postings:
                where, weight = self._postings[feature]
                total[where] += share * weight
        return total

    def best(self, question: str, most: int) -> list[int]:
        """Give the documents that fit best, the best one first; none that shares nothing."""
        scores = self.scores(question)
        order = np.argsort(-scores, kind="stable")[:most]
        return [int(one) for one in order if scores[one] > 0]

    def _features(self, question: str) -> Iterable[tuple[str, float]]:
        for word in stems_of(question):
            yield word, 1.0
            yield from ((f"#{piece}", self._weights.pieces) for piece in grams_of(word))

    def _posted(self, counted: Sequence[Counter[str]], lengths: Scores) -> dict[str, tuple[Scores, Scores]]:
        found: dict[str, tuple[list[int], list[float]]] = {}
        for at, features in enumerate(counted):
            for feature, count in features.items():
                where, counts = found.setdefault(feature, ([], []))
                where.append(at)
                counts.append(count)
        return {
            feature: (np.array(where), self._weighed(np.array(counts), lengths[where]))
            for feature, (where, counts) in found.items()
        }

    def _weighed(self, counts: Scores, lengths: Scores) -> Scores:
        held = len(counts)
        rare = np.log(1.0 + (self._size - held + 0.5) / (held + 0.5))
        k1, b = self._weights.k1, self._weights.b
        weighed: Scores = rare * counts * (k1 + 1.0) / (counts + k1 * (1.0 - b + b * lengths))
        return weighed


def _counted(fields: Sequence[Field]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for text, weight in fields:
        for word in stems_of(text):
            counted[word] += weight  # type: ignore[assignment]  # a Counter counts parts as well as wholes
            for piece in grams_of(word):
                counted[f"#{piece}"] += weight  # type: ignore[assignment]
    return counted
