"""Ventricular ectopy: single beats per minute, couplets, runs and tachycardia, from beats classified V."""

from biosignal.events import Finding, FindingState, Mark, Measure, Prediction
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.finding_log import EVIDENCE_MARKS, FindingLog, mark_set, worst_quality

_LATE_S = 3.0  # a beat of the old minute is confirmed within this time


def _probability(beat: Mark) -> float:
    scores = dict(beat.outcome.scores) if isinstance(beat.outcome, Prediction) else {}
    return scores.get("V", 0.0)


class _Run:
    """Consecutive V beats: counts and sums of all, the first few kept as evidence."""

    def __init__(self) -> None:
        self.beats: list[Mark] = []
        self.count = 0
        self.last = 0
        self._probabilities = 0.0

    def add(self, beat: Mark) -> None:
        if len(self.beats) < EVIDENCE_MARKS:
            self.beats.append(beat)
        self.count += 1
        self.last = beat.start
        self._probabilities += _probability(beat)

    @property
    def onset(self) -> int:
        return self.beats[0].start

    @property
    def probability(self) -> float:
        return self._probabilities / self.count

    def rate_per_min(self, fs_hz: float) -> float:
        return 60.0 * fs_hz * (self.count - 1) / (self.last - self.onset)


class VentricularRule:
    """Reports `pvc`, `pvc-couplet`, `v-run` and `vt`.

    A run opens `v-run` at its third beat. When it reaches the length and rate of tachycardia, the `v-run` is
    withdrawn and `vt` opened from the same onset: a kind never changes under one id. A beat that is not V, a beat that
    nobody classified, a gap, or an RR interval over `run_max_rr_s` ends the run.
    """

    def __init__(self, log: FindingLog, limits: RhythmLimits) -> None:
        self._log = log
        self._limits = limits
        self._run = _Run()
        self._open: Finding | None = None
        self._minute: Finding | None = None
        self._singles = _Run()
        self._coupling: tuple[Measure, ...] = ()
        self._first_rr_s: float | None = None

    def set_limits(self, limits: RhythmLimits) -> None:
        """Take other limits; an open run goes on."""
        self._limits = limits

    def on_beat(self, beat: Mark, rr_s: float | None) -> None:
        """Take a confirmed beat; `rr_s` is absent where the interval before it cannot be trusted."""
        if beat.label != "V":
            self._end_run()
            return
        if self._run.count and (rr_s is None or rr_s > self._limits.run_max_rr_s):
            self._end_run()
        if not self._run.count:
            self._first_rr_s = rr_s
        self._run.add(beat)
        if self._run.count >= 3:
            self._grow()

    def on_time(self) -> None:
        """Close the minute of single beats when no beat of it can come any more."""
        if self._minute is None:
            return
        end = round((self._minute_of(self._minute.onset) + 1) * 60 * self._log.fs_hz)
        pending = self._run.count and self._run.onset < end
        if self._log.clock >= end + self._log.samples(_LATE_S) and not pending:
            self._close_minute()

    def on_break(self) -> None:
        """End the run; the count of the minute goes on behind a gap."""
        self._end_run()

    def finish(self) -> None:
        """Close everything."""
        self._end_run()
        self._close_minute()

    def _measures(self, run: _Run) -> tuple[Measure, ...]:
        return (
            self._log.measure("count", run.count),
            self._log.measure("v_rate", run.rate_per_min(self._log.fs_hz)),
            self._log.measure("duration", self._log.seconds(run.last - run.onset)),
            self._log.measure("probability", run.probability),
        )

    def _grow(self) -> None:
        settings, run = self._limits, self._run
        fast = run.rate_per_min(self._log.fs_hz) >= settings.vt_rate_per_min
        if (self._open is None or self._open.kind == "v-run") and run.count >= settings.vt_beats and fast:
            if self._open is not None:
                self._log.revise(self._open, FindingState.WITHDRAWN, end=run.last)
            self._open = self._open_finding("vt")
        elif self._open is None:
            self._open = self._open_finding("v-run")
        elif self._log.is_due(self._open):
            self._open = self._revise(self._open, FindingState.EXTENDED)

    def _open_finding(self, kind: str) -> Finding:
        run = self._run
        return self._log.open(
            kind,
            onset=run.onset,
            end=run.last,
            outcome=run.beats[0].outcome,
            measures=self._measures(run),
            quality=worst_quality(run.beats),
            marks=mark_set(run.beats, run.count),
        )

    def _revise(self, finding: Finding, state: FindingState) -> Finding:
        run = self._run
        return self._log.revise(
            finding, state, end=run.last, measures=self._measures(run), marks=mark_set(run.beats, run.count)
        )

    def _end_run(self) -> None:
        run = self._run
        if self._open is not None:
            self._revise(self._open, FindingState.CLOSED)
        elif run.count == 2:
            self._log.revise(self._open_finding("pvc-couplet"), FindingState.CLOSED)
        elif run.count == 1:
            self._single(run.beats[0])
        self._run, self._open = _Run(), None

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
        self._minute, self._singles = None, _Run()
