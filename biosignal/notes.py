"""Which of several labels a short note in words deserves: TF-IDF and one linear rule a label, fitted in closed form.

Words, and where it is wished pairs of words that follow each other, are counted (1 + log), weighted by how few notes
have them (Spaerck Jones 1972, doi:10.1108/eb026526), each note to a length of one. The rules are those of regularised
least squares, notes of rare labels counting as much in all as those of common ones. No chance is in it: the same notes
give the same rules.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.wording.reading import stem, words_of

MOST_TERMS = 12_000
RIDGE = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NoteRules:
    """Rules that were fitted: `terms` are columns, `rarity` [terms] their weight, `rules` [terms + 1, labels]."""

    labels: tuple[str, ...]
    terms: Mapping[str, int]
    rarity: NDArray[np.float32]
    rules: NDArray[np.float32]

    def scores(self, notes: Sequence[str]) -> NDArray[np.float32]:
        """Give how much speaks for each label, [notes, labels]: 1 where all does, -1 where nothing does."""
        seen = _weighed(notes, self.terms, self.rarity)
        return np.asarray(seen @ self.rules[:-1] + self.rules[-1], np.float32)

    def read(self, notes: Sequence[str]) -> list[str]:
        """Give the label that most speaks for, of each note."""
        return [self.labels[best] for best in self.scores(notes).argmax(axis=1)] if notes else []


def fit_notes(
    notes: Sequence[str], labels: Sequence[str], *, ridge: float = RIDGE, pairs: bool = False, most: int = MOST_TERMS
) -> NoteRules:
    """Fit rules to notes and the label of each; `ridge` above 0 holds them small, `most` are the terms that are kept.

    Raises
    ------
    BadInput : there are not as many labels as notes, or fewer than two different ones.
    """
    names = tuple(sorted(set(labels)))
    if len(notes) != len(labels) or len(names) < 2 or ridge <= 0:
        raise BadInput("notes need a label each, of two or more", notes=len(notes), labels=len(names))
    held = Counter(term for note in notes for term in set(_terms(note, pairs)))
    kept = sorted(held, key=lambda term: (-held[term], term))[:most]
    terms = {term: column for column, term in enumerate(kept)}
    rarity = np.array([np.log((1 + len(notes)) / (1 + held[term])) + 1 for term in kept], np.float32)
    return NoteRules(
        labels=names, terms=terms, rarity=rarity, rules=_fitted(_weighed(notes, terms, rarity), labels, names, ridge)
    )


def _fitted(
    seen: NDArray[np.float32], labels: Sequence[str], names: tuple[str, ...], ridge: float
) -> NDArray[np.float32]:
    """Solve the dual problem: as many unknowns as notes, not as terms."""
    column = np.array([names.index(label) for label in labels])
    wanted = np.where(column[:, None] == np.arange(len(names)), 1.0, -1.0)
    rare = np.bincount(column)[column] * len(names) / len(labels)
    alike = (seen @ seen.T).astype(np.float64) + 1.0
    alike[np.diag_indices(len(labels))] += ridge * rare
    share = np.linalg.solve(alike, wanted).astype(np.float32)
    return np.vstack([seen.T @ share, share.sum(axis=0)])


def _weighed(notes: Sequence[str], terms: Mapping[str, int], rarity: NDArray[np.float32]) -> NDArray[np.float32]:
    seen = np.zeros((len(notes), len(terms)), np.float32)
    for row, note in enumerate(notes):
        for term, times in Counter(_terms(note, True)).items():
            if term in terms:
                seen[row, terms[term]] = 1 + np.log(times)
    seen *= rarity
    length = np.linalg.norm(seen, axis=1, keepdims=True)
    np.divide(seen, length, out=seen, where=length > 0)
    return seen


def _terms(note: str, pairs: bool) -> Iterator[str]:
    words = [stem(word) for word in words_of(note)]
    yield from words
    if pairs:
        yield from (f"{first} {second}" for first, second in pairwise(words))
