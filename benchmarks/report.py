"""The report of one run: JSON for machines, a table in Markdown for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import SPECS, Figure
from benchmarks.machine import is_busy

FORMAT = 1
NOT_ASKED = "not asked for"
BUSY = "Other work ran on this machine beside the measurement: times by the clock are longer than on an idle one."


def report(
    figures: Sequence[Figure],
    missing: Mapping[str, str],
    *,
    machine: Mapping[str, Any],
    quick: bool,
    seconds: float,
    peers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Put a run together; every figure is in it, or the reason why it is not.

    `peers` is the table of detectors, or `why_not`.
    """
    measured = {figure.name: figure for figure in figures}
    return {
        "format": FORMAT,
        "quick": quick,
        "seconds": round(seconds, 1),
        "machine": dict(machine),
        "note": BUSY if is_busy(dict(machine)) else "",
        "figures": [measured[name].facts() for name in SPECS if name in measured],
        "not_measured": [{"name": name, "why": missing.get(name, NOT_ASKED)} for name in SPECS if name not in measured],
        "peers": peers,
    }


def table(record: Mapping[str, Any]) -> str:
    """Lay a report out as Markdown."""
    machine = record["machine"]
    lines = [
        f"# Figures of {machine['at'][:10]}{' (short form)' if record['quick'] else ''}",
        "",
        _machine(machine),
        *(["", record["note"]] if record["note"] else []),
    ]
    if record["figures"]:
        lines += ["", "| figure | value | target | | note |", "|---|---|---|---|---|", *map(_row, record["figures"])]
    # What a run was not asked for is no news where it was asked for one thing.
    missing = [f"{each['name']} ({each['why']})" for each in record["not_measured"] if each["why"] != NOT_ASKED]
    if (record["peers"] or {}).get("why_not"):
        missing.append(f"peers ({record['peers']['why_not']})")
    if missing:
        lines += ["", "Not measured: " + "; ".join(missing)]
    if (record["peers"] or {}).get("rows"):
        lines += ["", *peers_table(record["peers"])]
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


def peers_table(peers: Mapping[str, Any]) -> list[str]:
    """Lay the detectors out as Markdown: a row each, three columns for each group of records."""
    names = [one["name"] for one in peers["columns"]]
    heads = [f"{name}: {what}" for name in names for what in ("FN / FP", "error, %", "F1, %")]
    lines = [
        "## QRS complexes, found by others and by Bedside",
        "",
        "First ECG lead, gross figures by EC57; F1 within 150 / 50 ms, the latter also judges where on the QRS a"
        " detector puts its mark. "
        + "".join(f"{one['name']}: from {one['from_s']:g} s on. " for one in peers["columns"] if one["from_s"])
        + f"Times: processor seconds for an hour of one lead ({peers['timed']}), and their ratio to the first row's,"
        " all of this run. The whole pipeline takes the lead in blocks, as it comes, and judges quality, classes,"
        " rhythm and fibrillation as well; a peer is given the whole record at once and finds QRS complexes only.",
        "",
        f"| detector | {' | '.join(heads)} | s an hour | times ours |",
        f"|---|{'---|' * len(heads)}---|---|",
    ]
    for row in peers["rows"]:
        if row["why_not"]:
            cells = [row["why_not"], *[""] * (len(heads) + 1)]
        else:
            cells = [cell for name in names for cell in _peer_cells(row["scores"][name])]
            cells += [_number(row["cpu_s_an_hour"]), _number(row["times_ours"])]
        lines.append(f"| {row['detector']} | {' | '.join(cells)} |")
    lines.append("")
    for row in peers["rows"]:
        failed = "; ".join(f"{record} counts as without beats ({why})" for record, why in row["failed"].items())
        said = [f"`{row['call']}`", *([row["version"]] if row["version"] else []), *([failed] if failed else [])]
        lines.append(f"- {row['detector']}: {'; '.join(said)}")
    return lines


def _peer_cells(figures: Mapping[str, Any]) -> list[str]:
    both = f"{_number(figures['f1_150'], '.2f')} / {_number(figures['f1_50'], '.2f')}"
    return [f"{figures['fn']} / {figures['fp']}", _number(figures["der"], ".3f"), both]


def _number(value: float | None, form: str = ".3g") -> str:
    return "" if value is None else format(value, form)
