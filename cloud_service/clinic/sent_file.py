"""An ECG out of a file that somebody sends: a table (CSV), named arrays (`.npz`), or JSON as the API reads it.

What it is, is told by its first bytes and not by its name, which is never sent. Nothing in it is executed.
"""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from biosignal.ecg.leads import standard_name
from biosignal.errors import BadInput, listed
from biosignal.model.npz import read_npz
from biosignal.signal.blocks import Samples, Unit
from cloud_service.clinic.classify import LEAST_S, MOST_S, Ecg

MOST_UNPACKED = 16 << 20
RATES_HZ = (100.0, 1000.0)
MOST_VALUE = 1e7
UNITS: Mapping[str, Unit] = {"mv": Unit.MILLIVOLT, "uv": Unit.MICROVOLT, "\u00b5v": Unit.MICROVOLT}
TIMES: Mapping[str, float] = {"time": 1.0, "time_s": 1.0, "t": 1.0, "seconds": 1.0, "time_ms": 1e-3, "ms": 1e-3}
"""Columns of time, and the seconds of their unit."""
COUNTS = ("sample", "index", "n", "")
RATE_NAMES = ("fs_hz", "fs", "rate_hz")
UNEVEN = 0.5
"""How far a time may lie from its place, as a share of the step."""
_HEAD = re.compile(r"^\s*(.*?)\s*(?:[(\[]\s*([^)\]]*?)\s*[)\]])?\s*$")


class UnreadableEcg(BadInput):
    """The file holds no ECG that can be read."""

    remedy = (
        "send a CSV with a column for each lead (I, II, V1 ...) and one of time in seconds, an .npz with an array for "
        "each lead and fs_hz, or the JSON that the API describes"
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SentEcg:
    """Leads by standard names: `samples` float32, shape (lead, sample), in `unit`, NaN where one is missing."""

    names: tuple[str, ...]
    fs_hz: float
    unit: Unit
    samples: Samples


def read_sent(data: bytes, *, fs_hz: float | None = None, unit: Unit | None = None) -> SentEcg:
    """Read an ECG of `LEAST_S` to `MOST_S` seconds.

    Parameters
    ----------
    fs_hz, unit : where the file does not say; of the unit, millivolts where nobody says.

    Raises
    ------
    UnreadableEcg : naming what is wrong with the file.
    """
    if data[:2] == b"PK":
        return _of_arrays(data, fs_hz, unit)
    if data.lstrip()[:1] == b"{":
        return _of_json(data)
    return _of_table(data, fs_hz, unit)


def _of_json(data: bytes) -> SentEcg:
    try:
        ecg = Ecg.model_validate_json(data)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:20] for part in first["loc"])
        raise UnreadableEcg(f"the JSON is not as the API reads it: {where}: {first['msg']}"[:200]) from wrong
    rows = {name: np.array(row, np.float64) for name, row in ecg.leads.items()}
    return _checked(rows, ecg.fs_hz, UNITS[ecg.unit.lower()])


def _of_arrays(data: bytes, fs_hz: float | None, unit: Unit | None) -> SentEcg:
    try:
        arrays = read_npz(data, max_bytes=MOST_UNPACKED)
    except BadInput as broken:
        raise UnreadableEcg("the archive of arrays cannot be read", reason=str(broken)) from broken
    for name in RATE_NAMES:
        if (found := arrays.pop(name, None)) is not None and found.size == 1:
            fs_hz = float(found.reshape(()))
    rows = {name: np.asarray(row, np.float64) for name, row in arrays.items()}
    if wrong := [name for name, row in rows.items() if row.ndim != 1]:
        raise UnreadableEcg("every array is one lead, with one dimension", others=listed(wrong))
    return _checked(rows, fs_hz, unit or Unit.MILLIVOLT)


