"""A scenario as a file, TOML or JSON: what `biosignal.synthetic.scenario.Scenario` says, with kinds by name.

Top level: about, duration_s, fs_hz, leads, channels, gain, breath_hz, seed. Tables ``[[heart]]`` and ``[[brain]]``:
start_s, kind, and what that kind can be given; ``[[noise]]``: kind, start_s, duration_s and the like; ``[[st]]``:
start_s, duration_s, level_mv, ramp_s. The scenario's name is the file's.
"""

import json
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from biosignal.errors import BadInput
from biosignal.synthetic.noise import NOISES
from biosignal.synthetic.rhythms import RHYTHMS
from biosignal.synthetic.scenario import BrainSegment, Scenario, Segment, StShift
from biosignal.synthetic.states import STATES

SUFFIXES = (".toml", ".json")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST = 1 << 20
_toml: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
T = TypeVar("T")


class ScenarioUnreadable(BadInput):
    """A scenario's file is missing or says what cannot be played."""

    remedy = "mend the line that the message names; `edge-agent synthesize` lists the scenarios that come along"


def read_scenario(path: Path) -> tuple[Scenario, int | None]:
    """Read a scenario; and its seed, if the file gives one.

    Raises
    ------
    ScenarioUnreadable : no such file, no TOML or JSON, an unknown key or kind, or a value of the wrong type.
    BadInput : the values do not make a scenario.
    """
    if not _NAME.fullmatch(path.stem):
        raise ScenarioUnreadable("a scenario's name has letters, digits, `-` and `_` only", file=str(path))
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode("utf-8")
        if len(text) > _LARGEST:
            raise ScenarioUnreadable("the file is too large for a scenario", file=str(path))
        given = json.loads(text) if path.suffix == ".json" else _toml.loads(text)
    except (OSError, ValueError) as error:
        raise ScenarioUnreadable("cannot read the scenario", file=str(path), why=str(error)) from error
    if not isinstance(given, dict):
        raise ScenarioUnreadable("a scenario is a table of keys", file=str(path))
    try:
        return _scenario(path.stem, given)
    except RecursionError as error:
        raise ScenarioUnreadable("the file is nested too deep", file=str(path)) from error


def _scenario(name: str, given: dict[str, Any]) -> tuple[Scenario, int | None]:
    plain = dict(given)
    seed = plain.pop("seed", None)
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise ScenarioUnreadable("a seed is a whole number", where="seed", value=seed)
    plain.setdefault("leads", [] if "heart" not in plain else ["II", "V1"])
    tables: dict[str, tuple[Any, ...]] = {
        "heart": tuple(_played(plain, "heart", RHYTHMS, lambda s, r: Segment(start_s=s, rhythm=r))),
        "brain": tuple(_played(plain, "brain", STATES, lambda s, b: BrainSegment(start_s=s, state=b))),
        "noise": tuple(_of_kind(NOISES, row, where) for where, row in _rows(plain, "noise")),
        "st": tuple(_made(StShift, row, where) for where, row in _rows(plain, "st")),
    }
    for unknown in ("name", *tables):
        if unknown in plain:
            raise ScenarioUnreadable("unknown key", where=name, key=unknown)
    known = _values(Scenario, {"about": "from a file", **plain}, name)
    return _complete(Scenario, {"name": name, **known, **tables}, name), seed


def _rows(plain: dict[str, Any], table: str) -> list[tuple[str, dict[str, Any]]]:
    rows = plain.pop(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ScenarioUnreadable(f"`{table}` is a list of tables: write [[{table}]]", where=table)
    return [(f"{table} {number}", dict(row)) for number, row in enumerate(rows, 1)]


def _played(
    plain: dict[str, Any], table: str, kinds: Mapping[str, type[Any]], make: Callable[[float, Any], T]
) -> list[T]:
    found = []
    for where, row in _rows(plain, table):
        start_s = row.pop("start_s", None)
        if isinstance(start_s, bool) or not isinstance(start_s, int | float):
            raise ScenarioUnreadable("a segment needs its start", where=where, key="start_s")
        found.append(make(float(start_s), _of_kind(kinds, row, where)))
    return found


def _of_kind(kinds: Mapping[str, type[Any]], row: dict[str, Any], where: str) -> Any:
    kind = row.pop("kind", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise ScenarioUnreadable("unknown kind", where=where, kind=kind, known=", ".join(kinds))
    return _made(kinds[kind], row, where)


def _made(made: type[T], row: dict[str, Any], where: str) -> T:
    return _complete(made, _values(made, row, where), where)


def _complete(made: type[T], values: dict[str, Any], where: str) -> T:
    for field in fields(made):  # type: ignore[arg-type]  # every T here is a dataclass
        if field.name not in values and field.default is MISSING:
            raise ScenarioUnreadable("a key is missing", where=where, key=field.name)
    return made(**values)


def _values(made: type[Any], row: dict[str, Any], where: str) -> dict[str, Any]:
    wanted = typing.get_type_hints(made)
    names = [field.name for field in fields(made)]
    values = {}
    for key, value in row.items():
        if key not in names:
            raise ScenarioUnreadable("unknown key", where=where, key=key, known=", ".join(names))
        values[key] = _value(wanted[key], value, f"{where}: {key}")
    return values


def _value(wanted: Any, value: Any, where: str) -> Any:
    if isinstance(wanted, types.UnionType):
        wanted = next(one for one in wanted.__args__ if one is not type(None))
    if typing.get_origin(wanted) is tuple:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
    elif wanted is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9:
            return float(value)
    elif type(value) is wanted:
        return value
    kind = "list of texts" if typing.get_origin(wanted) is tuple else wanted.__name__
    raise ScenarioUnreadable("a value of the wrong type", where=where, value=str(value)[:60], wanted=kind)
