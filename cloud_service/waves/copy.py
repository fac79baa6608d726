"""A copy of all stored waves, made while more are stored, brought up to date, and put back by its checksums."""

import contextlib
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from biosignal.errors import BedsideError, listed
from cloud_service.errors import CopyDamaged
from cloud_service.sums import read_sums, require_sums, require_within, sum_of, write_sums
from cloud_service.waves.part import BUSY_S

SUMS = "SHA256SUMS"
_PARTS = "*/*/*.db"
_TICK_NS = 2_000_000_000


class WavesNotCopied(BedsideError):
    """Some waves could not be copied; all others are."""

    remedy = "look at the files that the message names, make space where the copy lies, and say it again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """How many parts are new in the copy, how many stood there as they are, and the bytes of those that are new."""

    parts: int
    kept: int
    bytes: int


def copy_waves(archive: Path, folder: Path) -> Copied:
    """Bring a copy of the stored waves up to date; each part is of one moment, and holds up who stores for its copy.

    A part that has not been written to since is not copied again. What the clinic has let go of stays in the copy.

    Raises
    ------
    WavesNotCopied : some parts cannot be read or written; the others are there. CopyDamaged : the sums are none.
    """
    sums = read_sums(folder / SUMS) if (folder / SUMS).exists() else {}
    new, kept, length, failed = 0, 0, 0, []
    for source in sorted(archive.glob(_PARTS)):
        name = source.relative_to(archive).as_posix()
        try:
            if name in sums and _same_time(source, folder / name):
                kept += 1
                continue
            sums[name] = _copy_part(source, folder / name)
        except FileNotFoundError:
            continue  # let go of by the clinic meanwhile
        except (OSError, sqlite3.Error) as error:
            failed.append(f"{name}: {error}")
            continue
        new, length = new + 1, length + (folder / name).stat().st_size
    _close(folder, sums, failed)
    return Copied(parts=new, kept=kept, bytes=length)


def put_waves_back(folder: Path, archive: Path) -> Copied:
    """Put a copy back, each part checked by its sum before the first is written; what is there already stays.

    Raises
    ------
    CopyDamaged : a part is not what it was; nothing was written. WavesNotCopied : one cannot be written.
    """
    sums = read_sums(folder / SUMS)
    require_within(sums)
    require_sums(folder, sums)
    missing = [name for name in sums if not (archive / name).exists()]
    try:
        length = sum(_put(folder / name, archive / name, sums[name]) for name in missing)
    except OSError as error:
        raise WavesNotCopied("waves cannot be put back", folder=str(archive), why=str(error)) from error
    return Copied(parts=len(missing), kept=len(sums) - len(missing), bytes=length)


def _close(folder: Path, sums: dict[str, str], failed: list[str]) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_sums(folder / SUMS, sums)
    except OSError as error:
        raise WavesNotCopied("the copy cannot be written", folder=str(folder), why=str(error)) from error
    if failed:
        raise WavesNotCopied("parts of the waves cannot be copied", parts=listed(failed))


def _same_time(source: Path, copy: Path) -> bool:
    with contextlib.suppress(OSError):
        return source.stat().st_mtime_ns == copy.stat().st_mtime_ns
    return False


def _copy_part(source: Path, target: Path) -> str:
    """Copy one part; the time of its last writing goes with it, taken before, so that what comes meanwhile is seen."""
    written = source.stat()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = _fresh(target)
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        contextlib.closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S)) as old,
        contextlib.closing(sqlite3.connect(part)) as new,
    ):
        old.backup(new)
        if new.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("it is damaged")
    return _name(part, target, written)


def _time_of(written: os.stat_result) -> int:
    """When it was written; a little earlier where that was just now: the clock may not tell the next writing apart."""
    return written.st_mtime_ns - (1 if time.time_ns() - written.st_mtime_ns < _TICK_NS else 0)


def _put(copy: Path, target: Path, expected: str) -> int:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = _fresh(target)
    shutil.copyfile(copy, part)
    if _name(part, target, copy.stat()) != expected:
        target.unlink()
        raise CopyDamaged("a file of the copy changed while it was read", file=str(copy))
    return target.stat().st_size


def _fresh(target: Path) -> Path:
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return part


def _name(part: Path, target: Path, written: os.stat_result) -> str:
    """Give a whole file its name and its time; gives its sum."""
    with part.open("rb") as opened:
        os.fsync(opened.fileno())
    os.utime(part, ns=(written.st_atime_ns, _time_of(written)))
    part.replace(target)
    return sum_of(target)
