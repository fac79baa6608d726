"""A copy of the SQLite database, made while it is in use, and put back by its checksum."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import make_url

from cloud_service.database.connection import BUSY_TIMEOUT_S, check_file
from cloud_service.database.errors import BackupImpossible
from cloud_service.errors import CopyDamaged, RestoreRefused
from cloud_service.sums import read_sums, require_sums, sum_of, write_sums


def back_up(url: str, file: Path) -> int:
    """Copy the database at `url` into a new file that only its owner may read; gives its bytes.

    The copy is of one moment, holds up nobody who writes, is read through, and has its name only once it is whole. Its
    checksum lies beside it, in a file that `sha256sum -c` reads.

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
    for taken in (file, sum_file(file)):
        if taken.exists():
            raise BackupImpossible("there is a file of that name", file=str(taken), remedy="name a new file")
    part = file.with_name(f"{file.name}.part")
    try:
        _copy(source, part)
        check_file(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        write_sums(sum_file(file), {file.name: sum_of(part)})
        part.rename(file)
    except (OSError, sqlite3.Error) as error:
        raise BackupImpossible("the copy cannot be made", file=str(file), why=str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def put_back(file: Path, url: str) -> int:
    """Put a copy where the database at `url` belongs, checked by its sum and read through; gives its bytes.

    Raises
    ------
    BackupImpossible : this is not SQLite, or it cannot be written. CopyDamaged : the copy is not what it was.
    RestoreRefused : there is a database already. DatabaseDamaged : the copy is not whole.
    """
    target = require_restorable(file, url)
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        shutil.copyfile(file, part)
        check_file(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(target)
    except OSError as error:
        raise BackupImpossible("the database cannot be put back", file=str(target), why=str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def require_restorable(file: Path, url: str) -> Path:
    """Check that a copy is what it was and that nothing is in its way; gives the file that it becomes.

    Raises
    ------
    BackupImpossible, CopyDamaged, RestoreRefused : see `put_back`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise BackupImpossible("only SQLite is restored by this verb", remedy="use pg_restore, as docs/runbook.md says")
    target = Path(parsed.database)
    if any(target.with_name(f"{target.name}{end}").exists() for end in ("", "-wal", "-shm")):
        raise RestoreRefused("there is a database", file=str(target))
    sums = read_sums(sum_file(file))
    if set(sums) != {file.name}:
        raise CopyDamaged("the checksum beside the copy is of another file", file=str(file))
    require_sums(file.parent, sums)
    return target


def sum_file(file: Path) -> Path:
    """Where the checksum of a copy lies."""
    return file.with_suffix(".sha256")


def _copy(source: Path, part: Path) -> None:
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with (
        contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(part, timeout=BUSY_TIMEOUT_S)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
