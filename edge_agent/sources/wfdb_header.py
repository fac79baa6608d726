"""A WFDB header, read without the wfdb package (whose import alone takes longer than analysing half an hour).

Source: header(5) of the WFDB Applications Guide. Read more loosely than that page asks, since files of the world are:
names of any characters, a byte order mark, dates in any spelling, fields that are left out. Where the file follows the
page, what is read is what `wfdb.rdheader` reads; a test holds it to that.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from biosignal.signal.blocks import Unit
from edge_agent.sources.port import RecordUnreadable

_COUNTS = re.compile(
    r"[ \t]+(?P<signals>\d+)"
    r"(?:[ \t]+(?P<fs>[-+\d.,eE]+)(?:/[-+\d.eE]+(?:\([-+\d.eE]+\))?)?(?:[ \t]+(?P<length>\d+)(?=[ \t]|$))?)?"
    r"(?:[ \t]+.*)?"
)
_NAME = re.compile(r"(?P<name>\S+?)(?:/(?P<segments>\d+))?")
_FILE = re.compile(r"(\S+|\S+(?: \S+)*?\.[A-Za-z]\w*)[ \t]+(?=\d+(?:[x:+ \t]|$))")
"""A signal file's name; one with blanks in it ends in a suffix."""
_FORMAT = re.compile(r"(?P<format>\d+)(?:x(?P<per_frame>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?")
_GAIN = re.compile(
    r"(?P<gain>[-+]?[\d.,]+(?:[eE][-+]?\d+)?)(?:\((?P<baseline>[-+]?\d+)(?:\.0*)?\))?(?:/(?P<unit>\S+))?"
)
_WHOLE = re.compile(r"[-+]?\d+(\.0*)?")
_WHOLE_FIELDS = 5  # resolution, zero, initial value, checksum, block size: between the gain and the name
DEFAULT_FS_HZ = 250.0  # header(5): "if missing, 250"
DEFAULT_GAIN = 200.0  # header(5): uncalibrated signals are shown as if 200 units were a millivolt
NO_FILE = "~"
_UNITS: dict[str, tuple[Unit, float]] = {
    "mv": (Unit.MILLIVOLT, 1.0),
    "millivolt": (Unit.MILLIVOLT, 1.0),
    "millivolts": (Unit.MILLIVOLT, 1.0),
    "uv": (Unit.MICROVOLT, 1.0),
    "\u00b5v": (Unit.MICROVOLT, 1.0),
    "\u03bcv": (Unit.MICROVOLT, 1.0),
    "microvolt": (Unit.MICROVOLT, 1.0),
    "microvolts": (Unit.MICROVOLT, 1.0),
    "microv": (Unit.MICROVOLT, 1.0),
    "v": (Unit.MILLIVOLT, 1000.0),
    "volt": (Unit.MILLIVOLT, 1000.0),
    "volts": (Unit.MILLIVOLT, 1000.0),
    "nv": (Unit.MICROVOLT, 0.001),
    "\u043c\u0432": (Unit.MILLIVOLT, 1.0),  # in Cyrillic letters
    "\u043c\u043a\u0432": (Unit.MICROVOLT, 1.0),
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
class SegmentLine:
    """One segment of a record: the name of its own header, `~` where nothing was recorded, and its frames."""

    name: str
    length: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """A header: `signals` of a record that lies in one piece, or `segments` of one that does not.

    `length` is in frames, absent where the header leaves it open; `announced` is how many signals or segments it
    promises.
    """

    name: str
    fs_hz: float
    length: int | None
    announced: int
    segments: tuple[SegmentLine, ...]
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
    text = decoded(content)
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    if not lines or "\0" in text:
        raise RecordUnreadable("the header holds no record line", file=str(path))
    return _parse(path, lines)


def decoded(content: bytes) -> str:
    """The text without the mark of byte order that some editors put in front of it."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _parse(path: Path, lines: list[tuple[int, str]]) -> Header:
    number, line = lines[0]
    name, has_segments, match = _record_line(path, lines)
    if match is None:
        raise RecordUnreadable("not a record line", file=str(path), line=number, text=line[:60])
    fs_hz = _number(path, number, match["fs"]) if match["fs"] else DEFAULT_FS_HZ
    if not 0 < fs_hz < float("inf"):
        raise RecordUnreadable("the sampling frequency is not positive", file=str(path), line=number, fs_hz=fs_hz)
    wanted = int(match["signals"])
    if wanted == 0:
        raise RecordUnreadable("the record has no signals", file=str(path), line=number)
    signals: tuple[SignalLine, ...] = ()
    segments: tuple[SegmentLine, ...] = ()
    announced = wanted
    if has_segments is not None:
        announced = has_segments
        segments = tuple(_segment(path, *numbered) for numbered in lines[1 : announced + 1])
    else:
        signals = tuple(_signal(path, *numbered) for numbered in lines[1 : wanted + 1])
        signals += _more_of(path, signals, lines[wanted + 1 :])
        if len(signals) < wanted:
            raise RecordUnreadable(
                "the header ends before its last signal", file=str(path), announced=wanted, found=len(signals)
            )
    length = int(match["length"] or 0) or sum(one.length for one in segments) or None
    return Header(name=name, fs_hz=fs_hz, length=length, announced=announced, segments=segments, signals=signals)


def _more_of(path: Path, signals: tuple[SignalLine, ...], lines: list[tuple[int, str]]) -> tuple[SignalLine, ...]:
    """Signals beyond the announced ones that lie in the same file, whose samples come in turn with theirs."""
    more: list[SignalLine] = []
    for numbered in lines:
        try:
            signal = _signal(path, *numbered)
        except RecordUnreadable:
            break
        if not signals or (signal.file, signal.format) != (signals[-1].file, signals[-1].format):
            break
        more.append(signal)
    return tuple(more)


def _record_line(path: Path, lines: list[tuple[int, str]]) -> tuple[str, int | None, re.Match[str] | None]:
    """Name, announced segments where it has any, and the rest of the record line.

    A name may hold blanks where it is that of the file. `a/100` is a record in a folder unless what follows are the
    lines of segments.
    """
    line, stem = lines[0][1], path.stem
    if " " in stem and line.startswith(f"{stem} "):
        return stem, None, _COUNTS.fullmatch(line[len(stem) :])
    token = line.split()[0]
    match = _NAME.fullmatch(token)
    rest = _COUNTS.fullmatch(line[len(token) :])
    if match is None or match["segments"] is None or not _lists_segments(lines[1:]):
        return token, None, rest
    return match["name"], int(match["segments"]), rest


def _lists_segments(lines: list[tuple[int, str]]) -> bool:
    """Whether no line below the first says more than a name and a count, as those of signals nearly always do."""
    return all(len(line.split()) <= 2 for _, line in lines)


def _segment(path: Path, number: int, line: str) -> SegmentLine:
    name, _, length = line.rpartition(" ") if " " in line else line.rpartition("\t")
    if not name or not length.isdecimal():
        raise RecordUnreadable("not a segment line", file=str(path), line=number, text=line[:60])
    return SegmentLine(name=name.strip(), length=int(length))


def _signal(path: Path, number: int, line: str) -> SignalLine:
    """Read file, format, gain, the whole numbers behind it, and the name: what is left, or begins where they end."""
    match = _FILE.match(line)
    form_text, rest = _first_word(line[match.end() :]) if match else ("", "")
    form = _FORMAT.fullmatch(form_text)
    if match is None or form is None:
        raise RecordUnreadable("not a signal line", file=str(path), line=number, text=line[:60])
    gain_text, behind = _first_word(rest)
    scale = _GAIN.fullmatch(gain_text)
    if scale is not None or _WHOLE.fullmatch(_first_word(behind)[0]):  # a gain that is no number is none
        rest = behind
    whole, name = _whole_fields(rest)
    zero = whole[1] if len(whole) > 1 else 0
    return SignalLine(
        file=match[1],
        format=form["format"],
        samples_per_frame=int(form["per_frame"] or 1),
        skew=int(form["skew"] or 0),
        byte_offset=int(form["offset"] or 0),
        gain=_number(path, number, scale["gain"]) if scale else 0.0,
        baseline=int(scale["baseline"]) if scale and scale["baseline"] else zero,
        unit=(scale["unit"] if scale else None) or "mV",
        name=name,
    )


def _whole_fields(rest: str) -> tuple[list[int], str]:
    whole: list[int] = []
    while len(whole) < _WHOLE_FIELDS:
        first, behind = _first_word(rest)
        if not _WHOLE.fullmatch(first):
            break
        whole.append(int(float(first)))
        rest = behind
    return whole, rest


def _first_word(text: str) -> tuple[str, str]:
    first, *others = text.split(None, 1) or [""]
    return first, others[0].strip() if others else ""


def _number(path: Path, number: int, text: str) -> float:
    """Read a number, also one with a decimal comma."""
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError as error:
        raise RecordUnreadable("not a number", file=str(path), line=number, text=text) from error
