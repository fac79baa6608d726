"""A record of a set, with all that belongs to it, into the cache: whole or not at all."""

import contextlib
import fcntl
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from biosignal.errors import listed
from edge_agent.sources.datasets.download import Absent, Download, Restricted, Unreachable, checked
from edge_agent.sources.datasets.table import INDEX_URL, OPEN, DataSet, Wanted, wanted
from edge_agent.sources.datasets.telling import SILENT, Telling, size_of
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.wfdb_header import NO_FILE, read_header

SUMS = "SHA256SUMS.txt"
FOLDER = "physionet"
_STAGING, _LISTS, _LOCK = ".staging", ".lists", ".lock"
_MOST_SIZED = 12  # files that are asked for their size before


def fetch(
    name: str,
    *,
    cache_dir: Path,
    index_url: str = INDEX_URL,
    annotators: Sequence[str] = (),
    telling: Telling | None = None,
) -> Path:
    """Download record `name` (``mitdb/100``, also ``mitdb/1.0.0/100``) unless the cache has it; its path.

    All files that its header names come, checked by the set's SHA-256 where the site gives them; annotation files come
    where the server has them: those of the set, and `annotators`. An EDF comes with what belongs to it.

    Raises
    ------
    RecordUnreadable : the server cannot be reached, does not have it, asks for a login, or sent something else.
    """
    one = wanted(name)
    if one.known.access != OPEN:
        where = one.known.home or f"https://physionet.org/content/{one.known.name}/"
        raise Restricted(
            f"{one.known.name} is given to those only who sign for it ({one.known.licence})",
            remedy=f"ask at {where}, download it, and set EDGE_DATA_DIR to the folder that holds {one.known.name}/",
        )
    folder = cache_dir / FOLDER / one.known.name / (one.version if one.is_versioned else "")
    fetching = _Fetching(one, folder, cache_dir / FOLDER, checked(index_url), Download(telling=telling or SILENT))
    here = fetching.here()
    if here is not None and not _missing(here, annotators):
        return here  # also from a cache that cannot be written
    with _alone(fetching):
        return fetching.record(annotators)


