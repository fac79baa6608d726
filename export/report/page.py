"""The figures of an evaluation as lines for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from biosignal.scoring.score import Table


def lines_of(figures: Mapping[str, Any]) -> Iterator[str]:
    """Write what was scored by what, the figures of all records with their intervals, and a row for each record."""
    of = f" of {figures['published']}" if figures["published"] else ""
    yield f"{figures['what']} on {figures['set']}: {figures['scored']}{of} records from {figures['from_s']:g} s"
    for bundle in figures["bundles"]:
        yield f"{bundle['name']} {bundle['version']} (sha256 {bundle['sha256']}) on {bundle['backend']}"
    yield f"tuned on, beside what trained the bundle: {figures['tuned_on']}"
    for name in ("gross", "average", "interval", "groups"):
        if figures.get(name):
            yield f"\n{name}"
            yield from _tree(figures[name])
    yield ""
    yield from _records(figures["records"])


def _tree(values: Mapping[str, Any], indent: str = "  ") -> Iterator[str]:
    flat = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    if flat:
        yield indent + ", ".join(f"{name} {_cell(value)}" for name, value in flat.items())
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}"
            yield from _tree(value, indent + "  ")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
    if isinstance(value, list):
        return " to ".join(_cell(one) for one in value)
    return str(value)


def _records(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    flat = [dict(_flat(row)) for row in rows]
    head = list(dict.fromkeys(name for row in flat for name in row))
    cells = tuple(tuple(_cell(row.get(name)) for name in head) for row in flat)
    yield from Table(head=tuple(head), rows=cells).lines()


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The figures of a record in one row; its list of alarms or episodes is in the JSON."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif not isinstance(value, list):
            yield f"{before}{name}", value
