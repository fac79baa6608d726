"""What can be set about the staging of sleep."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class SleepLimits:
    """When an epoch goes without a stage, when sleep has begun, and how long a gap a night outlasts.

    Parameters
    ----------
    abstain_under : an epoch whose most probable stage is less probable has none.
    rejected_share : nor has one of which more seconds, 0 to 1, cannot be assessed.
    onset_epochs, onset_awake : sleep has begun with the first epoch asleep of so many, of which at most so many are
        awake. Of the rules tried on nights of subjects who had not trained the network this one kept closest to the
        readers' own.
    rem_epochs : REM sleep has begun with the first of so many epochs of it, one after the other.
    night_ends_s : after so long without sleep the next onset is told anew.
    gap_kept_s : behind a longer gap the night begins anew. One cycle of sleep lasts about 90 minutes, so within ten
        the patient is the same and the electrodes most likely as they were.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    abstain_under: float = 0.5
    rejected_share: float = 0.5
    onset_epochs: int = 12
    onset_awake: int = 1
    rem_epochs: int = 3
    night_ends_s: float = 7200.0
    gap_kept_s: float = 600.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.abstain_under < 1.0 and 0.0 <= self.rejected_share <= 1.0):
            raise BadInput("shares and probabilities lie between 0 and 1", remedy="give `abstain_under` as 0.5")
        if not (0 <= self.onset_awake < self.onset_epochs <= 40 and 1 <= self.rem_epochs <= 40):
            raise BadInput("an onset takes 1 to 40 epochs, not all awake", remedy="give `onset_epochs` as 12")
        if not (0.0 <= self.gap_kept_s <= 3600.0 and self.night_ends_s > 0.0):
            raise BadInput("a time is out of order", remedy="give `gap_kept_s` up to 3600 and `night_ends_s` above 0")
