"""What RECORD means: the excerpt, a synthetic patient, a path, a record of an unpacked set, or a download."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge_agent.sources.datasets.table import INDEX_URL, names_of, set_called, wanted
from edge_agent.sources.datasets.telling import SILENT, Telling
from edge_agent.sources.excerpt import Excerpt
from edge_agent.sources.home import path_typed
from edge_agent.sources.options import parse_options
from edge_agent.sources.port import RecordUnreadable, Source
from edge_agent.sources.wfdb_record import WfdbRecord, header_path

EDF = (".edf", ".bdf", ".rec")
CSV = (".csv", ".tsv", ".txt", ".log", ".asc", ".json", ".jsonl", ".lvm")
NPZ = (".npz",)
_LOOK = 200  # lines of a file of JSON
_WHAT_IS_ONE = "give `excerpt`, the path of a record (WFDB, EDF, BDF, CSV, npz), or `set/record` as `mitdb/100`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where records are looked for. `data_dir` holds unpacked sets; absent, none. `telling` hears of downloads."""

    data_dir: Path | None
    cache_dir: Path
    index_url: str = INDEX_URL
    telling: Telling = SILENT

    @classmethod
    def of_environment(cls, *, telling: Telling | None = None) -> "Places":
        """EDGE_DATA_DIR, XDG_CACHE_HOME (else ~/.cache), and PhysioNet (else BEDSIDE_PHYSIONET_URL)."""
        data_dir = os.environ.get("EDGE_DATA_DIR")
        cache_home = os.environ.get("XDG_CACHE_HOME")
        return cls(
            data_dir=Path(data_dir) if data_dir else None,
            cache_dir=(Path(cache_home) if cache_home else Path.home() / ".cache") / "bedside",
            index_url=os.environ.get("BEDSIDE_PHYSIONET_URL", INDEX_URL),
            telling=telling or SILENT,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadAs:
    """What a person says about a CSV file that does not say it itself."""

    fs_hz: float | None = None
    time_column: str | None = None

    @classmethod
    def of_options(cls, options: tuple[str, ...], *, fs_hz: float | None) -> "ReadAs":
        """Of texts such as ``time_column=t``.

        Raises
        ------
        BadInput : an option that files do not have.
        """
        given = parse_options(options, allowed=("time_column",))
        return cls(fs_hz=fs_hz, time_column=given.get("time_column"))


def resolve(record: str, places: Places, *, annotators: tuple[str, ...] = (), read_as: ReadAs | None = None) -> Source:
    """Open the source that `record` names.

    In this order: ``excerpt``; ``synthetic/NAME`` or a scenario's file (``.toml``, ``.json``); an existing path, a file
    of EDF, BDF, CSV or arrays by its suffix, else WFDB; the same below the data folder, under every name of the set;
    ``set/record`` from PhysioNet into the cache, with the set's annotation files and those named.

    Raises
    ------
    BadInput : nothing of that name can be had, or what is there cannot be read.
    """
    refuse_no_name(record)
    if record == "excerpt":
        return Excerpt()
    if record.startswith("synthetic/") or (record.endswith((".toml", ".json")) and not _holds_samples(record)):
        # Only here: other records need not wait for its import.
        from edge_agent.sources.synthetic import open_synthetic

        return open_synthetic(record)
    file = _file_of(record, places)
    if file is not None:
        return _open_file(file, read_as or ReadAs())
    found = find(record, places, annotators=annotators)
    return _open_file(found, ReadAs()) if found.suffix.lower() in EDF and found.is_file() else WfdbRecord(found)


def _holds_samples(record: str) -> bool:
    """Whether a file of JSON is a recording, and no scenario."""
    file = path_typed(record)
    if file.suffix != ".json" or not file.is_file():
        return False
    from edge_agent.sources.logs.lists import is_json
    from edge_agent.sources.logs.text_file import look_at

    with look_at(file).lines() as lines:
        return is_json(list(itertools.islice(lines, _LOOK)))


def refuse_no_name(record: str) -> None:
    """Refuse what no file system takes for the name of anything.

    Raises
    ------
    RecordUnreadable : it is empty, has a NUL or half a character, or is too long.
    """
    try:
        name = os.fsencode(record)
    except UnicodeEncodeError:
        name = b""
    if not name or b"\0" in name or len(name) > 4000 or max(map(len, name.split(b"/"))) > 255:
        raise RecordUnreadable("no such record", record=record[:80], remedy=_WHAT_IS_ONE)


def _file_of(record: str, places: Places) -> Path | None:
    """The file of EDF, BDF, CSV or arrays that `record` names; none where it names something else."""
    if PurePosixPath(record).suffix.lower() not in (*EDF, *CSV, *NPZ):
        return None
    given = path_typed(record)
    if given.is_file():
        return given
    if places.data_dir is not None:
        below = places.data_dir / _set_and_record(record)
        if below.is_file():
            return below
    if set_called(record.partition("/")[0]) is not None:
        return None
    raise RecordUnreadable("no such file", file=record)


def _open_file(file: Path, read_as: ReadAs) -> Source:
    if file.suffix.lower() in EDF:
        from edge_agent.sources.edf_record import EdfRecord

        return EdfRecord(file)
    if file.suffix.lower() in NPZ:
        from edge_agent.sources.npz_record import NpzRecord

        return NpzRecord(file, fs_hz=read_as.fs_hz)
    from edge_agent.sources.logs.record import CsvRecord

    return CsvRecord(file, fs_hz=read_as.fs_hz, time_column=read_as.time_column)


def find(record: str, places: Places, *, annotators: tuple[str, ...] = ()) -> Path:
    """Path of a WFDB record, or of an EDF of a set, downloaded if need be.

    Raises
    ------
    BadInput : nothing of that name can be had.
    """
    given = path_typed(record)
    if record and _is_there(given):
        return given
    name = _set_and_record(record)
    if places.data_dir is not None and (there := _below(places.data_dir, name)) is not None:
        return there
    # Only here: what is on this machine need not wait for the import of what speaks to another one.
    from edge_agent.sources.datasets.fetch import fetch, is_unreachable, what_is_here

    try:
        return fetch(
            name,
            cache_dir=places.cache_dir,
            index_url=places.index_url,
            annotators=annotators,
            telling=places.telling,
        )
    except RecordUnreadable as error:
        where = f"below EDGE_DATA_DIR={places.data_dir}" if places.data_dir else "EDGE_DATA_DIR is not set"
        here = f"; {what_is_here(places.cache_dir, name)}" if is_unreachable(error) else ""
        raise RecordUnreadable(
            f"record {name!r} is neither here ({where}) nor could it be downloaded: {error}{here}",
            remedy=error.advice
            if not is_unreachable(error) and error.advice != RecordUnreadable.remedy
            else f"unpack the data set and set EDGE_DATA_DIR to the folder that holds {name.split('/')[0]}/, "
            "or go online so that it can be fetched from PhysioNet",
        ) from error


def _below(data_dir: Path, name: str) -> Path | None:
    """A record below the data folder, in a folder of any name that its set has, by its short name or its path."""
    given = data_dir / name
    if _is_there(given):
        return given
    one = wanted(name)
    for folder in names_of(name.partition("/")[0]):
        for path in dict.fromkeys((one.path, one.known.path_of(one.path), PurePosixPath(one.path).name)):
            for place in (data_dir / folder / path, data_dir / folder / one.version / path):
                if _is_there(place):
                    return place
                if (edf := place.parent / f"{place.name.removesuffix('.edf')}.edf").is_file():
                    return edf
    return None


def _is_there(path: Path) -> bool:
    try:
        header_path(path)
    except RecordUnreadable:
        # A signal file without its header is there: opening it says what it lacks.
        return path.is_file()
    except OSError:
        return False
    return True


def _set_and_record(record: str) -> str:
    """Check that `record` reads ``set/record`` and cannot lead out of a folder it is put below."""
    name = record.removesuffix(".hea")
    parts = PurePosixPath(name).parts
    strange = not name or name.startswith(("/", "~")) or "\\" in name or "\0" in name or ".." in parts
    if strange or len(parts) < 2 or any(not _plain(part) for part in parts):
        raise RecordUnreadable(
            "no such record",
            record=record,
            remedy=_WHAT_IS_ONE,
        )
    return "/".join(parts)


def _plain(part: str) -> bool:
    return all(char.isalnum() or char in "._-" for char in part) and not part.startswith(".")
