"""Which of the questions that can be answered was meant, or why none was.

A question is understood where nearly every word of it is known: from the kind of question, from the subject, or from
what the language needs anyway. One that only holds a known word among others is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from biosignal.asking.refusing import refused
from biosignal.asking.reply import Reason
from biosignal.asking.subjects import Subject, subjects
from biosignal.asking.templates import EXPLAIN, MEASURED, TEMPLATES, WHEN, Template, is_yes_or_no, template_of
from biosignal.asking.tokens import LONGEST, is_near, plain_text, stem, stems_of, words_of
from biosignal.errors import BadInput
from biosignal.events import Finding
from biosignal.tasks.lookup import quantities

MOST_UNKNOWN = 0.25
"""Of the words that say what a question is about; chosen on the tuning half of the questions in `export/asking`."""
_OF_PATIENTS = "patient heart device lead leads ecg eeg person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Meant:
    """A question that can be looked up: its kind, what it is about, and which quantities it names."""

    template: Template
    subject: Subject | None
    quantities: tuple[str, ...] = ()


def meant(question: str, about: Finding | None, template: str | None = None) -> Meant | Reason:
    """Say what was asked; `template` names the kind of question where that is known.

    Raises
    ------
    BadInput : there is no kind of question by that name, or the question is too long.
    """
    if len(question) > LONGEST:
        raise BadInput("a question is shorter", characters=len(question), most=LONGEST, remedy="ask one thing")
    chosen = None if template is None else _named(template)
    if not words_of(question):
        return Reason.EMPTY if chosen is None else _chosen(chosen, about)
    return refused(question) or _understood(question, about, chosen)


def _named(template: str) -> Template:
    if template not in TEMPLATES:
        raise BadInput("there is no such kind of question", known=list(TEMPLATES), remedy="name one of these")
    return TEMPLATES[template]


def _chosen(template: Template, about: Finding | None) -> Meant | Reason:
    """A kind of question without words of its own is about the finding."""
    if about is None:
        return Reason.NEEDS_FINDING
    subject = subjects().of_kind(about.kind)
    return Reason.OUTSIDE if subject is None else Meant(template=template, subject=subject)


def _understood(question: str, about: Finding | None, chosen: Template | None) -> Meant | Reason:
    known = subjects()
    own = known.of_kind(about.kind) if about is not None else None
    named = known.named_in(question)
    template = chosen or template_of(_without_name(question, named))
    asked = quantities_in(question)
    if about is not None and asked and template in (EXPLAIN, MEASURED) and _are_all(question, asked):
        return _number(own, asked, about, named, template)
    subject = named or own or known.nearest(question)
    if subject is None or _unknown_share(question, template, subject) > (MOST_UNKNOWN if named or own else 0.0):
        return Reason.OUTSIDE
    if subject is not own and is_yes_or_no(plain_text(question)):
        # Whether it is something else is for a person: what the device found is all that can be said.
        return Meant(template=WHEN, subject=own) if own is not None else Reason.NEEDS_FINDING
    if template.general or (own is not None and subject is own):
        return Meant(template=template, subject=subject)
    return _of_another(subject, about, own, template)


def _without_name(question: str, named: Subject | None) -> str:
    """The question without the name of what it is about, whose words say nothing about the kind of question."""
    text = plain_text(question)
    for name in named.names if named is not None else ():
        text = text.replace(plain_text(name), " ")
    return text


def _number(
    own: Subject | None, asked: tuple[str, ...], about: Finding, named: Subject | None, template: Template
) -> Meant | Reason:
    """A question that names a quantity: about its number, or where that is not there, about what it is."""
    held = tuple(name for name in asked if any(measure.name == name for measure in about.evidence.measures))
    if held and own is not None:
        return Meant(template=MEASURED, subject=own, quantities=held)
    return Meant(template=template, subject=named) if named is not None and template is EXPLAIN else Reason.NOT_MEASURED


def _of_another(subject: Subject, about: Finding | None, own: Subject | None, template: Template) -> Meant | Reason:
    """A question about numbers or times, of something else than the finding or without one."""
    if own is not None:
        return Reason.NOT_MEASURED if template is MEASURED else Meant(template=template, subject=own)
    is_short = about is None and template is MEASURED and subject.kind is None
    return Meant(template=EXPLAIN, subject=subject) if is_short else Reason.NEEDS_FINDING


def quantities_in(question: str) -> tuple[str, ...]:
    """Name the quantities whose label, or name with spaces, is in the question; of several the longest labels."""
    asked = stems_of(question)
    common = _stems(MEASURED.words)
    found = {
        name: label
        for name, known in quantities().items()
        for label in (stems_of(known.label), stems_of(name.replace("_", " ")))
        if not common.issuperset(label) and _holds(asked, label)
    }
    longest = max((len(label) for label in found.values()), default=0)
    return tuple(name for name, label in found.items() if len(label) == longest)


def _holds(asked: tuple[str, ...], label: tuple[str, ...]) -> bool:
    return any(asked[at : at + len(label)] == label for at in range(len(asked) - len(label) + 1))


def _are_all(question: str, asked: tuple[str, ...]) -> bool:
    """Whether the question is about these quantities and nothing else."""
    known = quantities()
    words = {part for name in asked for part in stems_of(f"{known[name].label} {name.replace('_', ' ')}")}
    return _share_of_unknown(stems_of(question), words | _stems(MEASURED.words, _OF_PATIENTS)) <= MOST_UNKNOWN


def _unknown_share(question: str, template: Template, subject: Subject) -> float:
    words = _stems(template.words, EXPLAIN.words, _OF_PATIENTS, *subject.names)
    return _share_of_unknown(stems_of(question), words)


def _stems(*texts: str) -> frozenset[str]:
    return frozenset(stem(word) for text in texts for word in words_of(text))


def _share_of_unknown(asked: tuple[str, ...], words: Iterable[str]) -> float:
    held = frozenset(words)
    unknown = [one for one in asked if one not in held and not any(is_near(one, other) for other in held)]
    return len(unknown) / len(asked) if asked else 0.0
