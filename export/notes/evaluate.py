"""MTSamples' medical notes (CC0) sorted into their specialties: a yardstick for what sorts people's notes on texts.

The published notes are no notes on texts; there is no public set of those. What is shown is that the rules learn from
a thousand notes, and how far. A note stands there once for each specialty it is filed under: notes are parted by
their text, so that none is on both sides, and a figure says whether it counts filings or texts.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from biosignal.notes import fit_notes

RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
LONGEST = 4000
SHOWN = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Filed:
    """A note under one of its specialties."""

    text: str
    specialty: str


def evaluate_notes(folder: Path) -> dict[str, Any]:
    """Fit on a half of the notes and score the other; how strict the rules are is chosen inside the first half.

    Raises
    ------
    BadInput : the folder has no such notes.
    """
    filed = read_notes(folder)
    teaches, scores = ([one for one in filed if _part(one.text) in parts] for parts in ((0, 1, 2, 3), (4, 5, 6, 7)))
    fits, tunes = ([one for one in teaches if (_part(one.text) == 3) is last] for last in (False, True))
    figures: dict[str, Any] = {
        "notes": len({one.text for one in filed}),
        "filings": len(filed),
        "specialties": len({one.specialty for one in filed}),
        "fitted_on": len(teaches),
        "scored_on": len(scores),
    }
    commonest = Counter(one.specialty for one in teaches).most_common(1)[0][0]
    figures["always the commonest"] = _scored(scores, [commonest] * len(scores))
    for name, pairs in (("words", False), ("words and pairs", True)):
        ridge = max(RIDGES, key=lambda ridge: _scored(tunes, _read(fits, tunes, ridge, pairs))["macro_f1"])
        read = _read(teaches, scores, ridge, pairs)
        figures[name] = {"ridge": ridge, **_scored(scores, read)}
    figures["confusion"] = _confusion(scores, read)
    return figures


def read_notes(folder: Path) -> list[Filed]:
    """Read every note under every specialty that it is filed under.

    Raises
    ------
    BadInput : there is no such file, or it is not as published.
    """
    path = folder / "mtsamples.jsonl"
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        filed = {(str(row["transcription"])[:LONGEST], str(row["medical_specialty"]).strip()) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput("the notes cannot be read", file=path, remedy="unpack the set `text`") from error
    return [Filed(text=text, specialty=name) for text, name in sorted(filed) if text.strip()]


def _part(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0] % 8


def _read(teach: Sequence[Filed], others: Sequence[Filed], ridge: float, pairs: bool) -> list[str]:
    rules = fit_notes([one.text for one in teach], [one.specialty for one in teach], ridge=ridge, pairs=pairs)
    return rules.read([one.text for one in others])


def _scored(filed: Sequence[Filed], read: Sequence[str]) -> dict[str, float]:
    """Macro F1 over the specialties that are there, by filings; and the texts read as any that they are filed under."""
    true, said, both = Counter(one.specialty for one in filed), Counter(read), Counter[str]()
    under, as_read = defaultdict(set), {}
    for one, name in zip(filed, read, strict=True):
        both[name] += one.specialty == name
        under[one.text].add(one.specialty)
        as_read[one.text] = name
    f1 = [2 * both[name] / (true[name] + said[name]) for name in true]
    any_of = sum(name in under[text] for text, name in as_read.items()) / len(as_read)
    return {"macro_f1": round(sum(f1) / len(f1), 3), "any_of_its_specialties": round(any_of, 3)}


def _confusion(filed: Sequence[Filed], read: Sequence[str]) -> dict[str, Any]:
    """How the commonest specialties were read, by filings: a row each, the rest together in the last column."""
    names = [name for name, _ in Counter(one.specialty for one in filed).most_common(SHOWN)]
    pairs = Counter((one.specialty, name) for one, name in zip(filed, read, strict=True))
    rows = {}
    for name in names:
        row = [pairs[name, other] for other in names]
        rows[name] = [*row, sum(count for (true, _), count in pairs.items() if true == name) - sum(row)]
    return {"read_as": [*names, "other"], "rows": rows}


def notes_lines(figures: dict[str, Any]) -> list[str]:
    """Write the figures for people: a line each way, then the table."""
    counted = f"{figures['notes']} notes under {figures['specialties']} specialties, {figures['filings']} filings"
    lines = [f"{counted}: {figures['fitted_on']} fitted, {figures['scored_on']} scored, parted by text"]
    for name in ("always the commonest", "words", "words and pairs"):
        one = figures[name]
        shown = f"macro F1 {one['macro_f1']:.3f}, any of its specialties {one['any_of_its_specialties']:.3f}"
        ridge = f", ridge {one['ridge']:g}" if "ridge" in one else ""
        lines.append(f"{name}: {shown}{ridge}")
    table = figures["confusion"]
    numbers = " | ".join(str(number + 1) for number in range(len(table["read_as"]) - 1))
    lines += ["", f"| filed under, read as | {numbers} | other |", f"|---|{'---|' * len(table['read_as'])}"]
    for number, (name, row) in enumerate(table["rows"].items(), 1):
        lines.append(f"| {number} {name} | {' | '.join(map(str, row))} |")
    return lines
