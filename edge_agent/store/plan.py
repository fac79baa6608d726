"""What a store's file holds, and what is said about one that had to be saved."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from edge_agent.store.database import Database
from edge_agent.store.pages import Value

Row: TypeAlias = dict[str, Any]
Found: TypeAlias = tuple[str, Row]
"""A row of another file, and of which table it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """How many rows of another file were new here, and how many could not be believed, by table."""

    new: dict[str, int]
    lost: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a store's file holds.

    Parameters
    ----------
    name : written into the file, so that no other store's file is taken for this one.
    migrations : one SQL script per version; the first makes version `first` of an empty file.
    kept_beside : yields rows that are kept in another file beside the store's as well, for when this one is damaged.
    spoiled : looks, where SQLite finds nothing wrong with the pages, whether the rows that matter most are what was
        written; says what is wrong.
    first : an older file is not changed but copied row by row into a new one, and kept beside it.
    tables : whose rows are copied and saved.
    recognised : says of which table a row is that was found in a page, by its rowid and values; None where of none.
    absorb : takes rows of another file into this one, whatever version wrote them, each once and only when it can be
        believed. The flag says that the other file was damaged: nobody knows what it lost.
    backup : whether a copy of the file is kept before a script changes it.
    log_bytes : at this size the log goes back into the file. In a long one a page that many commits touch is written
        back once for all of them.
    page_bytes, auto_vacuum : of a new file; one that exists keeps what it was made with.
    """

    name: str
    migrations: tuple[str, ...]
    tables: tuple[str, ...]
    recognised: Callable[[int, Sequence[Value]], Found | None]
    absorb: Callable[[Database, Iterator[Found], bool], Taken]
    spoiled: Callable[[sqlite3.Connection], str | None] = lambda _connection: None
    kept_beside: Callable[[Path], Iterator[Found]] = lambda _path: iter(())
    first: int = 1
    backup: bool = True
    auto_vacuum: bool = False
    page_bytes: int = 4096
    log_bytes: int = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvage:
    """What was found and saved: `saved` and `lost` rows by table; a table nobody could read is in `unreadable`."""

    file: str
    set_aside: str
    why: str
    saved: tuple[tuple[str, int], ...]
    lost: tuple[tuple[str, int], ...]
    unreadable: tuple[str, ...]

    def __str__(self) -> str:
        saved = sum(count for _, count in self.saved)
        lost = sum(count for _, count in self.lost)
        beyond = f"; nothing could be read of {', '.join(self.unreadable)}" if self.unreadable else ""
        return (
            f"{self.file} was damaged ({self.why}): {saved} rows saved, {lost} lost{beyond}; kept as {self.set_aside}"
        )


def report(file: str, kept: str, why: str, taken: Taken, tables: Iterable[str]) -> Salvage:
    """Sum up what was taken out of a file that is kept as `kept`."""
    return Salvage(
        file=file,
        set_aside=kept,
        why=why,
        saved=tuple(taken.new.items()),
        lost=tuple(taken.lost.items()),
        unreadable=() if any(taken.new.values()) else tuple(tables),
    )
