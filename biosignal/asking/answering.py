"""Answers a question about a finding, or in general: from vetted sentences and measured facts, or not at all."""

from biosignal.asking.checking import is_supported
from biosignal.asking.facts import Made, sayable
from biosignal.asking.reply import Answer, Part, Quoted, Reason, Refusal, Reply
from biosignal.asking.subjects import Subject, subjects
from biosignal.asking.templates import COMPARE, HOW_MADE, MEASURED, NEXT_STEPS, TEMPLATES, WHEN
from biosignal.asking.tokens import LONGEST, stems_of
from biosignal.asking.understanding import Meant, meant
from biosignal.events import Finding
from biosignal.wording.knowledge import knowledge
from biosignal.wording.literals import is_assessable

MOST_OFFERED, MOST_LOOKED_AT = 3, 10


def ask(
    question: str, *, about: Finding | None = None, before: Finding | None = None, template: str | None = None
) -> Reply:
    """Answer a question.

    Parameters
    ----------
    question : as a person wrote it, English; may be empty where `template` names what is asked.
    about : the finding asked about; None: a question in general.
    before : the finding of the same kind before it, of the same recording.
    template : name of the kind of question (`TEMPLATES`); None: found by the words.

    Raises
    ------
    BadInput : there is no such template, or the question is too long.
    """
    understood = meant(question, about, template)
    made = understood if isinstance(understood, Reason) else _answered(understood, about, before)
    if isinstance(made, Answer) and not all(is_supported(part, about, before) for part in made.parts):
        made = Reason.UNCHECKED
    return Refusal(reason=made, can=offered(question, about, made)) if isinstance(made, Reason) else made


def sentences_about(about: Finding, before: Finding | None) -> frozenset[str]:
    """Give every sentence that an answer about a finding may hold, and those in general."""
    replies = [ask("", about=about, before=before, template=name) for name in TEMPLATES]
    said = {part.text for reply in replies if isinstance(reply, Answer) for part in reply.parts}
    return frozenset(said) | sentences_in_general()


def sentences_in_general() -> frozenset[str]:
    """Give every sentence that an answer in general may hold."""
    return frozenset(part.text for one in subjects().all for part in (*one.meaning, *one.actions))


def offered(question: str, about: Finding | None, reason: Reason) -> tuple[str, ...]:
    """Give questions that can be answered: of a finding every kind, and of what shares a word with the question.

    A question that was refused for what it asks brings nothing near; where there is nothing, the first subjects.
    """
    known, words = subjects(), set(stems_of(question[:LONGEST]))
    ranked = known.ranked(question[:LONGEST], MOST_LOOKED_AT) if reason is Reason.OUTSIDE else []
    near = [one for one in ranked if words & {part for name in one.names for part in stems_of(name)}]
    general = near[:MOST_OFFERED] or ([] if about else list(known.all[:MOST_OFFERED]))
    of_finding = () if about is None else tuple(one.question for one in TEMPLATES.values())
    return (*of_finding, *(f"Explain: {one.title}." for one in general))


def _answered(asked: Meant, about: Finding | None, before: Finding | None) -> Answer | Reason:
    subject = asked.subject
    if subject is None:
        return Reason.OUTSIDE
    own = about if about is not None and subject.kind == about.kind else None
    if own is not None and own.evidence.fs_hz <= 0:
        return Reason.NOT_MEASURED  # whatever sent this, no sample of it has a time
    parts = _in_general(asked, subject) if own is None else _of_finding(asked, own, before)
    if isinstance(parts, Reason):
        return parts
    return Answer(
        template=asked.template.name,
        subject=subject.title,
        in_general=own is None,
        parts=tuple(parts),
        left_out=len(own.evidence.measures) - len(sayable(own)) if own is not None else 0,
    )


def _in_general(asked: Meant, subject: Subject) -> list[Part] | Reason:
    if asked.template is not NEXT_STEPS:
        return list(subject.meaning)
    return list(subject.actions) or Reason.OUTSIDE


def _of_finding(asked: Meant, about: Finding, before: Finding | None) -> list[Part] | Reason:
    made, subject = Made(finding=about), asked.subject
    if asked.template is COMPARE:
        return _compared(made, before)
    if asked.template is MEASURED:
        return list(made.measures(asked.quantities)) or Reason.NOT_MEASURED
    if asked.template is WHEN:
        return [made.when(), made.state(), *made.measures(("duration",))]
    if asked.template is HOW_MADE:
        return [made.origin(), made.quality()]
    if asked.template is NEXT_STEPS:
        return _steps(about, subject)
    return [made.when(), *_meaning(about, subject), *made.measures()]


def _compared(made: Made, before: Finding | None) -> list[Part] | Reason:
    if before is None:
        return Reason.NOTHING_BEFORE
    return [made.when(), Made(finding=before).when(), *made.against(before)]


def _meaning(about: Finding, subject: Subject | None) -> list[Part]:
    common = knowledge().common
    if is_assessable(about) or common.meaning_source is None:
        return list(subject.meaning) if subject is not None else []
    return [Quoted(text=common.not_assessable[0], source=common.meaning_source)]


def _steps(about: Finding, subject: Subject | None) -> list[Part] | Reason:
    common = knowledge().common
    if not is_assessable(about) and common.action_source is not None:
        return [Quoted(text=common.not_assessable_action, source=common.action_source)]
    return list(subject.actions) if subject is not None and subject.actions else Reason.OUTSIDE
