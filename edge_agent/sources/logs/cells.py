"""Cells of a table: numbers in any spelling, words that mean that there is none, names with units, names of times."""

import math
import re

from edge_agent.sources.logs.clocks import is_clock

LARGEST = 1e30  # of any unit; what is beyond is no sample
_WORDS = (
    "nan na n/a null none nil - -- --- . #n/a inf -inf +inf missing undefined #div/0! #value! #ref! #num! #null!"
    " 1.#qnan -1.#qnan 1.#ind -1.#ind 1.#inf -1.#inf"
)
_ABSENT = frozenset({"", *_WORDS.split()})
_OFF = re.compile(
    r"[!?*x]+|off|lo[+-]?|(?:leads?|electrodes?)?[ _-]?(?:off|open|disconnect(?:ed)?|detached)"
    r"|no[ _-]?(?:contact|signal|lead)|err(?:or)?|ov(?:f|erflow|erload|erange)|sat(?:urated)?|clip(?:ped)?|invalid|bad",
    re.IGNORECASE,
)
"""Words in the place of a number: the electrode is off, or the amplifier cannot follow."""
_SPELLED = re.compile(
    r"[(\[{<]*\s*(?P<number>[-+]?[\d.,]*\d[\d.,]*(?:[ed][-+]?\d+)?)\s*(?P<unit>[a-zµμΩ%°]{0,4})\s*[)\]}>]*",
    re.IGNORECASE,
)
_GROUPS = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")
_PARTED = re.compile(r"(?<=\d)['\u2019\u00a0\u2009\u202f](?=\d{3}(?!\d))")  # thousands of Switzerland and France
_BEHIND_A_STROKE = r"[mµμun]?V|mmHg|NU|adu|a\.?u\.?|bpm|pm|%|m?g|k?Ohm|°?C|deg ?C|nd|l/min|raw|counts?|sec|[mµμu]?s"
_NAMED = re.compile(
    r"(?P<name>.*?)\s*(?:\((?P<a>[^()]*)\)|\[(?P<b>[^\[\]]*)\]"
    rf"|/(?P<c>{_BEHIND_A_STROKE})|, ?(?P<d>[mµμun]?V)|(?<=CH\d)(?P<e>V))\s*"
)
_SECONDS = {
    **dict.fromkeys(
        (
            "s",
            "sec",
            "secs",
            "second",
            "seconds",
            "sek",
            "sekunden",
            "secondes",
            "segundos",
            "\u0441",
            "\u0441\u0435\u043a",
        ),
        1.0,
    ),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds", "millis", "milli", "\u043c\u0441"), 1e-3),
    **dict.fromkeys(("us", "usec", "µs", "μs", "microsecond", "microseconds", "micros", "\u043c\u043a\u0441"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds", "nanos"), 1e-9),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
}
_TIME_WORD = re.compile(
    r"(?<![a-z])(?:time ?stamps?|times?|timer|date ?time|date|zeit(?:stempel|punkt)?|uhrzeit|datum|temps|heure|tiempo"
    r"|hora|fecha|tempo|ora|tijd|tid|aika|czas|время|时间|時間|時刻|elapsed|epoch|clock|unix|millis(?:econds)?|micros(?:econds)?"
    r"|nanos(?:econds)?|seconds|secs?|msecs?|usecs?|t)(?![a-z])"
)
_INDEX_WORD = re.compile(
    r"(?:samples?|index|idx|row|counter|count|cnt|seq(?:uence)?|packet|frame|no|nr|n|i|#|number|nseq|unnamed ?0)"
    r"(?:[ _.-]*(?:samples?|#|number|no|num|nr|index|idx|count(?:er)?|interval|id))*[ .#]*"
    r"|.*\bsample ?(?:index|number|no)\b.*|.*(?<![a-z])(?:counter|packet ?num(?:ber)?|sequence ?number)"
)


class NotANumber(ValueError):
    """A cell that should hold a number holds neither one nor a word for its absence."""


def number(text: str, *, decimal_comma: bool) -> float:
    """Value of a cell; NaN where it is empty, says that there is none, or cannot be a sample.

    A unit behind the number and brackets around it are read over.

    Raises
    ------
    NotANumber : it is none of these.
    """
    text = text.strip().strip("'\"")
    try:
        value = float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        value = _spelled(text, decimal_comma=decimal_comma)
    return value if abs(value) < LARGEST else math.nan


def _spelled(text: str, *, decimal_comma: bool) -> float:
    plain = _PARTED.sub("", text.strip().replace("\N{MINUS SIGN}", "-"))
    if plain.lower() in _ABSENT or _OFF.fullmatch(plain):
        return math.nan
    found = _SPELLED.fullmatch(plain)
    if found is None:
        raise NotANumber(text)
    digits = found["number"].lower().replace("d", "e")  # Fortran writes 1.5D+02
    if not decimal_comma and _THOUSANDS.fullmatch(digits):
        digits = digits.replace(",", "")
    if decimal_comma:
        digits = digits.replace(".", "") if _GROUPS.fullmatch(digits) else digits
        digits = digits.replace(",", ".")
    try:
        return float(digits)
    except ValueError as error:
        raise NotANumber(text) from error


def is_grouped(text: str) -> bool:
    """Whether a cell is a number whose thousands are parted by commas, as ``12,004``."""
    return _THOUSANDS.fullmatch(text.strip().strip("'\"")) is not None


def is_number(text: str, *, decimal_comma: bool) -> bool:
    """Whether a cell holds a number."""
    try:
        return not math.isnan(number(text, decimal_comma=decimal_comma))
    except NotANumber:
        return False


def is_absent(text: str) -> bool:
    """Whether a cell is empty, or a word that stands where a number would be."""
    plain = text.strip().strip("'\"").strip()
    return plain.lower() in _ABSENT or _OFF.fullmatch(plain) is not None


def is_off(text: str) -> bool:
    """Whether a cell says in a word or a sign that there is no number now; an empty one does not."""
    plain = text.strip().strip("'\"").strip()
    return bool(plain) and is_absent(plain)


def is_value(text: str, *, decimal_comma: bool) -> bool:
    """Whether a cell holds a number or a time; an empty one does not."""
    return is_number(text, decimal_comma=decimal_comma) or is_clock(text)


def name_and_unit(text: str) -> tuple[str, str]:
    """``II (mV)``, ``II [mV]``, ``II/mV`` and ``II, mV`` as name and unit; the unit is empty where there is none."""
    text = text.strip().strip("'\"").strip()
    found = _NAMED.fullmatch(text)
    if found is None or not found["name"]:
        return text, ""
    return found["name"], (found["a"] or found["b"] or found["c"] or found["d"] or found["e"] or "").strip().strip(
        "'\""
    )


def time_unit_s(name: str, unit: str) -> float | None:
    """Seconds in one unit of a column of times, where its name or its unit says so: ``t_us``, ``Time (ms)``."""
    fraction = re.fullmatch(r"s(?:ec)?/(\d+)", unit.strip().lower())  # of recorders that count 256ths of a second
    if fraction is not None:
        return 1 / int(fraction[1])
    found = _SECONDS.get(unit.strip().lower())
    if found is not None:
        return found
    words = re.split(r"[^a-zµμ]+", name.strip().lower())
    return next(
        (_SECONDS[word] for word in reversed(words) if word in _SECONDS and word not in ("h", "hr", "s")), None
    ) or (1.0 if words[-1] == "s" else None)


def is_time_name(name: str) -> bool:
    """Whether a column of this name holds times."""
    plain = name.lower().replace("_", " ")
    return _TIME_WORD.search(plain) is not None or plain.strip() in _SECONDS


def is_index_name(name: str) -> bool:
    """Whether a column of this name counts samples or packets."""
    return _INDEX_WORD.fullmatch(name.lower().replace("_", " ").replace(":", "").strip()) is not None
