"""A text as it is read: its sentences, its words, those with a meaning; and how hard it is to read."""

import re

_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_END = re.compile(r"(?<=[.!?;])\s+")
_VOWELS = re.compile(r"[aeiouy]+")
_EMPTY = frozenset(
    """a about again all an and another any are as at be been before began begins behind both but by can could did do
    does each else for from further had has have he her here him his how i if in into is it its itself may me might more
    most much my of off on one only or other others our over own said says she should so some still such than that the
    their them then there these they this those to too under until up upon us very was we were what when where which
    while who whole whose will with within would written you your this these was found reports report reported device
    recording it no not never without cannot nothing none neither nor""".split()  # noqa: SIM905  # as it is read
)
"""Words that claim nothing by themselves."""


def sentences_of(text: str) -> tuple[str, ...]:
    """Cut a text behind what ends a sentence; a point inside a number ends none."""
    return tuple(one for one in _END.split(text.strip()) if one)


def words_of(text: str) -> tuple[str, ...]:
    """Every word, in lower case."""
    return tuple(match.group(0).lower() for match in _WORD.finditer(text))


def content_words(text: str) -> frozenset[str]:
    """The words with a meaning, by their stem."""
    return frozenset(stem(word) for word in words_of(text) if word not in _EMPTY)


def stem(word: str) -> str:
    """Leave out a plural's ``s``; nothing more, so that no two meanings become one."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def syllables(word: str) -> int:
    """Count the syllables of an English word by its groups of vowels, a silent ``e`` at its end left out."""
    groups = len(_VOWELS.findall(word.lower()))
    is_silent = word.lower().endswith("e") and not word.lower().endswith(("le", "ee"))
    return max(1, groups - is_silent)


def grade(text: str) -> float:
    """Give the Flesch-Kincaid grade: the school years a reader needs (Kincaid 1975, doi:10.21236/ADA006655).

    Syllables are counted by rule, numbers are no words; a text without words has grade 0.
    """
    words, sentences = words_of(text), sentences_of(text)
    if not words:
        return 0.0
    return 0.39 * len(words) / max(1, len(sentences)) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
