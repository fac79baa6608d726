"""Every stored wave of every recording, as files: ``DEVICE/RECORDING/PART.db``, a part for some hours of recording.

Files and not rows of the database: a day of twelve leads is some hundred megabytes that nobody joins, sorts or changes,
and what is too old goes by removing a file. The folder must be on a disk of this machine, as SQLite's locks do not
hold on network file systems; every process of the clinic that stores or shows waves uses the same one.
"""

import math
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from biosignal.errors import BadInput, BedsideError
from biosignal.wire.topics import is_name
from biosignal.wire.waveform import WaveChunk
from cloud_service.waves.extremes import Extremes, extremes_of, joined
from cloud_service.waves.part import Kept, Part

PART_S = 6 * 3600.0
LARGEST_RATE_HZ = 100_000.0


class ArchiveFull(BedsideError):
    """There is no space for waves: what the disk has left belongs to findings. Devices keep theirs and send again."""

    remedy = "make space in the folder of `waves.folder`, or set `waves.keep_days`"


class WaveArchive:
    """The waves that the clinic keeps. Any thread may call.

    Parameters
    ----------
    folder : made where absent.
    reserve_bytes : with less free on its disk nothing more is stored.
    """

    def __init__(self, folder: Path, *, reserve_bytes: int) -> None:
        self.folder, self._reserve_bytes = folder, reserve_bytes

    def store(self, device: str, kept: Sequence[Kept]) -> None:
        """Store chunks of a device; they are on disk when this returns. Storing one again changes nothing.

        Raises
        ------
        BadInput : a chunk that `check` refuses. ArchiveFull : too little space is left, or the disk cannot be written.
        """
        by_part: dict[Path, list[Kept]] = {}
        for one in kept:
            check(one.chunk)
            by_part.setdefault(self._path(device, one.chunk.recording, _part_of(one.chunk)), []).append(one)
        for path, here in by_part.items():
            try:
                _make_folder(path.parent)
                free = shutil.disk_usage(path.parent).free
                if free < self._reserve_bytes:
                    raise ArchiveFull("too little space is left for waves", free_mb=free >> 20, folder=str(self.folder))
                Part(path).add(here)
            except (OSError, sqlite3.Error) as error:
                raise ArchiveFull("waves cannot be written", file=str(path), why=str(error)) from error

    def read(self, device: str, recording: str, lead: str, start_s: float, end_s: float) -> list[WaveChunk]:
        """Give what is kept of seconds [start_s, end_s) of a lead, in order, without overlap."""
        parts: list[WaveChunk] = []
        for part in self._parts(device, recording, start_s, end_s):
            fs_hz = part.rate(lead)
            if fs_hz is None:
                continue
            start, end = math.ceil(start_s * fs_hz), math.ceil(end_s * fs_hz)
            for chunk in part.read(lead, start, end):
                piece = chunk.part(max(start, parts[-1].end if parts else start), end)
                if piece.length:
                    parts.append(piece)
        return parts

    def extremes(self, device: str, recording: str, lead: str, *, first: int, count: int, width_s: float) -> Extremes:
        """Give the extremes of `count` stretches of a lead; of stretches of whole seconds without a look at samples."""
        start_s, end_s = first * width_s, (first + count) * width_s
        if width_s < 1.0:
            # A stretch more on either side: seconds times a rate may round past a first or last sample.
            chunks = self.read(device, recording, lead, start_s - width_s, end_s + width_s)
            return joined((extremes_of(chunk, width_s) for chunk in chunks), first, count, width_s)
        return joined(self._seconds(device, recording, lead, start_s, end_s), first, count, width_s)

    def remove_before(self, moment_s: float) -> int:
        """Remove the parts that were last written before a time, in seconds of the epoch; gives how many."""
        removed = 0
        for path in self.folder.glob("*/*/*.db"):
            if path.stat().st_mtime < moment_s:
                path.unlink(missing_ok=True)
                removed += 1
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
        return removed

    def _seconds(self, device: str, recording: str, lead: str, start_s: float, end_s: float) -> Iterator[Extremes]:
        for part in self._parts(device, recording, start_s, end_s):
            fs_hz = part.rate(lead)
            if fs_hz is not None:
                yield from part.seconds(lead, math.floor(start_s * fs_hz), math.ceil(end_s * fs_hz))

    def _parts(self, device: str, recording: str, start_s: float, end_s: float) -> Iterator[Part]:
        if not (is_name(device) and is_name(recording)):
            return
        # A chunk lies in the part that it begins in, and may reach into the next.
        for n in range(max(0, math.floor(start_s / PART_S) - 1), math.floor(end_s / PART_S) + 1):
            path = self._path(device, recording, n)
            if path.exists():
                yield Part(path)

    def _path(self, device: str, recording: str, part: int) -> Path:
        return self.folder / device / recording / f"{part:05d}.db"


def check(chunk: WaveChunk) -> None:
    """Refuse what no device of ours sends.

    Raises
    ------
    BadInput : a recording that cannot name a folder, an impossible rate, place or scale, or no sample at all.
    """
    if not is_name(chunk.recording):
        raise BadInput("the recording of a wave has no proper name", recording=chunk.recording)
    sound = all(map(math.isfinite, (chunk.fs_hz, chunk.gain, chunk.offset)))
    if not sound or not 0 < chunk.fs_hz <= LARGEST_RATE_HZ or chunk.start < 0 or not chunk.length or not chunk.lead:
        raise BadInput("a wave contradicts itself", lead=chunk.lead, start=chunk.start, fs_hz=chunk.fs_hz)


def _part_of(chunk: WaveChunk) -> int:
    return math.floor(chunk.start / chunk.fs_hz / PART_S)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that a power cut does not take the way to a file that was receipted."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for one in reversed(missing):
        handle = os.open(one.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
