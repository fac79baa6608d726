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


MILLIVOLT_PER = {Unit.MILLIVOLT: 1.0, Unit.MICROVOLT: 1e-3, Unit.RAW: 1.0}


class LeadKind(str, Enum):
    """What a lead measures. `UNKNOWN` where the source does not say; `OTHER` where it says something without a name."""

    ECG = "ecg"
    EEG = "eeg"
    EOG = "eog"
    EMG = "emg"
    RESPIRATION = "respiration"
    PLETH = "pleth"
    PRESSURE = "pressure"
    OXYGEN = "oxygen-saturation"
    TEMPERATURE = "temperature"
    SOUND = "sound"
    STATUS = "status"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lead:
    """One channel: its name as the source gives it, its unit, what it measures, and its sampling frequency.

    `fs_hz` is absent where it is that of the recording.
    """

    name: str
    unit: Unit = Unit.MILLIVOLT
    kind: LeadKind = LeadKind.UNKNOWN
    fs_hz: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SampleBlock:
    """Contiguous samples of leads of one rate, set read-only.

    A recording with leads of several rates comes as several blocks a stretch, first that of the recording's own rate;
    each counts its samples at its own rate. Those of a lower rate may lag behind by less than one of their samples.

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
    """Samples that do not exist: lost, or (length 0) a join such as a loop of a replay. It is a gap in every lead.

    `start` and `length` count at the recording's own rate.

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
