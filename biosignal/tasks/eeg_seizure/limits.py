"""What can be set about the seizure candidates."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class SeizureLimits:
    """Limits of the rule; the defaults were chosen on the synthetic patient and on no recorded seizure.

    A channel votes for a second where its line length and its amplitude rose by the logarithm `rise` or more and its
    autocorrelation has a peak of `rhythm` or more between `slowest_hz` and `fastest_hz` that is no alpha. A second is
    on where `share` of the channels vote; `on_s` of the last `of_s` make a candidate. Candidates closer than `merge_s`
    are one, as SzCORE merges them.

    The baseline is the median of `baseline_s` seconds, the last `lag_s` left out; as long as they are not full, the
    population's `prior_line_length` and `prior_amplitude` (logarithms of uV/s and uV) weigh as `prior_weight_s`
    seconds. A candidate by then has a lower priority unless `strong_share` of the channels have a rhythm of
    `strong_rhythm`. It learns nothing while a candidate is open, for `hold_s` at the longest.

    Channels do not vote above `most_uv` peak to peak, nor where what is faster than the brain exceeds `muscle_uv` and
    the share `muscle_ratio` of their amplitude.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    rise: float = 0.4
    rhythm: float = 0.5
    slowest_hz: float = 1.5
    fastest_hz: float = 13.0
    alpha_low_hz: float = 7.5
    alpha_high_hz: float = 12.75
    share: float = 0.2
    strong_rhythm: float = 0.7
    strong_share: float = 0.35
    on_s: int = 3
    of_s: int = 5
    merge_s: float = 90.0
    baseline_s: int = 120
    lag_s: int = 10
    prior_line_length: float = 6.75
    prior_amplitude: float = 2.9
    prior_weight_s: float = 30.0
    hold_s: float = 1800.0
    most_uv: float = 1500.0
    flat_uv: float = 0.5
    muscle_uv: float = 6.0
    muscle_ratio: float = 0.5
    extend_every_s: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.on_s <= self.of_s:
            raise BadInput(
                "a candidate is some of the last seconds", on_s=self.on_s, of_s=self.of_s, remedy="set on_s below of_s"
            )
        if not 0 < self.share <= 1 or not 0 < self.strong_share <= 1:
            raise BadInput("a share of the channels is above 0 and at most 1", share=self.share, remedy="set 0.2")
        if not 0 < self.slowest_hz < self.fastest_hz or not self.alpha_low_hz <= self.alpha_high_hz:
            raise BadInput(
                "the slowest rhythm is below the fastest one",
                slowest_hz=self.slowest_hz,
                fastest_hz=self.fastest_hz,
                remedy="set slowest_hz below fastest_hz, alpha_low_hz below alpha_high_hz",
            )
        if self.baseline_s < 10 or self.lag_s < 0 or self.prior_weight_s < 0:
            raise BadInput(
                "a baseline is ten seconds or more", baseline_s=self.baseline_s, lag_s=self.lag_s, remedy="set 120"
            )
        if not 0 < self.rhythm <= self.strong_rhythm <= 1 or self.rise <= 0 or self.merge_s < 0:
            raise BadInput(
                "a rise is above 0, a rhythm at most 1 and no stronger than a strong one",
                rise=self.rise,
                rhythm=self.rhythm,
                strong_rhythm=self.strong_rhythm,
                remedy="leave these limits out to have the defaults",
            )
