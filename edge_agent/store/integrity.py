"""Opening a store's file: check it, have a damaged one replaced, bring it to this version.

What cannot be looked at now (no space, no right, an error of the disk, a lock) is not damaged: nothing is changed then.
"""

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_agent.store.connecting import Open, connect, is_damage, translated
from edge_agent.store.database import Database
from edge_agent.store.errors import StoreForeign, StoreFull, StoreTrouble, StoreUnsafe
from edge_agent.store.plan import Found, Plan, Salvage, Taken, report
from edge_agent.store.salvage import remove, replace_damaged, take_in_set_aside
from edge_agent.store.space import holds_frames

SYNCHRONOUS = {"FULL": 2, "EXTRA": 3}
_WORTH_BYTES = 32 << 20
_CODE = re.compile(r"error code=(\d+)")
_CORRUPT = (11, 26)


def open_file(
    path: Path, plan: Plan, *, at: str, synchronous: str = "FULL", alone: bool = False
) -> tuple[Database, list[Salvage]]:
    """Open a store's file for writing, made, mended or migrated as needed.

    Parameters
    ----------
    at : UTC text that names what is set aside.
    alone : no other process may look into it, which needs no space on the disk.

    Raises
    ------
    StoreUnsafe : `synchronous` would lose what was acknowledged. StoreForeign : somebody else's or a newer file.
    StoreFull, StoreUnwritable, StoreTrouble : it cannot be opened now, and is as it was.
    """
    if synchronous not in SYNCHRONOUS:
        raise StoreUnsafe(
            "this synchronous setting loses findings at a power cut", synchronous=synchronous, allowed=[*SYNCHRONOUS]
        )

    def make(file: Path) -> Database:
        fresh = _configured(file, plan, synchronous, Open.WRITE)
        try:
            migrate(fresh, plan, file, at)
        except BaseException:
            fresh.conn.close()
            raise
        return fresh

    try:
        salvages = [] if alone else _mended(path, plan, make, at=at)
        db = _configured(path, plan, synchronous, Open.ALONE if alone else Open.WRITE)
        try:
            # Not by a connection of its own: the last one to close deletes the log, and with it space that is needed.
            if alone and (why := damage_seen_by(db.conn, path, plan)) is not None:
                raise StoreFull("the store is damaged and the disk has no space to save its rows", why=why)
            migrate(db, plan, path, at)
            salvages += take_in_set_aside(db, path, plan, at=at)
        except BaseException:
            db.conn.close()
            raise
    except sqlite3.Error as error:
        raise translated(error, path) from error
    except OSError as error:
        raise StoreTrouble("the store cannot be opened", file=str(path), why=error.strerror or str(error)) from error
    return db, salvages


def in_memory(plan: Plan, *, most_bytes: int) -> Database:
    """Make a store that lives in memory, as long as its file cannot be opened."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db = Database(connection, execute_plugins=False)
    db.execute(f"PRAGMA page_size = {plan.page_bytes}")
    db.execute(f"PRAGMA max_page_count = {most_bytes // plan.page_bytes}").fetchall()
    migrate(db, plan, Path(":memory:"), "")
    return db


def _mended(path: Path, plan: Plan, make: Callable[[Path], Database], *, at: str) -> list[Salvage]:
    why = find_damage(path, plan)
    salvages = [replace_damaged(path, plan, make, at=at, why=why)] if why is not None else []
    moved = _moved(path, plan, make, at=at)
    return salvages if moved is None else [*salvages, moved]


def find_damage(path: Path, plan: Plan) -> str | None:
    """Say what is wrong with a file; None when it is sound or absent.

    Raises
    ------
    StoreFull, StoreUnwritable, StoreTrouble : nobody can say, as it cannot be read now.
    """
    if not path.exists() or path.stat().st_size == 0:
        # SQLite would delete the log of an empty file without a look at it.
        if holds_frames(path.with_name(path.name + "-wal")):
            return "the file is empty beside its log"
        # A name that leads elsewhere says that the file is away, not that it was lost.
        is_lost = not path.is_symlink() and next(plan.kept_beside(path), None) is not None
        return "the file is gone or empty beside what waited in it" if is_lost else None
    with contextlib.closing(connect(path, Open.READ)) as connection:
        return damage_seen_by(connection, path, plan)


def damage_seen_by(connection: sqlite3.Connection, path: Path, plan: Plan) -> str | None:
    """Say what is wrong with the file of a connection; None when it is sound. Raises as `find_damage`."""
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
        if found == ["ok"]:
            version = _version(connection, plan, path)
            return plan.spoiled(connection) if version >= plan.first else None
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return str(error)
        raise translated(error, path) from error
    text = "; ".join(found).replace("\n", " ")[:300]
    if unread := [code for code in map(int, _CODE.findall(text)) if code & 0xFF not in _CORRUPT]:
        raise StoreTrouble("the store's file cannot be read now", file=str(path), why=text, code=unread[0])
    return text


def migrate(db: Database, plan: Plan, path: Path, at: str) -> None:
    """Bring a file forward to this version, with a backup beside it before anything changes.

    Raises
    ------
    StoreForeign : it is somebody else's file, or a newer version's.
    """
    target = plan.first + len(plan.migrations) - 1
    version = _version(db.conn, plan, path)
    if version > target:
        raise StoreForeign("the store was made by a newer version", file=str(path), version=version, known=target)
    if version == target:
        return
    if version and plan.backup:
        _back_up(db, _kept_name(path, version + 1, at))
    with db.atomic():
        for script in plan.migrations[max(0, version - plan.first + 1) :]:
            for statement in filter(None, (part.strip() for part in script.split(";"))):
                db.execute(statement)
        for name, value in (("store", plan.name), ("version", str(target))):
            db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def _back_up(db: Database, kept: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(kept)) as copy:
            db.conn.backup(copy)
    except sqlite3.Error:
        remove(kept)
        raise


def _version(connection: sqlite3.Connection, plan: Plan, path: Path) -> int:
    """Which version made a file; 0 where it is empty."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if "meta" in tables:
        facts = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        if facts.get("store") != plan.name:
            raise StoreForeign("the file is another store", file=str(path), store=facts.get("store"))
        return int(facts.get("version", "0"))
    if tables:
        raise StoreForeign("the file is not a store of ours", file=str(path), tables=tables[:5])
    return 0


