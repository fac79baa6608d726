"""The verb `datasets`: the public data sets that are known by name, and what of them is here."""

import difflib
import json
from pathlib import Path
from typing import Any, TextIO

from biosignal.errors import BadInput, listed
from edge_agent.sources.datasets.fetch import cached
from edge_agent.sources.datasets.table import OPEN, DataSet, known_sets, set_called
from edge_agent.sources.resolve import Places


def list_sets(name: str | None, *, places: Places, as_json: bool, stdout: TextIO) -> None:
    """List all sets, or say all that is known of one.

    Raises
    ------
    BadInput : nobody knows this one.
    """
    if name is not None and set_called(name) is None:
        every = [each for one in known_sets() for each in one.names]
        near = difflib.get_close_matches(name, every, n=3)
        raise BadInput(
            "no such data set is known",
            set=name,
            remedy=f"{' or '.join(near)}, or `edge-agent datasets` for all" if near else "`edge-agent datasets`",
        )
    chosen = [one for one in known_sets() if name is None or name.lower() in one.names]
    facts = [_facts(one, places) for one in chosen]
    if as_json:
        stdout.writelines(json.dumps({"type": "dataset", **one}) + "\n" for one in facts)
        stdout.write(json.dumps({"type": "summary", "datasets": len(facts)}) + "\n")
    elif name is None:
        _table(chosen, facts, stdout)
    else:
        _one(chosen[0], facts[0], stdout)


def _facts(one: DataSet, places: Places) -> dict[str, Any]:
    folder = _unpacked(one, places.data_dir)
    return {
        "name": one.name,
        "also": list(one.also),
        "title": one.title,
        "version": one.version,
        "about": one.about,
        "records": one.records,
        "licence": one.licence,
        "access": one.access,
        "truth": list(one.truth),
        "example": f"{one.name}/{one.example}" if one.example else None,
        "unpacked": None if folder is None else str(folder),
        "cached": len(cached(places.cache_dir, one.name)),
    }


def _unpacked(one: DataSet, data_dir: Path | None) -> Path | None:
    if data_dir is None:
        return None
    return next((data_dir / name for name in one.names if (data_dir / name).is_dir()), None)


def _table(chosen: list[DataSet], facts: list[dict[str, Any]], stdout: TextIO) -> None:
    width = max(len(one.name) for one in chosen)
    for one, each in zip(chosen, facts, strict=True):
        here = "unpacked" if each["unpacked"] else f"{each['cached']} cached" if each["cached"] else ""
        here = here if one.access == OPEN else here or "by agreement"
        records = f"{one.records:,}" if one.records else ""
        stdout.write(f"{one.name:{width}}  {records:>7}  {here:12}  {one.about}\n")
    stdout.write(
        "\n`edge-agent datasets SET` says more, `edge-agent replay SET/RECORD` plays: from EDGE_DATA_DIR, else the "
        "cache, else PhysioNet.\n"
    )


def _one(one: DataSet, facts: dict[str, Any], stdout: TextIO) -> None:
    said = {
        "set": f"{one.name} {one.version}: {one.title}",
        "also": listed(one.also),
        "holds": f"{f'{one.records:,} records: ' if one.records else ''}{one.about}",
        "licence": one.licence if one.access == OPEN else f"{one.licence}; ask for it at {one.home or _page(one)}",
        "page": one.home or _page(one),
        "truth": listed(f"--truth {name}" for name in one.truth) or ("--truth: stages" if one.beside else ""),
        "here": facts["unpacked"] or (f"{facts['cached']} records in the cache" if facts["cached"] else "nothing"),
        "play": f"edge-agent replay {facts['example']}" if facts["example"] and one.access == OPEN else "",
    }
    for name, text in said.items():
        if text:
            stdout.write(f"{name:8} {text}\n")


def _page(one: DataSet) -> str:
    return f"https://physionet.org/content/{one.name}/{one.version}/"
