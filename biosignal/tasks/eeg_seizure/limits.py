"""What can be set about the seizure candidates."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class SeizureLimits:
    """Limits of the rule; the defaults were chosen on the synthetic patient and on no recorded seizure.

    A channel gives as evidence how far its line length and its amplitude both rose (a logarithm, `most_rise` at the
    most) times how far the autocorrelation at its period exceeds `rhythm`, where that is `slowest_hz` to `fastest_hz`
    and no alpha. The mean over the channels is the evidence of a second. A candidate opens where the mean of the last
    `of_s` seconds exceeds `evidence`, each counted up to four times as much, and `on_s` of them exceed half of it with
    `fewest_channels` channels or more that give as much (two thirds of the channels where there are few).
    Candidates closer than `merge_s` are one, as SzCORE merges them.

    The baseline is the median of `baseline_s` seconds, the last `lag_s` left out; as long as they are not full, the
    population's `prior_line_length` and `prior_amplitude` (logarithms of uV/s and uV: 0.8 and 0.75 of the waking epochs
    of Sleep-EDF, Kemp 2000, lie below) weigh as `prior_weight_s` seconds. A candidate by then has a lower priority
    unless its evidence exceeds `strong_evidence`. The baseline learns nothing while a candidate is open, for `hold_s`
    at the longest, `early_hold_s` for one under the prior: an EEG that is high from the beginning is this patient's.

    A channel gives none above `most_uv` peak to peak, where that is more than `slow_ratio` times its amplitude (the
    slow waves of sleep, eyes and electrodes), and where what is faster than the brain exceeds `muscle_uv` and
    `muscle_ratio` times its amplitude. Below `flat_uv` it is not connected.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    rhythm: float = 0.2
    most_rise: float = 1.2
    slowest_hz: float = 1.2
    fastest_hz: float = 20.0
    alpha_low_hz: float = 7.5
    alpha_high_hz: float = 12.75
    evidence: float = 0.04
    strong_evidence: float = 0.2
    fewest_channels: int = 3
    on_s: int = 5
    of_s: int = 5
    merge_s: float = 90.0
    baseline_s: int = 120
    lag_s: int = 10
    prior_line_length: float = 6.75
    prior_amplitude: float = 2.9
    prior_weight_s: float = 30.0
    hold_s: float = 1800.0
    early_hold_s: float = 60.0
    most_uv: float = 1500.0
    flat_uv: float = 0.5
    slow_ratio: float = 9.0
    muscle_uv: float = 6.0
    muscle_ratio: float = 1.0
    extend_every_s: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.on_s <= self.of_s:
            raise BadInput(
                "a candidate is some of the last seconds", on_s=self.on_s, of_s=self.of_s, remedy="set on_s below of_s"
            )
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
        if not 0 < self.evidence <= self.strong_evidence or self.most_rise <= 0:
            raise BadInput(
                "evidence and a rise are above 0, and strong evidence is no less than evidence",
                evidence=self.evidence,
                strong_evidence=self.strong_evidence,
                most_rise=self.most_rise,
                remedy="leave these limits out to have the defaults",
            )
        if not 0 <= self.rhythm < 1 or self.merge_s < 0:
            raise BadInput(
                "a rhythm is 0 to 1, and a time is not negative",
                rhythm=self.rhythm,
                merge_s=self.merge_s,
                remedy="leave these limits out to have the defaults",
            )
