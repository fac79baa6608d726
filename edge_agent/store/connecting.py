"""Connections to a store's file, and what SQLite says in our words."""

import errno
import os
import sqlite3
from enum import Enum
from pathlib import Path

from edge_agent.store.errors import StoreDamaged, StoreFull, StoreTrouble, StoreUnwritable

ENOUGH_BYTES = 256 << 10
"""With less left on a disk, a failure to write is laid to that."""


class Open(Enum):
    """How a file is opened."""

    READ = "mode=ro"
    WRITE = "mode=rwc"
    ALONE = "mode=rwc&vfs=unix-excl"
    """Without the file that other processes need to look into it: the disk has no space for that one."""


def connect(path: Path, how: Open) -> sqlite3.Connection:
    """Open a connection that any thread may use, one at a time.

    Raises
    ------
    StoreUnwritable, StoreFull : the file cannot be opened.
    """
    try:
        return sqlite3.connect(
            f"{path.resolve().as_uri()}?{how.value}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=5.0,
        )
    except sqlite3.OperationalError as error:
        raise translated(error, path) from error


def translated(error: sqlite3.Error, path: Path) -> StoreTrouble:
    """Say in our words what SQLite met."""
    text = str(error)
    if is_full(error) or (_is_of_the_disk(text) and _is_short(path.parent)):
        return StoreFull("the disk that holds the store is full", file=str(path))
    if is_damage(error):
        return StoreDamaged("the store's file is damaged", file=str(path), why=text)
    if "readonly" in text or "unable to open" in text:
        return StoreUnwritable("the store's file cannot be opened", file=str(path), why=text)
    return StoreTrouble("the store failed", file=str(path), why=text)


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk is full; by the error's text, as Python 3.10 has no error codes."""
    return "database or disk is full" in str(error)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file's content is wrong; what SQLite could not read now is not."""
    return any(text in str(error) for text in ("malformed", "not a database", "file is encrypted"))


def _is_of_the_disk(text: str) -> bool:
    return "disk I/O error" in text or "unable to open" in text


def _is_short(folder: Path) -> bool:
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return error.errno == errno.ENOSPC
    return found.f_bavail * found.f_frsize < ENOUGH_BYTES
