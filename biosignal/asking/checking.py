"""Whether a sentence may be shown: the whole of it is among the vetted ones, or among those that the evidence allows.

This knows nothing of how answers are made; it reads the vetted sentences and the evidence again.
"""

import re
from collections.abc import Iterator

from biosignal.asking.reply import Fact, Part, Quoted
from biosignal.asking.subjects import PROGRAM, statements
from biosignal.events import Finding, Prediction
from biosignal.tasks.lookup import quantity, shown
from biosignal.wording.knowledge import CommonWords, knowledge
from biosignal.wording.literals import clock_text, literals
from biosignal.wording.vetted import KindWords

_WHEN = re.compile(r"At (\d\d+:\d\d) into the recording the device found (.+)\.")
_BOTH = re.compile(
    r"(.+): (-?\d+(?:\.\d+)?)(?: (\S+))? in this finding, (-?\d+(?:\.\d+)?)(?: (\S+))? in the one before\."
)
_MODEL = re.compile(r"A model of [a-z0-9 -]+ gave the first mark a probability of (\d\.\d\d)\.")
_PLAIN = frozenset(
    {
        "The analysis abstained.",
        "The device reports this about itself.",
        "Rules over what was measured found it, without a probability.",
    }
)


def is_supported(part: Part, about: Finding | None, before: Finding | None) -> bool:
    """Whether a part of an answer is, as a whole, a vetted sentence of that source or says what was measured."""
    if isinstance(part, Quoted):
        return (part.text, part.source.cite) in _vetted()
    return any(part.finding == one.id and _is_said(part, one, before) for one in (about, before) if one is not None)


def _vetted() -> set[tuple[str, str]]:
    """Every vetted sentence with its citation."""
    known = knowledge()
    return {
        *(pair for words in known.kinds.values() for pair in _of_kind(words)),
        *((text, one.source.cite) for one in known.topics.values() for text in one.texts),
        *_of_none(known.common),
        *((f"{code} stands for: {meaning}.", PROGRAM.cite) for code, meaning in statements()),
    }


def _of_kind(words: KindWords) -> Iterator[tuple[str, str]]:
    if words.meaning_source is not None:
        yield from ((text, words.meaning_source.cite) for text in words.meanings)
    yield from ((text, one.cite) for text, one in zip(words.actions, words.action_sources, strict=False))


def _of_none(common: CommonWords) -> Iterator[tuple[str, str]]:
    if common.meaning_source is not None:
        yield from ((text, common.meaning_source.cite) for text in common.not_assessable)
    if common.action_source is not None:
        yield common.not_assessable_action, common.action_source.cite


def _is_said(fact: Fact, of: Finding, before: Finding | None) -> bool:
    allowed = literals(of)
    wordings = {text for measure in allowed.measures for text in measure}
    if fact.text in wordings | {*allowed.state, *allowed.quality} | _PLAIN:
        return fact.text not in wordings or _is_its_number(fact, of)
    if fact.text == f"The signal under it was graded as {of.evidence.quality.value}.":
        return True
    return _is_when(fact.text, of) or _is_probability(fact.text, of) or _is_pair(fact.text, of, before)


def _is_its_number(fact: Fact, of: Finding) -> bool:
    return any((one.name, one.value, one.unit) == (fact.name, fact.value, fact.unit) for one in of.evidence.measures)


def _is_when(text: str, of: Finding) -> bool:
    found = _WHEN.fullmatch(text)
    labels = knowledge().of_kind(of.kind).labels if knowledge().is_vetted(of.kind) else ()
    return found is not None and found[1] == clock_text(of.onset, of.evidence.fs_hz) and found[2] in labels


def _is_probability(text: str, of: Finding) -> bool:
    found, outcome = _MODEL.fullmatch(text), of.outcome
    if found is None or not isinstance(outcome, Prediction):
        return False
    return found[1] == f"{dict(outcome.scores).get(outcome.label, -1.0):.2f}"


def _is_pair(text: str, of: Finding, before: Finding | None) -> bool:
    found = _BOTH.fullmatch(text)
    if found is None or before is None:
        return False
    then = {one.name: shown(one) for one in before.evidence.measures}
    return any(
        (found[2], found[4]) == (shown(one), then.get(one.name))
        and found[1].lower() == _label(one.name).lower()
        and found[3] == found[5] == (None if one.unit in ("", "1") else one.unit)
        for one in of.evidence.measures
    )


def _label(name: str) -> str:
    declared = quantity(name)
    return (declared.label if declared else "") or name.replace("_", " ")
