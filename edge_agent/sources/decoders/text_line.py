"""One line of text: numbers in any of the spellings that sketches print, leads off, a heading, or damage."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.lead_kinds import kind_of

LONGEST_LINE = 256  # bytes; no variant prints half of it
LARGEST = 1e20  # what is beyond is no sample
_DIGITS = r"[+-]?(?:\d{1,19}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][+-]?\d{1,2})?"
_PLAIN = re.compile(_DIGITS.encode())
_UNIT = r"[mµμun]?V|volts?|[mun]?A|Hz|m?s|us|bpm|BPM|%|counts?|adc|ADC|LSB|[kM]?[Oo]hms?|°?C|g|uS"
_VALUE = re.compile(rf"(?P<number>{_DIGITS})(?: ?(?P<unit>{_UNIT}))?")
_WITH_COMMA = re.compile(r"[+-]?\d{1,19}(?:,\d{1,12})?")
_STATUS = re.compile(r"[A-Za-z][A-Za-z_]{1,15}")
_OFF = re.compile(r"!+|off|lo[+-]?|nan|inf|-?inf|null|none|ovf|(?:leads?|electrodes?)[ _-]?off!?", re.IGNORECASE)
_OFF_LINE = re.compile(
    r"!+|nan|null|none|lo[+-]?|off[!.]*"
    r"|(?:the )?(?:leads?|electrodes?)(?: (?:is|are))?[ _:-]*(?:off|open|disconnected)[!.]*",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"(?P<label>[A-Za-z_][\w .+/()#\[\]-]{0,30}?)\"?\s*[:=]\s*(?P<rest>.+)")
_WORD_THEN_VALUE = re.compile(r"(?P<label>[A-Za-z_][\w-]{0,30})\s+(?P<rest>[-+.\d].*)")
_NEXT_LABEL = re.compile(r"(?:\s*[,;|\t]\s*|\s+)(?=[A-Za-z_][\w .+/()#-]{0,30}\"?\s*[:=])")
_SPLIT = re.compile(r"\s*[,;\t|]\s*|\s+")
_TELEPLOT = re.compile(
    rf">(?P<label>[^:§|]{{1,30}}):(?:(?P<stamp>\d+):)?(?P<value>{_DIGITS})(?:§(?P<unit>[^|]*))?(?:\|.*)?"
)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_PREFIX = re.compile(
    r"(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d+){0,2}Z?\]?(?: -> |[ ,;\t]+)"
    r"|[IWEDV] \(\d+\) |\[[A-Z]{3,8}\] |<[a-z]{3}> )+"
)
"""What a monitor or a logger puts before a line: a stamp, a level, that of an ESP32 with the time since the start."""
_WORDS = re.compile(r"[A-Za-z]{3,}")
_TWO_WORDS = re.compile(r"[A-Za-z]{3,} +[A-Za-z]{3,}")
_OF_A_GPS = re.compile(r"\$[A-Z]{5},.*")
_NAME = re.compile(r"[A-Za-z_][\w .+-]{0,15}(?: ?[(\[][^()\[\]]{1,8}[)\]])?")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is a sample: its numbers (none: leads off; NaN: no number there), labels where it has any, its bytes.

    `shape` is what all lines of one stream share: labels, units, how many numbers.
    """

    values: tuple[float, ...]
    names: tuple[str, ...]
    size: int
    shape: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What the stream is called to people."""
        named = ", ".join(name for name in self.names if name)
        count = len(self.values)
        return named or (f"{count} numbers a line" if count > 1 else "numbers alone")


def parsed(text: bytes, size: int) -> Line | None:
    """The sample in a line without its end, of `size` bytes; None where it is none."""
    if _PLAIN.fullmatch(text):
        return Line((_number(text.decode()),), (), size, ("", ""))
    try:
        plain = text.decode()
    except UnicodeDecodeError:
        try:
            plain = text.decode("latin-1") if b"\xb5" in text or b"\xa7" in text or b"\xb0" in text else ""
        except UnicodeDecodeError:  # pragma: no cover - latin-1 decodes all
            plain = ""
    plain = _COLOUR.sub("", plain).strip()
    begin = _PREFIX.match(plain)
    plain = plain[begin.end() if begin else 0 :].strip()
    if not plain or not plain.isprintable():
        plain = plain if plain and plain.replace("\t", "").isprintable() else ""
    if not plain:
        return None
    if _OFF_LINE.fullmatch(plain):
        return Line((), (), size)
    pairs = _pairs(plain)
    if not pairs or not any(not math.isnan(value) for _, value, _ in pairs):
        return None
    names = tuple(name for name, _, _ in pairs)
    shape = tuple(part for name, _, unit in pairs for part in (name, unit))
    return Line(tuple(value for _, value, _ in pairs), names if all(names) else (), size, shape)


_Pair = tuple[str, float, str]


def _pairs(plain: str) -> list[_Pair] | None:
    """Name, value and unit of each number in a line; None where something in it is neither."""
    if plain.startswith(">"):
        return _teleplot(plain)
    if plain.startswith("{"):
        return _of_json(plain)
    plain = plain.removeprefix("/*").removesuffix("*/").strip()
    plain = plain.strip('()[]<>$"').rstrip(",;").strip()
    parts = _NEXT_LABEL.split(plain) if ":" in plain or "=" in plain else [plain]
    found: list[_Pair] = []
    for part in parts:
        labelled = _LABELLED.fullmatch(part) or _WORD_THEN_VALUE.fullmatch(part)
        label, rest = (labelled["label"].strip(), labelled["rest"]) if labelled else ("", part)
        values = _values(rest)
        if values is None:
            return None
        found += [
            (label if len(values) == 1 or not label else f"{label} {place + 1}", *value)
            for place, value in enumerate(values)
        ]
    return found


def _values(text: str) -> list[tuple[float, str]] | None:
    text = text.strip().strip("()[]")
    one = _VALUE.fullmatch(text)
    if one is not None:
        return [(_number(one["number"]), one["unit"] or "")]
    found = []
    for field in _fields(text):
        each = _VALUE.fullmatch(field)
        if each is not None:
            found.append((_number(each["number"]), each["unit"] or ""))
        elif _OFF.fullmatch(field) or not field:
            found.append((math.nan, ""))
        elif re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", field):
            found.append((float(int(field, 16)), ""))
        elif found and _STATUS.fullmatch(field):
            found[-1] = (found[-1][0], f"{found[-1][1]} status")  # `483,OK`: part of the shape, and no number
        else:
            return None
    return found


def _number(digits: str) -> float:
    value = float(digits)
    return value if abs(value) < LARGEST else math.nan


def _fields(text: str) -> list[str]:
    for sign in (";", "\t", "|", " "):
        fields = text.split(sign)
        if len(fields) > 1 and "," in text and all(_WITH_COMMA.fullmatch(field.strip()) for field in fields):
            return [field.strip().replace(",", ".") for field in fields]  # a decimal comma, and another sign between
    for sign in (",", ";", "\t", "|"):
        if sign in text:
            return [field.strip() for field in text.split(sign)]
    return _SPLIT.split(text)


def _teleplot(plain: str) -> list[_Pair] | None:
    found = _TELEPLOT.fullmatch(plain)
    if found is None:
        return None
    own = (found["label"].strip(), _number(found["value"]), found["unit"] or "")
    return [("t", _number(found["stamp"]), ""), own] if found["stamp"] else [own]


def _of_json(plain: str) -> list[_Pair] | None:
    try:
        return list(
            _flat("", json.loads(plain if '"' in plain else plain.replace("'", '"')))
        )  # Python prints the latter
    except (ValueError, RecursionError):
        return None


def _flat(name: str, value: Any) -> Iterator[_Pair]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flat(str(key)[:31], below)
    elif isinstance(value, list):
        for place, below in enumerate(value[:64]):
            yield from _flat(f"{name} {place + 1}", below)
    elif isinstance(value, bool | int | float):
        yield name, float(value) if abs(value) < LARGEST else math.nan, ""
    elif value is None or (isinstance(value, str) and _OFF.fullmatch(value)):
        yield name, math.nan, ""
    elif isinstance(value, str) and (number := _VALUE.fullmatch(value)) is not None:
        yield name, _number(number["number"]), number["unit"] or ""


def is_remark(text: bytes) -> bool:
    """Whether a line that is no sample is words for people: then no sample was meant."""
    try:
        plain = text.decode().strip()
    except UnicodeDecodeError:
        return False
    if _OF_A_GPS.fullmatch(plain) or _TWO_WORDS.match(plain):
        return plain.isprintable()
    letters = sum(char.isalpha() for char in plain)
    is_words = _WORDS.search(plain) is not None and letters > sum(char.isalnum() for char in plain) / 2
    return plain.isprintable() and is_words and plain[0] not in "{[(<>"


def heading_of(line: bytes) -> tuple[str, ...]:
    """Names of the columns in a line without numbers; () where it is no heading."""
    text = line.strip()
    if not text or len(text) > LONGEST_LINE or not text.isascii() or not text.decode().isprintable():
        return ()
    fields = [field.strip() for field in re.split(r"\s*[,;\t]\s*", text.decode()) if field.strip()]
    if not fields or any(_VALUE.fullmatch(field) or not _NAME.fullmatch(field) for field in fields) or text == b"!":
        return ()
    if len(fields) == 1 and (" " in fields[0] or kind_of(fields[0]) in (LeadKind.UNKNOWN, LeadKind.STATUS)):
        return ()  # what a sketch says when it starts names no lead
    return tuple(fields)
