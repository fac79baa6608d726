"""A WFDB header, read without the wfdb package (whose import alone takes longer than analysing half an hour).

Source: header(5) of the WFDB Applications Guide. Checked against `wfdb.rdheader` in the tests.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from biosignal.signal.blocks import Unit
from edge_agent.sources.port import RecordUnreadable

_RECORD = re.compile(
    r"(?P<name>[-\w]+)(?:/(?P<segments>\d+))?[ \t]+(?P<signals>\d+)"
    r"(?:[ \t]+(?P<fs>[-+\d.eE]+)(?:/[-+\d.eE]+(?:\([-+\d.eE]+\))?)?(?:[ \t]+(?P<length>\d+))?)?"
    r"(?:[ \t]+.*)?"
)
_SIGNAL = re.compile(
    r"(?P<file>~?[-\w./]*)[ \t]+(?P<format>\d+)(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?"
    r"(?:[ \t]+(?P<gain>[-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:\((?P<baseline>-?\d+)\))?(?:/(?P<unit>[^ \t]+))?"
    r"(?:[ \t]+(?P<resolution>\d+)(?:[ \t]+(?P<zero>-?\d+)(?:[ \t]+(?P<initial>-?\d+)(?:[ \t]+(?P<checksum>-?\d+)"
    r"(?:[ \t]+(?P<block>\d+)(?:[ \t]+(?P<name>.*))?)?)?)?)?)?)?[ \t]*"
)
DEFAULT_FS_HZ = 250.0  # header(5): "if missing, 250"
DEFAULT_GAIN = 200.0  # header(5): uncalibrated signals are shown as if 200 units were a millivolt
_UNITS: dict[str, tuple[Unit, float]] = {
    "mv": (Unit.MILLIVOLT, 1.0),
    "millivolt": (Unit.MILLIVOLT, 1.0),
    "uv": (Unit.MICROVOLT, 1.0),
    "\u00b5v": (Unit.MICROVOLT, 1.0),
    "\u03bcv": (Unit.MICROVOLT, 1.0),
    "microvolt": (Unit.MICROVOLT, 1.0),
    "microv": (Unit.MICROVOLT, 1.0),
    "v": (Unit.MILLIVOLT, 1000.0),
    "nv": (Unit.MICROVOLT, 0.001),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalLine:
    """One signal as the header describes it. `gain` is counts per unit, 0 where uncalibrated."""

    file: str
    format: str
    samples_per_frame: int
    skew: int
    byte_offset: int
    gain: float
    baseline: int
    unit: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """A header. `length` is samples per signal, absent where the header leaves it open."""

    name: str
    fs_hz: float
    length: int | None
    segments: int
    signals: tuple[SignalLine, ...]


def known_unit(text: str, *, calibrated: bool = True) -> tuple[Unit, float]:
    """Our unit for a header's, and what to multiply with; `RAW` where the scale means nothing to us."""
    return _UNITS.get(_unmixed(text).strip().lower(), (Unit.RAW, 1.0)) if calibrated else (Unit.RAW, 1.0)


def _unmixed(text: str) -> str:
    """Give UTF-8 back what reading it as Latin-1 made of it: many recorders write a micro sign so."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def read_header(path: Path) -> Header:
    """Read a ``.hea`` file.

    Raises
    ------
    RecordUnreadable : it is absent, empty, not text, or a line does not follow header(5).
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordUnreadable("cannot read the header", file=str(path), why=error.strerror) from error
    if not content.strip():
        raise RecordUnreadable("the header is empty", file=str(path))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    if not lines or "\0" in text:
        raise RecordUnreadable("the header holds no record line", file=str(path))
    return _parse(path, lines)


def _parse(path: Path, lines: list[tuple[int, str]]) -> Header:
    number, line = lines[0]
    match = _RECORD.fullmatch(line)
    if match is None:
        raise RecordUnreadable("not a record line", file=str(path), line=number, text=line[:60])
    segments = int(match["segments"] or 0)
    fs_hz = _number(path, number, match["fs"]) if match["fs"] else DEFAULT_FS_HZ
    if not fs_hz > 0:
        raise RecordUnreadable("the sampling frequency is not positive", file=str(path), line=number, fs_hz=fs_hz)
    wanted = int(match["signals"])
    signals = () if segments else tuple(_signal(path, *numbered) for numbered in lines[1 : wanted + 1])
    if wanted == 0:
        raise RecordUnreadable("the record has no signals", file=str(path), line=number)
    if not segments and len(signals) < wanted:
        raise RecordUnreadable(
            "the header ends before its last signal", file=str(path), announced=wanted, found=len(signals)
        )
    return Header(
        name=match["name"], fs_hz=fs_hz, length=int(match["length"] or 0) or None, segments=segments, signals=signals
    )


def _signal(path: Path, number: int, line: str) -> SignalLine:
    match = _SIGNAL.fullmatch(line)
    if match is None:
        raise RecordUnreadable("not a signal line", file=str(path), line=number, text=line[:60])
    gain = _number(path, number, match["gain"]) if match["gain"] else 0.0
    zero = int(match["zero"] or 0)
    return SignalLine(
        file=match["file"],
        format=match["format"],
        samples_per_frame=int(match["per_frame"] or 1),
        skew=int(match["skew"] or 0),
        byte_offset=int(match["offset"] or 0),
        gain=gain,
        baseline=int(match["baseline"]) if match["baseline"] else zero,
        unit=match["unit"] or "mV",
        name=match["name"] or "",
    )


def _number(path: Path, number: int, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RecordUnreadable("not a number", file=str(path), line=number, text=text) from error
