"""What can be set about what is kept on the device."""

from dataclasses import dataclass
from typing import Annotated

from biosignal.settings import Above, AtLeast


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSettings:
    """What is kept on the device.

    Parameters
    ----------
    waveform_budget_mb : most that stored waves take.
    events_budget_mb : most that stored events take. What the clinic has not received stays beyond it.
    free_reserve_mb : held back for findings, given up when the disk is full; 0: none.
    commit_s : how often waves are committed.
    """

    waveform_budget_mb: Annotated[int, Above(0)] = 2_000
    events_budget_mb: Annotated[int, Above(0)] = 512
    free_reserve_mb: Annotated[int, AtLeast(0)] = 8
    commit_s: Annotated[float, Above(0)] = 10.0
