"""Who may see whose words on the marks of a finding, and which marks readers call differently."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from biosignal.tasks.lookup import reviews_statements
from cloud_service.access.people import Login
from cloud_service.access.roles import Role

UNDO = "undo"
ADJUDICATE = "adjudicate"


class Word(Protocol):
    """What somebody said of a mark."""

    task: str
    kind: str
    leads: list[str]
    start: int
    verdict: str
    label: str | None
    reviewer: str
    superseded_by: int | None


Said = TypeVar("Said", bound=Word)
Place = tuple[str, str, tuple[str, ...], int]


def place_of(word: Word) -> Place:
    """The mark within its finding's recording."""
    return word.task, word.kind, tuple(word.leads), word.start


def counts(word: Word) -> bool:
    """Whether a word is in force."""
    return word.superseded_by is None and word.verdict != UNDO


def visible(words: Sequence[Said], login: Login) -> list[Said]:
    """Leave out what would lead a reader: the words of others on a mark of which he or she has said nothing yet.

    Once two have spoken of a mark, all see both, as a third may have to decide. Who cannot review sees everything.
    """
    if not login.role.covers(Role.REVIEWER):
        return list(words)
    readers = _readers([word for word in words if counts(word)])
    return [
        word
        for word in words
        if word.reviewer == login.name or login.name in (here := readers.get(place_of(word), set())) or len(here) > 1
    ]


def disputed(words: Iterable[Word]) -> dict[Place, dict[str, str]]:
    """The marks that readers call differently and nobody has decided, with the label of each reader.

    Marks whose labels are statements have none: of those each is judged for itself, and nobody decides.
    """
    said: dict[Place, dict[str, str]] = {}
    decided: set[Place] = set()
    for word in words:
        if counts(word) and word.label is not None and not reviews_statements(word.task):
            if word.verdict == ADJUDICATE:
                decided.add(place_of(word))
            else:
                said.setdefault(place_of(word), {})[word.reviewer] = word.label
    return {place: labels for place, labels in said.items() if place not in decided and len(set(labels.values())) > 1}


def _readers(words: Iterable[Word]) -> dict[Place, set[str]]:
    readers: dict[Place, set[str]] = {}
    for word in words:
        if word.verdict != ADJUDICATE:
            readers.setdefault(place_of(word), set()).add(word.reviewer)
    return readers
