"""Bradycardia, tachycardia and irregular rhythm, from RR intervals."""

from collections import deque
from collections.abc import Sequence
from statistics import fmean, median

from biosignal.events import Abstained, Finding, FindingState, Mark, Measure, Outcome
from biosignal.tasks.ecg_rhythm.kinds import NAME, by_rule
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.finding_log import FindingLog, mark_set, unclassified, worst_quality
from biosignal.tasks.peripheral_pulse.witness import PulseWitness


class RateRule:
    """Reports `bradycardia` and `tachycardia`.

    The heart rate is 60 divided by the mean of the last `rate_beats` RR intervals. A finding opens when it is beyond
    the limit and most of those intervals are, too (one pause is not bradycardia): at once where the median interval is
    beyond it by `rate_margin_per_min`, and near the limit once the rate was so for `rate_near_s`. It closes when the
    rate was back inside by the same margin for `rate_inside_s`, and ends where it came back; so a rate near a limit
    does not flap. `extreme_beats` intervals in a row, each below `extreme_bradycardia_per_min`, open
    `bradycardia` at once. Fast ventricular beats do not open `tachycardia`: `vt` reports them. Nothing opens that a
    pulse denies which goes on as before at another rate (`PulseWitness.steady`).
    """

    def __init__(self, log: FindingLog, limits: RhythmLimits, pulse: PulseWitness) -> None:
        self._log = log
        self._limits = limits
        self._pulse = pulse
        self._open: dict[str, Finding] = {}
        self._extreme: dict[str, float] = {}
        self._louder: str | None = None
        self._inside_since: dict[str, int] = {}
        self._reset()

    def set_limits(self, limits: RhythmLimits, at: int) -> None:
        """Take other limits: from sample `at` on everything is counted anew."""
        self._limits = limits
        self.on_break(at)

    def _reset(self) -> None:
        count = self._limits.rate_beats
        self._rr_s: deque[float] = deque(maxlen=count)
        self._beats: deque[Mark] = deque(maxlen=count + 1)
        self._beyond_since: dict[str, int] = {}

    def on_beat(self, beat: Mark, rr_s: float | None, *, louder: str | None = None) -> None:
        """Take a confirmed beat; an interval that cannot be trusted starts the count anew.

        `louder` is a life-threatening finding that is open: while it is, none opens here.
        """
        self._louder = louder
        if rr_s is None:
            self._reset()
        elif self._beats:
            self._rr_s.append(rr_s)
        self._beats.append(beat)
        settings = self._limits
        lately_s = list(self._rr_s)[-settings.extreme_beats :]
        if self._is_extreme() and "bradycardia" not in self._open and not self._is_idle(lately_s):
            self._extreme["bradycardia"] = 60.0 / fmean(lately_s)
            self._open["bradycardia"] = self._open_finding("bradycardia", 60.0 / fmean(lately_s), len(lately_s) + 1)
        if len(self._rr_s) < settings.rate_beats:
            return
        rate = 60.0 / fmean(self._rr_s)
        slow = sum(60.0 / rr_s < settings.bradycardia_per_min for rr_s in self._rr_s)
        fast = sum(
            60.0 / rr_s > settings.tachycardia_per_min and each.label != "V"
            for rr_s, each in zip(self._rr_s, list(self._beats)[1:], strict=True)
        )
        margin, usual = settings.rate_margin_per_min, 60.0 / median(self._rr_s)
        self._follow(
            "bradycardia",
            rate,
            beyond=rate < settings.bradycardia_per_min and 2 * slow > settings.rate_beats,
            far=usual <= settings.bradycardia_per_min - margin,
            closes=rate >= settings.bradycardia_per_min + margin,
        )
        self._follow(
            "tachycardia",
            rate,
            beyond=rate > settings.tachycardia_per_min and 2 * fast > settings.rate_beats,
            far=usual >= settings.tachycardia_per_min + margin,
            closes=rate <= settings.tachycardia_per_min - margin,
        )

    def on_break(self, at: int) -> None:
        """From sample `at` on nothing can be said."""
        for kind in tuple(self._open):
            self._close(kind, at)
        self._reset()

    def _is_extreme(self) -> bool:
        """Whether the latest intervals are so long, each of them, that nobody waits for more."""
        lately_s = list(self._rr_s)[-self._limits.extreme_beats :]
        slowest = 60.0 / min(self._limits.extreme_bradycardia_per_min, self._limits.bradycardia_per_min)
        return len(lately_s) == self._limits.extreme_beats and min(lately_s) > slowest

    def _is_idle(self, rr_s: Sequence[float]) -> bool:
        """Whether nothing opens: something louder is told, or the pulse goes on at another rate."""
        if self._louder is not None:
            return True
        beats = list(self._beats)[-len(rr_s) - 1 :]
        steady = self._pulse.steady(beats[0].start, beats[-1].decided_at)
        return steady is not None and steady.is_sure and steady.denies(fmean(rr_s))

    def _follow(self, kind: str, rate: float, *, beyond: bool, far: bool, closes: bool) -> None:
        finding = self._open.get(kind)
        if finding is not None:
            self._keep_open(finding, rate, closes=closes)
        elif self._is_beyond_for_long(kind, beyond=beyond, far=far) and not self._is_idle(self._rr_s):
            self._extreme[kind] = rate
            self._open[kind] = self._open_finding(kind, rate)

    def _is_beyond_for_long(self, kind: str, *, beyond: bool, far: bool) -> bool:
        now = self._beats[-1].start
        if not beyond:
            self._beyond_since.pop(kind, None)
            return False
        since = self._beyond_since.setdefault(kind, now)
        return far or now - since >= self._log.samples(self._limits.rate_near_s)

    def _keep_open(self, finding: Finding, rate: float, *, closes: bool) -> None:
        kind, now = finding.kind, self._beats[-1].start
        furthest = min if kind == "bradycardia" else max
        self._extreme[kind] = furthest(self._extreme[kind], rate)
        if not closes:
            self._inside_since.pop(kind, None)
        elif now - self._inside_since.setdefault(kind, now) >= self._log.samples(self._limits.rate_inside_s):
            self._close(kind, now)
            return
        if self._log.is_due(finding):
            end = self._inside_since.get(kind, now)
            measures = self._measures(kind, rate, finding.onset, end)
            self._open[kind] = self._log.revise(finding, FindingState.EXTENDED, end=end, measures=measures)

    def _open_finding(self, kind: str, rate: float, count: int = 0) -> Finding:
        beats = list(self._beats)[-count:]
        onset, now = beats[0].start, beats[-1].start
        return self._log.open(
            kind,
            onset=onset,
            end=now,
            outcome=by_rule(kind),
            measures=self._measures(kind, rate, onset, now),
            quality=worst_quality(beats),
            marks=mark_set(beats),
        )

    def _measures(self, kind: str, rate: float, onset: int, end: int) -> tuple[Measure, ...]:
        name = "lowest_rate" if kind == "bradycardia" else "highest_rate"
        unknown = unclassified(list(self._beats))
        return (
            self._log.measure("heart_rate", rate),
            self._log.measure(name, self._extreme[kind]),
            self._log.measure("duration", self._log.seconds(end - onset)),
            *((self._log.measure("unclassified", unknown),) if unknown else ()),
        )

    def _close(self, kind: str, at: int) -> None:
        finding = self._open.pop(kind)
        end = max(self._inside_since.pop(kind, at), finding.end)
        self._beyond_since.pop(kind, None)
        rate = next(m.value for m in finding.evidence.measures if m.name == "heart_rate")
        if len(self._rr_s) == self._limits.rate_beats:
            rate = 60.0 / fmean(self._rr_s)
        measures = self._measures(kind, rate, finding.onset, end)
        self._log.revise(finding, FindingState.CLOSED, end=end, measures=measures)


