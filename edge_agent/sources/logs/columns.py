"""What each column of a table is: a signal, the clock, a counter, or nothing to analyse."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.lead_kinds import ELECTRICAL, kind_of, kinds_of
from edge_agent.sources.logs.cells import NotANumber, is_absent, is_index_name
from edge_agent.sources.logs.clock_columns import (
    ClockColumn,
    clock_at,
    clocks_of,
    is_text_clock,
    unevenness,
    unnamed_clock,
)
from edge_agent.sources.logs.counting import step_of
from edge_agent.sources.logs.dialect import Dialect
from edge_agent.sources.logs.makers import Maker
from edge_agent.sources.port import unique_names

_OFF_COLUMN = re.compile(
    r"lo ?[+-]|lo[_ ]?(?:p|n|plus|minus|pos|neg)|leads?[_ ]?off.*|lod?[_ ]?[pn+-]?|loff.*", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """A column that is a lead."""

    column: int
    name: str
    unit: str
    kind: LeadKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """What the columns are.

    Parameters
    ----------
    off : columns that are 1 while an electrode is off: the signals of such a row are invalid.
    left_out : names of columns that no reader of signals wants, each with the reason.
    """

    signals: tuple[Signal, ...]
    clock: ClockColumn | None
    counter: int | None
    off: tuple[int, ...]
    left_out: tuple[tuple[str, str], ...]


def columns_of(
    names: tuple[str, ...],
    units: tuple[str, ...],
    data: list[list[str]],
    *,
    dialect: Dialect,
    maker: Maker | None,
    wanted: str | None,
    fs_hz: float | None,
) -> Columns | str:
    """Decide it from names, units and the first rows; a sentence where it cannot be.

    Parameters
    ----------
    wanted : name or index of the time column that a person names.
    fs_hz : the rate, where it is said.
    """
    table = [_values([row[place] for row in data], dialect) for place in range(len(names))]
    texts = {place: [row[place] for row in data] for place in range(len(names))}
    words = {place for place in texts if _is_words(texts[place], table[place])}
    clocks = clocks_of(names, units, texts, table, words, maker, fs_hz)
    at = _wanted(names, wanted)
    if isinstance(at, str):
        return at
    counters = _counters(names, units, table, words, {clock.column for clock in clocks}, maker)
    if at is not None:
        clock: ClockColumn | None = clock_at(at, names, units, texts, table, fs_hz, None)
    else:
        clock = min(clocks, key=lambda each: unevenness(texts[each.column], table[each.column], each), default=None)
    if clock is None and at is None:
        clock = unnamed_clock(names, table, counters, fs_hz)
        counters = [each for each in counters if clock is None or each != clock.column]
    aside = {each.column for each in clocks} | set(counters) | ({clock.column} if clock else set())
    off = [place for place in range(len(names)) if _says_off(names[place], table[place])]
    left = [place for place in range(len(names)) if place not in {*aside, *words, *off}]
    if maker is not None and maker.signals:
        left = [place for place in left if re.search(maker.signals, names[place], re.IGNORECASE)] or left
    if not left:  # what is called a count but counts nothing: some name the ECG `sample`
        left = [place for place in counters if step_of(table[place]) is None]
        counters = [place for place in counters if place not in left]
    if not left:
        return "the file holds no signal beside the time"
    reasons = {
        **dict.fromkeys(off, "leads off"),
        **dict.fromkeys(words, "no numbers"),
        **dict.fromkeys(aside, "a clock"),
        **dict.fromkeys(counters, "a counter"),
    }
    out = [
        (names[place], reasons.get(place, "no signal"))
        for place in range(len(names))
        if place not in left and (clock is None or place != clock.column)
    ]
    return Columns(
        signals=_signals(left, names, units, maker),
        clock=clock,
        counter=counters[0] if counters else None,
        off=tuple(off),
        left_out=tuple(out),
    )


def _says_off(name: str, values: NDArray[np.float64]) -> bool:
    return _OFF_COLUMN.fullmatch(name.strip()) is not None and bool(np.isin(values[np.isfinite(values)], (0, 1)).all())


def _signals(
    left: list[int], names: tuple[str, ...], units: tuple[str, ...], maker: Maker | None
) -> tuple[Signal, ...]:
    plain = [
        names[place] if maker is None or not maker.strip else _stripped(names[place], maker.strip) for place in left
    ]
    kinds = kinds_of(list(zip(plain, [units[place] for place in left], strict=True)))
    is_volts = [kind in ELECTRICAL or kind is LeadKind.UNKNOWN for kind in kinds]
    own = maker.unit if maker else ""
    unit_of = [units[place] or (own if volts else "") for place, volts in zip(left, is_volts, strict=True)]
    if maker is not None and maker.kind is not None:
        kinds = tuple(maker.kind if kind is LeadKind.UNKNOWN else kind for kind in kinds)
    is_odd = kinds[0] is LeadKind.OTHER or is_index_name(plain[0])
    if len(left) == 1 and is_odd and kind_of("", unit_of[0]) is LeadKind.UNKNOWN:
        # The only column there is, whatever a logger calls it: many call the ECG `hr`.
        kinds = (LeadKind.UNKNOWN,)
    unique = unique_names(plain)
    return tuple(
        Signal(column=place, name=name, unit=unit, kind=kind)
        for place, name, unit, kind in zip(left, unique, unit_of, kinds, strict=True)
    )


def _stripped(name: str, pattern: str) -> str:
    return re.sub(pattern, "", name) or name


def _values(cells: list[str], dialect: Dialect) -> NDArray[np.float64]:
    out = np.full(len(cells), np.nan)
    for place, cell in enumerate(cells):
        try:
            out[place] = dialect.value(cell)
        except NotANumber:
            continue
    return out


def _is_words(cells: list[str], values: NDArray[np.float64]) -> bool:
    """Whether a column holds neither numbers nor times."""
    filled = sum(not is_absent(cell) for cell in cells)
    good = int(np.isfinite(values).sum())
    return filled > 2 * good and not is_text_clock(cells)


def _wanted(names: tuple[str, ...], wanted: str | None) -> int | str | None:
    if not wanted:
        return None
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    return "the file has no such column"


def _counters(
    names: tuple[str, ...],
    units: tuple[str, ...],
    table: list[NDArray[np.float64]],
    words: set[int],
    clocks: set[int],
    maker: Maker | None,
) -> list[int]:
    """Columns that count samples: named so, or the first one where it rises by one and wraps."""
    found = []
    for place, name in enumerate(names):
        if place in words | clocks:
            continue
        is_own = maker is not None and bool(maker.counter) and re.search(maker.counter, name, re.IGNORECASE) is not None
        is_plain = name == "column-1" or is_index_name(units[place])
        is_first = place == 0 and len(names) > 1 and is_plain and step_of(table[place]) == 1
        # `I` is a lead and `n` may be anything: a name so short must count to be a counter.
        is_named = is_index_name(name) and (len(name.strip()) > 2 or step_of(table[place]) is not None)
        if is_own or is_named or is_first:
            found.append(place)
    return found
