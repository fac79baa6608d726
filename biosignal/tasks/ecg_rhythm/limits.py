"""What can be set about the rhythm rules."""

from dataclasses import dataclass

from biosignal.errors import BadInput
from biosignal.tasks.task import BedsideLimit


@dataclass(frozen=True, kw_only=True, slots=True)
class RhythmLimits:
    """Limits of the rules; a clinic sets them per patient.

    Rates are per minute, times in seconds, the rest counts of beats or fractions. The defaults follow what bedside
    monitors disclose: asystole after 4 s, a pause above 2 s, ventricular tachycardia from 6 beats at 100/min. Those of
    runs (`run_premature_ratio`, `run_likeness`, `run_uneven`, `run_alike`, `run_learning_beats`) were chosen on the
    records at hand of the MIT-BIH Supraventricular Arrhythmia Database and on normal strips of the challenge of 2017,
    `vt_likeness` and `vt_hold_ratio` on the MIT-BIH Malignant Ventricular Ectopy Database. Where a probability of
    fibrillation opens and closes it by the last `long_intervals` intervals and the shapes of the beats was chosen on
    the former as well, so that its ectopy is called fibrillation for about a hundredth of the time. `af_open_lately`,
    `af_close_lately` and the greatest probability of what counts as something else, `af_before`, were chosen on those
    records, on the synthetic patient (seeds 100 to 119) and on strips of the challenge of 2017, fibrillation behind a
    normal rhythm.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    vt_beats: int = 6
    vt_rate_per_min: float = 100.0
    vt_beats_early: int = 8
    vt_likeness: float = 0.9
    vt_hold_ratio: float = 1.2
    run_max_rr_s: float = 2.0
    run_premature_ratio: float = 0.9
    run_likeness: float = 0.95
    run_uneven: float = 1.35
    run_alike: float = 0.5
    run_learning_beats: int = 8
    run_seen: float = 0.6
    run_seen_alone: float = 0.9
    pause_s: float = 2.0
    pause_ratio: float = 1.8
    asystole_s: float = 4.0
    asystole_unseen_s: float = 10.0
    asystole_back_beats: int = 8
    silence_fit: float = 0.3
    silence_swing: float = 1.0
    detector_delay_s: float = 0.5
    bradycardia_per_min: float = 50.0
    extreme_bradycardia_per_min: float = 40.0
    extreme_beats: int = 3
    tachycardia_per_min: float = 120.0
    rate_margin_per_min: float = 5.0
    rate_near_s: float = 3.0
    rate_inside_s: float = 30.0
    rate_beats: int = 8
    irregular_beats: int = 32
    irregular_change: float = 0.10
    irregular_open: float = 0.60
    irregular_close: float = 0.40
    name_beats: int = 8
    name_every: int = 4
    af_open: float = 0.8
    af_close: float = 0.5
    af_open_long: float = 0.98
    af_close_long: float = 0.6
    long_intervals: int = 32
    af_open_lately: float = 0.9
    af_close_lately: float = 0.6
    af_before: float = 0.02
    afl_open: float = 0.6
    afl_close: float = 0.4
    atrial_hold_s: float = 60.0
    bad_signal_s: float = 3.0
    extend_every_s: float = 20.0

    def __post_init__(self) -> None:
        if self.extreme_bradycardia_per_min <= 0 or self.extreme_beats < 2:
            raise BadInput(
                "extreme bradycardia is two intervals or more at a rate above 0",
                extreme_bradycardia_per_min=self.extreme_bradycardia_per_min,
                extreme_beats=self.extreme_beats,
            )
        if not 0 < self.bradycardia_per_min < self.tachycardia_per_min:
            raise BadInput(
                "the limit for bradycardia must be below the one for tachycardia",
                bradycardia_per_min=self.bradycardia_per_min,
                tachycardia_per_min=self.tachycardia_per_min,
            )
        if self.run_uneven < 1 or not -1 <= self.run_alike <= 1:
            raise BadInput(
                "one interval cannot be less than the shorter of two, nor a likeness beyond -1 and 1",
                run_uneven=self.run_uneven,
                run_alike=self.run_alike,
            )
        if not 0 < self.pause_s < self.asystole_s <= self.asystole_unseen_s:
            raise BadInput("a pause must be shorter than asystole", pause_s=self.pause_s, asystole_s=self.asystole_s)
        if self.asystole_back_beats < 1:
            raise BadInput("asystole ends with a beat or more", asystole_back_beats=self.asystole_back_beats)
        if self.vt_beats < 3 or self.rate_beats < 3 or self.irregular_beats < 16:
            raise BadInput(
                "too few beats to assess a rhythm by",
                vt_beats=self.vt_beats,
                rate_beats=self.rate_beats,
                irregular_beats=self.irregular_beats,
            )
        if self.rate_near_s < 0 or self.rate_inside_s < 0:
            raise BadInput(
                "a rate cannot be waited for less than not at all",
                rate_near_s=self.rate_near_s,
                rate_inside_s=self.rate_inside_s,
            )
        if self.name_beats < 8 or self.name_every < 1:
            raise BadInput("too few beats to name a rhythm by", beats=self.name_beats, every=self.name_every)
        self._check_atrial()
        if not 0 < self.irregular_close < self.irregular_open <= 1:
            raise BadInput("an irregular rhythm must close below where it opens", open=self.irregular_open)

    def _check_atrial(self) -> None:
        atrial = (
            (self.af_close, self.af_open),
            (self.af_close_long, self.af_open_long),
            (self.af_close_lately, self.af_open_lately),
            (self.af_before, self.af_close_lately),
            (self.afl_close, self.afl_open),
        )
        if not all(0 < closes < opens <= 1 for closes, opens in atrial):
            raise BadInput("an atrial rhythm must close below where it opens", af=self.af_open, afl=self.afl_open)
        if self.long_intervals < self.name_beats:
            raise BadInput("a long history is longer than the shortest one", long_intervals=self.long_intervals)
        if self.atrial_hold_s < 0:
            raise BadInput("a rhythm cannot be waited for less than not at all", atrial_hold_s=self.atrial_hold_s)


BEDSIDE = (
    BedsideLimit(name="tachycardia_per_min", label="tachycardia above", unit="/min", least=80, most=250, step=5),
    BedsideLimit(name="bradycardia_per_min", label="bradycardia below", unit="/min", least=25, most=90, step=5),
    BedsideLimit(
        name="extreme_bradycardia_per_min", label="extreme bradycardia below", unit="/min", least=20, most=60, step=5
    ),
    BedsideLimit(name="pause_s", label="pause longer than", unit="s", least=1.5, most=3.5, step=0.5),
    BedsideLimit(name="asystole_s", label="asystole from", unit="s", least=3, most=10, step=0.5),
    BedsideLimit(
        name="vt_rate_per_min", label="ventricular tachycardia from a rate of", unit="/min", least=90, most=180, step=5
    ),
    BedsideLimit(name="vt_beats", label="ventricular tachycardia from beats", unit="beats", least=3, most=15),
)
"""What is set for a patient, in the ranges that bedside monitors offer."""
