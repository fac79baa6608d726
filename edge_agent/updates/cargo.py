"""What is fetched, tried and kept alike, whatever is in it: bundles of models, and bundles that are no model's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Cargo(Protocol):
    """A bundle that was checked: its name, version and content."""

    @property
    def identity(self) -> str:
        """``name/version``."""

    @property
    def version(self) -> str:
        """Three numbers."""

    @property
    def digest(self) -> str:
        """sha256 in hex of all that is in it."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Name without a folder -> content."""


class Served(Protocol):
    """What came of a bundle that passed its self-test, in use until it is closed."""

    def close(self) -> None:
        """Give back what it holds; safe to call twice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Bundles that belong to no task: `opened` checks the bytes of one, and raises a `BedsideError`.

    `windows` is how many answers without one failure end a trial.
    """

    opened: Callable[[bytes], Cargo]
    windows: int
