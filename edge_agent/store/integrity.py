"""Opening a store's file: check it, set a damaged one aside and save its rows, bring it to this version.

A damaged file is never deleted: it is renamed and kept for whoever wants to look. Rows are read one by one, so that
one bad page costs its own rows only, and each is checked before it is taken over.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from edge_agent.store.database import Database
from edge_agent.store.errors import StoreForeign, StoreTrouble, StoreUnsafe, StoreUnwritable

Row: TypeAlias = dict[str, Any]
SYNCHRONOUS = {"FULL": 2, "EXTRA": 3}
_WORTH_BYTES = 32 << 20
_RANGE = 256
_GIVE_UP_AFTER = 20
_BLIND_LIMIT = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a store's file holds.

    Parameters
    ----------
    name : written into the file, so that no other store's file is taken for this one.
    migrations : one SQL script per version; the first makes version `first` of an empty file.
    first : an older file is not changed but copied row by row into a new one, and kept beside it.
    tables : in the order rows are saved (a referenced table first).
    adapted : makes a row of this version of one that was saved or copied, whatever version wrote it; None where it
        cannot be believed.
    mend : called on the new file after a salvage, with the tables that lost rows.
    backup : whether a copy of the file is kept before a script changes it.
    log_bytes : at this size the log goes back into the file. In a long one a page that many commits touch is written
        back once for all of them.
    page_bytes, auto_vacuum : of a new file; one that exists keeps what it was made with.
    """

    name: str
    migrations: tuple[str, ...]
    tables: tuple[str, ...]
    first: int = 1
    adapted: Callable[[Database, str, Row], Row | None] = lambda _db, _table, row: row
    backup: bool = True
    mend: Callable[[Database, frozenset[str]], None] = lambda _db, _damaged: None
    auto_vacuum: bool = False
    page_bytes: int = 4096
    log_bytes: int = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvage:
    """What was found and saved: `saved` and `lost` rows by table; a table nobody could count is in `unreadable`."""

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


def open_file(path: Path, plan: Plan, *, at: str, synchronous: str = "FULL") -> tuple[Database, Salvage | None]:
    """Open a store's file for writing, made, mended or migrated as needed.

    Parameters
    ----------
    at : UTC text that names what is set aside.

    Raises
    ------
    StoreUnsafe : `synchronous` would lose what was acknowledged. StoreForeign : somebody else's or a newer file.
    StoreUnwritable : it cannot be opened.
    """
    if synchronous not in SYNCHRONOUS:
        raise StoreUnsafe(
            "this synchronous setting loses findings at a power cut", synchronous=synchronous, allowed=[*SYNCHRONOUS]
        )
    salvage = None
    why = find_damage(path)
    if why is not None:
        aside = set_aside(path, at)
        fresh = _configured(path, plan, synchronous)
        migrate(fresh, plan, path, at)
        salvage = _salvage(aside, fresh, plan, path, why)
        return fresh, salvage
    salvage = _moved(path, plan, at=at, synchronous=synchronous)
    db = _configured(path, plan, synchronous)
    migrate(db, plan, path, at)
    return db, salvage


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection that any thread may use, one at a time.

    Raises
    ------
    StoreUnwritable : the file cannot be opened.
    """
    mode = "ro" if read_only else "rwc"
    try:
        return sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=5.0,
        )
    except sqlite3.OperationalError as error:
        raise StoreUnwritable("the store's file cannot be opened", file=str(path), why=str(error)) from error


def find_damage(path: Path) -> str | None:
    """Say what is wrong with a file; None when it is sound or absent."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    connection = connect(path)
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.DatabaseError as error:
        if (
            isinstance(error, sqlite3.OperationalError)
            and "malformed" not in str(error)
            and "disk I/O" not in str(error)
        ):
            raise StoreUnwritable("the store's file cannot be read", file=str(path), why=str(error)) from error
        return str(error)
    finally:
        connection.close()
    return None if found == ["ok"] else "; ".join(found).replace("\n", " ")[:300]


def set_aside(path: Path, at: str) -> Path:
    """Rename a file, with its log, so that it is kept and out of the way."""
    stamp = "".join(character for character in at if character.isalnum())
    aside, number = path.with_name(f"{path.name}.damaged-{stamp}"), 1
    while aside.exists():
        aside, number = path.with_name(f"{path.name}.damaged-{stamp}-{number}"), number + 1
    for suffix in ("-wal", ""):
        piece = path.with_name(path.name + suffix)
        if piece.exists():
            piece.rename(aside.with_name(aside.name + suffix))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    return aside


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
        with contextlib.closing(sqlite3.connect(_kept_name(path, version + 1, at))) as copy:
            db.conn.backup(copy)
    with db.atomic():
        for script in plan.migrations[max(0, version - plan.first + 1) :]:
            for statement in filter(None, (part.strip() for part in script.split(";"))):
                db.execute(statement)
        for name, value in (("store", plan.name), ("version", str(target))):
            db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


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


