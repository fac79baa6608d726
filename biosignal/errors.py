"""One root error: what happened, with which facts, and what a person does next."""

from typing import ClassVar


class BedsideError(Exception):
    """Something we can name.

    A subclass sets `remedy`, the sentence printed after ``Try:``, and may set `exit_code`
    (1 failed; 2 usage, settings or input; 3 refused for safety). A remedy that depends on
    the facts is given as the keyword ``remedy``.
    """

    remedy: ClassVar[str] = "run `edge-agent doctor`"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str | None = None, **facts: object) -> None:
        super().__init__(what + "".join(f", {name}={fact!r}" for name, fact in facts.items()))
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
