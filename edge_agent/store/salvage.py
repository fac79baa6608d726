"""A damaged file is replaced by a new one with its rows, and files set aside earlier are looked through once.

Nothing is renamed before its rows stand in the new file and that is on disk; nothing is deleted. Killed or without
space in between, the next start finds the old file as it was.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from edge_agent.store.connecting import Open, connect, translated
from edge_agent.store.database import Database
from edge_agent.store.errors import StoreTrouble
from edge_agent.store.pages import read_rows
from edge_agent.store.plan import Found, Plan, Salvage, report

log = logging.getLogger(__name__)
_LOOKED_THROUGH = "salvaged:"
_PIECES = ("-wal", "-shm", "")


def replace_damaged(path: Path, plan: Plan, make: Callable[[Path], Database], *, at: str, why: str) -> Salvage:
    """Save the rows of a damaged file into a new one that takes its place.

    Parameters
    ----------
    make : opens a new file of this version.
    at : UTC text that names what is set aside.

    Raises
    ------
    StoreFull, StoreTrouble : it cannot be done now; the file is where it was.
    """
    new = path.with_name(path.name + ".new")
    aside = _free_name(path, f"damaged-{_stamp(at)}")
    remove(new)
    try:
        fresh = make(new)
        try:
            with fresh.atomic():
                taken = plan.absorb(fresh, chain(found_in(path, plan), plan.kept_beside(path)), True)
                _note(fresh, aside.name, at)
            fresh.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            fresh.conn.close()
        _flush(new)
        # From here on each step may be the last one: the rows are in both files until the end.
        _name_again(path, aside)
        _move(path, aside, "-wal")
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        new.replace(path)
        _flush(path)
    except sqlite3.Error as error:
        remove(new)
        raise translated(error, path) from error
    except OSError as error:
        remove(new)
        raise StoreTrouble(
            "a damaged store cannot be saved now", file=str(path), why=error.strerror or str(error)
        ) from error
    return report(path.name, aside.name, why, taken, plan.tables)


def take_in_set_aside(db: Database, path: Path, plan: Plan, *, at: str) -> list[Salvage]:
    """Take in what is new in files that were set aside earlier, each once. What cannot be read now is tried again."""
    salvages = []
    for aside in sorted(path.parent.glob(f"{path.name}.damaged-*")):
        if aside.name.endswith(_PIECES[:2]) or _is_noted(db, aside.name):
            continue
        try:
            with db.atomic():
                taken = plan.absorb(db, found_in(aside, plan), not _is_sound(aside))
                _note(db, aside.name, at)
        except (sqlite3.Error, OSError) as error:
            facts = {"file": aside.name, "why": str(error)}
            log.warning("store.set_aside.unreadable", extra={"facts": facts})
            continue
        if any(taken.new.values()):
            salvages.append(report(path.name, aside.name, "found beside it", taken, plan.tables))
    return salvages


def found_in(path: Path, plan: Plan) -> Iterator[Found]:
    """Yield the rows of a file's pages that are of one of the tables."""
    for rowid, values in read_rows(path, page_bytes=plan.page_bytes):
        found = plan.recognised(rowid, values)
        if found is not None:
            yield found


def remove(path: Path) -> None:
    """Remove a file that is not needed, with its log."""
    for suffix in _PIECES:
        with contextlib.suppress(OSError):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_noted(db: Database, name: str) -> bool:
    return db.execute("SELECT 1 FROM meta WHERE name = ?", (_LOOKED_THROUGH + name,)).fetchone() is not None


def _note(db: Database, name: str, at: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_LOOKED_THROUGH + name, at))


def _is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with a file; where it cannot look, nobody knows."""
    try:
        with contextlib.closing(connect(path, Open.READ)) as connection:
            return [row[0] for row in connection.execute("PRAGMA quick_check(1)")] == ["ok"]
    except (sqlite3.Error, StoreTrouble):
        return False


def _stamp(at: str) -> str:
    return "".join(character for character in at if character.isalnum())


def _free_name(path: Path, ending: str) -> Path:
    name, number = path.with_name(f"{path.name}.{ending}"), 1
    while name.exists():
        name, number = path.with_name(f"{path.name}.{ending}-{number}"), number + 1
    return name


def _name_again(path: Path, name: Path) -> None:
    """Give a file a second name, or another one where a file system knows no second names."""
    if not path.exists():
        name.touch()
        return
    try:
        os.link(path, name)
    except OSError:
        path.rename(name)


def _move(path: Path, name: Path, suffix: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.with_name(path.name + suffix).rename(name.with_name(name.name + suffix))


def _flush(path: Path) -> None:
    """Put a file and its name on disk."""
    for place in (path, path.parent):
        file = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)
