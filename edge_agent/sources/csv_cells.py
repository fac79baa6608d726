"""Cells of a CSV file: numbers, times, names with units."""

import math
import re
from datetime import date

LARGEST = 1e30  # of any unit; what is beyond is no sample
_ABSENT = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "--", "#n/a", "inf", "-inf", "+inf"})
_CLOCK = re.compile(
    r"(?:(?P<date>\d{4}-\d\d-\d\d)[T ])?(?:(?P<h>\d{1,3}):)?(?P<m>\d{1,2}):(?P<s>\d{1,2}(?:[.,]\d+)?)"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_NAMED = re.compile(r"(?P<name>.*?)\s*(?:\((?P<a>[^()]*)\)|\[(?P<b>[^\[\]]*)\]|/(?P<c>[^/()]{1,10}))\s*")
_TIME_NAME = re.compile(r"(?:elapsed |relative |sample )?(?:time|t|timestamp|time ?stamp|date ?time|zeit|seconds|sec)")
_INDEX_NAME = re.compile(r"samples?|samples? ?(?:#|number|no\.?|index|interval)|index|#|n")
_SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "\u03bcs": 1e-6,
    "microseconds": 1e-6,
    "ns": 1e-9,
    "min": 60.0,
}


def number(text: str, *, decimal_comma: bool) -> float:
    """Value of a cell; NaN where it is empty, says that there is none, or cannot be a sample.

    Raises
    ------
    ValueError : it is no number.
    """
    text = text.strip().strip("'\"")
    try:
        value = float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        if text.lower() not in _ABSENT:
            raise
        return math.nan
    return value if abs(value) < LARGEST else math.nan


def clock_s(text: str) -> float:
    """Seconds of a time written ``[date ]h:m:s`` or ``m:s``, with a date since the year 1.

    Raises
    ------
    ValueError : it is no such time.
    """
    found = _CLOCK.fullmatch(text.strip().strip("'\"[]"))
    if found is None:
        raise ValueError(text)
    days = date.fromisoformat(found["date"]).toordinal() if found["date"] else 0
    seconds = float(found["s"].replace(",", "."))
    return days * 86400.0 + int(found["h"] or 0) * 3600.0 + int(found["m"]) * 60.0 + seconds


def is_clock(text: str) -> bool:
    """Whether a cell is a time with colons."""
    return _CLOCK.fullmatch(text.strip().strip("'\"[]")) is not None


def is_value(text: str, *, decimal_comma: bool) -> bool:
    """Whether a cell holds a number or a time; an empty one does not."""
    try:
        return not math.isnan(number(text, decimal_comma=decimal_comma)) or text.strip().lower() == "nan"
    except ValueError:
        return is_clock(text)


def name_and_unit(text: str) -> tuple[str, str]:
    """``II (mV)``, ``II [mV]`` and ``II/mV`` as name and unit; the unit is empty where there is none."""
    text = text.strip().strip("'\"").strip()
    found = _NAMED.fullmatch(text)
    if found is None:
        return text, ""
    return found["name"], (found["a"] or found["b"] or found["c"] or "").strip()


def time_unit_s(name: str, unit: str) -> tuple[bool, float | None]:
    """Whether a column of this name holds times or sample numbers, and seconds a unit where name or unit say so."""
    plain = name.lower().strip()
    stem, _, ending = plain.rpartition("_")
    if not unit and stem and ending in _SECONDS:
        plain, unit = stem, ending
    if plain in _SECONDS and not unit:
        return True, _SECONDS[plain]
    is_time = _TIME_NAME.fullmatch(plain) is not None or _INDEX_NAME.fullmatch(plain) is not None
    return is_time, _SECONDS.get(unit.lower())


def is_index_name(name: str) -> bool:
    """Whether a column of this name counts samples."""
    return _INDEX_NAME.fullmatch(name.lower().strip()) is not None
