"""What can be set about the waves."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class WavesLimits:
    """When a lead counts, when it is not said that there is no P wave, and what is a measured minute.

    Parameters
    ----------
    absent_db : in more noise than this, signal over noise in dB, nobody says that there is no P wave.
    absent_leads : with fewer leads that count, it takes `absent_alone_db` instead.
    least_beats : a minute with fewer measured beats has no intervals.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    absent_db: float = 18.0
    absent_leads: int = 6
    absent_alone_db: float = 22.0
    least_beats: int = 5

    def __post_init__(self) -> None:
        if not 0.0 <= self.absent_db <= self.absent_alone_db:
            raise BadInput("the limits of noise are out of order", remedy="give `absent_db` as 18")
        if not (self.absent_leads >= 1 and self.least_beats >= 1):
            raise BadInput("a limit is a count from 1 on", remedy="give `least_beats` as 5")