def _of_table(data: bytes, fs_hz: float | None, unit: Unit | None) -> SentEcg:
    try:
        lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip() and not line.startswith("#")]
    except UnicodeDecodeError as broken:
        raise UnreadableEcg("the file is no text, no archive of arrays and no JSON") from broken
    if len(lines) < 2:
        raise UnreadableEcg("the table has no rows")
    mark = max(",;\t", key=lines[0].count)
    head = next(csv.reader(io.StringIO(lines[0]), delimiter=mark))
    columns = _numbers(lines[1:], mark, len(head))
    rows: dict[str, NDArray[np.float64]] = {}
    units: set[Unit] = set()
    for at, title in enumerate(head):
        name, said = _named(title)
        if name.lower() in TIMES:
            fs_hz = _rate_of(columns[:, at] * TIMES[name.lower()])
        elif name.lower() not in COUNTS:
            if name in rows:
                raise UnreadableEcg("a lead is there twice", lead=name[:40])
            rows[name] = columns[:, at]
            units |= {_unit_of(said)} if said else set()
    if len(units) > 1:
        raise UnreadableEcg("the leads have different units", units=listed(sorted(one.value for one in units)))
    return _checked(rows, fs_hz, units.pop() if units else unit or Unit.MILLIVOLT)


def _named(title: str) -> tuple[str, str]:
    """Split ``II (mV)`` into the name and the unit; the unit is empty where there is none."""
    found = _HEAD.match(title)
    return (found[1], found[2] or "") if found else (title.strip(), "")


def _unit_of(said: str) -> Unit:
    unit = UNITS.get(said.lower().replace("\u03bc", "\u00b5"))
    if unit is None:
        raise UnreadableEcg("a lead has a unit that is not read", unit=said[:20], reads="mV, uV")
    return unit


def _numbers(lines: Sequence[str], mark: str, width: int) -> NDArray[np.float64]:
    """Read rows, shape (row, column), NaN where a cell is empty; with a semicolon the comma is a decimal point."""
    made = np.empty((len(lines), width))
    for at, line in enumerate(lines):
        cells = (line.replace(",", ".") if mark == ";" else line).split(mark)
        if len(cells) != width:
            raise UnreadableEcg("a row has another number of cells than the head", row=at + 2, cells=len(cells))
        try:
            made[at] = [float(cell) if cell.strip() else math.nan for cell in cells]
        except ValueError as broken:
            raise UnreadableEcg("a cell is no number", row=at + 2) from broken
    return made


def _rate_of(times: NDArray[np.float64]) -> float:
    span = float(times[-1] - times[0]) if len(times) > 1 else math.nan
    if not math.isfinite(span) or span <= 0:
        raise UnreadableEcg("the times do not go on")
    step = span / (len(times) - 1)
    even = times[0] + step * np.arange(len(times))
    if not np.all(np.abs(times - even) < UNEVEN * step):  # also where a time is missing
        raise UnreadableEcg("the times are not evenly spaced", remedy="leave gaps in as rows with empty cells")
    rate = 1.0 / step
    return float(round(rate)) if abs(rate - round(rate)) < 0.01 * rate / 10 else rate


def _checked(rows: Mapping[str, NDArray[np.float64]], fs_hz: float | None, unit: Unit) -> SentEcg:
    """Hold what was read to what the analysis can be given."""
    standard = {name: standard_name(name) for name in rows}
    if unknown := [name[:40] for name, known in standard.items() if known is None]:
        raise UnreadableEcg(
            "a column is no standard lead",
            others=listed(unknown),
            remedy="name leads I, II, III, aVR, aVL, aVF, V1 to V6, and leave the others out",
        )
    names = tuple(str(one) for one in standard.values())
    if not names or len(set(names)) < len(names):
        raise UnreadableEcg("a lead is there twice" if names else "no lead is in the file")
    if fs_hz is None:
        raise UnreadableEcg("the file does not say its rate", remedy="give the samples a second beside the file")
    if not RATES_HZ[0] <= fs_hz <= RATES_HZ[1]:
        raise UnreadableEcg("the rate is not between 100 and 1000 samples a second", fs_hz=round(fs_hz, 3))
    if len({len(row) for row in rows.values()}) > 1:
        raise UnreadableEcg("the leads have different lengths")
    samples = np.stack(list(rows.values()))
    seconds = samples.shape[1] / fs_hz
    if not LEAST_S <= seconds <= MOST_S:
        raise UnreadableEcg(
            f"the leads last {seconds:.1f} s", remedy=f"send {LEAST_S:g} to {MOST_S:g} seconds of each lead"
        )
    if np.any(np.abs(samples[np.isfinite(samples)]) > MOST_VALUE):
        raise UnreadableEcg("a sample is too large to be a voltage of the heart", unit=unit.value)
    finite = np.where(np.isfinite(samples), samples, np.nan)
    return SentEcg(names=names, fs_hz=fs_hz, unit=unit, samples=finite.astype(np.float32))
