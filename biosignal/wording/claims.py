"""What a text in free words claims, and whether the evidence of its finding supports each of it.

Claims are read from the text and, by the same rules, from every phrase that the finding allows; what the text has and
no phrase has is unsupported. Numbers are compared with their unit or noun and with the quantity they are said of, times
and leads as such, classes by the labels of all tasks, negations by the word they deny.

This cannot see everything: a sentence added in plain words claims nothing by these rules. Whether a text may be shown
is decided by `biosignal.wording.checker` alone; this measures what free words are worth.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from biosignal.events import Finding
from biosignal.wording.knowledge import knowledge
from biosignal.wording.language import plans
from biosignal.wording.literals import literals
from biosignal.wording.plain import plain
from biosignal.wording.reading import content_words, sentences_of, stem, words_of

COVERED = 2 / 3
"""Of the words with a meaning of a phrase: so many said are taken for the phrase."""

_TIME = re.compile(r"(?<![\w.:])\d{1,3}:\d{2}(?::\d{2})?(?![\w:])")
_NUMBER = re.compile(r"(?<![\w.:/-])(?:(?<!\S)-)?\d+(?:\.\d+)?(?![.:]?\d)")
_ELECTRODES = re.compile(r"\b(?:Fp|AF|FC|CP|PO|FT|TP|[FCPTOAM])(?:\d{1,2}|z)(?:-[A-Z][A-Za-z]?(?:\d{1,2}|z))?\b")
_LEAD = re.compile(r"(?<![\w-])(?:V\d{1,2}R?|aV[RLF]|II|III|ML[IV]{1,3}\d?)(?![\w-])")
_LEAD_I = re.compile(r"\bleads? I(?![\w'-])|, I(?=,| and )")
"""Elsewhere it is who speaks."""
_AFTER = re.compile(r"[\s-]*([A-Za-z%\u00b5\u03bc/]+)")
_SOURCE = re.compile(r"[A-Za-z][\w-]*/\d+(?:\.\d+)*")
_UNITS = tuple(
    (name, re.compile(rf"[\s-]*(?:{pattern})", re.IGNORECASE))
    for name, pattern in (
        ("/min", r"beats?(?: per | a |/)min(?:ute)?s?\b|bpm\b|per minute\b|/min\b"),
        ("ms", r"ms\b|milliseconds?\b"),
        ("min", r"min\b|minutes?\b"),
        ("h", r"h\b|hours?\b"),
        ("s", r"s\b|secs?\b|seconds?\b"),
        ("%", r"%|per ?cent\b"),
        ("uV", r"[u\u00b5\u03bc]v\b|microvolts?\b"),
        ("mV", r"mv\b|millivolts?\b"),
        ("Hz", r"hz\b|hertz\b"),
    )
)
_SPELLED = {
    word: str(value)
    for value, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve".split(),  # noqa: SIM905  # as it is read
        2,
    )
} | {"twenty": "20", "thirty": "30", "hundred": "100", "twice": "2"}
_DENIES = re.compile(r"\b(?:no|not|never|without|cannot|nothing|none|neither|nor|denies|denied)\b|n't\b", re.IGNORECASE)
_CAUSES = re.compile(
    r"\b(because|due to|caused?|likely|probably|suggests?|indicates?|diagnos\w+|confirm\w*|stable|healthy|emergency)\b",
    re.IGNORECASE,
)
_STATES = {
    "going on": re.compile(r"\b(?:going on|ongoing|continu\w+)\b", re.IGNORECASE),
    "over": re.compile(r"\b(?:is over|was over|has ended|ended|has stopped|resolved)\b", re.IGNORECASE),
    "withdrawn": re.compile(r"\bwithdr[ae]w\w*\b", re.IGNORECASE),
}


class Claim(NamedTuple):
    """One thing a text claims: what kind of thing, and what; of a number its value and its unit or noun."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class _Supported:
    """What the phrases of a finding claim, their words, and their sentences.

    `numbered` are the words of each sentence with a number, with its numbers;
    `denying` are the words of each sentence that denies something, with what it denies; `affirming` those of others.
    """

    claims: frozenset[Claim]
    words: frozenset[str]
    sentences: frozenset[str]
    numbered: tuple[tuple[frozenset[Claim], frozenset[str]], ...]
    denying: tuple[tuple[frozenset[str], frozenset[str]], ...]
    affirming: tuple[frozenset[str], ...]


