"""What can be set about the signal quality."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityLimits:
    """After how long bad signal becomes a finding: times in seconds.

    `rail` is the absolute value at which the front end saturates, in the lead's unit; learned if absent.
    """

    bad_signal_s: float = 3.0
    good_signal_s: float = 5.0
    rail: float | None = None
