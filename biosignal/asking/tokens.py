"""A question as words: whatever was typed is reduced to plain letters, and to the stems of its words."""

import re
import unicodedata

LONGEST = 400
"""Characters of a question; what is longer is no question to a page of this size."""
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_ENDINGS = ("ings", "ing", "ies", "es", "ed", "s")
_JOINING = frozenset({"a", "an", "the", "of", "that", "is", "are", "in", "on", "for"})
_LEAST_FOR_SLIPS = 6
_ORDINARY = """
a about after again all also am an and any are as at be because been before being below between both but by can could
did do does doing down during each else for from further had has have having he her here hers him his how i if in into
is it it's its itself just let me more most my myself no nor not now of off on once only or other our out over own
please really same she should so some such than that that's the their them then there these they this those through to
too under until up very was we were what what's when where where's which while who whom why with would you your tell
say know see show give mean means meant explain describe define want need like get got one thing things called call
exactly actually simply briefly short words plain english hello hi thanks thank ok okay
"""
ORDINARY = frozenset(_ORDINARY.split())
"""Words that every question may hold and that say nothing about what it is about."""


def plain_text(text: str) -> str:
    """Write a text in lower case and compatible letters, without marks and signs that cannot be seen."""
    apart = unicodedata.normalize("NFKD", text[: 4 * LONGEST])
    kept = (one for one in apart if unicodedata.category(one) not in {"Cf", "Mn", "Cc"} or one in "\n\t")
    return " ".join("".join(kept).lower().replace("\u2019", "'").split())


def words_of(text: str) -> tuple[str, ...]:
    """Cut a text into its words, in order."""
    return tuple(_WORD.findall(plain_text(text)))


def stem(word: str) -> str:
    """Cut the ending off a word that is long enough to keep four letters, so that `beats` and `beat` are one."""
    bare = word.removesuffix("'s")
    for ending in _ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= 4:
            return bare[: -len(ending)]
    return bare[:-1] if len(bare) > 3 and bare.endswith("s") and not bare.endswith("ss") else bare


def stems_of(text: str) -> tuple[str, ...]:
    """Give the stems of the words that a text is about, in order: without the ordinary ones."""
    return tuple(stem(word) for word in words_of(text) if word not in ORDINARY)


def name_stems(text: str) -> tuple[str, ...]:
    """Give the stems of a name, or of a text that may hold one: without the words that only join others."""
    return tuple(stem(word) for word in words_of(text) if word not in _JOINING)


def grams_of(word: str, length: int = 4) -> tuple[str, ...]:
    """Give the overlapping pieces of a word with its bounds; a word that is shorter is one piece."""
    bounded = f"<{word}>"
    return tuple(bounded[at : at + length] for at in range(max(1, len(bounded) - length + 1)))


def is_near(word: str, other: str) -> bool:
    """Whether a word is another one with one slip of the keys: a letter more, less, wrong, or two that changed places.

    Short words are what they are, and two slips make another word: `complete` is not `incomplete`.
    """
    if word == other:
        return True
    if min(len(word), len(other)) < _LEAST_FOR_SLIPS or abs(len(word) - len(other)) > 1:
        return False
    start = next((at for at, (one, two) in enumerate(zip(word, other, strict=False)) if one != two), None)
    if start is None:
        return True
    mine, others = word[start:], other[start:]
    swapped = mine[:2] == others[1::-1] and mine[2:] == others[2:]
    return swapped or mine[1:] == others[1:] or mine[1:] == others or mine == others[1:]
