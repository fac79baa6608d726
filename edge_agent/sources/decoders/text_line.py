"""One line of text: numbers, leads off, a heading, or damage."""

import re
from dataclasses import dataclass

LONGEST_LINE = 256  # bytes; no variant prints a quarter of it
_NUMBER = re.compile(rb"[+-]?\d{1,10}(?:\.\d{1,9})?")
_SPLIT = re.compile(rb"\s*[,;\t]\s*|\s+")
_LABEL_END = re.compile(rb":\s+")
_LEADS_OFF = b"!"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is a sample: its numbers (none: leads off), its names where it has labels, its bytes."""

    values: tuple[float, ...]
    names: tuple[str, ...]
    size: int


def parsed(text: bytes, size: int) -> Line | None:
    """The sample in a line without its end, of `size` bytes; None where it is none."""
    if text == _LEADS_OFF:
        return Line((), (), size)
    if _NUMBER.fullmatch(text):
        return Line((float(text),), (), size)
    fields = _SPLIT.split(_LABEL_END.sub(b":", text))
    values, names = [], []
    for field in fields:
        label, _, number = field.rpartition(b":")
        if not _NUMBER.fullmatch(number) or not label.isascii():
            return None
        values.append(float(number))
        names.append(label.decode())
    return Line(tuple(values), tuple(names) if all(names) else (), size)


def heading_of(line: bytes) -> tuple[str, ...]:
    """Names of the columns in a line without numbers; () where it is no heading."""
    text = line.strip()
    if not text or len(text) > LONGEST_LINE or not text.isascii() or not text.decode().isprintable():
        return ()
    fields = [field for field in re.split(rb"\s*[,;\t]\s*", text) if field]
    if not fields or any(_NUMBER.fullmatch(field) for field in fields) or text == _LEADS_OFF:
        return ()
    return tuple(field.decode() for field in fields)
