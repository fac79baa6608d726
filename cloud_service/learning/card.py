"""Writes the card of a candidate: what changed, what it was graded by, and what that does not show."""

from collections.abc import Mapping
from typing import Any

from biosignal.model.bundle import Bundle
from cloud_service.learning.dataset import DataSet
from cloud_service.learning.gate import GateReport
from cloud_service.learning.reviewed import reviewed_kind

TRAINED = "<!-- card of the trained model -->"


def card_of(parent: Bundle, candidate: Bundle, dataset: DataSet, report: GateReport) -> str:
    """Give the card in Markdown."""
    what = reviewed_kind(parent.manifest.task).plural
    lines = [
        f"# {candidate.identity}",
        "",
        "Research software, not a medical device.",
        "",
        f"The classifier's head of {parent.identity}, refitted on {what} that clinicians reviewed.",
        "Encoder, inputs and preprocessing are the parent's. The card below speaks of the model both descend from.",
        "",
        "## What it learned from",
        "",
        f"- Data set `{dataset.id}`: {len(dataset.label)} reviewed {what}.",
        f"- {int((dataset.held_out == 0).sum())} to fit, {int((dataset.held_out == 1).sum())} held out by patient.",
        f"- {_relabelled(dataset)} of them carry another label than the model gave.",
        "",
        "## Gates",
        "",
        "| gate | verdict | on | why |",
        "|---|---|---|---|",
    ]
    for gate in report.gates:
        on = f"{gate.figures['set']}, n = {gate.figures['n']}" if "set" in gate.figures else ""
        lines.append(f"| {gate.name} | {gate.status} | {on} | {gate.why} |")
    for gate in report.gates:
        if "candidate" in gate.figures and isinstance(gate.figures["candidate"], Mapping):
            lines += ["", f"## By class: {gate.figures['set']}", "", *_table(gate.figures)]
    lines += [
        "",
        "## Limits",
        "",
        f"Reviewed {what} come from findings, so they are no random sample of {what}.",
        f"Of classes that the gates could not judge for want of {what}, nothing new is known.",
        "",
        TRAINED,
        "",
        parent.card.rpartition(TRAINED)[2].strip(),
        "",
    ]
    return "\n".join(lines)


def _relabelled(dataset: DataSet) -> int:
    return sum(_differs(mark) for mark in dataset.marks)


def _differs(mark: Mapping[str, Any]) -> bool:
    if "said" in mark:
        return any(is_made != (code in mark["stated"]) for code, is_made in mark["said"].items())
    return bool(mark["label"] != mark["model_label"])


def _table(figures: Mapping[str, Any]) -> list[str]:
    return _of_statements(figures) if "sp" in next(iter(figures["candidate"].values())) else _of_classes(figures)


def _of_statements(figures: Mapping[str, Any]) -> list[str]:
    rows = [
        "| statement | n | log loss | Se | Sp | ECE | log loss parent | Se parent | Sp parent | ECE parent |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, new in figures["candidate"].items():
        old = figures["parent"][name]
        cells = [part[figure] for part in (new, old) for figure in ("loss", "se", "sp", "ece")]
        shown = " | ".join("absent" if cell is None else f"{cell:.4f}" for cell in cells)
        rows.append(f"| {name} | {new['n']} | {shown} |")
    return rows


def _of_classes(figures: Mapping[str, Any]) -> list[str]:
    rows = ["| class | n | Se | +P | F1 | Se parent | +P parent | F1 parent |", "|---|---|---|---|---|---|---|---|"]
    for name, new in figures["candidate"].items():
        old = figures["parent"][name]
        cells = [new["se"], new["ppv"], new["f1"], old["se"], old["ppv"], old["f1"]]
        shown = " | ".join("absent" if cell is None else f"{cell:.4f}" for cell in cells)
        rows.append(f"| {name} | {new['n']} | {shown} |")
    return rows
