"""What can be set about the beat detector."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class BeatLimits:
    """`mains_hz` switches a notch on (50 or 60).

    The detector's bands and the classifier's window hold mains back anyway.
    """

    mains_hz: float | None = None

    def __post_init__(self) -> None:
        if self.mains_hz not in (None, 50.0, 60.0):
            raise BadInput("mains have 50 or 60 Hz", mains_hz=self.mains_hz)
