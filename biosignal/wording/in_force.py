"""The words that texts are written in: the vetted ones, and before them those that a clinic approved and released.

The daemon says which approved words are in force; without any the vetted ones are all there is. One reference is put in
the place of another, so that a text in the making is written in the one or in the other, and its check names which.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from biosignal.wording.knowledge import Knowledge, knowledge
from biosignal.wording.vetted import KindWords

MEANING, ACTION = "meaning", "action"
_QUANTITY = "quantity/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrasing:
    """One way to say one part of the text of a kind of finding.

    `part` is the meaning, the action that the text names, or ``quantity/NAME``, whose `pattern` holds ``{value}``.
    """

    task: str
    kind: str
    part: str
    pattern: str

    @property
    def quantity(self) -> str | None:
        """The quantity that it is a wording of."""
        return self.part.removeprefix(_QUANTITY) if self.part.startswith(_QUANTITY) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Approved:
    """Approved phrasings, and the name of the bundle they came in with the beginning of its digest."""

    name: str
    phrasings: tuple[Phrasing, ...]


def quantity_part(name: str) -> str:
    """Name the part of a text that says a quantity."""
    return f"{_QUANTITY}{name}"


def speak(approved: Approved | None) -> None:
    """Put approved words in force in the place of those before; None: the vetted words alone."""
    global _approved
    _approved = approved


def spoken() -> Knowledge:
    """Give the words in force."""
    global _made
    vetted, approved, made = knowledge(), _approved, _made
    if approved is None:
        return vetted
    if made is None or made[0] is not vetted or made[1] is not approved:
        _made = made = vetted, approved, with_approved(vetted, approved)
    return made[2]


_approved: Approved | None = None
_made: tuple[Knowledge, Approved, Knowledge] | None = None
"""The words that were put together last, and of what."""


def with_approved(vetted: Knowledge, approved: Approved) -> Knowledge:
    """Put approved phrasings before the vetted ones of their part; those of a kind that nobody declares stay out."""
    kinds: dict[str, KindWords] = dict(vetted.kinds)
    for one in reversed(approved.phrasings):
        if one.kind in kinds and one.task in vetted.by_task and one.kind in vetted.by_task[one.task].kinds:
            kinds[one.kind] = _with(kinds[one.kind], one, present(vetted, one.task, one.kind, one.part))
    return replace(vetted, kinds=kinds, approved=approved.name)


def present(known: Knowledge, task: str, kind: str, part: str) -> tuple[str, ...]:
    """Give the wordings that a part of a text has; none where it has no such part."""
    words = known.of_kind(kind)
    if part == MEANING:
        return words.meanings
    if part == ACTION:
        return words.first_action
    name = part.removeprefix(_QUANTITY)
    return (known.vetted_wordings(task, kind, name) or ()) if part.startswith(_QUANTITY) else ()


def _with(words: KindWords, one: Phrasing, before: Iterable[str]) -> KindWords:
    if one.part == MEANING:
        return replace(words, meanings=_first(one.pattern, words.meanings))
    if one.part == ACTION:
        return replace(words, action_wordings=_first(one.pattern, words.action_wordings))
    name = one.quantity or ""
    wordings: Mapping[str, tuple[str, ...]] = words.quantities
    return replace(words, quantities={**wordings, name: _first(one.pattern, wordings.get(name, tuple(before)))})


def _first(pattern: str, others: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((pattern, *others)))
