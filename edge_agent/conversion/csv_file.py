"""The CSV of `edge-agent convert`: a head that says everything, a row a sample, and annotations in a file beside it."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from biosignal.signal.blocks import Samples
from edge_agent.conversion.frames import Piece
from edge_agent.conversion.tracks import Survey, Track
from edge_agent.sources.logs.own_rows import ANNOTATION_COLUMNS, own_head
from edge_agent.sources.port import Description, Remark


def write_csv(path: Path, found: Survey, pieces: Iterable[Piece], said: Description) -> None:
    """Write the rows; samples that do not exist are left out, those of one lead are `nan`."""
    names = [track.name for track in found.tracks]
    head = own_head(fs_hz=found.frames_hz, length=found.length, names=names, description=said)
    rows = [_number_format(track) for track in found.tracks]
    line = ",".join(["%d", "%.9g", *rows]) + "\n"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(head + "\n")
        named = [
            f"{track.name} ({track.said.unit_text})" if track.said.unit_text else track.name for track in found.tracks
        ]
        csv.writer(file, lineterminator="\n").writerow(["sample", "time_s", *(" ".join(one.split()) for one in named)])
        for piece in pieces:
            values = zip(*(_plain(row) for row in piece.rows), strict=True)
            file.writelines(
                line % (sample, sample / found.frames_hz, *row) for sample, row in enumerate(values, piece.frame)
            )


def write_annotations_csv(path: Path, remarks: Iterable[Remark], *, fs_hz: float) -> None:
    """Write the annotations."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(ANNOTATION_COLUMNS)
        for one in remarks:
            for_s = "" if one.for_s is None else f"{one.for_s:.9g}"
            rows.writerow([one.sample, f"{one.sample / fs_hz:.9g}", for_s, one.text.replace("\0", "")])


def _number_format(track: Track) -> str:
    """As many decimals as show each count: a hundredth of a step, or all that float32 holds."""
    if track.said.scale is None:
        return "%.9g"
    decimals = max(0, 2 - math.floor(math.log10(track.scale.step)))
    return f"%.{decimals}f" if decimals <= 12 else "%.9g"


def _plain(row: Samples) -> list[float]:
    values: list[float] = row.tolist()
    return values
