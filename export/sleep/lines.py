"""The figures of nights as lines for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from biosignal.scoring.score import Table

HEAD = ("", "epochs", "accuracy", "macro F1", "kappa", "ECE")


def sleep_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Write what was scored, the figures of all nights, those shown otherwise, and a row for each night."""
    shown = "" if figures["microvolts"] else ", without microvolts"
    yield f"sleep stages of {figures['nights']} nights, {figures['derivation']}, gain {figures['gain']:g}{shown}"
    for bundle in figures.get("bundles", ()):
        yield f"{bundle['name']} {bundle['version']} (sha256 {bundle['sha256']}) on {bundle['backend']}"
    yield ""
    stages = list(figures["gross"]["f1"])
    rows = {"gross": figures["gross"], "whole": figures["whole"], **figures.get("shown", {})}
    yield from _table(rows, stages)
    yield ""
    for part in figures["gross"]["surest"]:
        yield (
            f"surest {part['share']:g} %: accuracy {part['accuracy']:.2f} %, "
            f"from a probability of {part['from_probability']:.3f}"
        )
    yield ""
    yield from _table({row["record"]: row for row in figures["records"]}, stages)


def _table(rows: Mapping[str, Mapping[str, Any]], stages: list[str]) -> Iterator[str]:
    cells = tuple(
        (
            name,
            str(row["epochs"]),
            *(_cell(row[one], 2) for one in ("accuracy", "macro_f1")),
            *(_cell(row[one], 3) for one in ("kappa", "ece")),
            *(_cell(row["f1"][stage], 1) for stage in stages),
        )
        for name, row in rows.items()
    )
    yield from Table(head=(*HEAD, *(f"F1 {stage}" for stage in stages)), rows=cells).lines()


def _cell(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
