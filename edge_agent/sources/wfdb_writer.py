"""A WFDB record written without the wfdb package: header(5) and signal(5), format 16."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.signal.blocks import Lead
from edge_agent.sources.wfdb_annotations import Annotation, write_annotations

INVALID = -(2**15)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRecord:
    """What the header says. `gains` are counts per unit; `comments` become its ``#`` lines."""

    name: str
    fs_hz: float
    leads: tuple[Lead, ...]
    gains: tuple[float, ...]
    comments: tuple[str, ...] = ()


def write_record(
    folder: Path,
    record: NewRecord,
    counts: Iterable[NDArray[np.int16]],
    *,
    annotations: Sequence[Annotation] | None = None,
) -> Path:
    """Write NAME.dat, NAME.atr if there are annotations, and last NAME.hea; return the header's path.

    `counts` are shaped (lead, sample), piece by piece; -32768 marks a sample that does not exist.

    Raises
    ------
    RefusedForSafety : a file of that name is there.
    BadInput : the folder cannot be written.
    """
    paths = {suffix: folder / f"{record.name}.{suffix}" for suffix in ("dat", "atr", "hea")}
    for path in paths.values():
        if path.exists():
            raise RefusedForSafety("a record is never overwritten", file=str(path), remedy="give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        length, firsts, sums = _write_signals(paths["dat"], record, counts)
        if annotations is not None:
            write_annotations(paths["atr"], annotations)
        lines = [f"{record.name} {len(record.leads)} {record.fs_hz:g} {length}"]
        for lead, gain, first, total in zip(record.leads, record.gains, firsts, sums, strict=True):
            checksum = (total + 2**15) % 2**16 - 2**15
            lines.append(f"{record.name}.dat 16 {gain:g}(0)/{lead.unit.value} 16 0 {first} {checksum} 0 {lead.name}")
        lines += [f"# {comment}" for comment in record.comments]
        _replace(paths["hea"], "\n".join(lines).encode() + b"\n")
    except OSError as error:
        raise BadInput("cannot write the record", folder=str(folder), why=error.strerror) from error
    return paths["hea"]


def _write_signals(
    path: Path, record: NewRecord, counts: Iterable[NDArray[np.int16]]
) -> tuple[int, list[int], list[int]]:
    length = 0
    firsts = [0] * len(record.leads)
    sums = [0] * len(record.leads)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in counts:
                if not length and piece.shape[1]:
                    firsts = [int(first) for first in piece[:, 0]]
                sums = [total + int(row.sum(dtype=np.int64)) for total, row in zip(sums, piece, strict=True)]
                length += piece.shape[1]
                file.write(np.ascontiguousarray(piece.T).astype("<i2").tobytes())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return length, firsts, sums


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
