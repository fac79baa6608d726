"""What the lines above a table say: rate, names, units, in comments, in JSON, in lines of a key and a value."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

COMMENT = ("#", "%", "//", ";;")
_CELLS = frozenset({"#div/0!", "#n/a", "#value!", "#ref!", "#num!", "#null!"})  # what spreadsheets write for no number
_RATE_KEY = re.compile(
    r"(?:.*\b)?(?:sampl\w*[ _-]*(?:rate|freq\w*|hz)"
    r"|sampl(?:e|ing)s?[ _-]*(?:per|/)[ _-]*s\w*|sampling|fs|sfreq|srate"
    r"|sps|(?:data|acquisition|recording|signal|ecg)?[ _-]*(?:rate|frequency)|abtast(?:rate|frequenz)|messrate"
    r"|abtastung"
    r"|(?:taux|fréquence|frequence).{0,5}échantillon\w*|fréquence|frecuencia(?: de muestreo)?|tasa de muestreo"
    r"|frequenza(?: di campionamento)?|frequência(?: de amostragem)?|taxa de amostragem"
    r"|(?:sample|bemonstering)s?frequentie"
    r"|частота.*|采样(?:率|频率)|取樣(?:率|頻率)|サンプル(?:レート|周波数)|サンプリング(?:レート|周波数))(?:\b.*)?"
)
_NO_RATE = re.compile(
    r"filter|notch|pass|cut ?-?off|band|mains|line|baud|heart|pulse|resp|bit|clock|acc|gyro"
    r"|\b(?:low|high|upper|lower|[hl]pf?|range)\b|audio|temp|coeff|resolution|sync|version|number"
)
_INTERVAL_KEY = re.compile(
    r"(?:.*\b)?(?:(?:sampl\w*[ _-]*)?(?:interval|period|increment)|increment|[xt] ?incr?|dt|delta[ _]?[tx]"
    r"|time ?step|abtastintervall)(?:\b.*)?"
)
_HERTZ = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?)\s*(?P<kilo>k)?\s*(?:hz|hertz|hercios?|hertsi\w*|hertz\w*|герц\w*|гц|赫[兹茲]?|ヘルツ|헤르츠|sps|sa?/s"
    r"|samples?[ _]?(?:/|per)[ _]?s\w*)\.?",
    re.IGNORECASE,
)
_IN_WORDS = re.compile(
    r"\bsampl\w*(?: (?:rate|frequency))?(?: at| of| is)? *(?P<rate>\d+(?:[.,]\d+)? *k?Hz)\b", re.IGNORECASE
)
_PER_SAMPLE = re.compile(r"(?P<number>\d+(?:[.,]\d+)?)\s*(?P<unit>[mµμun]?s(?:ec\w*)?)\s*/\s*sample", re.IGNORECASE)
_NUMBER = re.compile(r"(?P<number>\d+(?:[.,]\d+)?(?:e[-+]?\d+)?)\s*(?P<unit>[a-zµμ]*)", re.IGNORECASE)
_START = re.compile(r"\"?START\"?\s+[-+\d.eE]+\s+(?P<interval>\d[\d.eE+-]*)")  # Spike2: the first time, the step
_NAMES_KEY = re.compile(
    r"labels?|column ?labels?|columns?|channel ?(?:titles?|names?|labels?)|channels|signals?|leads?|fields|names"
)
_LABEL_KEYS = ("label", "channel label", "channel name", "lead", "signal")
_UNITS_KEY = re.compile(
    r"units?(?: ?names?)?|einheit(?:en)?|unités?|unidad(?:es)?|unità|eenheid|unidade|единицы|单位|單位|単位|단위"
)
_A_UNIT = re.compile(r"[mµμun]?V|microvolts?|millivolts?|volts?", re.IGNORECASE)
_A_LEAD = re.compile(r".*?(?<![a-z])(?P<lead>I{1,3}|aV[RLF]|V[1-9])\)?(?: ?(?:导联|導聯|誘導|유도))?", re.IGNORECASE)
_COUNT_KEY = re.compile(r"number ?of ?channels|channels?|(?:n|num) ?channels?")
_SECONDS = {"s": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_UNIX_RATE = (0.5, 100_000.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a head says. `lead` is the one lead that a person's export names; `text` are all its lines."""

    fs_hz: float | None = None
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    lead: str = ""
    channels: int | None = None
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def is_comment(line: str) -> bool:
    """Whether a line is a remark of the file about itself."""
    begins = line.lstrip()
    return begins.startswith(COMMENT) and begins.rstrip().lower() not in _CELLS


def speaks_of_all(cells: list[str]) -> bool:
    """Whether a row is a key and a value about the whole file, as oscilloscopes write them, and no row of names."""
    if len(cells) != 2:
        return False
    key, value = _key(cells[0]), cells[1].strip()
    return _rate(key, value) is not None or _UNITS_KEY.fullmatch(key.removeprefix("vertical ")) is not None


def said_by(lines: Iterable[str]) -> Said:
    """Collect what these lines say; of two that say the same thing the first counts."""
    lines = list(lines)
    facts = [(key, value) for line in lines for key, value in _facts(line)]
    facts += [fact for upper, lower in itertools.pairwise(lines) for fact in _below(upper, lower)]
    return Said(
        fs_hz=next((rate for key, value in facts if (rate := _rate(key, value)) is not None), None),
        names=_labels(facts)
        or next((parts for key, value in facts if _are_names(key, value) and (parts := _parts(value))), ()),
        units=next((parts for key, value in facts if _is_unit(key, value) and (parts := _parts(value))), ()),
        lead=next((found["lead"] for key, value in facts if (found := _lead(key, value))), ""),
        channels=next((int(value) for key, value in facts if _COUNT_KEY.fullmatch(key) and value.isdecimal()), None),
        text="\n".join(lines),
        facts=tuple(facts),
    )


