"""Numbers as text, a line a sample: what an AD8232 on an Arduino prints.

Source: SparkFun's `Heart_Rate_Display_Arduino` sketch (a decimal of ``analogRead`` a line, ``!`` while either
lead-off pin is high) and the variants seen with it: several columns separated by comma, semicolon, tab or space, a
heading line, ``label:value``.
"""

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

LONGEST_LINE = 256  # bytes; no variant prints a quarter of it
_NUMBER = re.compile(rb"[+-]?\d{1,9}(?:\.\d{1,9})?")
_SPLIT = re.compile(rb"\s*[,;\t]\s*|\s+")
_LABEL_END = re.compile(rb":\s+")
_LEADS_OFF = b"!"


class _Line(Enum):
    BAD = "bad"
    HEADING = "heading"


@dataclass(slots=True)
class TextCounters:
    """What came in, by kind. `malformed` lines were neither a sample nor the heading."""

    samples: int = 0
    leads_off: int = 0
    malformed: int = 0
    too_long: int = 0
    headings: int = 0
    bytes: int = 0


class TextDecoder:
    """Bytes in, samples out. Never raises, and holds one line at most.

    A damaged line is a sample that was taken and did not arrive: it becomes NaN, so that the count of samples holds.
    The line in progress when the port is opened is thrown away.

    Parameters
    ----------
    column : which number of a line is the signal, from 0.
    """

    def __init__(self, *, column: int = 0) -> None:
        self._column = column
        self._rest = b""
        self._skip = True
        self._heading_allowed = True
        self.counters = TextCounters()

    def feed(self, data: bytes) -> NDArray[np.float32]:
        """Samples of the lines that `data` completes, shape (sample,); NaN while leads are off or a line is damaged."""
        self.counters.bytes += len(data)
        *lines, rest = (self._rest + data).split(b"\n")
        samples: list[float] = []
        for line in lines:
            if self._skip:
                self._skip = False
                continue
            if len(line) > LONGEST_LINE:
                self.counters.too_long += 1
                continue
            value = self._decode(line)
            if value is not None:
                samples.append(value)
        if len(rest) > LONGEST_LINE:
            # No line end for so long: not our text. What is held is dropped with the rest of that line.
            self.counters.too_long += 0 if self._skip else 1
            self._skip, rest = True, b""
        self._rest = rest
        return np.asarray(samples, np.float32)

    def restart(self) -> None:
        """Forget the line in progress: the port was closed."""
        self._rest, self._skip, self._heading_allowed = b"", True, True

    def _decode(self, line: bytes) -> float | None:
        text = line.strip()
        if not text:
            return None
        if text == _LEADS_OFF:
            self._heading_allowed = False
            self.counters.leads_off += 1
            return float("nan")
        value = self._number(text)
        if value is _Line.HEADING and self._heading_allowed:
            self._heading_allowed = False
            self.counters.headings += 1
            return None
        self._heading_allowed = False
        if isinstance(value, float):
            self.counters.samples += 1
            return value
        self.counters.malformed += 1
        return float("nan")

    def _number(self, text: bytes) -> float | _Line:
        fields = [field.rpartition(b":")[2] for field in _SPLIT.split(_LABEL_END.sub(b":", text))]
        if self._column < len(fields):
            field = fields[self._column]
            if _NUMBER.fullmatch(field):
                return float(field)
        no_number = not any(_NUMBER.fullmatch(field) for field in fields)
        return _Line.HEADING if no_number and text.isascii() and text.decode().isprintable() else _Line.BAD
