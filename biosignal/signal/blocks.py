"""What every source yields: blocks of samples and, where samples were lost, gaps."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BrokenStream

Samples: TypeAlias = NDArray[np.float32]


class Unit(str, Enum):
    """Physical unit of the samples; `RAW` where nobody knows the scale."""

    MILLIVOLT = "mV"
    MICROVOLT = "uV"
    RAW = "raw"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lead:
    """One channel: its name as the source gives it, and its unit."""

    name: str
    unit: Unit = Unit.MILLIVOLT


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SampleBlock:
    """Contiguous samples of one recording, set read-only.

    Parameters
    ----------
    recording : id of the recording.
    start : index of the first sample, counted from the start of the recording.
    fs_hz : sampling frequency.
    leads : one per row of `samples`.
    samples : float32, shape (lead, sample), in the unit of each lead. NaN marks a sample the source declared invalid.
    """

    recording: str
    start: int
    fs_hz: float
    leads: tuple[Lead, ...]
    samples: Samples

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.shape[0] != len(self.leads) or self.samples.dtype != np.float32:
            raise BrokenStream(
                "a block needs float32 samples of shape (lead, sample)",
                shape=self.samples.shape,
                dtype=str(self.samples.dtype),
                leads=len(self.leads),
            )
        self.samples.setflags(write=False)

    @property
    def length(self) -> int:
        """Samples per lead."""
        return int(self.samples.shape[1])

    @property
    def end(self) -> int:
        """Index one past the last sample."""
        return self.start + self.length


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Samples that do not exist: lost, or (length 0) a join such as a loop of a replay.

    The next sample has index ``start + length``. Adaptive stages restart behind a gap.
    """

    recording: str
    start: int
    length: int
    reason: str

    @property
    def end(self) -> int:
        """Index of the first sample behind the gap."""
        return self.start + self.length


Signal: TypeAlias = SampleBlock | Gap