def _labels(facts: list[tuple[str, str]]) -> tuple[str, ...]:
    """Names that stand in a line each, under the same key for every channel."""
    each = [value for key, value in facts if key in _LABEL_KEYS]
    return tuple(each) if len(each) > 1 and all(len(_parts(value)) == 1 for value in each) else ()


def _below(upper: str, lower: str) -> Iterator[tuple[str, str]]:
    """An interval that stands below its name in a row of names, as ``X,CH1,Start,Increment`` of an oscilloscope."""
    names, values = re.split(r"[,;\t]", upper), re.split(r"[,;\t]", lower)
    for name, value in zip(names, values, strict=False):
        if len(names) > 2 and _INTERVAL_KEY.fullmatch(_key(name)) is not None:
            yield _key(name), value.strip()


def _facts(line: str) -> Iterator[tuple[str, str]]:
    plain = line.strip().lstrip("#%/;").strip()
    if plain.startswith(("{", "[")):
        try:
            yield from _flat("", json.loads(plain))
        except (ValueError, RecursionError):
            pass
        else:
            return
    found = _PER_SAMPLE.fullmatch(plain) or _HERTZ.fullmatch(plain)
    if found is not None:
        yield "rate", plain
    start = _START.fullmatch(plain)
    if start is not None:
        yield "interval", start["interval"]
    in_words = _IN_WORDS.search(plain)  # `bandpass 0.5-40 Hz, sampled at 250 Hz`
    if in_words is not None:
        yield "rate", in_words["rate"]
    pieces = re.split(r"\s*(?::=|=|:)\s*|\s*[,;\t]\s*", plain, maxsplit=1)
    if len(pieces) == 2:
        yield _key(pieces[0]), pieces[1].strip()
    for part in re.split(r"[,;]\s*", plain)[1:]:  # several pairs in one line, as `fs=250, unit=mV`
        pieces = re.split(r"\s*[:=]+\s*", part, maxsplit=1)
        if len(pieces) == 2:
            yield _key(pieces[0]), pieces[1].strip()
    words = plain.split()
    if len(words) > 1 and all("=" in word for word in words):  # `Channels=2 SamplingInterval[ms]=2.000`
        yield from ((_key(key), value) for key, _, value in (word.partition("=") for word in words))


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _flat(str(name), below)
    elif isinstance(value, list):
        yield _key(key), "\t".join(str(one) for one in value)
    else:
        yield _key(key), str(value)


def _key(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.strip().strip("'\"")).lower()
    return re.sub(r"[ _]+", " ", spaced).strip()


def _parts(value: str) -> tuple[str, ...]:
    separator = next((sign for sign in ("\t", ";", ",", "|") if sign in value), None)
    parts = value.split(separator) if separator else [value]
    return tuple(part.strip().strip("'\"[]()") for part in parts if part.strip())


def _rate(key: str, value: str) -> float | None:
    if _NO_RATE.search(key):
        return None
    of_each = set(value.strip().split("\t"))  # a rate for each channel, where all are one
    plain = (of_each.pop() if len(of_each) == 1 else value).strip().strip("'\"")
    found = _HERTZ.fullmatch(plain)
    if found is not None:
        return _plausible(_float(found["number"]) * (1000.0 if found["kilo"] else 1.0))
    found = _PER_SAMPLE.fullmatch(plain)
    if found is not None:
        return _inverse(found)
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return None
    if _INTERVAL_KEY.fullmatch(key):
        return _inverse(found, key)
    is_rate = _RATE_KEY.fullmatch(key) is not None and not found["unit"]
    return _plausible(_float(found["number"]) * (1000.0 if "khz" in key else 1.0)) if is_rate else None


def _inverse(found: re.Match[str], key: str = "") -> float | None:
    said = re.search(r"\(?\b([mµμun])s(?:ec)?\b", key)
    unit = (found["unit"] or (said[1] if said else "s")).lower()
    interval = _float(found["number"]) * _SECONDS.get(unit[0], 1.0)
    return _plausible(1 / interval) if interval else None


def _plausible(fs_hz: float) -> float | None:
    low, high = _UNIX_RATE
    return round(fs_hz, 6) if low <= fs_hz <= high else None


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def _are_names(key: str, value: str) -> bool:
    return _NAMES_KEY.fullmatch(key) is not None and not value.strip().isdecimal()


def _is_unit(key: str, value: str) -> bool:
    return _UNITS_KEY.fullmatch(key) is not None or _A_UNIT.fullmatch(value.strip().strip("'\"")) is not None


def _lead(key: str, value: str) -> re.Match[str] | None:
    words = value.strip().strip("'\"").split()
    is_short = 1 <= len(words) <= 3 and "\t" not in value
    is_pair = re.search(r"lead|ableitung|dériv|deriv|afleiding|отведение|导联|導聯|誘導|유도|kanał", key) is not None
    return _A_LEAD.fullmatch(" ".join(words)) if is_short and is_pair else None