def unsupported(text: str, finding: Finding) -> tuple[Claim, ...]:
    """List what `text` claims and the evidence of `finding` does not support; empty where all of it is."""
    known = _supported(finding)
    said = [claim for claim in _claims(text, finding.leads) if claim not in known.claims]
    said += [claim for claim in _classes(text) if claim.what not in known.words]
    for sentence in sentences_of(text):
        if sentence in known.sentences:
            continue
        said += _misplaced(sentence, known)
        said += _undenied(sentence, known)
        said += _other_finding(sentence, finding)
    return tuple(dict.fromkeys(said))


def missing(text: str, finding: Finding) -> tuple[str, ...]:
    """List the parts of the finding's language that `text` does not say, by their first wording.

    A part is said where one of its wordings is: all that it claims, and most of its words with a meaning, within two
    sentences that follow each other.
    """
    claimed, sentences = set(_claims(text, finding.leads)), [content_words(one) for one in sentences_of(text)]
    near = [one | after for one, after in zip(sentences, [*sentences[1:], frozenset[str]()], strict=False)]
    said = literals(finding)
    parts = ((said.time,), (said.lead,), said.labels, *said.sentences)
    return tuple(part[0] for part in parts if not any(_is_said(one, claimed, near, finding) for one in part))


def _is_said(phrase: str, claimed: set[Claim], near: Sequence[frozenset[str]], finding: Finding) -> bool:
    needed = content_words(phrase)
    has_words = not needed or any(_covered(needed, words) >= COVERED for words in near)
    return has_words and claimed.issuperset(_claims(phrase, finding.leads))


def _supported(finding: Finding) -> _Supported:
    phrases = tuple(dict.fromkeys(one for slots in plans(finding) for slot in slots for one in slot))
    said = literals(finding)
    whole = (*phrases, said.time, said.lead, *said.labels)
    sentences = tuple(dict.fromkeys(one for phrase in phrases for one in sentences_of(phrase)))
    return _Supported(
        claims=frozenset(claim for phrase in whole for claim in _claims(phrase, finding.leads)),
        words=frozenset(word for phrase in whole for word in content_words(phrase)),
        sentences=frozenset(sentences),
        numbered=tuple((numbers, content_words(one)) for one in sentences if (numbers := _numbers_of(one))),
        denying=tuple((content_words(one), _denials(one)) for one in sentences if _DENIES.search(one)),
        affirming=tuple(content_words(one) for one in sentences if not _DENIES.search(one)),
    )


def _claims(text: str, leads: tuple[str, ...]) -> Iterator[Claim]:
    """What is claimed by form alone: times, numbers, leads, negations, causes, states."""
    own = sorted((plain(lead, otherwise="") for lead in leads), key=len, reverse=True)
    rest = text
    for name in own:
        # Names of leads are free text: what is in them is no number and no word.
        rest, found = re.subn(rf"(?<!\w){re.escape(name)}(?!\w)", " ; ", rest) if len(name) > 1 else (rest, 0)
        yield from (Claim("lead", name) for _ in range(min(found, 1)))
    yield from (Claim("lead", one) for one in _leads(rest))
    yield from (Claim("time", _clock(match.group(0))) for match in _TIME.finditer(rest))
    yield from (Claim("source", match.group(0)) for match in _SOURCE.finditer(rest))
    yield from _numbers(_SOURCE.sub(" ", _TIME.sub(" ", rest)))
    yield from (Claim("negation", word) for word in _denials(rest))
    yield from (Claim("cause", match.group(0).lower()) for match in _CAUSES.finditer(rest))
    yield from (Claim("class", label) for label in _labels(rest))
    yield from (Claim("state", name) for name, pattern in _STATES.items() if pattern.search(rest))


def _numbers(text: str) -> Iterator[Claim]:
    for match in _NUMBER.finditer(text):
        yield Claim("number", f"{_value(match.group(0))} {_unit(text[match.end() :])}".strip())
    for match in re.finditer(r"[A-Za-z]+", text):
        if match.group(0).lower() in _SPELLED:
            value = _SPELLED[match.group(0).lower()]
            yield Claim("number", f"{value} {_unit(text[match.end() :])}".strip())


