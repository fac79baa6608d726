"""Times as people and programs write them: with or without a date, of any land, elapsed or by the clock."""

import re
from dataclasses import dataclass
from datetime import date

DAY_S = 86_400.0

_MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*\.?"
_DAY_OF_WEEK = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?"
_YEAR_FIRST = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日"
_DAY_FIRST = r"\d{1,2}\.\d{1,2}\.\d{4}"
# Whether the day or the month comes first in these nobody can say: they are read over, midnight shows by itself.
_EITHER = (
    rf"\d{{1,2}}[/-]\d{{1,2}}[/-](?:\d{{4}}|\d\d)|\d{{1,2}}\.\d{{1,2}}\.\d\d|\d{{1,2}}[- ]{_MONTH}[- ,]+\d{{2,4}}"
    rf"|{_DAY_OF_WEEK}{_MONTH} {{1,2}}\d{{1,2}}(?:,? \d{{4}})?"
)
_DATE = rf"(?:(?P<ymd>{_YEAR_FIRST})|(?P<dmy>{_DAY_FIRST})|{_EITHER})"
_LATER_DATE = _DATE.replace("<ymd>", "<ymd2>").replace("<dmy>", "<dmy2>")
_HALF = r"(?P<half{0}>[ap]\.? ?m\.?|上午|下午|vorm\.?|nachm\.?)"
_CLOCK = re.compile(
    rf"(?:{_DATE}[T ,;_]+)?(?:{_HALF.format(1)} ?)?(?:(?P<days>\d+) days?,? \+?)?"
    r"(?:(?P<h>\d{1,4}):(?=[0-5]?\d:))?(?P<m>\d{1,3}):(?P<s>[0-5]?\d|60)(?:(?P<point>[.,:])(?P<fraction>\d+))?"
    rf"(?: ?{_HALF.format(2)})?(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?(?:[T ,;]+{_LATER_DATE})?",
    re.IGNORECASE,
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)[T_ -](\d\d)(\d\d)(\d\d)(?!\d)(.*)")  # ISO 8601 without signs
_AROUND = " \t'\"[]()"


@dataclass(frozen=True, slots=True)
class Clock:
    """One reading: its seconds, and whether a date or a count of days stands behind them."""

    seconds: float
    dated: bool


def clock_of(text: str) -> Clock:
    """Read ``[date] [h:]m:s[.fraction] [AM] [zone] [date]``; with a date, seconds since the year 1.

    Raises
    ------
    ValueError : it is no such time.
    """
    found = _read(text)
    if found is None:
        raise ValueError(text)
    days = _days(found["ymd"] or found["ymd2"], found["dmy"] or found["dmy2"])
    hours = int(found["h"] or 0)
    half = (found["half1"] or found["half2"] or "").lower()
    if half:
        hours = hours % 12 + (12 if half[0] in "pn下" else 0)
    seconds = hours * 3600.0 + int(found["m"]) * 60.0 + int(found["s"]) + _fraction(found)
    if found["days"]:
        return Clock(seconds + int(found["days"]) * DAY_S, dated=True)
    if days is None:
        return Clock(seconds, dated=False)
    return Clock(days * DAY_S + seconds - _offset_s(found["zone"]), dated=True)


def is_clock(text: str) -> bool:
    """Whether a cell is a time with colons, or of the basic form ``20230102T100000``."""
    return _read(text) is not None


def _read(text: str) -> re.Match[str] | None:
    plain = text.strip(_AROUND)
    if ":" not in plain:
        basic = _BASIC.fullmatch(plain)
        plain = basic.expand(r"\1-\2-\3T\4:\5:\6\7") if basic else ""
    return _CLOCK.fullmatch(plain)


def _days(year_first: str | None, day_first: str | None) -> int | None:
    parts = [int(part) for part in re.findall(r"\d+", year_first or day_first or "")]
    if not parts:
        return None
    year, month, day = parts if year_first else reversed(parts)
    return date(year, month, day).toordinal()


def _fraction(found: re.Match[str]) -> float:
    digits = found["fraction"]
    if not digits:
        return 0.0
    # Behind a colon it is a number of milliseconds, with or without zeros before it.
    return int(digits) / 1000 if found["point"] == ":" and len(digits) <= 3 else float(f"0.{digits}")


def _offset_s(zone: str | None) -> float:
    if not zone or zone[0] not in "+-":
        return 0.0
    digits = zone[1:].replace(":", "")
    return (-1 if zone[0] == "-" else 1) * (int(digits[:2]) * 3600.0 + int(digits[2:]) * 60.0)
