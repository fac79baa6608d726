"""Ventricular ectopy: single beats per minute, couplets, runs and tachycardia, from beats classified V."""

from biosignal.events import Finding, FindingState, Mark, Measure
from biosignal.tasks.ecg_beats.kinds import LIKENESS_BEFORE
from biosignal.tasks.ecg_front.kinds import FIBRILLATES
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.run import Run, UsualRhythm
from biosignal.tasks.ecg_rhythm.run_finding import RunFinding
from biosignal.tasks.finding_log import FindingLog, mark_set
from biosignal.tasks.peripheral_pulse.witness import PulseWitness, Steady

_LATE_S = 3.0  # a beat of the old minute is confirmed within this time


class VentricularRule:
    """Reports `pvc`, `pvc-couplet`, `v-run` and `vt`.

    A run opens `v-run` at its third beat if its first was premature (sooner than `run_premature_ratio` of the usual RR
    interval), or if it goes at `vt_rate_per_min` and its first beat does not look like the beat before it
    (`run_likeness`): beats at the usual pace and of the usual shape that are called V are far oftener a fault of the
    classifier than a rhythm. For the same reason a run that came early and goes on at the usual pace, below the rate of
    tachycardia, informs and does not alarm: behind an early beat a pacemaker goes on so. A run whose first beats are
    neither even nor alike (`Run.is_ragged`), as movement makes them, informs only until it is tachycardia. The front
    end, where it looked, must have seen its beats as ventricular too (`run_seen`); a fast beat that it is sure of
    (`run_seen_alone`) counts as ventricular whatever the classifier calls it.

    When its latest `vt_beats` beats have the rate of tachycardia, whatever they look like, the `v-run` is withdrawn and
    `vt` opened from the same onset: a kind never changes under one id. Where the run was slow before, the `v-run` is
    closed and `vt` begins with those beats. A beat that is not V, a beat that nobody classified, a gap, or an RR
    interval over `run_max_rr_s` ends a run.

    The first `run_learning_beats` behind a start, a gap or rejected signal are classified before the patient's own
    beats are known. A run that begins among them is no `v-run`; it is `vt` once it has `vt_beats_early` beats and the
    rate.

    Where the pulse has not changed with a run, nothing is told yet: the pulse of its beats comes up to a second later.
    Once that must have come, a pulse that goes on as before (`PulseWitness.steady`) says that there was no such run.

    Sustained tachycardia teaches the classifier its own shape, which then calls its beats S or N. So an open `vt` goes
    on with beats of any class that follow as fast as the run (`vt_hold_ratio`) and look like the beat before them
    (`vt_likeness`).
    """

    def __init__(self, log: FindingLog, limits: RhythmLimits, pulse: PulseWitness) -> None:
        self._log = log
        self._limits = limits
        self._pulse = pulse
        self._usual = UsualRhythm()
        self._going = RunFinding(log, Run())
        self._over: RunFinding | None = None
        """The run that was held when it ended."""
        self._minute: Finding | None = None
        self._singles = Run()
        self._coupling: tuple[Measure, ...] = ()
        self._first_rr_s: float | None = None
        self._louder: str | None = None

    def set_limits(self, limits: RhythmLimits) -> None:
        """Take other limits; an open run goes on."""
        self._limits = limits

    def on_beat(self, beat: Mark, rr_s: float | None, *, louder: str | None = None) -> None:
        """Take a confirmed beat; `rr_s` is absent where the interval before it cannot be trusted.

        `louder` is a life-threatening finding that is open: while it is, no `v-run` opens, and in `vf` no `vt`.
        """
        self._louder = louder
        is_close = rr_s is not None and rr_s <= self._limits.run_max_rr_s
        if self._going.run.count and not (is_close and self._belongs(beat, rr_s)):
            self._end_run()
        ventricular = self._usual.is_ventricular(beat, rr_s, self._limits)
        if ventricular or self._going.run.count:
            self._lengthen(beat, rr_s)
        self._usual.add(beat, rr_s, ventricular=ventricular)

    def _belongs(self, beat: Mark, rr_s: float | None) -> bool:
        if self._usual.is_ventricular(beat, rr_s, self._limits):
            return True
        going = self._going
        return going.kind == "vt" and going.run.is_continued(beat, rr_s, self._limits, self._log.fs_hz)

    def _lengthen(self, beat: Mark, rr_s: float | None) -> None:
        if not self._going.run.count:
            self._first_rr_s = rr_s
            self._going = RunFinding(self._log, self._begun(beat, rr_s))
        self._going.run.add(beat)
        if self._going.run.count >= 3:
            self._grow(self._going)

    def _begun(self, beat: Mark, rr_s: float | None) -> Run:
        limits, usual = self._limits, self._usual
        return Run(
            latest=limits.vt_beats,
            premature=usual.is_premature(rr_s, limits.run_premature_ratio),
            differs=(beat.number(LIKENESS_BEFORE) or 0.0) < limits.run_likeness,
            early=usual.beats < limits.run_learning_beats,
        )

    def on_time(self) -> None:
        """Close the minute of single beats when no beat of it can come any more, and ask the pulse again."""
        self._settle_over()
        if self._minute is None:
            return
        end = round((self._minute_of(self._minute.onset) + 1) * 60 * self._log.fs_hz)
        run = self._going.run
        pending = run.count and run.onset < end
        if self._log.clock >= end + self._log.samples(_LATE_S) and not pending:
            self._close_minute()

    def on_break(self) -> None:
        """End the run, and learn anew what is usual; the count of the minute goes on behind a gap."""
        self._end_run()
        self._settle_over(at_once=True)
        self._usual = UsualRhythm()

    def finish(self) -> None:
        """Close everything."""
        self._end_run()
        self._settle_over(at_once=True)
        self._close_minute()

    def _is_run(self, run: Run, *, is_fast: bool) -> bool:
        return (run.premature or (is_fast and run.differs)) and run.is_seen(self._limits.run_seen)

    def _is_quicker(self, run: Run) -> bool:
        return self._usual.is_premature(60.0 / run.rate_per_min(self._log.fs_hz), self._limits.run_premature_ratio)

    def _denied_by(self, run: Run) -> Steady | None:
        """The pulse that goes on as if there were no such run."""
        steady = self._pulse.steady(run.onset, self._log.clock)
        return steady if steady is not None and steady.denies(60.0 / run.rate_per_min(self._log.fs_hz)) else None

    def _grow(self, going: RunFinding) -> None:
        limits, run = self._limits, going.run
        is_fast = run.latest_rate_per_min(self._log.fs_hz) >= limits.vt_rate_per_min
        is_long = run.count >= max(limits.vt_beats, limits.vt_beats_early if run.early else 0)
        if is_fast and is_long and going.kind != "vt":
            going.held = "vt" if self._louder != FIBRILLATES else None
        elif going.kind is None and not run.early and self._is_run(run, is_fast=is_fast):
            going.held = "v-run" if self._louder is None else None
        else:
            going.extend()
        if going.held is not None and self._denied_by(run) is None:
            self._open_held(going)

    def _open_held(self, what: RunFinding) -> None:
        """Open what the run is."""
        kind, what.held = what.held, None
        limits, run, fs_hz = self._limits, what.run, self._log.fs_hz
        if kind == "vt":
            what.open_tachycardia(was_slow=run.rate_per_min(fs_hz) < limits.vt_rate_per_min)
            return
        is_fast = run.latest_rate_per_min(fs_hz) >= limits.vt_rate_per_min
        what.open("v-run", alarms=(is_fast or self._is_quicker(run)) and not run.is_ragged(limits))

    def _settle_over(self, *, at_once: bool = False) -> None:
        """Say what a run that is over was once the pulse has shown it, or at once."""
        over = self._over
        if over is None:
            return
        steady = self._denied_by(over.run)
        if steady is not None and not (steady.is_sure or at_once):
            return
        self._over = None
        if steady is None or not steady.is_sure:
            self._open_held(over)
            over.close()

    def _end_run(self) -> None:
        going, run = self._going, self._going.run
        if going.kind is not None:
            going.close()
        elif going.held is not None:
            self._settle_over(at_once=True)
            self._over = going
            self._settle_over()
        elif run.count == 2:
            going.open("pvc-couplet")
            going.close()
        elif run.count == 1:
            self._single(run.beats[0])
        self._going = RunFinding(self._log, Run())

    def _minute_of(self, sample: int) -> int:
        return int(sample / (60 * self._log.fs_hz))

    def _single(self, beat: Mark) -> None:
        if self._minute is not None and self._minute_of(beat.start) != self._minute_of(self._minute.onset):
            self._close_minute()
        self._singles.add(beat)
        if self._minute is None:
            rr_s = self._first_rr_s
            self._coupling = () if rr_s is None else (self._log.measure("coupling_interval", rr_s),)
            self._minute = self._log.open(
                "pvc",
                onset=beat.start,
                end=beat.start,
                outcome=beat.outcome,
                measures=self._single_measures(),
                quality=beat.quality,
                marks=mark_set([beat]),
            )
        elif self._log.is_due(self._minute):
            self._minute = self._revise_minute(self._minute, FindingState.EXTENDED)

    def _single_measures(self) -> tuple[Measure, ...]:
        return (
            self._log.measure("count", self._singles.count),
            *self._coupling,
            self._log.measure("probability", self._singles.probability),
        )

    def _revise_minute(self, minute: Finding, state: FindingState) -> Finding:
        singles = self._singles
        return self._log.revise(
            minute,
            state,
            end=singles.last,
            measures=self._single_measures(),
            marks=mark_set(singles.beats, singles.count),
        )

    def _close_minute(self) -> None:
        if self._minute is not None:
            self._revise_minute(self._minute, FindingState.CLOSED)
        self._minute, self._singles = None, Run()
