"""The data sets that are known by name: `sets.json`, one entry each."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Any

INDEX_URL = "https://physionet.org/files/"
USUAL_VERSION = "1.0.0"
USUAL_ANNOTATOR = "atr"
OPEN = "open"
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """A data set.

    Parameters
    ----------
    name, version : where it lies below the site's ``files/``.
    also : other names of it, also those of folders that people keep it in.
    format : ``wfdb`` or ``edf``.
    records : how many there are, absent where it has none.
    example : one of them.
    paths : (pattern, path) of names that are shorter than the path of the record.
    truth : annotators whose files come with a record.
    beside : (pattern, pattern) of files that belong to a file; `companions` are suffixes put behind it.
    index : whether the folder of a record is found in the set's list of hashes alone.
    sums : whether that list is small enough to be fetched.
    access : ``open``, or what is asked for.
    """

    name: str
    title: str
    version: str
    licence: str
    records: int | None
    about: str
    example: str
    also: tuple[str, ...] = ()
    format: str = "wfdb"
    paths: tuple[tuple[str, str], ...] = ()
    truth: tuple[str, ...] = ()
    beside: tuple[tuple[str, str], ...] = ()
    companions: tuple[str, ...] = ()
    index: bool = False
    sums: bool = True
    access: str = OPEN
    home: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All names of it."""
        return (self.name, *self.also)

    def path_of(self, record: str) -> str:
        """Path of a record in the set, without a suffix; as given where no pattern knows it."""
        plain = record.removesuffix(".edf") if self.format == "edf" else record
        for pattern, path in self.paths:
            match = re.fullmatch(pattern, plain)
            if match is not None:
                return match.expand(path)
        return plain


def unknown_set(name: str, version: str) -> DataSet:
    """A set of which nothing is known but where it may lie."""
    return DataSet(
        name=name,
        title=name,
        version=version,
        licence="as the set's page says",
        records=None,
        about="",
        example="",
        truth=("atr",),
    )


@cache
def _sets() -> tuple[DataSet, ...]:
    listed = json.loads(files("edge_agent.sources.datasets").joinpath("sets.json").read_text("utf-8"))
    entries: list[dict[str, Any]] = listed["sets"]
    return tuple(DataSet(**{key: _frozen(value) for key, value in entry.items()}) for entry in entries)


def known_sets() -> tuple[DataSet, ...]:
    """All of them, in the order of the table."""
    return _sets()


def set_called(name: str) -> DataSet | None:
    """The set of one of its names, in any case of letters; None where nobody knows it."""
    return next((one for one in _sets() if name.lower() in one.names), None)


def truth_of(record: str) -> str:
    """Suffix of the annotations that are a record's truth where nobody names another: its set's first, else atr.

    The set is the folder of its name, the nearest one.
    """
    folders = PurePath(record).parts[:-1]
    known = next((one for folder in reversed(folders) if (one := set_called(folder)) is not None), None)
    return known.truth[0] if known is not None and known.truth else USUAL_ANNOTATOR


def names_of(name: str) -> Iterator[str]:
    """The name, and what the same set is called elsewhere."""
    yield name
    known = set_called(name)
    if known is not None:
        yield from (one for one in known.names if one != name)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record: its set, the version, and its path in the set as given, without a suffix."""

    known: DataSet
    version: str
    is_versioned: bool
    path: str


def wanted(name: str) -> Wanted:
    """What ``set/record`` or ``set/version/record`` names."""
    first, _, rest = name.partition("/")
    second, _, behind = rest.partition("/")
    is_versioned = bool(behind) and _VERSION.fullmatch(second) is not None
    known = set_called(first) or unknown_set(first, USUAL_VERSION)
    return Wanted(known, second if is_versioned else known.version, is_versioned, behind if is_versioned else rest)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
