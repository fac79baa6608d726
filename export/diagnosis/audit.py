"""Whether the diagnosis serves all alike: ``python -m export audit``.

Groups of records that trained nothing are held against the others: by sex, age, recorder, site, how the record came to
100 Hz, pacing, noise as a person noted it, and which leads are shown. A limit is common to all groups: for each main
statement the probability below which 95 of 100 records without it lie, whoever they are of.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.scoring.score import Table
from biosignal.tasks.ecg_diagnosis.kinds import MAIN, NAME
from export.diagnosis.corpus import Row, read_table
from export.diagnosis.evaluate import WAYS, Answered, answered, scored_rows
from export.diagnosis.figures import DRAWS, auc, ece, interval, macro_auc, rounded
from export.report.served import Served

SPECIFIC = 0.95
FEWEST = 30
"""Fewer records of a group are counted and not audited."""
FEWEST_WITH = 8
"""Nor is a statement that fewer of them have, or that fewer lack."""
GAP_WANTED = 0.02
AGES = (0, 45, 60, 75, 150)
OLDEST = 89
"""PTB-XL writes 300 where somebody was older than this."""
NOT_THERE = (
    "ethnicity, weight and height, comorbidity and outcome: the set has none of them, or for few records",
    "hospitals, recorders and countries other than those of the set",
    "patients under monitoring: all records are of ten seconds at rest",
)


def _age(row: Row) -> str:
    if math.isnan(row.age):
        return "unknown"
    if row.age > OLDEST:
        return f"{AGES[-2]} and over"
    low = max(one for one in AGES if one <= row.age)
    high = AGES[AGES.index(low) + 1]
    return f"{low} and over" if high == AGES[-1] else f"{low} to {high - 1}"


GROUPED: Mapping[str, Callable[[Row], str]] = {
    "sex": lambda row: {"0": "male", "1": "female"}.get(row.sex, "unknown"),
    "age": _age,
    "recorder": lambda row: row.device or "unknown",
    "site": lambda row: row.site or "unknown",
    "source": lambda row: row.src or "unknown",
    "paced": lambda row: "paced" if row.is_paced else "not paced",
    "noise noted": lambda row: "noted" if row.is_noisy else "not noted",
}


def audit(folder: Path, answering: Served, *, fold: int | None, draws: int = DRAWS) -> dict[str, Any]:
    """Audit the bundle that serves on every record that trained nothing, or those of one fold.

    Raises
    ------
    NoDiagnoses : the folder holds no such set, or no record that may be scored.
    """
    rows = scored_rows(read_table(folder), fold=fold, folder=folder)
    models = answering.models()
    said = {}
    for name, show in WAYS.items():
        said[name] = with_superclass(answered(rows, models, show))
        print(f"{name}: {len(rows)} records", file=sys.stderr, flush=True)
    first = said[next(iter(WAYS))]
    limits = limits_of(first)
    return {
        "what": "audit",
        "folds": sorted({row.fold for row in rows}),
        "bundles": [one for one in answering.to_json() if one["task"] == NAME],
        "limits": dict(zip(MAIN, (rounded(one) for one in limits.tolist()), strict=True)),
        "all": group_figures(first, limits, draws=draws),
        "groups": {name: groups_of(first, by, limits, draws=draws) for name, by in GROUPED.items()},
        "shown": {name: group_figures(one, limits, draws=draws) for name, one in said.items() if one is not first},
        "cannot_be_audited": list(NOT_THERE),
    }


def with_superclass(said: Answered) -> Answered:
    """Keep the records that have a main statement and were answered."""
    return said.of(np.array([bool(row.superclasses) for row in said.rows]) & said.is_answered)


def limits_of(said: Answered) -> NDArray[np.float64]:
    """Give for each main statement the probability below which 95 of 100 records without it lie, shape (5,)."""
    targets, scores = _main(said)
    return np.array([np.quantile(scores[targets[:, at] == 0, at], SPECIFIC) for at in range(len(MAIN))])


def groups_of(
    said: Answered, by: Callable[[Row], str], limits: NDArray[np.float64], *, draws: int
) -> dict[str, dict[str, Any]]:
    """Give the figures of each group, the gap of its macro area to that of all others, and what cannot be told."""
    names = np.array([by(row) for row in said.rows])
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(set(names.tolist())):
        inside = names == name
        if np.count_nonzero(inside) < FEWEST:
            found[name] = {"records": int(np.count_nonzero(inside)), "too_few": True}
            continue
        figures = group_figures(said.of(inside), limits, draws=draws)
        if np.count_nonzero(~inside) >= FEWEST:
            others = group_figures(said.of(~inside), limits, draws=0)
            figures["gap"] = _gap(figures, others)
            figures["gap_within"] = None if figures["gap"] is None else abs(figures["gap"]) <= GAP_WANTED
        found[name] = figures
    return found


def group_figures(said: Answered, limits: NDArray[np.float64], *, draws: int) -> dict[str, Any]:
    """Give areas, calibration and, at the common limits, sensitivity and specificity of some records."""
    targets, scores = _main(said)
    known = [at for at in range(len(MAIN)) if FEWEST_WITH <= targets[:, at].sum() <= len(targets) - FEWEST_WITH]
    if not known:
        return {"records": len(targets), "too_few": True}
    each = {}
    for at in known:
        is_so, over = targets[:, at] > 0, scores[:, at] > limits[at]
        each[MAIN[at]] = {
            "with": int(is_so.sum()),
            "auc": rounded(auc(is_so, scores[:, at])),
            "se": rounded(float(np.mean(over[is_so]))),
            "sp": rounded(float(np.mean(~over[~is_so]))),
        }
    part = targets[:, known], scores[:, known]
    return {
        "records": len(targets),
        "macro_auc": rounded(macro_auc(*part)),
        "ci": [rounded(one) for one in interval(*part, draws=draws)] if draws else None,
        "ece": rounded(ece(*part)),
        "statements": each,
        "left_out": [code for at, code in enumerate(MAIN) if at not in known],
    }


def _main(said: Answered) -> tuple[NDArray[Any], NDArray[Any]]:
    count = len(MAIN)
    return said.targets.reshape(-1, said.scores.shape[1])[:, :count], said.scores[:, :count]


def _gap(group: Mapping[str, Any], others: Mapping[str, Any]) -> float | None:
    """How much larger the mean area of a group is, over the statements that both have enough records of."""
    if group.get("too_few") or others.get("too_few"):
        return None
    both = [code for code in group["statements"] if code in others["statements"]]
    areas = [group["statements"][code]["auc"] - others["statements"][code]["auc"] for code in both]
    return round(float(np.mean(areas)), 4) if areas else None


def audit_lines(figures: Mapping[str, Any]) -> list[str]:
    """Write the audit for a terminal."""
    folds = ", ".join(str(fold) for fold in figures["folds"])
    bundle = figures["bundles"][0]
    lines = [f"audit of {bundle['name']} {bundle['version']} on folds {folds}; sensitivity and specificity at limits"]
    lines.append("of all: " + ", ".join(f"{code} {value}" for code, value in figures["limits"].items()))
    rows = [("all", figures["all"])]
    for name, groups in figures["groups"].items():
        rows += [(f"{name}: {group}", one) for group, one in groups.items()]
    rows += [(f"shown: {name}", one) for name, one in figures["shown"].items()]
    head = ("", "records", "macro AUC", "95 %", "gap", "ECE", *(f"{code} Se/Sp" for code in MAIN))
    lines += Table(head=head, rows=tuple(_cells(name, one) for name, one in rows)).lines()
    lines += ["", "Not audited:", *(f"- {one}" for one in figures["cannot_be_audited"])]
    lines += [f"- {name}: {one['records']} records are too few" for name, one in rows if one.get("too_few")]
    return lines


def _cells(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    if one.get("too_few"):
        return (name, str(one["records"]), *["-"] * (4 + len(MAIN)))
    ci = "-" if one["ci"] is None else f"{one['ci'][0]:.3f} to {one['ci'][1]:.3f}"
    gap = one.get("gap")
    shown_gap = "-" if gap is None else f"{gap:+.3f}{'' if one['gap_within'] else ' !'}"
    each: Sequence[Mapping[str, Any] | None] = [one["statements"].get(code) for code in MAIN]
    pairs = ["-" if part is None else f"{100 * part['se']:.0f}/{100 * part['sp']:.0f}" for part in each]
    return (name, str(one["records"]), f"{one['macro_auc']:.3f}", ci, shown_gap, f"{one['ece']:.3f}", *pairs)
