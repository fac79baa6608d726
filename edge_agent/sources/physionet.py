"""Fetch a record from PhysioNet into the cache, through the wfdb package."""

import contextlib
import io
import posixpath
import shutil
import tempfile
from pathlib import Path
from typing import Any

from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.wfdb_header import read_header

INDEX_URL = "https://physionet.org/files/"
USUAL_VERSION = "1.0.0"


def fetch(name: str, *, cache_dir: Path, index_url: str = INDEX_URL, annotators: tuple[str, ...] = ("atr",)) -> Path:
    """Download record `name` (``mitdb/100``, also ``mitdb/1.0.0/100``) unless the cache has it; its path.

    Header and signal files must come; annotation files come where the server has them. A record appears in the cache
    whole or not at all.

    Raises
    ------
    RecordUnreadable : the server cannot be reached, does not have it, or sent something else.
    """
    record = cache_dir / "physionet" / name
    if not (record.parent / f"{record.name}.hea").is_file():
        try:
            record.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(dir=record.parent, prefix=".fetch-"))
        except OSError as error:
            raise RecordUnreadable(
                "the cache cannot be written", folder=str(record.parent), why=error.strerror
            ) from error
        try:
            _fetch_into(staging, name, index_url, annotators)
            for file in sorted(staging.iterdir(), key=lambda file: file.suffix == ".hea"):
                file.replace(record.parent / file.name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return record


def _fetch_into(folder: Path, name: str, index_url: str, annotators: tuple[str, ...]) -> None:
    from wfdb.io import download

    below, _, record = name.rpartition("/")
    error: Exception | None = None
    for directory in _directories(download, below, index_url):
        try:
            _get(download, index_url, directory, f"{record}.hea", folder)
            break
        except Exception as caught:  # noqa: BLE001 - the network raises what it likes; it is named below
            error = caught
    else:
        raise RecordUnreadable(
            "PhysioNet did not give the record", record=name, server=index_url, why=str(error)[:200]
        ) from error
    for file in _named_files(folder, record):
        _get_signals(download, index_url, directory, file, folder)
    for annotator in annotators:
        # Many records have no annotations; their absence shows when someone asks for them.
        with contextlib.suppress(Exception):
            _get(download, index_url, directory, f"{record}.{annotator}", folder)


def _get_signals(download: Any, index_url: str, directory: str, file: str, folder: Path) -> None:
    try:
        _get(download, index_url, directory, file, folder)
    except Exception as error:
        raise RecordUnreadable(
            "PhysioNet did not give a file of the record", file=file, server=index_url, why=str(error)[:200]
        ) from error


def _directories(download: Any, below: str, index_url: str) -> list[str]:
    """Where below the index the record may lie: as given, or below the data set's version."""
    if any(part.count(".") >= 1 for part in below.split("/")):
        return [below]
    name, _, rest = below.partition("/")
    version = USUAL_VERSION
    if index_url == INDEX_URL:
        with contextlib.suppress(Exception):
            version = download.get_version(name)
    return [posixpath.join(name, version, rest).rstrip("/"), below]


def _get(download: Any, index_url: str, directory: str, file: str, folder: Path) -> None:
    """Fetch one file with wfdb's downloader, whose index is a setting of the module: set it and put it back."""
    before = download.config.db_index_url
    download.set_db_index_url(index_url)
    try:
        url = posixpath.join(download.config.db_index_url, directory, file)
        with contextlib.redirect_stdout(io.StringIO()):
            download.dl_full_file(url, str(folder / Path(file).name))
    finally:
        download.set_db_index_url(before)


def _named_files(folder: Path, record: str) -> list[str]:
    header = read_header(folder / f"{record}.hea")
    if header.segments:
        raise RecordUnreadable(
            "a record of several segments is not fetched piece by piece",
            record=record,
            remedy="download the data set (`wfdb.dl_database`) and set EDGE_DATA_DIR",
        )
    files = list(dict.fromkeys(line.file for line in header.signals if line.file != "~"))
    strange = [file for file in files if Path(file).name != file]
    if strange:
        raise RecordUnreadable("the header names a file outside its folder", record=record, file=strange[0])
    return files
