"""What can be set about the front end."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class FrontLimits:
    """Limits of the front end; times in seconds.

    Parameters
    ----------
    mains_hz : switches a notch on ahead of the detector that needs no model (50 or 60).
    vf_s : fibrillation must last so long to be told.
    vf_hold_s : it must have been away so long to have ended: what comes and goes is one alarm.
    extend_every_s : an open finding is revised no sooner than this.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    mains_hz: float | None = None
    vf_s: float = 3.5
    vf_hold_s: float = 30.0
    extend_every_s: float = 20.0

    def __post_init__(self) -> None:
        if self.mains_hz not in (None, 50.0, 60.0):
            raise BadInput("mains have 50 or 60 Hz", mains_hz=self.mains_hz)
        if not 1.0 <= self.vf_s <= 10.0:
            raise BadInput("fibrillation is told after 1 to 10 s", vf_s=self.vf_s)
        if not 0.0 <= self.vf_hold_s <= 120.0:
            raise BadInput("fibrillation has ended after 0 to 120 s without it", vf_hold_s=self.vf_hold_s)
