"""Which records a person means who names several: files that a shell put there, patterns, folders."""

import fnmatch
from collections.abc import Iterable, Iterator
from pathlib import Path

from biosignal.errors import BadInput
from edge_agent.sources.datasets.table import set_called
from edge_agent.sources.home import path_typed
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.resolve import CSV, EDF, NPZ, Places
from edge_agent.sources.wfdb_header import NO_FILE, read_header

_PATTERN = frozenset("*?[")
_NO_RECORDING = ("-hypnogram.edf", ".annotations.csv")


def records_named(names: Iterable[str], places: Places) -> tuple[list[str], int]:
    """The records that are meant, each once, in the order named; and how many files among them are none.

    Raises
    ------
    BadInput : a pattern fits nothing.
    """
    found: dict[str, None] = {}
    passed_over = 0
    segments: set[str] = set()
    for name in names:
        for one in _all_of(name, places):
            file = Path(one)
            record = _record_of(file) if file.is_file() else one
            if record is None:
                passed_over += 1
                continue
            found[record] = None
            segments |= _segments(Path(f"{record}.hea"))
    return [one for one in found if one not in segments], passed_over


def _all_of(name: str, places: Places) -> Iterator[str]:
    """What a name stands for: itself, what a folder holds, or what a pattern fits."""
    path = path_typed(name)
    if path.is_dir():
        yield from (str(file) for file in sorted(path.iterdir()) if file.is_file())
        return
    if not _PATTERN & set(name) or path.exists():
        yield name
        return
    fitting = list(_here(name, places)) or list(_of_set(name, places))
    if not fitting:
        raise BadInput(
            "no record fits the pattern",
            pattern=name,
            remedy="name a folder, or SET/* of a set that `edge-agent datasets` lists",
        )
    yield from fitting


def _here(name: str, places: Places) -> Iterator[str]:
    """Files of this machine that fit: from here, else below the data folder, under every name of the set."""
    path = path_typed(name)
    root = Path(path.anchor) if path.is_absolute() else Path()
    fitting = sorted(root.glob(str(path.relative_to(path.anchor) if path.is_absolute() else path)))
    first, _, rest = name.partition("/")
    known = set_called(first)
    if places.data_dir is not None:
        for folder in known.names if known else (first,):
            fitting = fitting or sorted((places.data_dir / folder).glob(rest or "*"))
    yield from (str(file) for file in fitting if file.is_file())


def _of_set(name: str, places: Places) -> Iterator[str]:
    """Records of a set by its own list."""
    first, _, rest = name.partition("/")
    known = set_called(first)
    if known is None or not rest:
        return
    # Only here: what is on this machine need not wait for the import of what speaks to another one.
    from edge_agent.sources.datasets.fetch import records_of

    listed = records_of(known, cache_dir=places.cache_dir, index_url=places.index_url, telling=places.telling)
    yield from (f"{known.name}/{one}" for one in listed if fnmatch.fnmatch(one, rest))


def _record_of(file: Path) -> str | None:
    """The record that a file belongs to; None where it is no part of one."""
    suffix = file.suffix.lower()
    if file.name.lower().endswith(_NO_RECORDING):
        return None
    if suffix in (*EDF, *CSV, *NPZ):
        return None if file.with_suffix(".hea").is_file() else str(file)
    without = file.with_suffix("")
    if file.suffix and Path(f"{without}.hea").is_file():
        return str(without)
    return None


def _segments(header: Path) -> set[str]:
    """Records that are only segments of another one."""
    try:
        listed = read_header(header).segments if header.is_file() else ()
    except RecordUnreadable:
        return set()
    return {str(header.with_name(one.name)) for one in listed if one.name != NO_FILE}
