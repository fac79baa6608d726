"""The table of networks that were compared, and which of them the rule would release; what makes it needs torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from biosignal.ecg.leads import INDEPENDENT

NETWORKS = ("resnet", "s4", "inception", "rnn", "transformer")
"""All that can be compared, by name."""
SHOWN = {"eight leads": tuple(range(len(INDEPENDENT))), "I and II": (0, 1)}
NEAR = 0.005
"""The smallest network is released whose macro area is at most so much below that of the best."""
HEAD = (
    "network",
    *(f"macro AUC, {name}" for name in SHOWN),
    *(f"to the best, {name}" for name in SHOWN),
    "learned numbers",
    "s of processor to train",
    "ms of processor a window",
)


def chosen_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Name the smallest of the networks that are no further than `NEAR` below the best, with all leads."""
    name, networks = next(iter(SHOWN)), [row for row in rows if not row["is_baseline"]]
    best = max(area_of(row, name) for row in networks)
    near = [row for row in networks if round(best - area_of(row, name), 4) <= NEAR]
    chosen: str = min(near, key=lambda row: row["learned"])["name"]
    return chosen


def area_of(row: Mapping[str, Any], name: str) -> float:
    """Give the macro area of a row with the leads of `SHOWN`."""
    area: float = row["by_leads"][name]["macro_auc"]
    return area


def compare_lines(figures: Mapping[str, Any]) -> list[str]:
    """Write the table as Markdown, and below it which network the rule chooses."""
    taught, scored, on = figures["taught"], figures["scored"], figures["machine"]
    taught_by = (
        f"Taught by {taught['records']} records of folds {_named(taught)}, scored on {scored['records']} of folds "
        f"{_named(scored)}; seed {figures['seed']}; {on['processor']}, one thread, load {on['load'][0]:g}."
    )
    return [
        taught_by,
        "",
        f"| {' | '.join(HEAD)} |",
        "|" + "---|" * len(HEAD),
        *(f"| {' | '.join(_cells(row))} |" for row in figures["rows"]),
        "",
        f"The smallest network within {NEAR} of the best: {figures['chosen']}.",
    ]


def _named(part: Mapping[str, Any]) -> str:
    return ", ".join(str(fold) for fold in part["folds"])


def _cells(row: Mapping[str, Any]) -> list[str]:
    sets = [row["by_leads"][name] for name in SHOWN]
    areas = [f"{one['macro_auc']:.3f} ({one['ci'][0]:.3f}-{one['ci'][1]:.3f})" for one in sets]
    apart = ["{:+.3f} ({:+.3f} to {:+.3f})".format(*one["to_best"]) if one["to_best"][0] else "best" for one in sets]
    return [row["name"], *areas, *apart, f"{row['learned']:,}", f"{row['seconds']:.0f}", f"{row['ms']:.1f}"]