def _numbers_of(sentence: str) -> frozenset[Claim]:
    return frozenset(claim for claim in _claims(sentence, ()) if claim.kind == "number")


def _value(number: str) -> str:
    return f"{Decimal(number).normalize():f}"


def _unit(after: str) -> str:
    """Name the unit behind a number, or the noun it counts."""
    for name, pattern in _UNITS:
        if pattern.match(after):
            return name
    noun = _AFTER.match(after)
    return stem(noun.group(1).lower()) if noun is not None and content_words(noun.group(1)) else ""


def _clock(time: str) -> str:
    return ":".join(str(int(part)) for part in time.split(":"))


def _leads(text: str) -> Iterator[str]:
    yield from (match.group(0) for pattern in (_ELECTRODES, _LEAD) for match in pattern.finditer(text))
    if _LEAD_I.search(text):
        yield "I"


def _denials(text: str) -> frozenset[str]:
    return frozenset(_denied(text, match.end()) for match in _DENIES.finditer(text))


def _denied(text: str, start: int) -> str:
    """Give the first word with a meaning behind a negation."""
    after = re.split(r"[.;!?]", text[start:], maxsplit=1)[0]
    return next((stem(word) for word in words_of(after) if content_words(word)), "")


def _labels(text: str) -> Iterator[str]:
    """Labels of kinds that stand in a text, the longest where one holds another."""
    rest = text.lower()
    for label in _known_labels(knowledge().sha256):
        if label in rest:
            yield label
            rest = rest.replace(label, " ; ")


@lru_cache(maxsize=2)
def _known_labels(_: str) -> tuple[str, ...]:
    """Every label of every kind, the longest first; the argument is of which words."""
    labels = {label.lower() for kind in knowledge().kinds.values() for label in kind.labels}
    return tuple(sorted(labels, key=lambda label: (-len(label), label)))


def _classes(text: str) -> Iterator[Claim]:
    """Words by which the tasks call what they find."""
    known = _label_words(knowledge().sha256)
    yield from (Claim("class", word) for word in sorted(content_words(text) & known))


@lru_cache(maxsize=2)
def _label_words(_: str) -> frozenset[str]:
    """Every word with a meaning of the labels of all kinds; the argument is of which words."""
    return frozenset(
        word for kind in knowledge().kinds.values() for label in kind.labels for word in content_words(label)
    )


def _misplaced(sentence: str, known: _Supported) -> Iterator[Claim]:
    """Numbers that are another's: what the sentence says most of is a phrase with another number in their place."""
    words = content_words(sentence)
    for claim in sorted(_numbers_of(sentence)):
        own = [_covered(phrase, words) for claims, phrase in known.numbered if claim in claims]
        others = [_covered(phrase, words) for claims, phrase in known.numbered if claim not in claims]
        if own and max(others, default=0.0) > max(own):
            yield Claim("quantity", claim.what)


def _undenied(sentence: str, known: _Supported) -> Iterator[Claim]:
    """A vetted phrase that denies something, said without its denial."""
    words, denied = content_words(sentence), _denials(sentence)
    for denying, wanted in known.denying:
        rivals = (one for one in known.affirming if one & denying)
        is_said = _covered(denying, words) > max(COVERED, *(_covered(one, words) for one in rivals), 0.0)
        if is_said and not wanted <= denied:
            yield Claim("negation", "left out")
            return


def _other_finding(sentence: str, finding: Finding) -> Iterator[Claim]:
    """Another label than the finding's, or a denial beside its own, in a sentence that is no vetted one."""
    own = {label.lower() for label in literals(finding).labels}
    said = set(_labels(sentence))
    if said and not said & own:
        yield from (Claim("class", label) for label in sorted(said))
    rest = sentence.lower()
    for label in said & own:
        rest = rest.replace(label, " ")
    if said & own and _DENIES.search(rest):
        yield Claim("negation", "the finding")


def _covered(phrase: frozenset[str], words: frozenset[str]) -> float:
    """The share of the words of a phrase that is among `words`."""
    return len(phrase & words) / len(phrase) if phrase else 0.0
