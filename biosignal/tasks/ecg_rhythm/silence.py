"""Pause and asystole: too long without a beat while the signal could have shown one."""

from collections import deque
from statistics import median

from biosignal.events import Finding, FindingState, Mark, Measure, Priority, QualityLevel, Unavailable
from biosignal.tasks.ecg_beats.kinds import AMPLITUDE
from biosignal.tasks.ecg_front.kinds import FIBRILLATES, FIT, LATELY, STILL, SWING
from biosignal.tasks.ecg_rhythm.kinds import NAME, by_rule
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.finding_log import FindingLog, mark_set, worst_quality
from biosignal.tasks.peripheral_pulse.witness import PulseWitness

SHOWN_BEATS = 3
"""After so many beats a lead has shown a heart: one or two may be anything."""
STILL_BEHIND_S = 0.6
"""By then the T wave of a beat is over."""
STILL_LEAST = 0.75
"""A lead that was still in three quarters of a second has not moved: one that has is not still any more. The P wave of
the beat that ends a pause takes the fourth."""


class SilenceRule:
    """Reports `pause` (an RR interval that ended) and `asystole` (no beat, decided without waiting for the next).

    Only a lead that has shown `SHOWN_BEATS` beats since the recording began can show that they stay away. Before that
    no heart was ever seen on it, and `no-ecg-seen` says so: the lead may carry something else.

    A silence is told at the sample at which it is long enough, and asked about again at each second of `Quality`. A
    rejected second proves nothing and restarts the count. Where no beat was seen since the signal became assessable,
    the detector may still be learning: then `asystole_unseen_s` holds. Where the front end judges the leads, its
    seconds of fitness speak too: in fibrillation nothing is silent, `vf` tells it; and on leads that are not fit,
    unless one that showed the heart lies still, or that all swing further than a heartbeat, a heart may beat unseen:
    `no-ecg-seen` is told in place of asystole. So it is where a lead of pulse or pressure shows that the heart goes on.
    While `vf` or asystole alarms it informs only.
    An asystole has ended when `asystole_back_beats` beats came without a pause between them: a dying heart gives a beat
    now and then, and each silence between them is the same alarm. Meanwhile, and in fibrillation, no pause is told.
    A pause is withdrawn if its interval turns out to hold a rejected second. Missed beats look like pauses, so a pause
    must also exceed `pause_ratio` times the median of the last RR intervals. A pulse that goes on as before denies one.
    """

    def __init__(self, log: FindingLog, limits: RhythmLimits, pulse: PulseWitness) -> None:
        self._log = log
        self._limits = limits
        self._pause: Finding | None = None
        self._pulse = pulse
        self._asystole: Finding | None = None
        self._back: list[Mark] = []
        """The beats since its last silence."""
        self._unseen: Finding | None = None
        self._beats_seen = 0
        self._reset()

    def set_limits(self, limits: RhythmLimits) -> None:
        """Take other limits; what is open goes on."""
        self._limits = limits

    def _reset(self) -> None:
        self._last: Mark | None = None
        self._provisional: set[int] = set()
        self._clear_since: int | None = None
        self._quality = QualityLevel.DEGRADED
        self._asked = -1
        self._recent_s: deque[float] = deque(maxlen=8)
        self._heights_mv: deque[float] = deque(maxlen=8)
        self._fitness: deque[Mark] = deque(maxlen=32)

    def on_fitness(self, second: Mark) -> None:
        """Take a second of fitness of all leads."""
        self._fitness.append(second)

    def on_provisional(self, sample: int) -> None:
        """A beat may have been seen at `sample`: hold back until it is confirmed or withdrawn."""
        self._provisional.add(sample)

    def on_withdrawn(self, sample: int) -> None:
        """There was no beat at `sample`."""
        self._provisional.discard(sample)

    def on_beat(self, beat: Mark, rr_s: float | None) -> None:
        """Take a confirmed beat; `rr_s` is absent where the interval before it cannot be trusted."""
        before, self._last = self._last, beat
        if (height := beat.number(AMPLITUDE)) is not None:
            self._heights_mv.append(abs(height))
        self._beats_seen += 1
        if self._unseen is not None and self._has_shown:
            self._close_unseen(beat.start)
        self._provisional = {sample for sample in self._provisional if sample > beat.start}
        if self._asystole is not None:
            self._come_back(self._asystole, beat, rr_s)
        elif before is not None and rr_s is not None:
            self._check_interval(before, beat, rr_s)
        if rr_s is not None:
            self._recent_s.append(rr_s)

    @property
    def louder(self) -> str | None:
        """Which life-threatening finding is open: `vf`, `asystole`, or none."""
        if self._fitness and self._fitness[-1].label in (FIBRILLATES, LATELY):
            return FIBRILLATES
        return None if self._asystole is None else "asystole"

    def on_second(self, second: Mark) -> None:
        """Take one second of this lead."""
        self._settle_pause(second)
        self._quality = second.quality
        if second.quality is QualityLevel.REJECTED:
            self._clear_since = None
            return
        if self._clear_since is None:
            self._clear_since = second.start
        recently = None
        if self._unseen is not None:
            # One sample more, so that the second that begins there counts.
            recently = second.end - self._log.samples(self._limits.asystole_s) - 1
            onset = self._unseen.onset
            is_early = not self._has_shown or recently < onset or self._fibrillates(onset)
            if is_early or self._why_unseen(recently, second.end) is not None:
                self._prolong_unseen(self._unseen, second)
                return
            self._close_unseen(second.end)
        if self._asystole is not None:
            if self._log.is_due(self._asystole):
                end = self._back[0].start if self._back else second.end
                self._asystole = self._log.revise(
                    self._asystole,
                    FindingState.EXTENDED,
                    end=end,
                    measures=self._lasting(self._asystole.onset, end),
                )
            if self._back and second.end - self._back[-1].start >= self._log.samples(self._limits.asystole_s):
                self._back.clear()
            return
        silence = self._silence()
        if silence is not None and silence[1] <= second.end:
            self._open_silence(silence[0], second.end, recently=recently)

    def on_break(self, at: int) -> None:
        """From sample `at` on nothing can be said."""
        self._close_pause()
        if self._asystole is not None:
            self._close_asystole(self._back[0].start if self._back else at)
        self._close_unseen(at)
        self._reset()

    def _check_interval(self, before: Mark, beat: Mark, rr_s: float) -> None:
        settings = self._limits
        clear = self._clear_since is not None and self._clear_since <= before.start
        if rr_s >= settings.asystole_s and clear:
            if self._fibrillates(before.start) or self._is_unfit(before.start, beat.start):
                return
            if self._is_swept(before.start) or self._pulse.goes_on(before.start, beat.start):
                return
            self._open_asystole(before.start, beat.start, worst_quality([before, beat]))
            self._back.append(beat)
            return
        usual_s = median(self._recent_s) if len(self._recent_s) >= 3 else None
        if usual_s is None or rr_s <= max(settings.pause_s, settings.pause_ratio * usual_s):
            return
        if self.louder is not None or self._is_swept(before.start):
            return
        steady = self._pulse.steady(before.start, beat.decided_at)
        if steady is not None and steady.is_sure and steady.denies(rr_s):
            return
        if not self._is_unfit(before.start, beat.start, at_any_time=True):
            self._close_pause()
            self._pause = self._log.open(
                "pause",
                onset=before.start,
                end=beat.start,
                outcome=by_rule("pause"),
                measures=(self._log.measure("rr_interval", rr_s), self._log.measure("median_rr", usual_s)),
                quality=worst_quality([before, beat]),
                marks=mark_set([before, beat]),
            )

    def _come_back(self, asystole: Finding, beat: Mark, rr_s: float | None) -> None:
        if rr_s is not None and rr_s > self._limits.pause_s:
            self._back.clear()
        self._back.append(beat)
        if len(self._back) >= self._limits.asystole_back_beats:
            self._close_asystole(max(self._back[0].start, asystole.end))

    def _settle_pause(self, second: Mark) -> None:
        pause = self._pause
        if pause is None:
            return
        if second.quality is QualityLevel.REJECTED and second.start < pause.end and second.end > pause.onset:
            self._log.revise(pause, FindingState.WITHDRAWN)
            self._pause = None
        elif second.end >= pause.end:
            self._close_pause()

    def _close_pause(self) -> None:
        if self._pause is not None:
            self._log.revise(self._pause, FindingState.CLOSED)
        self._pause = None

    def on_time(self, now: int) -> None:
        """Tell a silence at the sample at which it is long enough, if that lies before `now`."""
        silence = self._silence()
        if silence is not None and self._asked < silence[1] < now:
            self._asked = silence[1]
            self._log.clock = max(self._log.clock, silence[1])
            self._open_silence(silence[0], silence[1])

    def _silence(self) -> tuple[int, int] | None:
        """From when on no beat was heard, and the sample at which that is to be told; none while it is told."""
        settings, clear_since = self._limits, self._clear_since
        if clear_since is None or self._asystole is not None or self._unseen is not None:
            return None
        heard = [*self._provisional, *([self._last.start] if self._last is not None else [])]
        last = max(heard, default=-1)
        seen = last >= clear_since
        since = last if seen else clear_since
        limit_s = settings.asystole_s if seen else settings.asystole_unseen_s
        return since, since + self._log.samples(limit_s + settings.detector_delay_s)

    def _open_silence(self, since: int, at: int, *, recently: int | None = None) -> None:
        """Say what a silence is; one that was `no-ecg-seen` is judged by what came lately, not by all of it again."""
        if self._fibrillates(since):
            return
        why = None
        if not self._has_shown:
            why = "no heartbeat was seen on this lead since the recording began"
        elif recently is None:
            why = self._why_unseen(since, at)
        if why is not None:
            self._open_unseen(since, at, why)
        else:
            self._open_asystole(since, at, self._quality)

    def _why_unseen(self, since: int, at: int) -> str | None:
        """Why a heart may have beaten unseen between two samples; none where it would have shown."""
        if self._is_unfit(since, at):
            return "no heartbeat was seen, and no lead is fit to show one"
        if self._is_swept(since):
            return "no heartbeat was seen, and every lead swings further than one"
        return "no heartbeat was seen, and the pulse goes on" if self._pulse.goes_on(since, at) else None

    @property
    def _has_shown(self) -> bool:
        return self._beats_seen >= SHOWN_BEATS

    def _fibrillates(self, since: int) -> bool:
        return any(second.end > since and second.label == FIBRILLATES for second in self._fitness)

    def _is_unfit(self, since: int, until: int, *, at_any_time: bool = False) -> bool:
        """Whether the front end found no lead fit for most of the seconds that began since then, or for one of them.

        A heart that stands still on a clean line looks like no contact: where a lead that showed it lay still all the
        while, it would have shown a beat.
        """
        seconds = [one for one in self._fitness if one.start >= since]
        fits = [fit for one in seconds if (fit := one.number(FIT)) is not None]
        if not fits or (min(fits) if at_any_time else median(fits)) >= self._limits.silence_fit:
            return False
        behind = since + self._log.samples(STILL_BEHIND_S)
        silent = [one for one in seconds if behind <= one.start and one.end <= until]
        return not silent or any((one.number(STILL) or 0.0) < STILL_LEAST for one in silent)

    def _is_swept(self, since: int) -> bool:
        """Whether every lead swung further than a heartbeat in a second that began since then: an electrode moves."""
        if not self._heights_mv:
            return False
        most = self._limits.silence_swing * median(self._heights_mv)
        swings = [swing for one in self._fitness if one.start > since and (swing := one.number(SWING)) is not None]
        return bool(swings) and max(swings) >= most

    def _open_unseen(self, since: int, at: int, why: str) -> None:
        self._unseen = self._log.open(
            "no-ecg-seen",
            onset=since,
            end=at,
            outcome=Unavailable(task=NAME, reason=why),
            measures=self._lasting(since, at),
            quality=self._quality,
            alarms=self.louder is None,
        )

    def _prolong_unseen(self, finding: Finding, second: Mark) -> None:
        if finding.priority is Priority.NONE and self.louder is None:
            # What stood above it is over, and nothing else alarms: the silence is counted anew and told aloud.
            self._close_unseen(second.start)
            self._clear_since = second.start
        elif self._log.is_due(finding):
            measures = self._lasting(finding.onset, second.end)
            self._unseen = self._log.revise(finding, FindingState.EXTENDED, end=second.end, measures=measures)

    def _close_unseen(self, at: int) -> None:
        if self._unseen is not None:
            end = max(at, self._unseen.end)
            measures = self._lasting(self._unseen.onset, end)
            self._log.revise(self._unseen, FindingState.CLOSED, end=end, measures=measures)
        self._unseen = None

    def _lasting(self, onset: int, end: int) -> tuple[Measure, ...]:
        return (self._log.measure("duration", self._log.seconds(end - onset)),)

    def _open_asystole(self, onset: int, end: int, quality: QualityLevel) -> None:
        self._back.clear()
        last = [self._last] if self._last is not None and self._last.start <= onset else []
        self._asystole = self._log.open(
            "asystole",
            onset=onset,
            end=end,
            outcome=by_rule("asystole"),
            measures=self._lasting(onset, end),
            quality=quality,
            marks=mark_set(last),
        )

    def _close_asystole(self, at: int) -> None:
        if self._asystole is not None:
            end = max(at, self._asystole.end)
            self._log.revise(
                self._asystole, FindingState.CLOSED, end=end, measures=self._lasting(self._asystole.onset, end)
            )
        self._asystole = None
