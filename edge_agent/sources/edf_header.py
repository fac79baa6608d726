"""The header of an EDF or BDF file, read more loosely than the format asks, since files of the world are.

Sources: Kemp et al. 1992 (EDF), Kemp and Olivan 2003 (EDF+), and BioSemi's page on BDF. A field may end in NUL as in
blanks, numbers may have a decimal comma or a unit behind them, and texts are UTF-8 or Latin-1. One field that says
nothing costs what only it says: a scale, not the signal.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from edge_agent.sources.port import RecordUnreadable

EDF_WIDTH, BDF_WIDTH = 2, 3  # bytes of a sample
FIXED_BYTES = 256  # of the header's first part, and of each signal's part
_LENGTH, _RESERVED, _RECORDS = slice(184, 192), slice(192, 236), slice(236, 244)
_DURATION, _SIGNALS = slice(244, 252), slice(252, 256)
HASHED = (slice(192, 236), slice(244, None))  # all but version, patient, recording, date, length and count of records
_FIELDS = {
    "label": 16, "transducer": 80, "unit": 8, "physical_low": 8, "physical_high": 8, "digital_low": 8,
    "digital_high": 8, "prefilter": 80, "samples": 8, "reserved": 32,
}  # fmt: skip
_NUMBER = re.compile(r"([-+]?)\s*(\d[\d.,]*|[.,]\d+)([eE][-+]?\d+)?")
_BETWEEN_THOUSANDS = re.compile(r"(?<=\d)[ \xa0](?=\d{3}(?:\D|$))")
_CONTROL = re.compile(r"[\x01-\x1f\x7f]+")
MOST_SIGNALS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalField:
    """What the header says of one signal; what is no number is absent. `samples` is for each data record."""

    label: str
    unit: str
    physical: tuple[float | None, float | None]
    digital: tuple[float | None, float | None]
    samples: int | None

    @property
    def is_annotations(self) -> bool:
        """Whether it holds texts in place of samples (EDF+, BDF+)."""
        return self.label.lower() in ("edf annotations", "bdf annotations")


@dataclass(frozen=True, kw_only=True, slots=True)
class EdfHeader:
    """A header. `records` and `record_s` are absent where it does not say how many and how long."""

    content: bytes
    is_bdf: bool
    kind: str  # such as EDF+C; empty in EDF
    records: int | None
    record_s: float | None
    signals: tuple[SignalField, ...]

    @property
    def width(self) -> int:
        """Bytes of a sample."""
        return BDF_WIDTH if self.is_bdf else EDF_WIDTH


def read_edf_header(path: Path) -> EdfHeader:
    """Read the header of a file.

    Raises
    ------
    RecordUnreadable : missing, no EDF or BDF, or torn.
    """
    try:
        with path.open("rb") as file:
            fixed = file.read(FIXED_BYTES)
            is_bdf = fixed[:1] == b"\xff" and (fixed[1:8] == b"BIOSEMI" or path.suffix.lower() == ".bdf")
            count = _count_of_signals(fixed) if _is_one(fixed) else 0
            content = fixed + file.read(FIXED_BYTES * count)
    except OSError as error:
        raise RecordUnreadable("cannot read the file", file=str(path), why=error.strerror) from error
    if not 0 < count <= MOST_SIGNALS or len(content) != FIXED_BYTES * (1 + count):
        raise RecordUnreadable("this is no EDF or BDF file, or its header is torn", file=str(path), signals=count)
    records = whole_number(text_of(fixed[_RECORDS]))
    record_s = number_of(text_of(fixed[_DURATION]))
    return EdfHeader(
        content=content,
        is_bdf=is_bdf,
        kind=text_of(fixed[_RESERVED])[:5],
        records=records if records is not None and records > 0 else None,
        record_s=record_s if record_s is not None and record_s > 0 else None,
        signals=_signals(content[FIXED_BYTES:], count),
    )


def text_of(field: bytes) -> str:
    """The text of a field: up to a NUL, without blanks around it, in UTF-8 or else Latin-1.

    A letter of UTF-8 that the end of the field cuts through is left out.
    """
    text = field.strip(b"\0 ").split(b"\0")[0]
    try:
        return text.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not text[: error.start].isascii():
            return text[: error.start].decode("utf-8").strip()
        return text.decode("latin-1").strip()


def number_of(text: str) -> float | None:
    """The number that a text begins with, also with a decimal comma or blanks between thousands; none without one."""
    match = _NUMBER.match(_BETWEEN_THOUSANDS.sub("", text))
    if match is None:
        return None
    sign, digits, exponent = match[1], match[2], match[3] or ""
    if "," in digits:
        whole, _, part = digits.rpartition(",")
        digits = f"{whole.replace(',', '').replace('.', '')}.{part}"
    try:
        value = float(f"{sign}{digits.rstrip('.')}{exponent}")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole_number(text: str) -> int | None:
    """The whole number that a text begins with; none where it begins with none."""
    value = number_of(text)
    return int(value) if value is not None and value == int(value) else None


def _is_one(fixed: bytes) -> bool:
    """Whether a file begins as EDF and BDF do; where its version says nothing, by a length that fits its signals."""
    if len(fixed) < FIXED_BYTES:
        return False
    count, size = whole_number(text_of(fixed[_SIGNALS])), whole_number(text_of(fixed[_LENGTH]))
    fits = count is not None and count > 0 and size == FIXED_BYTES * (1 + count)
    return fits or fixed[:1] == b"\xff" or fixed[:8].strip(b" \0").startswith(b"0")


def _count_of_signals(fixed: bytes) -> int:
    """Signals by their field, or by the length of the header where that one says nothing."""
    count, size = whole_number(text_of(fixed[_SIGNALS])), whole_number(text_of(fixed[_LENGTH]))
    if count is not None and count > 0:
        return min(count, MOST_SIGNALS + 1)
    return max(0, min((size or 0) // FIXED_BYTES - 1, MOST_SIGNALS + 1))


def _signals(content: bytes, count: int) -> tuple[SignalField, ...]:
    columns: dict[str, list[str]] = {}
    at = 0
    for name, size in _FIELDS.items():
        columns[name] = [text_of(content[at + size * index : at + size * (index + 1)]) for index in range(count)]
        at += size * count
    found = []
    for index in range(count):
        samples = whole_number(columns["samples"][index])
        found.append(
            SignalField(
                label=_CONTROL.sub(" ", columns["label"][index]),
                unit=columns["unit"][index],
                physical=(number_of(columns["physical_low"][index]), number_of(columns["physical_high"][index])),
                digital=(number_of(columns["digital_low"][index]), number_of(columns["digital_high"][index])),
                samples=samples if samples is not None and samples >= 0 else None,
            )
        )
    return tuple(found)
