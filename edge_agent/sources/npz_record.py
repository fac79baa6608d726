"""Named arrays as a source: an ``.npz`` file with an array for each lead, and the rate beside them.

`numpy.savez("ecg.npz", fs_hz=500, II=ii, V1=v1)` writes one. An array is one lead, with one dimension; its unit stands
behind its name, as in ``II (uV)``. Leads without one are millivolts, as where the clinic reads such a file.
"""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput, listed
from biosignal.model.npz import read_npz
from biosignal.signal.blocks import Lead, SampleBlock, Signal, Unit
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.logs.cells import name_and_unit
from edge_agent.sources.port import RecordUnreadable, SourceFacts, SourceHealth, SourceState, unique_names
from edge_agent.sources.wfdb_header import known_unit
from edge_agent.sources.wfdb_record import BLOCK_SAMPLES

MOST_BYTES = 256 << 20
RATE_NAMES = ("fs_hz", "fs", "rate_hz")
MILLIVOLTS = "mV"


class NpzRecord:
    """The arrays of a file.

    Parameters
    ----------
    path : the file. fs_hz : the rate, where no array says it.

    Raises
    ------
    RecordUnreadable : no such archive, no rate, an array that is no lead, or leads of different lengths.
    """

    def __init__(self, path: Path, *, fs_hz: float | None = None) -> None:
        data = _bytes_of(path)
        arrays = _arrays(path, data)
        rates = [
            float(arrays.pop(name).reshape(())) for name in RATE_NAMES if name in arrays and arrays[name].size == 1
        ]
        self._fs_hz = _rate(path, fs_hz or next(iter(rates), None))
        named = [name_and_unit(name) for name in arrays]
        units = [unit or MILLIVOLTS for _, unit in named]
        names = unique_names([name for name, _ in named])
        scales = [known_unit(unit) for unit in units]
        kinds = kinds_of(list(zip(names, units, strict=True)))
        self._leads = tuple(
            Lead(name=name, unit=unit, kind=kind) for name, (unit, _), kind in zip(names, scales, kinds, strict=True)
        )
        factors = np.asarray([[factor] for _, factor in scales])
        self._samples = (np.stack(list(arrays.values())) * factors).astype(np.float32)
        unsaid = [name for name, (_, unit) in zip(names, named, strict=True) if not unit]
        self._notes = (f"the file says no unit: {listed(unsaid)} read as {Unit.MILLIVOLT.value}",) if unsaid else ()
        self._path, self._digest = path, hashlib.sha256(data).hexdigest()
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Return name, leads, rate and length, what is taken for granted, and the hash of the file."""
        return SourceFacts(
            name=self._path.stem,
            leads=self._leads,
            fs_hz=self._fs_hz,
            live=False,
            content_hash=self._digest,
            length=int(self._samples.shape[1]),
            path=str(self._path),
            notes=self._notes,
        )

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the arrays from their start, some thousand samples at a time."""
        self._done = False
        for start in range(0, self._samples.shape[1], BLOCK_SAMPLES):
            if self._closed.is_set():
                return
            piece = self._samples[:, start : start + BLOCK_SAMPLES].copy()
            yield SampleBlock(
                recording=self._recording, start=start, fs_hz=self._fs_hz, leads=self._leads, samples=piece
            )
        self._done = True

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Whether the arrays are through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise RecordUnreadable("the archive of arrays is too large", file=str(path), limit_mb=MOST_BYTES >> 20)
        return path.read_bytes()
    except OSError as error:
        raise RecordUnreadable("cannot read the file", file=str(path), why=error.strerror) from error


def _arrays(path: Path, data: bytes) -> dict[str, NDArray[np.float64]]:
    """The arrays as numbers, the rate among them; leads have one dimension and one length."""
    try:
        arrays = {name: np.asarray(each, np.float64) for name, each in read_npz(data, max_bytes=MOST_BYTES).items()}
    except BadInput as broken:
        raise RecordUnreadable("the archive of arrays cannot be read", file=str(path), why=str(broken)) from broken
    leads = {name: each for name, each in arrays.items() if not (name in RATE_NAMES and each.size == 1)}
    if wrong := [name for name, each in leads.items() if each.ndim != 1]:
        raise RecordUnreadable("every array is one lead, with one dimension", file=str(path), others=listed(wrong))
    if not leads or not all(each.size for each in leads.values()):
        raise RecordUnreadable("the archive holds no samples", file=str(path))
    if len({each.size for each in leads.values()}) > 1:
        lengths = [f"{name} {each.size}" for name, each in leads.items()]
        raise RecordUnreadable("the leads have different lengths", file=str(path), samples=listed(lengths))
    return arrays


def _rate(path: Path, fs_hz: float | None) -> float:
    if fs_hz is None:
        raise RecordUnreadable(
            "nothing in the file says its rate",
            file=str(path),
            remedy="save it as fs_hz beside the leads, or say it with `--fs 250` (daemon: source.fs_hz)",
        )
    if not 0 < fs_hz < float("inf"):
        raise RecordUnreadable("a rate must be positive", file=str(path), fs_hz=fs_hz)
    return fs_hz
