"""A person's better words for the text of a finding, turned into a phrasing: its values become slots.

One part is said anew at a time. Sentences that the finding's language has already stay what they are; what is left is
taken for the part whose value it holds, or for the meaning or the action.
"""

import re

from biosignal.events import Finding, Measure
from biosignal.tasks.lookup import shown
from biosignal.wording.in_force import ACTION, MEANING, Phrasing, present, quantity_part
from biosignal.wording.knowledge import knowledge
from biosignal.wording.language import plans
from biosignal.wording.phrasing import VALUE, PhrasingRefused, faults, unit_words
from biosignal.wording.reading import content_words, sentences_of

_NUMBER = re.compile(r"(?<![\w.:])\d+(?:[.:]\d+)*(?![\w:])(?!\.\d)")


def turned(words: str, finding: Finding) -> Phrasing:
    """Turn better words for a finding's text into the phrasing they propose; `faults` still judges it.

    Raises
    ------
    PhrasingRefused : nothing in them is new, they say several parts anew, or a number is not of the evidence.
    """
    new = _new_sentences(" ".join(words.split()), finding)
    found = [measure for measure in finding.evidence.measures if shown(measure) in _NUMBER.findall(new)]
    if found:
        return _of_quantity(new, finding, found)
    return _of_sentence(new, finding)


def _new_sentences(words: str, finding: Finding) -> str:
    known = {sentence.strip() for plan in plans(finding) for slot in plan for sentence in slot}
    known |= {one for sentence in known for one in sentences_of(sentence)}
    firsts = tuple(f"{slot[0][0].split(' ')[0]} " for slot in plans(finding))
    new = [one for one in sentences_of(words) if one not in known and not _is_first(one, finding, firsts)]
    if not new:
        raise PhrasingRefused("nothing in these words is new")
    return " ".join(new)


def _is_first(sentence: str, finding: Finding, firsts: tuple[str, ...]) -> bool:
    """Whether a sentence is a first sentence of this finding: where and when, and what was found."""
    if not sentence.startswith(firsts):
        return False
    return any(_reads(sentence, plan[: len(plan) - _tail(finding)]) for plan in plans(finding))


def _tail(finding: Finding) -> int:
    """How many slots of a plan are whole sentences: all plans end in the same ones."""
    return sum(slot[0].startswith(" ") and slot[0].endswith(".") for slot in plans(finding)[0])


def _reads(text: str, slots: tuple[tuple[str, ...], ...]) -> bool:
    reached = {0}
    for alternatives in slots:
        reached = {at + len(one) for at in reached for one in alternatives if text.startswith(one, at)}
    return len(text) in reached


def _of_quantity(new: str, finding: Finding, found: list[Measure]) -> Phrasing:
    fitting = [measure for measure in found if _has_unit(new, finding, measure)] or found
    if len(fitting) > 1:
        names = [measure.name for measure in fitting]
        raise PhrasingRefused("say one number anew at a time; this could be several", names=names)
    value = re.escape(shown(fitting[0]))
    pattern = re.sub(rf"(?<![\w.:]){value}(?![\w:])(?!\.\d)", VALUE, new)
    return _phrasing(finding, quantity_part(fitting[0].name), pattern)


def _has_unit(new: str, finding: Finding, measure: Measure) -> bool:
    vetted = present(knowledge(), finding.task, finding.kind, quantity_part(measure.name))
    behind = new.partition(shown(measure))[2].strip().lower()
    return bool(vetted) and behind.startswith(" ".join(unit_words(vetted)))


def _of_sentence(new: str, finding: Finding) -> Phrasing:
    """The meaning or the action: the one that takes it; else the one that it shares more words with."""
    both = [_phrasing(finding, part, new) for part in (MEANING, ACTION)]
    return min(both, key=lambda one: (bool(faults(one)), -_shared(one)))


def _shared(one: Phrasing) -> int:
    vetted = present(knowledge(), one.task, one.kind, one.part)
    return max((len(content_words(text) & content_words(one.pattern)) for text in vetted), default=0)


def _phrasing(finding: Finding, part: str, pattern: str) -> Phrasing:
    return Phrasing(task=finding.task, kind=finding.kind, part=part, pattern=pattern)
