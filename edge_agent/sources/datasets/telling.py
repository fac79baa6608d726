"""What whoever waits for a download is told."""

from typing import Protocol


class Telling(Protocol):
    """Is told what is fetched, and how far it is."""

    def say(self, sentence: str) -> None:
        """One sentence: what comes, from where, under which licence; what goes wrong meanwhile."""

    def at(self, name: str, done: int, whole: int | None) -> None:
        """So many bytes of a file are here, of so many where that is known."""

    def end(self) -> None:
        """The file is through."""


class Silent:
    """Nobody waits."""

    def say(self, sentence: str) -> None:
        """Say nothing."""

    def at(self, name: str, done: int, whole: int | None) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


SILENT = Silent()


def size_of(count: int) -> str:
    """Bytes for people."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
