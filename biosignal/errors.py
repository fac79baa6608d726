"""One root error: what happened, with which facts, and what a person does next."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import ClassVar

MOST_NAMED = 8
LONGEST = 300
"""So many things are named in a message, and so many characters of one."""


class BedsideError(Exception):
    """Something we can name.

    A subclass sets `remedy`, the sentence printed after ``Try:``, and may set `exit_code`
    (1 failed; 2 usage, settings or input; 3 refused for safety). A remedy that depends on
    the facts is given as the keyword ``remedy``.
    """

    remedy: ClassVar[str] = "run `edge-agent doctor`"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str | None = None, **facts: object) -> None:
        super().__init__(what + "".join(f", {name}={_shown(fact)}" for name, fact in facts.items()))
        self.facts = facts
        self.advice = remedy or self.remedy


class BadInput(BedsideError):
    """What a person or a file gave cannot be used as it is."""

    remedy = "check the argument or file that the message names"
    exit_code = 2


class RefusedForSafety(BedsideError):
    """Going on would risk data or a wrong result."""

    remedy = "read the reason above; nothing was changed"
    exit_code = 3


class BrokenStream(BedsideError):
    """Samples arrived out of order, overlapping, or with another layout than announced."""

    remedy = "report a loss as a Gap and open a new recording when the layout changes"


def listed(things: Iterable[object]) -> str:
    """Name the first things, and say how many more there are: ``II, V5 and 10 more``."""
    named = [one if isinstance(one, str) else _shown(one) for one in things]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more


def _shown(fact: object) -> str:
    """Write a fact for people: of many things some, and no type of a library."""
    if isinstance(fact, Enum):
        return repr(fact.value)
    if isinstance(fact, str | bytes) or hasattr(fact, "__fspath__"):
        text = repr(fact if isinstance(fact, bytes) else str(fact))
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    if isinstance(fact, list | tuple | AbstractSet):
        named = [_shown(one) for one in fact]
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        return f"[{', '.join(named[:MOST_NAMED])}]{more}"
    if isinstance(fact, dict):
        return _shown([f"{key}: {value}" for key, value in fact.items()])
    name = getattr(fact, "name", None)
    return repr(name) if isinstance(name, str) else str(fact)
