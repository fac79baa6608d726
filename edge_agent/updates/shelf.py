"""The bundles of a device, per task: the factory's, the current, the previous, and one on trial.

Below ``root/TASK/`` lies each bundle as one file ``VERSION-DIGEST.bundle`` and one pointer ``shelf.json`` that names
them. A change of state is one rename of the pointer, so a power cut leaves the state before it or the state after it.
Only bundles that `open_bundle` let through come onto the shelf, and each is checked again when it is taken down.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from biosignal.errors import BadInput, BedsideError, RefusedForSafety
from biosignal.model.bundle import open_bundle, pack, unpack
from biosignal.model.contract import check_contract
from biosignal.tasks import lookup
from biosignal.wire.codec import from_json, to_json
from edge_agent.updates.cargo import Cargo, Line
from edge_agent.updates.disk import Disk
from edge_agent.updates.errors import BundleUnfit, DiskFull
from edge_agent.updates.trial import Entry, Pointer

FACTORY = "factory"


class NothingRunnable(BedsideError):
    """Not even the factory bundle of a task is there and can be read."""

    remedy = "install the program again: its own models are damaged"


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A verified bundle and the place it was taken from: trial, current, previous or factory."""

    bundle: Cargo
    place: str


class BundleShelf:
    """Keeps bundles; one thread uses it at a time.

    Parameters
    ----------
    root : directory of its own.
    factory : gives the folder of the bundle that the program came with for a task, read only; None: there is none.
    lines : what is kept besides models, by the name that stands in the place of a task's.
    """

    def __init__(
        self,
        root: Path,
        factory: Callable[[str], Path | None],
        *,
        lines: Mapping[str, Line] | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._root = root
        self._factory = factory
        self._lines = dict(lines or {})
        self._disk = disk or Disk()

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that use a model, whether the program came with one or not; behind them the other lines."""
        return (*lookup.models(), *self._lines)

    def windows(self, task: str) -> int | None:
        """How many answers end a trial of what is no model; None where it is one."""
        return self._lines[task].windows if task in self._lines else None

    def opened(self, task: str, data: bytes) -> Cargo:
        """Open the bytes of a bundle for a task.

        Raises
        ------
        BadInput, RefusedForSafety : it is no bundle, or not what the task needs.
        """
        if task in self._lines:
            return self._lines[task].opened(data)
        bundle = open_bundle(unpack(data))
        check_contract(bundle.manifest, lookup.contract_of(task), task=task)
        return bundle

    def pointer(self, task: str) -> Pointer:
        """Read the state of a task; a pointer that cannot be read counts as empty, so the factory bundle runs."""
        try:
            return from_json(Pointer, json.loads((self._folder(task) / "shelf.json").read_bytes()))
        except (OSError, ValueError, BadInput):
            return Pointer()

    def runnable(self, task: str) -> Iterator[Taken]:
        """Give the bundles that verify, best first: trial, current, previous, factory.

        Raises
        ------
        NothingRunnable : the factory bundle is asked for and cannot be used.
        """
        pointer = self.pointer(task)
        for place, entry in (("trial", pointer.trial), ("current", pointer.current), ("previous", pointer.previous)):
            if entry is None or entry.digest in pointer.distrusted:
                continue
            try:
                bundle = self._open(task, entry)
            except (BadInput, RefusedForSafety, OSError):
                continue
            yield Taken(bundle, place)
        yield Taken(self.factory(task), FACTORY)

    def take(self, task: str) -> Taken:
        """Give the bundle to run.

        Raises
        ------
        NothingRunnable : none verifies.
        """
        return next(self.runnable(task))

    def factory(self, task: str) -> Cargo:
        """Give the bundle the program came with.

        Raises
        ------
        NothingRunnable : it is missing or damaged.
        """
        try:
            folder = self._factory(task) if task not in self._lines else None
        except BadInput as error:
            raise NothingRunnable("the factory bundle cannot be found", task=task, why=str(error)) from error
        if folder is None:
            remedy = "set inference.models_dir to the folder that holds it, or release one from the clinic"
            raise NothingRunnable("there is no released bundle", task=task, remedy=remedy)
        try:
            return open_bundle({path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()})
        except (BadInput, RefusedForSafety, OSError) as error:
            raise NothingRunnable("the factory bundle cannot be used", task=task, why=str(error)) from error

    def put(self, task: str, bundle: Cargo, *, reserve_bytes: int = 0) -> Entry:
        """Write a verified bundle beside the others; nothing runs it yet. Twice is once.

        Raises
        ------
        DiskFull : it does not fit with a fifth to spare besides `reserve_bytes`.
        """
        data = pack(bundle.files)
        entry = Entry(bundle=bundle.identity, digest=bundle.digest)
        folder = self._folder(task)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            needed, free = int(1.2 * len(data)) + reserve_bytes, shutil.disk_usage(folder).free
            if free < needed:
                raise DiskFull("too little space for the bundle", bundle=entry.bundle, needed=needed, free=free)
            self._replace(folder / entry.file, data)
        except OSError as error:
            raise _no_space(error, entry.bundle) from error
        return entry

    def change(self, task: str, change: Callable[[Pointer], Pointer]) -> Pointer:
        """Move a task to another state, at once and for good; then drop what nothing points to any more.

        Raises
        ------
        DiskFull : the pointer cannot be written; the state is as before.
        """
        before = self.pointer(task)
        after = change(before)
        if after == before:
            return before
        folder = self._folder(task)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._replace(folder / "shelf.json", json.dumps(to_json(after), indent=1).encode())
        except OSError as error:
            raise _no_space(error, task) from error
        self._prune(folder, after)
        return after

    def _prune(self, folder: Path, pointer: Pointer) -> None:
        kept = {entry.file for entry in (pointer.current, pointer.previous, pointer.trial) if entry is not None}
        for path in sorted(folder.iterdir()):
            if path.name.endswith(".new") or (path.suffix == ".bundle" and path.name not in kept):
                self._disk.remove(path)

    def _open(self, task: str, entry: Entry) -> Cargo:
        data = (self._folder(task) / entry.file).read_bytes()
        bundle = self._lines[task].opened(data) if task in self._lines else open_bundle(unpack(data))
        if bundle.digest != entry.digest:
            raise BundleUnfit("the bundle on the shelf is not the one that was put there", bundle=entry.bundle)
        return bundle

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f"{path.name}.new")
        self._disk.write(temporary, data)
        self._disk.rename(temporary, path)
        self._disk.sync_folder(path.parent)

    def _folder(self, task: str) -> Path:
        return self._root / task


def _no_space(error: OSError, about: str) -> DiskFull:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    sentence = "no space for the bundle" if full else "the shelf of bundles cannot be written"
    return DiskFull(sentence, about=about, why=os.strerror(error.errno) if error.errno else str(error))
