"""What a brain can do, by the names that scenarios use."""

from collections.abc import Mapping

from biosignal.synthetic.brain import BrainState, BurstSuppression, Seizure, Sleep, Wake
from biosignal.synthetic.ictal import UnevenSeizure
from biosignal.synthetic.imitators import Chewing, Drowsy, Photic, RhythmicDelta

STATES: Mapping[str, type[BrainState]] = {
    "wake": Wake,
    "sleep": Sleep,
    "seizure": Seizure,
    "uneven-seizure": UnevenSeizure,
    "burst-suppression": BurstSuppression,
    "drowsy": Drowsy,
    "rhythmic-delta": RhythmicDelta,
    "photic": Photic,
    "chewing": Chewing,
}
