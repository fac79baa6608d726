"""Checksums of files, as `sha256sum` writes and checks them: by them a copy is known for what it was."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from biosignal.errors import listed
from cloud_service.errors import CopyDamaged

_LENGTH = 64
_PIECE = 1 << 20


def sum_of(file: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal figures.

    Raises
    ------
    OSError : it cannot be read.
    """
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def write_sums(file: Path, sums: Mapping[str, str]) -> None:
    """Write sums by name, whole or not at all, for the owner alone.

    Raises
    ------
    OSError : it cannot be written.
    """
    part = file.with_name(f"{file.name}.part")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as opened:
        opened.writelines(f"{value}  {name}\n" for name, value in sorted(sums.items()))
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)


def read_sums(file: Path) -> dict[str, str]:
    """Read sums by name.

    Raises
    ------
    CopyDamaged : there are none, or a line is no sum.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CopyDamaged("the checksums of the copy cannot be read", file=str(file), why=str(error)) from error
    sums = {line[_LENGTH + 2 :]: line[:_LENGTH] for line in lines}
    if not all(
        name and len(value) == _LENGTH and set(value) <= set("0123456789abcdef") for name, value in sums.items()
    ):
        raise CopyDamaged("the checksums of the copy are no checksums", file=str(file))
    return sums


def require_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Check every file of a folder that has a sum.

    Raises
    ------
    CopyDamaged : some are not there or not what they were.
    """
    wrong = [name for name, value in sums.items() if not _is(folder / name, value)]
    if wrong:
        raise CopyDamaged("files of the copy are not what they were", folder=str(folder), files=listed(wrong))


def require_within(names: Iterable[str]) -> None:
    """Refuse names that lead out of the folder that they are in.

    Raises
    ------
    CopyDamaged : one does.
    """
    outside = [name for name in names if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        raise CopyDamaged("the copy names files outside of itself", files=listed(outside))


def _is(file: Path, value: str) -> bool:
    try:
        return sum_of(file) == value
    except OSError:
        return False