@contextlib.contextmanager
def _alone(fetching: "_Fetching") -> Iterator[None]:
    """One download at a time into a cache: two would write into each other's parts."""
    try:
        fetching.root.mkdir(parents=True, exist_ok=True)
        lock = (fetching.root / _LOCK).open("w")
    except OSError as error:
        raise RecordUnreadable("the cache cannot be written", folder=str(fetching.root), why=error.strerror) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fetching.download.telling.say("another program fetches into this cache: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(cache_dir: Path, name: str | None = None) -> list[str]:
    """Records in the cache, as they are named; of one set where it is named."""
    root = cache_dir / FOLDER
    if not root.is_dir():
        return []
    found = [
        file.relative_to(root).with_suffix("").as_posix()
        for pattern in ("*.hea", "*.edf")
        for file in root.rglob(pattern)
        if not file.relative_to(root).parts[0].startswith(".") and "Hypnogram" not in file.name
    ]
    return sorted(one for one in found if name is None or one.startswith(f"{name}/"))


def records_of(
    known: DataSet, *, cache_dir: Path, index_url: str = INDEX_URL, telling: Telling | None = None
) -> list[str]:
    """Names of all records of a set, by its own list, which is fetched once.

    Raises
    ------
    RecordUnreadable : the list cannot be had.
    """
    one = Wanted(known, known.version, False, "")
    fetching = _Fetching(one, cache_dir, cache_dir / FOLDER, checked(index_url), Download(telling=telling or SILENT))
    with _alone(fetching):
        lines = fetching.listing("RECORDS").read_text("utf-8", "replace").split()
    return [line.removesuffix(".edf") for line in lines if not line.endswith("/")]


@dataclass(slots=True)
class _Fetching:
    wanted: Wanted
    folder: Path
    root: Path
    index_url: str
    download: Download
    base: str = ""
    sums: dict[str, str] = field(default_factory=dict)

    def here(self) -> Path | None:
        """The record, where the cache has it."""
        path = self.wanted.known.path_of(self.wanted.path)
        return self._here(path) or self._by_list(path)

    def record(self, annotators: Sequence[str]) -> Path:
        """The record in the cache."""
        known = self.wanted.known
        path = known.path_of(self.wanted.path)
        here = self.here()
        if here is not None:
            self._more(here, annotators)
            return here
        suffix = ".edf" if known.format == "edf" else ".hea"
        try:
            self._writable()
            self._learn(path)
            path = self._found_in_list(path, suffix)
            staged = self._get(f"{path}{suffix}")
        except Absent as error:
            raise RecordUnreadable(
                "PhysioNet does not have the record", record=f"{known.name}/{path}", server=self.index_url
            ) from error
        files = [f"{path}{suffix}"]
        if suffix == ".hea":
            files = [*self._signals(path, staged), *files]
        self._announce(files)
        for file in files:
            self._get(file)
        files += list(self._companions(path, suffix, annotators))
        for file in sorted(files, key=lambda one: one == f"{path}{suffix}"):
            target = self.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if (self._staging() / file).is_file():
                (self._staging() / file).replace(target)
        return self.folder / (path if suffix == ".hea" else f"{path}{suffix}")

    def listing(self, name: str) -> Path:
        """A list of the whole set, such as RECORDS."""
        known, target = self.wanted.known, self.root / _LISTS / f"{self.wanted.known.name}-{self.wanted.version}-{name}"
        if not target.is_file():
            try:
                self.download.get(f"{self.index_url}{known.name}/{self.wanted.version}/{name}", target)
            except Absent:
                self.download.get(f"{self.index_url}{known.name}/{name}", target)
        return target

    def _here(self, path: str) -> Path | None:
        record = self.folder / path
        if (record.parent / f"{record.name}.hea").is_file():
            return record
        edf = record.parent / f"{record.name}.edf"
        return edf if edf.is_file() else None

    def _by_list(self, path: str) -> Path | None:
        """A record that is here already in the folder that only the list names."""
        if not self.wanted.known.index or "/" in path or not self.folder.is_dir():
            return None
        found = next(self.folder.rglob(f"{path}.hea"), None)
        return None if found is None else found.with_suffix("")

    def _writable(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._staging().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordUnreadable("the cache cannot be written", folder=str(self.root), why=error.strerror) from error

    def _staging(self) -> Path:
        return self.root / _STAGING / self.wanted.known.name / self.wanted.version

    def _learn(self, path: str) -> None:
        """Find where the set lies, and what its files must be."""
        known = self.wanted.known
        bases = [f"{known.name}/{self.wanted.version}/", f"{known.name}/"]
        self.base = bases[0]
        for base in bases:
            self.base = base
            with contextlib.suppress(Absent):
                if known.sums:
                    self.sums = _read_sums(self.listing(SUMS))
                    return
            suffix = ".edf" if known.format == "edf" else ".hea"
            with contextlib.suppress(Absent):
                self._get(f"{path}{suffix}")
                self.download.telling.say(f"{known.name}: no list of hashes, what comes is not checked")
                return
        self.base = bases[0]

    def _found_in_list(self, path: str, suffix: str) -> str:
        """The path of a record; where a name stands alone, the only one that ends with it."""
        if f"{path}{suffix}" in self.sums or not self.sums:
            return path
        ends = [file for file in self.sums if file.endswith(f"/{path}{suffix}")]
        if len(ends) > 1:
            raise RecordUnreadable("several records have this name", record=path, paths=ends)
        return ends[0].removesuffix(suffix) if ends else path

    def _get(self, file: str) -> Path:
        target = self._staging() / file
        if not target.is_file():
            self.download.get(f"{self.index_url}{self.base}{file}", target, sha256=self.sums.get(file))
        return target

    def _signals(self, path: str, header_file: Path) -> list[str]:
        """All files that a header names, and those that its segments name."""
        header = read_header(header_file)
        below = PurePosixPath(path).parent
        if not header.segments:
            names = [name for name in dict.fromkeys(line.file for line in header.signals) if name != NO_FILE]
            return [_inside(below, name, path) for name in names]
        files: list[str] = []
        for name in dict.fromkeys(one.name for one in header.segments if one.name != NO_FILE):
            segment = _inside(below, f"{name}.hea", path)
            try:
                staged = self._get(segment)
            except Absent:
                continue  # the reader says that this segment is not there
            files += [*self._signals(segment.removesuffix(".hea"), staged), segment]
        return list(dict.fromkeys(files))

    def _companions(self, path: str, suffix: str, annotators: Sequence[str]) -> Iterator[str]:
        """Files that belong to the record, where the server has them."""
        known = self.wanted.known
        names = [f"{path}.{one}" for one in dict.fromkeys([*known.truth, *annotators])] if suffix == ".hea" else []
        names += [f"{path}{suffix}.{one}" for one in known.companions]
        for pattern, other in known.beside:
            match = re.fullmatch(pattern, f"{path}{suffix}")
            names += [one for one in self.sums if match is not None and re.fullmatch(match.expand(other), one)]
        for name in names:
            if self.sums and name not in self.sums:
                continue
            with contextlib.suppress(Absent):
                self._get(name)
                yield name

    def _more(self, here: Path, annotators: Sequence[str]) -> None:
        """Annotations that were not asked for before; without a network the record stays as it is."""
        missing = _missing(here, annotators)
        if not missing:
            return
        path = here.relative_to(self.folder).as_posix()
        with contextlib.suppress(RecordUnreadable, OSError):
            self._learn(path)
            for one in missing:
                self._get(f"{path}.{one}").replace(Path(f"{here}.{one}"))

    def _announce(self, files: Sequence[str]) -> None:
        known = self.wanted.known
        sizes = [
            size
            for file in files[:_MOST_SIZED]
            if not (self._staging() / file).is_file()
            and (size := self.download.size(f"{self.index_url}{self.base}{file}")) is not None
        ]
        many = f"{len(files)} file{'' if len(files) == 1 else 's'}"
        more = " or more" if len(files) > _MOST_SIZED else ""
        self.download.telling.say(
            f"{known.title} {self.wanted.version}, licence: {known.licence}\n"
            f"{many}, {size_of(sum(sizes))}{more}, from {self.index_url}{self.base}"
        )


def _missing(here: Path, annotators: Sequence[str]) -> list[str]:
    """Annotators whose files are not beside a record; an EDF has none."""
    return [one for one in annotators if here.suffix != ".edf" and not Path(f"{here}.{one}").is_file()]


def _inside(below: PurePosixPath, name: str, record: str) -> str:
    """Path in the set of a file that a header names."""
    if PurePosixPath(name).name != name or name in ("", ".", ".."):
        raise RecordUnreadable("the header names a file outside its folder", record=record, file=name)
    return (below / name).as_posix()


def _read_sums(file: Path) -> dict[str, str]:
    """Hashes by path: lines of a hash, blanks, and a path."""
    sums = {}
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            digest, _, path = line.strip().partition(" ")
            plain = path.strip().lstrip("*").removeprefix("./")
            parts = PurePosixPath(plain).parts
            if re.fullmatch(r"[0-9a-fA-F]{64}", digest) and parts and ".." not in parts and parts[0] != "/":
                sums[plain] = digest
    return sums


def what_is_here(cache_dir: Path, name: str) -> str:
    """A sentence for whoever has no network."""
    found = cached(cache_dir, wanted(name).known.name)
    return f"in the cache: {listed(found)}" if found else "the cache has nothing of this set"


def is_unreachable(error: RecordUnreadable) -> bool:
    """Whether a network would help."""
    return isinstance(error, Unreachable)
