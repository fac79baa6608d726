"""A copy of the SQLite database, made while it is in use."""

import contextlib
import os
import sqlite3
from pathlib import Path

from sqlalchemy import make_url

from cloud_service.database.connection import BUSY_TIMEOUT_S, check_file
from cloud_service.database.errors import BackupImpossible


def back_up(url: str, file: Path) -> int:
    """Copy the database at `url` into a new file that only its owner may read; gives its bytes.

    The copy is of one moment, holds up nobody who writes, is read through, and has its name only once it is whole.

    Raises
    ------
    BackupImpossible : this is not SQLite, there is no database, the file is there already, or cannot be written.
    DatabaseDamaged : the copy is not whole.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise BackupImpossible("only SQLite is copied by this verb", remedy="use pg_dump, as docs/runbook.md says")
    source = Path(parsed.database)
    if not source.exists():
        raise BackupImpossible("there is no database", file=str(source), remedy="name the state folder or the URL")
    if file.exists():
        raise BackupImpossible("there is a file of that name", file=str(file), remedy="name a new file")
    part = file.with_name(f"{file.name}.part")
    try:
        _copy(source, part)
        check_file(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(file)
    except (OSError, sqlite3.Error) as error:
        raise BackupImpossible("the copy cannot be made", file=str(file), why=str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def _copy(source: Path, part: Path) -> None:
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with (
        contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(part, timeout=BUSY_TIMEOUT_S)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
