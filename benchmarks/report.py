"""The report of one run: JSON for machines, a table in Markdown for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import SPECS, Figure
from benchmarks.machine import is_busy

FORMAT = 1
BUSY = "Other work ran on this machine beside the measurement: times by the clock are longer than on an idle one."


def report(
    figures: Sequence[Figure], missing: Mapping[str, str], *, machine: Mapping[str, Any], quick: bool, seconds: float
) -> dict[str, Any]:
    """Put a run together; every figure is in it, or the reason why it is not."""
    measured = {figure.name: figure for figure in figures}
    return {
        "format": FORMAT,
        "quick": quick,
        "seconds": round(seconds, 1),
        "machine": dict(machine),
        "note": BUSY if is_busy(dict(machine)) else "",
        "figures": [measured[name].facts() for name in SPECS if name in measured],
        "not_measured": [
            {"name": name, "why": missing.get(name, "not asked for")} for name in SPECS if name not in measured
        ],
    }


def table(record: Mapping[str, Any]) -> str:
    """Lay a report out as Markdown."""
    machine = record["machine"]
    lines = [
        f"# Figures of {machine['at'][:10]}{' (short form)' if record['quick'] else ''}",
        "",
        _machine(machine),
        *(["", record["note"]] if record["note"] else []),
        "",
        "| figure | value | target | | note |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(figure) for figure in record["figures"]]
    if record["not_measured"]:
        lines += [
            "",
            "Not measured: " + "; ".join(f"{each['name']} ({each['why']})" for each in record["not_measured"]),
        ]
    return "\n".join(lines) + "\n"


def write(record: Mapping[str, Any], path: Path) -> None:
    """Write the JSON at `path` and the table beside it, as ``.md``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(table(record), encoding="utf-8")


def _machine(machine: Mapping[str, Any]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mb']} MB; Python {machine['python']}, "
        f"NumPy {machine['numpy']}, ONNX Runtime {machine['onnxruntime']}; commit {machine['commit']}; "
        f"load {machine['load_before'][0]} before and {machine['load_after'][0]} after."
    )


def _row(figure: Mapping[str, Any]) -> str:
    target = ""
    if figure["at_most"] is not None:
        target = f"at most {figure['at_most']:g} {figure['unit']}"
    elif figure["at_least"] is not None:
        target = f"at least {figure['at_least']:g} {figure['unit']}"
    verdict = {None: "", True: f"met, {figure['headroom']} x", False: f"**missed**, {figure['headroom']} x"}
    value = f"{figure['value']:g} {figure['unit']}"
    return f"| {figure['what']} | {value} | {target} | {verdict[figure['met']]} | {figure['note']} |"
