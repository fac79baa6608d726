"""The finite language of one finding, and whether a text belongs to it.

A text is a member if the whole string is one first sentence followed by every mandatory sentence, once and in order,
each in one of its vetted wordings. This knows nothing of the decoder's grammar.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, TypeVar

from biosignal.events import Finding
from biosignal.wording.knowledge import Knowledge
from biosignal.wording.literals import Literals, literals

LANGUAGE = "language/1"
PROMPT = "You are a nurse who writes a note for a colleague. Write this note again in your own words:\n{text}"
T = TypeVar("T")
Slots: TypeAlias = tuple[tuple[str, ...], ...]


class Dice(Protocol):
    """What draws, as `random.Random` does; the core holds no chance of its own."""

    def choice(self, seq: Sequence[T], /) -> T:
        """Draw one, every one as likely."""
        ...


def prompt_of(finding: Finding) -> str:
    """Write what a language model is asked: to say the template, which holds all of the evidence, in other words."""
    return PROMPT.format(text=first_text(finding))


def plans(finding: Finding, known: Knowledge | None = None) -> tuple[Slots, ...]:
    """List the word orders, each a row of slots with its alternatives; a text takes one alternative of each slot.

    In the words of `known`, else in those in force; so everywhere here.
    """
    parts = literals(finding, known)
    tail = tuple(tuple(f" {sentence}" for sentence in alternatives) for alternatives in parts.sentences)
    return tuple(first + tail for first in _first_sentences(parts))


def _first_sentences(parts: Literals) -> tuple[Slots, ...]:
    verbs = (" the device found ", " the device reports ")
    time, lead = parts.time, parts.lead
    return (
        ((f"At {time} into the recording, in {lead},",), verbs, parts.labels, (".",)),
        ((f"In {lead}, at {time} into the recording,",), verbs, parts.labels, (".",)),
        (("The device found ", "The device reports "), parts.labels, (f" at {time} into the recording in {lead}.",)),
    )


def is_member(text: str, finding: Finding, known: Knowledge | None = None) -> bool:
    """Whether the whole text belongs to the language of `finding`."""
    return any(_matches(text, slots) for slots in plans(finding, known))


def _matches(text: str, slots: Slots) -> bool:
    reached = {0}
    for alternatives in slots:
        reached = {
            at + len(alternative) for at in reached for alternative in alternatives if text.startswith(alternative, at)
        }
    return len(text) in reached


def first_text(finding: Finding, known: Knowledge | None = None) -> str:
    """Give the first text: first word order, first wordings."""
    return "".join(alternatives[0] for alternatives in plans(finding, known)[0])


def sample_text(finding: Finding, dice: Dice) -> str:
    """Draw a text, every choice even."""
    return "".join(dice.choice(alternatives) for alternatives in dice.choice(plans(finding)))


def longest(finding: Finding) -> int:
    """Length of the longest text, in characters."""
    return max(sum(max(map(len, alternatives)) for alternatives in slots) for slots in plans(finding))
