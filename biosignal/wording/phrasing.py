"""Whether a phrasing may be approved: what a program can check of it, as strictly as it can; the rest a person judges.

Checked against the vetted wordings of the same part: its characters and length; its slot; every number outside the slot
with the word behind it; the unit behind the slot; each word (of the kind's own vetted words, or a general one that
claims nothing); what is denied, and how often; words that turn the sense, as `general_words` lists them; how much of
what the vetted wordings agree on it keeps; and how hard it is to read. A sentence can pass all of it and still be wrong
or rude: that is why two people stand behind every phrasing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from biosignal.errors import RefusedForSafety, listed
from biosignal.wording.general_words import DENIALS, GENERAL, SENSES
from biosignal.wording.in_force import ACTION, Phrasing, present
from biosignal.wording.knowledge import Knowledge, knowledge
from biosignal.wording.reading import content_words, grade, sentences_of, stem, words_of

VALUE = "{value}"
LONGEST_FACTOR, LONGEST_LEAST = 1.5, 120
GRADE = 9.0
"""A phrasing may be harder to read than this only where the vetted wordings are, and no harder than they."""
UNIT_WORDS = 3
_WRITTEN = re.compile(r"[A-Z{][A-Za-z0-9 ,;:'()/{}\-]*\.(?: [A-Z][A-Za-z0-9 ,;:'()/{}\-]*\.)*")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*(?:[- ]([A-Za-z%]+))?")
_SLOT = re.compile(r"[{}]")


class PhrasingRefused(RefusedForSafety):
    """A phrasing says something that its kind of finding does not, or is not written as a phrasing is."""

    remedy = "say the same in the vetted words of the kind; what else is needed goes into the words of its task"


def check_phrasing(one: Phrasing, known: Knowledge | None = None) -> None:
    """Hold a phrasing against the vetted wordings of its part.

    Raises
    ------
    PhrasingRefused : with everything that was found.
    """
    if found := faults(one, known):
        raise PhrasingRefused("this phrasing cannot be approved", kind=one.kind, part=one.part, why="; ".join(found))


def faults(one: Phrasing, known: Knowledge | None = None) -> tuple[str, ...]:
    """List what is wrong with a phrasing, in words; nothing where it may be approved."""
    known = known or knowledge()
    vetted = present(known, one.task, one.kind, one.part) if one.kind in known.kinds else ()
    if one.task not in known.by_task or one.kind not in known.by_task[one.task].kinds or not vetted:
        return ("no such part of a text has vetted words here",)
    return tuple(_faults(one, vetted, known))


def _faults(one: Phrasing, vetted: Sequence[str], known: Knowledge) -> Iterator[str]:
    if not _WRITTEN.fullmatch(one.pattern):
        yield "it is not one plain sentence: a capital letter first, a full stop last, no other characters"
    if len(sentences_of(one.pattern)) > max(len(sentences_of(text)) for text in vetted):
        yield "it has more sentences than the vetted wordings"
    longest = max(LONGEST_LEAST, int(LONGEST_FACTOR * max(map(len, vetted))))
    if len(one.pattern) > longest:
        yield f"it is longer than {longest} characters"
    if one.pattern in vetted:
        yield "it is among the vetted wordings already"
    yield from _slot_faults(one, vetted)
    yield from _word_faults(one, vetted, known)
    yield from _sense_faults(one.pattern, vetted)
    hardest = max(GRADE, *(grade(text) for text in vetted))
    if grade(one.pattern) > hardest:
        yield f"it is hard to read: grade {grade(one.pattern):.1f}, and {hardest:.1f} is allowed"


def _slot_faults(one: Phrasing, vetted: Sequence[str]) -> Iterator[str]:
    slots = one.pattern.count(VALUE)
    if slots != (one.quantity is not None):
        yield (
            f"it needs its value exactly once, as {VALUE}" if one.quantity else "only a wording of a number has a slot"
        )
    if _SLOT.search(one.pattern.replace(VALUE, "")):
        yield "it has a slot that nobody knows"
    if one.quantity is not None and slots == 1:
        unit = unit_words(vetted)
        if _behind(one.pattern)[: len(unit)] != unit:
            yield f"the words behind the value must be: {' '.join(unit)}"
        if not re.search(r"(?:^|[ (])\{value\}[ .,)]", one.pattern):
            yield "the value must stand alone"
    if _numbers(one.pattern) not in [_numbers(text) for text in vetted]:
        yield "its numbers are not those of a vetted wording"


def unit_words(vetted: Iterable[str]) -> tuple[str, ...]:
    """Give the words, three at the most, that stand behind the value in every vetted wording: its unit."""
    each = [_behind(text)[:UNIT_WORDS] for text in vetted]
    common = 0
    while all(len(words) > common for words in each) and len({words[common] for words in each}) == 1:
        common += 1
    return each[0][:common]


def _behind(text: str) -> tuple[str, ...]:
    return words_of(text.partition(VALUE)[2].partition(".")[0])


def _numbers(text: str) -> frozenset[str]:
    return frozenset(match.group(0).lower().replace("-", " ") for match in _NUMBER.finditer(text))


def _word_faults(one: Phrasing, vetted: Sequence[str], known: Knowledge) -> Iterator[str]:
    words = known.of_kind(one.kind)
    said = (
        *words.labels,
        *words.meanings,
        *words.actions,
        *(text for texts in words.quantities.values() for text in texts),
    )
    allowed = {stem(word) for text in (*said, *vetted) for word in words_of(text)} | GENERAL
    turning = frozenset().union(DENIALS, *SENSES.values())
    plain = one.pattern.replace(VALUE, "")
    used = {word for word in words_of(plain) if stem(word) in content_words(plain)}
    unknown = sorted(word for word in used - turning if word not in allowed and stem(word) not in allowed)
    if unknown:
        yield f"these words are not among those of the kind: {listed(unknown)}"
    missing = _left_out(one, vetted) - {stem(word) for word in words_of(plain)}
    if missing:
        yield f"it leaves out what a vetted wording of the same sense says: {listed(sorted(missing))}"


def _left_out(one: Phrasing, vetted: Sequence[str]) -> frozenset[str]:
    """What it must say and does not: of an action everything; else half of a vetted wording of the same sense."""
    each = [content_words(text.replace(VALUE, "")) for text in _same_sense(one.pattern, vetted) or vetted]
    if one.part == ACTION:
        return frozenset.intersection(*each) - GENERAL
    own = content_words(one.pattern.replace(VALUE, ""))
    wanted = max(each, key=lambda words: len(words & own) / max(1, len(words)))
    return wanted - own if len(wanted - own) > len(wanted) // 2 else frozenset()


def _sense_faults(pattern: str, vetted: Sequence[str]) -> Iterator[str]:
    own, each = _senses(pattern), [_senses(text) for text in vetted]
    if own not in each:
        nearest = min((sorted(((own - one) + (one - own)).elements()) for one in each), key=lambda words: len(words))
        yield f"words turn its sense (more, less, perhaps, at once, how many ...): {listed(nearest)}"
    denies = frozenset(words_of(pattern)) & DENIALS
    if (own in each and not _same_sense(pattern, vetted)) or not denies <= frozenset().union(*map(words_of, vetted)):
        yield "it denies something else than the vetted wordings, or in another word"


def _same_sense(pattern: str, vetted: Iterable[str]) -> list[str]:
    """The vetted wordings with the same turning words and denials, both of them: a mixture of two has none."""
    own = _senses(pattern), _denied(pattern)
    return [text for text in vetted if (_senses(text), _denied(text)) == own]


def _senses(text: str) -> Counter[str]:
    """How often each sense is touched: that a rate is below the lower limit touches one twice."""
    return Counter(name for word in words_of(text) for name, words in SENSES.items() if word in words)


def _denied(text: str) -> tuple[str, ...]:
    """For each denial the next word with a meaning."""
    words, meant = words_of(text), content_words(text)
    return tuple(
        sorted(
            next((stem(word) for word in words[index + 1 :] if stem(word) in meant and word not in DENIALS), "")
            for index, said in enumerate(words)
            if said in DENIALS or said.endswith("n't")
        )
    )
