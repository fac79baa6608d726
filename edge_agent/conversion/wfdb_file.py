"""A WFDB record written without the wfdb package: header(5) and signal(5), in one segment, or one for each stretch
between gaps.

Source: header(5) and signal(5) of the WFDB Applications Guide. A record with gaps has a variable layout, whose null
segments (`~`) are the gaps; all its segments lie in one signal file, one behind the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import listed
from biosignal.signal.blocks import Samples, Unit
from edge_agent.conversion.frames import Piece
from edge_agent.conversion.tracks import Survey, Track
from edge_agent.sources.port import Description
from edge_agent.sources.wfdb_header import known_unit

_WIDTH = {"16": 2, "24": 3, "32": 4}
_NO_UNIT = "NU"


@dataclass(frozen=True, slots=True)
class _Column:
    """How a track lies in the file: counts per unit, the count of value 0."""

    track: Track
    gain: float
    baseline: int


@dataclass(slots=True)
class _Sums:
    """What a signal line says of the samples of one segment."""

    first: list[int]
    total: list[int]


def wfdb_files(path: Path, found: Survey) -> list[Path]:
    """The files that a record will have, beside its annotations. `path` is without a suffix."""
    names = [path.name]
    if not found.is_whole:
        names += [f"{path.name}_layout", *(_segment(path.name, number) for number in range(len(found.runs)))]
    return [path.with_name(f"{path.name}.dat"), *(path.with_name(f"{name}.hea") for name in names)]


def write_wfdb(folder: Path, name: str, found: Survey, pieces: Iterable[Piece], said: Description) -> tuple[str, ...]:
    """Write NAME.dat and its headers into `folder`; sentences about what could not be taken as it was."""
    columns = [_column(track) for track in found.tracks]
    form = _form(columns)
    sums = _write_signals(folder / f"{name}.dat", found, columns, pieces, form=form)
    clock = "" if said.started is None else f" {_clock(said.started)}"
    comments = "".join(f"# {_line(what, text)}\n" for what, text in said.texts)
    bytes_a_frame = _WIDTH[form] * sum(track.per_frame for track in found.tracks)
    if found.is_whole:
        lines = _signal_lines(name, columns, sums[0], form=form, offset=0)
        (folder / f"{name}.hea").write_text(
            _record_line(name, found, found.length) + clock + "\n" + lines + comments, encoding="utf-8"
        )
        return _remarks(found, form)
    segments = [(f"{name}_layout", 0)]
    offset = at = 0
    for number, (first, end) in enumerate(found.runs):
        segment = _segment(name, number)
        lines = _signal_lines(name, columns, sums[number], form=form, offset=offset)
        (folder / f"{segment}.hea").write_text(_record_line(segment, found, end - first) + "\n" + lines, "utf-8")
        segments += [("~", first - at)] if first > at else []
        segments.append((segment, end - first))
        offset, at = offset + (end - first) * bytes_a_frame, end
    segments += [("~", found.length - at)] if found.length > at else []
    layout = _record_line(f"{name}_layout", found, 0) + "\n" + _layout_lines(columns)
    (folder / f"{name}_layout.hea").write_text(layout, encoding="utf-8")
    listing = "".join(f"{segment} {length}\n" for segment, length in segments)
    first_line = _record_line(f"{name}/{len(segments)}", found, found.length) + clock + "\n"
    (folder / f"{name}.hea").write_text(first_line + listing + comments, encoding="utf-8")
    return _remarks(found, form)


def _segment(name: str, number: int) -> str:
    return f"{name}_{number + 1:04d}"


def _record_line(name: str, found: Survey, length: int) -> str:
    return f"{name} {len(found.tracks)} {found.frames_hz:.12g} {length}"


def _clock(started: datetime) -> str:
    fraction = f".{started.microsecond:06d}" if started.microsecond else ""
    time = f"{started.hour:02d}:{started.minute:02d}:{started.second:02d}{fraction}"
    return f"{time} {started.day:02d}/{started.month:02d}/{started.year:04d}"


def _line(what: str, text: str) -> str:
    plain = " ".join(text.split())
    return plain if what == "comment" else f"{what}: {plain}"


def _column(track: Track) -> _Column:
    scale = track.scale
    return _Column(track, 1 / scale.step, round(-scale.zero / scale.step))


def _form(columns: Sequence[_Column]) -> str:
    """The narrowest format that holds all counts; its lowest one means that there is no sample."""
    ends = [count for one in columns for count in one.track.counts]
    for form, width in _WIDTH.items():
        if all(abs(count) < 1 << (8 * width - 1) for count in ends):
            return form
    return "32"


def _write_signals(
    path: Path, found: Survey, columns: Sequence[_Column], pieces: Iterable[Piece], *, form: str
) -> list[_Sums]:
    """Write all counts; for each run the first counts and the sums of its signals."""
    sums: list[_Sums] = []
    begins = {first for first, _ in found.runs}
    with path.open("wb") as file:
        for piece in pieces:
            counts = [_counts(row, one, form) for row, one in zip(piece.rows, columns, strict=True)]
            if piece.frame in begins:
                sums.append(_Sums([int(row[0]) for row in counts], [0] * len(columns)))
            sums[-1].total = [
                total + int(row.sum(dtype=np.int64)) for total, row in zip(sums[-1].total, counts, strict=True)
            ]
            frames = np.concatenate([row.reshape(piece.length, -1) for row in counts], axis=1)
            file.write(_bytes(frames, form))
    return sums


def _counts(row: Samples, column: _Column, form: str) -> NDArray[np.int64]:
    most = (1 << (8 * _WIDTH[form] - 1)) - 1
    counts = np.rint((row.astype(np.float64) - column.track.scale.zero) * column.gain)
    return np.where(np.isfinite(counts), np.clip(counts, -most, most), -most - 1).astype(np.int64)


def _bytes(frames: NDArray[np.int64], form: str) -> bytes:
    wide = np.ascontiguousarray(frames).astype("<i4")
    if form == "32":
        return wide.tobytes()
    if form == "16":
        return wide.astype("<i2").tobytes()
    return wide.reshape(-1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _signal_lines(name: str, columns: Sequence[_Column], sums: _Sums, *, form: str, offset: int) -> str:
    lines = []
    for one, first, total in zip(columns, sums.first, sums.total, strict=True):
        checksum = (total + 2**15) % 2**16 - 2**15
        per_frame = f"x{one.track.per_frame}" if one.track.per_frame > 1 else ""
        behind = f"+{offset}" if offset else ""
        lines.append(
            f"{name}.dat {form}{per_frame}{behind} {_scale(one)} {8 * _WIDTH[form]} 0 {first} {checksum} 0 "
            f"{_name(one.track)}\n"
        )
    return "".join(lines)


def _layout_lines(columns: Sequence[_Column]) -> str:
    lines = []
    for one in columns:
        per_frame = f"x{one.track.per_frame}" if one.track.per_frame > 1 else ""
        lines.append(f"~ 0{per_frame} {_scale(one)} 0 0 0 0 0 {_name(one.track)}\n")
    return "".join(lines)


def _scale(column: _Column) -> str:
    unit = "_".join(column.track.said.unit_text.split()) or _NO_UNIT
    if known_unit(column.track.said.unit_text)[0] is Unit.RAW and known_unit(unit)[0] is not Unit.RAW:
        unit = _NO_UNIT
    return f"{column.gain:.12g}({column.baseline})/{unit}"


def _name(track: Track) -> str:
    return " ".join(track.name.split()) or "signal"


def _remarks(found: Survey, form: str) -> tuple[str, ...]:
    lost = [track.name for track in found.tracks if track.said.transducer or track.said.prefilter]
    said = [f"WFDB has no place for the transducer and filters of {listed(lost)}"] if lost else []
    if form == "32" and any(abs(count) >= 1 << 31 for track in found.tracks for count in track.counts):
        said.append("32 bits do not hold all counts: the largest values are cut")
    return tuple(said)
