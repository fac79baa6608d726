"""The CSV that `edge-agent convert` writes: a head that says everything, and rows that count their samples.

The first line is `# Bedside CSV 1` and a JSON object: the rate, the leads with unit and scale, and where known the
start and the texts of the recording. Below the row of names each row begins with its sample and its time in seconds;
samples that are left out are a gap. Annotations lie in a file beside it, `NAME.annotations.csv`.
"""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.logs.text_file import TextFile
from edge_agent.sources.port import Description, LeadDescription, RecordUnreadable, Remark, Scale

MARK = "# Bedside CSV 1 "
SKIPPED = "samples-skipped"
ANNOTATIONS = ".annotations.csv"
ANNOTATION_COLUMNS = ("sample", "time_s", "duration_s", "text")
BLOCK_ROWS = 4096
_BEFORE = 2  # columns before the leads: sample and time
_FIRST_LINE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    fs_hz: float
    description: Description
    names: tuple[str, ...]
    length: int


class OwnRows:
    """The rows of a file that begins with `MARK`.

    Raises
    ------
    RecordUnreadable : the head is not what `edge-agent convert` writes, or no row can be read.
    """

    def __init__(self, path: Path, file: TextFile, first: str) -> None:
        self._path, self._file = path, file
        head = _head(path, first)
        self.fs_hz = head.fs_hz
        self.description = head.description
        units = [one.unit_text for one in head.description.leads]
        kinds = kinds_of(list(zip(head.names, units, strict=True)))
        self.leads: tuple[tuple[str, str, LeadKind], ...] = tuple(zip(head.names, units, kinds, strict=True))
        self._damaged = rows = end = 0
        for sample, _ in self._rows():
            rows, end = rows + 1, sample + 1
        if not rows:
            raise RecordUnreadable("the file holds no numbers", file=str(path))
        self.length = max(end, head.length)
        self.notes: tuple[str, ...] = ()
        if self._damaged:
            self.notes = (f"{self._damaged} of {rows + self._damaged} rows cannot be read and are left out",)

    def stretches(self) -> Iterator[tuple[NDArray[np.float64] | None, int, str]]:
        """Values of shape (lead, row), or None with how many samples are missing and why."""
        waiting: list[list[float]] = []
        at = 0
        for sample, values in self._rows():
            if waiting and (sample != at or len(waiting) == BLOCK_ROWS):
                yield np.asarray(waiting, np.float64).T, 0, ""
                waiting = []
            if sample != at:
                yield None, sample - at, SKIPPED
            waiting.append(values)
            at = sample + 1
        yield np.asarray(waiting, np.float64).T, 0, ""
        if self.length > at:
            yield None, self.length - at, SKIPPED

    def remarks(self) -> list[Remark]:
        """The annotations of the file beside it; none where there is no such file."""
        beside = self._path.with_name(f"{self._path.stem}{ANNOTATIONS}")
        if not beside.is_file():
            return []
        found = []
        with beside.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if len(row) == len(ANNOTATION_COLUMNS) and row[0].isdecimal():
                    for_s = _cell(row[2])
                    found.append(Remark(sample=int(row[0]), for_s=None if math.isnan(for_s) else for_s, text=row[3]))
        return sorted(found, key=lambda one: one.sample)

    def _rows(self) -> Iterator[tuple[int, list[float]]]:
        """Rows whose samples rise; those that cannot be read are counted."""
        self._damaged = 0
        at, width = 0, len(self.leads) + _BEFORE
        with self._file.lines() as lines:
            for place, line in enumerate(lines, 1):
                cells = line.strip().split(",")
                if place < _FIRST_LINE or not line.strip():
                    continue
                if len(cells) != width or not cells[0].isdecimal() or int(cells[0]) < at:
                    self._damaged += 1
                    continue
                at = int(cells[0]) + 1
                yield at - 1, [_cell(cell) for cell in cells[_BEFORE:]]


def own_head(*, fs_hz: float, length: int, names: Sequence[str], description: Description) -> str:
    """The first line of such a file."""
    leads = [
        {"name": name, "unit": lead.unit_text}
        | ({"step": lead.scale.step, "zero": lead.scale.zero} if lead.scale else {})
        | {key: text for key, text in (("transducer", lead.transducer), ("prefilter", lead.prefilter)) if text}
        for name, lead in zip(names, description.leads, strict=True)
    ]
    said: dict[str, Any] = {"rate_hz": fs_hz, "samples": length, "leads": leads}
    if description.started is not None:
        said["started"] = description.started.isoformat()
    if description.texts:
        said["texts"] = [list(one) for one in description.texts]
    return MARK + json.dumps(said)


def _head(path: Path, first: str) -> _Head:
    try:
        said = json.loads(first.removeprefix(MARK))
        leads = tuple(
            LeadDescription(
                unit_text=str(one["unit"]),
                scale=Scale(step=float(one["step"]), zero=float(one["zero"])) if "step" in one else None,
                transducer=str(one.get("transducer", "")),
                prefilter=str(one.get("prefilter", "")),
            )
            for one in said["leads"]
        )
        fs_hz = float(said["rate_hz"])
        if not leads or not 0 < fs_hz < math.inf:
            raise ValueError("no leads, or no rate")
        return _Head(
            fs_hz=fs_hz,
            names=tuple(str(one["name"]) for one in said["leads"]),
            length=int(said.get("samples", 0)),
            description=Description(
                leads=leads,
                started=datetime.fromisoformat(said["started"]) if "started" in said else None,
                texts=tuple((str(what), str(text)) for what, text in said.get("texts", ())),
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RecordUnreadable("the first line is not what `edge-agent convert` writes", file=str(path)) from error


def _cell(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
