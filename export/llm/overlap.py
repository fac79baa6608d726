"""How far texts overlap with a reference, word by word: BLEU and ROUGE-L, which say nothing of truth.

Departures from the papers: words are those of `biosignal.wording.reading` and numbers, in lower case; one reference
each; no smoothing.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

ORDER = 4
_TOKEN = re.compile(r"[a-z]+|\d+(?:[.:]\d+)*|%")


def tokens(text: str) -> tuple[str, ...]:
    """Cut a text into words and numbers, in lower case."""
    return tuple(_TOKEN.findall(text.lower()))


def bleu(said: Sequence[str], references: Sequence[str], order: int = ORDER) -> float:
    """Give BLEU of a set of texts (Papineni 2002, doi:10.3115/1073083.1073135), 0 to 1.

    The clipped precision of sequences of one to `order` words over all texts, their geometric mean, times a penalty
    where the texts are shorter than the references.
    """
    pairs = [(tokens(text), tokens(reference)) for text, reference in zip(said, references, strict=True)]
    shares = [_clipped(pairs, length) for length in range(1, order + 1)]
    if not pairs or min(shares) <= 0.0:
        return 0.0
    longer, shorter = sum(len(mine) for mine, _ in pairs), sum(len(wanted) for _, wanted in pairs)
    penalty = 1.0 if longer > shorter else math.exp(1.0 - shorter / longer)
    return penalty * math.exp(sum(map(math.log, shares)) / order)


def rouge_l(said: Sequence[str], references: Sequence[str]) -> float:
    """Give the mean F1 of the longest common subsequence (Lin 2004, https://aclanthology.org/W04-1013), 0 to 1."""
    scores = [_rouge(tokens(text), tokens(reference)) for text, reference in zip(said, references, strict=True)]
    return sum(scores) / len(scores) if scores else 0.0


def distinct_pairs(said: Sequence[str]) -> float:
    """Give the share of pairs of neighbouring words that are different ones, over all texts."""
    found = [pair for text in said for pair in _sequences(tokens(text), 2)]
    return len(set(found)) / len(found) if found else 0.0


def _clipped(pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], length: int) -> float:
    matched = total = 0
    for mine, wanted in pairs:
        counted = Counter(_sequences(mine, length))
        matched += (counted & Counter(_sequences(wanted, length))).total()
        total += counted.total()
    return matched / total if total else 0.0


def _sequences(words: tuple[str, ...], length: int) -> list[tuple[str, ...]]:
    return [words[start : start + length] for start in range(len(words) - length + 1)]


def _rouge(mine: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    shared = _longest_common(mine, wanted)
    return 2.0 * shared / (len(mine) + len(wanted)) if shared else 0.0


def _longest_common(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        before, row = row, [0]
        for at, other in enumerate(second):
            row.append(before[at] + 1 if word == other else max(before[at + 1], row[at]))
    return row[-1]