class IrregularRule:
    """Reports `irregular`: RR intervals that keep changing from beat to beat.

    Looks at successive RR intervals between beats that are not V or F. The share of changes above `irregular_change`
    of the median RR interval, over the last `irregular_beats` changes, opens the finding at `irregular_open` and closes
    it at `irregular_close`. It names no cause: atrial fibrillation, frequent premature atrial beats and missed beats
    all look like this. Where half of the beats have no class, ventricular beats could not be left out, and the finding
    says that it abstains.
    """

    def __init__(self, log: FindingLog, limits: RhythmLimits) -> None:
        self._log = log
        self._limits = limits
        self._open: Finding | None = None
        self._is_named = False
        self._reset()

    def set_limits(self, limits: RhythmLimits, at: int) -> None:
        """Take other limits: from sample `at` on everything is counted anew."""
        self._limits = limits
        self.on_break(at)

    def _reset(self) -> None:
        count = self._limits.irregular_beats
        self._change_s: deque[float] = deque(maxlen=count)
        self._rr_s: deque[float] = deque(maxlen=count)
        self._beats: deque[Mark] = deque(maxlen=count)
        self._before: Mark | None = None
        self._rr_before_s: float | None = None

    def on_beat(self, beat: Mark, rr_s: float | None, *, is_named: bool = False) -> None:
        """Take a confirmed beat; an interval that cannot be trusted is left out.

        `is_named` says that a finding with a name of its own is open; while it is, none is open here.
        """
        if is_named and self._open is not None:
            self.on_break(beat.start)
        self._is_named = is_named
        ectopic = beat.label in ("V", "F") or (self._before is not None and self._before.label in ("V", "F"))
        self._before = beat
        if rr_s is None or ectopic:
            self._rr_before_s = None
            return
        before_s, self._rr_before_s = self._rr_before_s, rr_s
        if before_s is None:
            return
        self._change_s.append(abs(rr_s - before_s))
        self._rr_s.append(rr_s)
        self._beats.append(beat)
        if len(self._change_s) == self._limits.irregular_beats:
            self._check_rhythm(beat)

    def on_break(self, at: int) -> None:
        """From sample `at` on nothing can be said."""
        if self._open is not None:
            self._log.revise(self._open, FindingState.CLOSED, end=max(at, self._open.end))
        self._open = None
        self._reset()

    def _check_rhythm(self, beat: Mark) -> None:
        settings = self._limits
        limit_s = settings.irregular_change * median(self._rr_s)
        share = sum(change_s > limit_s for change_s in self._change_s) / len(self._change_s)
        if self._open is None:
            if share >= settings.irregular_open and not self._is_named:
                self._open = self._open_finding(share)
        elif share <= settings.irregular_close:
            self._log.revise(self._open, FindingState.CLOSED, end=beat.start, measures=self._measures(share))
            self._open = None
        elif self._log.is_due(self._open):
            self._open = self._log.revise(
                self._open, FindingState.EXTENDED, end=beat.start, measures=self._measures(share)
            )

    def _open_finding(self, share: float) -> Finding:
        beats = list(self._beats)
        return self._log.open(
            "irregular",
            onset=beats[0].start,
            end=beats[-1].start,
            outcome=self._outcome(beats),
            measures=self._measures(share),
            quality=worst_quality(beats),
            marks=mark_set(beats),
        )

    def _outcome(self, beats: list[Mark]) -> Outcome:
        unknown = unclassified(beats)
        if 2 * unknown >= len(beats):
            return Abstained(task=NAME, reason=f"{unknown} of {len(beats)} beats were not classified")
        return by_rule("irregular")

    def _measures(self, share: float) -> tuple[Measure, ...]:
        unknown = unclassified(list(self._beats))
        return (
            self._log.measure("count", len(self._rr_s)),
            self._log.measure("rr_change_share", 100.0 * share),
            self._log.measure("heart_rate", 60.0 / fmean(self._rr_s)),
            *((self._log.measure("unclassified", unknown),) if unknown else ()),
        )
