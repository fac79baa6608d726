"""Pause and asystole: too long without a beat while the signal could have shown one."""

from collections import deque
from statistics import median

from biosignal.events import Beat, Finding, FindingState, Measure, Quality, QualityLevel
from biosignal.tasks.ecg_rhythm.log import FindingLog, beat_evidence, by_rule, worst_quality
from biosignal.tasks.findings import measure


class SilenceRule:
    """Reports `pause` (an RR interval that ended) and `asystole` (no beat, decided without waiting for the next).

    The seconds of `Quality` are the clock. A rejected second proves nothing and restarts the count. Where no beat was
    seen since the signal became assessable, the detector may still be learning: then `asystole_unseen_s` holds.
    A pause is withdrawn if its interval turns out to hold a rejected second. Missed beats look like pauses, so a pause
    must also exceed `pause_ratio` times the median of the last RR intervals.
    """

    def __init__(self, log: FindingLog, lead: str) -> None:
        self._log = log
        self._lead = lead
        self._pause: Finding | None = None
        self._asystole: Finding | None = None
        self._reset()

    def _reset(self) -> None:
        self._last: Beat | None = None
        self._provisional: set[int] = set()
        self._clear_since: int | None = None
        self._recent_s: deque[float] = deque(maxlen=8)

    def on_provisional(self, sample: int) -> None:
        """A beat may have been seen at `sample`: hold back until it is confirmed or withdrawn."""
        self._provisional.add(sample)

    def on_withdrawn(self, sample: int) -> None:
        """There was no beat at `sample`."""
        self._provisional.discard(sample)

    def on_beat(self, beat: Beat, rr_s: float | None) -> None:
        """Take a confirmed beat; `rr_s` is absent where the interval before it cannot be trusted."""
        before, self._last = self._last, beat
        self._provisional = {sample for sample in self._provisional if sample > beat.sample}
        if self._asystole is not None:
            self._close_asystole(beat.sample)
        elif before is not None and rr_s is not None:
            self._judge(before, beat, rr_s)
        if rr_s is not None:
            self._recent_s.append(rr_s)

    def on_quality(self, quality: Quality) -> None:
        """Take one second of this lead."""
        self._settle_pause(quality)
        if quality.level is QualityLevel.REJECTED:
            self._clear_since = None
            return
        if self._clear_since is None:
            self._clear_since = quality.start
        if self._asystole is not None:
            if self._log.is_due(self._asystole):
                self._asystole = self._log.revise(
                    self._asystole,
                    FindingState.EXTENDED,
                    end=quality.end,
                    measures=self._lasting(self._asystole.onset, quality.end),
                )
            return
        self._listen(quality, self._clear_since)

    def on_break(self, at: int) -> None:
        """From sample `at` on nothing can be said."""
        self._close_pause()
        if self._asystole is not None:
            self._close_asystole(at)
        self._reset()

    def _judge(self, before: Beat, beat: Beat, rr_s: float) -> None:
        settings = self._log.settings
        clear = self._clear_since is not None and self._clear_since <= before.sample
        if rr_s >= settings.asystole_s and clear:
            self._open_asystole(before.sample, beat.sample, worst_quality([before, beat]))
            self._close_asystole(beat.sample)
            return
        usual_s = median(self._recent_s) if len(self._recent_s) >= 3 else None
        if rr_s > settings.pause_s and usual_s is not None and rr_s > settings.pause_ratio * usual_s:
            self._close_pause()
            self._pause = self._log.open(
                "pause",
                lead=self._lead,
                onset=before.sample,
                end=beat.sample,
                outcome=by_rule("pause"),
                measures=(measure("rr_interval", rr_s), measure("median_rr", usual_s)),
                quality=worst_quality([before, beat]),
                beats=beat_evidence([before, beat]),
            )

    def _settle_pause(self, quality: Quality) -> None:
        pause = self._pause
        if pause is None:
            return
        if quality.level is QualityLevel.REJECTED and quality.start < pause.end and quality.end > pause.onset:
            self._log.revise(pause, FindingState.WITHDRAWN)
            self._pause = None
        elif quality.end >= pause.end:
            self._close_pause()

    def _close_pause(self) -> None:
        if self._pause is not None:
            self._log.revise(self._pause, FindingState.CLOSED)
        self._pause = None

    def _listen(self, quality: Quality, clear_since: int) -> None:
        settings = self._log.settings
        heard = [*self._provisional, *([self._last.sample] if self._last is not None else [])]
        last = max(heard, default=-1)
        seen = last >= clear_since
        since = last if seen else clear_since
        limit_s = settings.asystole_s if seen else settings.asystole_unseen_s
        if quality.end - since >= self._log.samples(limit_s + settings.detector_delay_s):
            self._open_asystole(since, quality.end, quality.level)

    def _lasting(self, onset: int, end: int) -> tuple[Measure, ...]:
        return (measure("duration", self._log.seconds(end - onset)),)

    def _open_asystole(self, onset: int, end: int, quality: QualityLevel) -> None:
        last = [self._last] if self._last is not None and self._last.sample <= onset else []
        self._asystole = self._log.open(
            "asystole",
            lead=self._lead,
            onset=onset,
            end=end,
            outcome=by_rule("asystole"),
            measures=self._lasting(onset, end),
            quality=quality,
            beats=beat_evidence(last),
        )

    def _close_asystole(self, at: int) -> None:
        if self._asystole is not None:
            end = max(at, self._asystole.end)
            self._log.revise(
                self._asystole, FindingState.CLOSED, end=end, measures=self._lasting(self._asystole.onset, end)
            )
        self._asystole = None