def _kept_name(path: Path, version: int, at: str) -> Path:
    stamp = "".join(character for character in at if character.isalnum())
    kept, number = path.with_name(f"{path.name}.before-v{version}-{stamp}"), 1
    while kept.exists():
        kept, number = path.with_name(f"{path.name}.before-v{version}-{stamp}-{number}"), number + 1
    return kept


def _moved(path: Path, plan: Plan, make: Callable[[Path], Database], *, at: str) -> Salvage | None:
    """Copy the rows of a file older than `plan.first`, or mostly empty, into a new one that takes its place.

    One of an older version is kept beside it. The new file takes its place in one step, when it is whole and on disk:
    killed before, the old one is still there.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    with contextlib.closing(connect(path, Open.READ)) as looked:
        version = _version(looked, plan, path)
        is_old = version < plan.first
        if version == 0 or not (is_old or _is_mostly_empty(looked, plan)):
            return None
    new = path.with_name(path.name + ".new")
    remove(new)
    try:
        taken = _copied(path, new, plan, make)
    except (sqlite3.Error, OSError):
        remove(new)
        if is_old:
            raise
        return None  # it only takes more space than it needs
    kept = _kept_name(path, plan.first, at)
    if is_old:
        os.link(path, kept)
    new.replace(path)
    return (
        report(path.name, kept.name, f"made by version {version}", taken, plan.tables)
        if any(taken.lost.values())
        else None
    )


def _copied(path: Path, new: Path, plan: Plan, make: Callable[[Path], Database]) -> Taken:
    """Copy the rows into a new file, and put both on disk without their logs."""
    with contextlib.closing(connect(path, Open.WRITE)) as old:
        fresh = make(new)
        try:
            with fresh.atomic():
                taken = plan.absorb(fresh, rows_of(old, plan), False)
            fresh.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            fresh.conn.close()
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return taken


def rows_of(old: sqlite3.Connection, plan: Plan) -> Iterator[Found]:
    """Yield the rows of a sound store, table by table."""
    for table in plan.tables:
        rows = old.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608  # names come from the plan
        names = [column[0] for column in rows.description]
        yield from ((table, dict(zip(names, row, strict=True))) for row in rows)


def _is_mostly_empty(connection: sqlite3.Connection, plan: Plan) -> bool:
    """Whether a file that does not give pages back by itself holds more free than used ones, and enough to matter."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return not plan.auto_vacuum and 2 * free > pages and free * size > _WORTH_BYTES


def _configured(path: Path, plan: Plan, synchronous: str, how: Open) -> Database:
    connection = connect(path, how)
    db = Database(connection, execute_plugins=False)
    try:
        # These two only take hold while the file is still empty.
        db.execute(f"PRAGMA page_size = {plan.page_bytes}")
        if plan.auto_vacuum:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        journal = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute("PRAGMA journal_size_limit = -1").fetchall()
        db.execute(f"PRAGMA wal_autocheckpoint = {plan.log_bytes // plan.page_bytes}")
        db.execute("PRAGMA foreign_keys = ON")
        level = db.execute("PRAGMA synchronous").fetchone()[0]
    except sqlite3.Error:
        connection.close()
        raise
    if journal != "wal" or level < SYNCHRONOUS["FULL"]:
        connection.close()
        raise StoreUnsafe("the store cannot be made safe against a power cut", journal=journal, synchronous=level)
    return db
