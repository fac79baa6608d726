"""What can be set about the trends of the EEG."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class EegTrendLimits:
    """When the EEG counts as suppressed, and when that becomes a finding.

    `variance_uv2` is the variance of the last moment of EEG of 0.5 to 30 Hz below which it is low; it takes
    `suppression_s` of that to make a suppression and `burst_s` above it to end one. A minute of which `open_percent` is
    suppressed, with bursts of `burst_uv` peak to peak, opens a finding, which closes below `close_percent`; without a
    burst and from `flat_percent` on it is another one. `low_uv` is the peak to peak below which a second counts for the
    share of low voltage.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    variance_uv2: float = 16.0
    suppression_s: float = 0.5
    burst_s: float = 0.25
    low_uv: float = 15.0
    open_percent: float = 50.0
    close_percent: float = 30.0
    flat_percent: float = 99.0
    burst_uv: float = 25.0
    extend_every_s: float = 60.0

    def __post_init__(self) -> None:
        if not (self.variance_uv2 > 0 and self.low_uv > 0):
            raise BadInput(
                "voltages must be above 0",
                variance_uv2=self.variance_uv2,
                low_uv=self.low_uv,
                remedy="give both in microvolts, such as 16 and 15",
            )
        if not (0 < self.suppression_s <= 1 and 0 < self.burst_s <= 1):
            raise BadInput(
                "the shortest suppression and the shortest burst are a second or less",
                suppression_s=self.suppression_s,
                burst_s=self.burst_s,
                remedy="give each in seconds, above 0 and up to 1",
            )
        if not 0 < self.close_percent < self.open_percent <= self.flat_percent <= 100:
            raise BadInput(
                "burst suppression must close below where it opens, and open where it is not flat",
                close_percent=self.close_percent,
                open_percent=self.open_percent,
                flat_percent=self.flat_percent,
                remedy="give percentages in this order",
            )