def _moved(path: Path, plan: Plan, *, at: str, synchronous: str) -> Salvage | None:
    """Copy the rows of a file older than `plan.first`, or mostly empty, into a new one that takes its place.

    One of an older version is kept beside it. The new file takes its place in one step, when it is whole and on disk:
    killed before, the old one is still there.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    with contextlib.closing(connect(path)) as old:
        version = _version(old, plan, path)
        is_old = version < plan.first
        if version == 0 or not (is_old or _is_mostly_empty(old, plan)):
            return None
        old.row_factory = sqlite3.Row
        new = path.with_name(path.name + ".new")
        for suffix in ("", "-wal", "-shm"):
            path.with_name(new.name + suffix).unlink(missing_ok=True)
        fresh = _configured(new, plan, synchronous)
        migrate(fresh, plan, new, at)
        counted = {table: _save_table(old, fresh, plan, table) or (0, 0) for table in plan.tables}
        with fresh.atomic():
            plan.mend(fresh, frozenset())
        fresh.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        fresh.conn.close()
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    kept = _kept_name(path, plan.first, at)
    if is_old:
        os.link(path, kept)
    new.replace(path)
    lost = sum(count for _, count in counted.values())
    return _report(path, kept, f"made by version {version}", counted, ()) if lost else None


def _is_mostly_empty(connection: sqlite3.Connection, plan: Plan) -> bool:
    """Whether a file that does not give pages back by itself holds more free than used ones, and enough to matter."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return not plan.auto_vacuum and 2 * free > pages and free * size > _WORTH_BYTES


def _configured(path: Path, plan: Plan, synchronous: str) -> Database:
    connection = connect(path)
    db = Database(connection, execute_plugins=False)
    try:
        # These two only take hold while the file is still empty.
        db.execute(f"PRAGMA page_size = {plan.page_bytes}")
        if plan.auto_vacuum:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        journal = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute(f"PRAGMA wal_autocheckpoint = {plan.log_bytes // plan.page_bytes}")
        db.execute("PRAGMA foreign_keys = ON")
        level = db.execute("PRAGMA synchronous").fetchone()[0]
    except sqlite3.OperationalError as error:
        connection.close()
        raise StoreUnwritable("the store's file cannot be written", file=str(path), why=str(error)) from error
    if journal != "wal" or level < SYNCHRONOUS["FULL"]:
        connection.close()
        raise StoreUnsafe("the store cannot be made safe against a power cut", journal=journal, synchronous=level)
    return db


def _salvage(aside: Path, fresh: Database, plan: Plan, path: Path, why: str) -> Salvage:
    counted: dict[str, tuple[int, int]] = {}
    unreadable: list[str] = []
    try:
        old = connect(aside)
    except StoreTrouble:
        old = sqlite3.connect(":memory:")
    with contextlib.closing(old):
        old.row_factory = sqlite3.Row
        for table in plan.tables:
            found = _save_table(old, fresh, plan, table)
            if found is None:
                unreadable.append(table)
            else:
                counted[table] = found
    damaged = frozenset(unreadable) | {table for table, (_, lost) in counted.items() if lost}
    with fresh.atomic():
        plan.mend(fresh, damaged)
    return _report(path, aside, why, counted, unreadable)


def _report(
    path: Path, aside: Path, why: str, counted: dict[str, tuple[int, int]], unreadable: Iterable[str]
) -> Salvage:
    return Salvage(
        file=path.name,
        set_aside=aside.name,
        why=why,
        saved=tuple((table, saved) for table, (saved, _) in counted.items()),
        lost=tuple((table, lost) for table, (_, lost) in counted.items()),
        unreadable=tuple(unreadable),
    )


def _save_table(old: sqlite3.Connection, fresh: Database, plan: Plan, table: str) -> tuple[int, int] | None:
    try:
        old.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608  # names come from the plan
    except sqlite3.DatabaseError:
        return None
    saved = lost = 0
    with fresh.atomic():
        for row in _rows(old, table):
            sound = None if row is None else plan.adapted(fresh, table, row)
            kept = sound is not None and _insert(fresh, table, sound)
            saved += kept
            lost += not kept
    return saved, lost


def _insert(fresh: Database, table: str, row: Row) -> bool:
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    try:
        fresh.conn.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
    except sqlite3.IntegrityError:
        return False
    return True


def _rows(old: sqlite3.Connection, table: str) -> Iterator[Row | None]:
    """Yield every row that can be read, and None for each known to be lost."""
    first, last = _bounds(old, table)
    failed = 0
    for low in range(first, last + 1, _RANGE):
        query = f"SELECT * FROM {table} WHERE rowid BETWEEN ? AND ?"  # noqa: S608
        try:
            rows = [dict(row) for row in old.execute(query, (low, min(last, low + _RANGE - 1)))]
        except sqlite3.DatabaseError:
            rows = None
        if rows is not None:
            failed = 0
            yield from rows
            continue
        found = list(_one_by_one(old, table, low, min(last, low + _RANGE - 1)))
        failed = failed + 1 if not any(found) else 0
        if failed > _GIVE_UP_AFTER:
            return
        yield from found


def _one_by_one(old: sqlite3.Connection, table: str, low: int, high: int) -> Iterator[Row | None]:
    for rowid in range(low, high + 1):
        try:
            row = old.execute(f"SELECT * FROM {table} WHERE rowid = ?", (rowid,)).fetchone()  # noqa: S608
        except sqlite3.DatabaseError:
            yield None
            continue
        if row is not None:
            yield dict(row)


def _bounds(old: sqlite3.Connection, table: str) -> tuple[int, int]:
    def bound(end: str, blind: int) -> int:
        try:
            return int(old.execute(f"SELECT {end}(rowid) FROM {table}").fetchone()[0] or 0)  # noqa: S608
        except sqlite3.DatabaseError:
            return blind

    return bound("min", 1), bound("max", _BLIND_LIMIT)
