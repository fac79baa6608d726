"""When suppression of the whole head becomes a finding.

Burst suppression is, in the words of the American Clinical Neurophysiology Society (Hirsch 2021,
doi:10.1097/WNP.0000000000000806), EEG of which half or more is suppressed, with bursts between; suppressed EEG has
none. Their limit of 10 uV for a suppression is replaced by the variance of the last moment.
"""

from collections import deque

import numpy as np

from biosignal.events import Finding, FindingState, Mark, Measure, QualityLevel
from biosignal.tasks.eeg_trend.kinds import BSR, BURST_AMPLITUDE, BURST_SUPPRESSION, BURSTS, SUPPRESSED, by_rule
from biosignal.tasks.eeg_trend.limits import EegTrendLimits
from biosignal.tasks.eeg_trend.minutes import MINUTE_S
from biosignal.tasks.eeg_trend.suppressed import HeadSecond
from biosignal.tasks.finding_log import EVIDENCE_MARKS, FindingLog, mark_set

OPENS_AFTER_S = 50
"""So many seconds of the last minute must be fit before a finding opens."""
LEAST_S = 30
"""And so many for a ratio to be told at all."""
FEWEST_BURSTS = 2


class SuppressionRule:
    """Reports burst suppression and suppressed EEG by the last minute of the whole head; one of them at a time."""

    def __init__(self, log: FindingLog, limits: EegTrendLimits) -> None:
        self._log = log
        self.limits = limits
        self._second = round(log.fs_hz)
        self._open: Finding | None = None
        self._begin()

    def _begin(self) -> None:
        self._seconds: deque[HeadSecond] = deque()
        self._bursts: deque[Mark] = deque()
        self._shown: list[Mark] = []
        self._count = 0

    @property
    def ratio_percent(self) -> float | None:
        """The burst suppression ratio of the last minute; None where too little of it could be assessed."""
        fit = [one.suppressed for one in self._seconds if one.is_fit]
        return 100.0 * sum(fit) / (len(fit) * self._second) if len(fit) >= LEAST_S else None

    def on_second(self, second: HeadSecond, bursts: list[Mark]) -> None:
        """Take what is known of the next second, and the marks of the bursts that ended in it."""
        self._seconds.append(second)
        self._bursts += bursts
        oldest = second.number - MINUTE_S
        while self._seconds[0].number <= oldest:
            self._seconds.popleft()
        while self._bursts and self._bursts[0].end <= (oldest + 1) * self._second:
            self._bursts.popleft()
        if self._open is not None:
            self._shown = [*self._shown, *bursts][:EVIDENCE_MARKS]
            self._count += len(bursts)
        self._decide(second)

    def on_break(self) -> None:
        """Samples are missing: what was open ends where it was last seen."""
        self._close()
        self._begin()

    def _decide(self, second: HeadSecond) -> None:
        ratio = self.ratio_percent
        if ratio is None:
            # A minute that could not be assessed ends nothing before its seconds are gone.
            if self._open is not None and not any(one.is_fit for one in self._seconds):
                self._close()
            return
        kind = self._kind(ratio)
        if self._open is not None and self._is_over(ratio, kind):
            self._close()
        if self._open is not None:
            if self._log.is_due(self._open):
                self._revise(FindingState.EXTENDED, (second.number + 1) * self._second, ratio)
        elif kind is not None and sum(one.is_fit for one in self._seconds) >= OPENS_AFTER_S:
            self._begin_finding(kind, ratio, (second.number + 1) * self._second)

    def _kind(self, ratio: float) -> str | None:
        limits = self.limits
        if ratio >= limits.flat_percent and not self._bursts:
            return SUPPRESSED
        high = [mark for mark in self._bursts if (mark.number(BURST_AMPLITUDE) or 0.0) >= limits.burst_uv]
        is_bursting = ratio >= limits.open_percent and len(high) >= FEWEST_BURSTS and 2 * len(high) >= len(self._bursts)
        return BURST_SUPPRESSION if is_bursting else None

    def _is_over(self, ratio: float, kind: str | None) -> bool:
        assert self._open is not None, "only what is open can be over"
        if self._open.kind == SUPPRESSED:
            return ratio < self.limits.open_percent or kind == BURST_SUPPRESSION
        return ratio < self.limits.close_percent or kind == SUPPRESSED

    def _begin_finding(self, kind: str, ratio: float, end: int) -> None:
        first = next(one for one in self._seconds if one.is_fit and one.suppressed)
        self._shown, self._count = list(self._bursts)[:EVIDENCE_MARKS], len(self._bursts)
        self._open = self._log.open(
            kind,
            onset=first.number * self._second,
            end=end,
            outcome=by_rule(kind),
            measures=self._measures(ratio, first.number * self._second, end),
            quality=QualityLevel.USABLE,
            marks=mark_set(self._shown, self._count),
        )

    def _close(self) -> None:
        if self._open is not None:
            fit = [one for one in self._seconds if one.is_fit]
            end = (fit[-1].number + 1) * self._second if fit else self._open.end
            self._revise(FindingState.CLOSED, max(end, self._open.end), None)
        self._open = None

    def _revise(self, state: FindingState, end: int, ratio: float | None) -> None:
        assert self._open is not None, "only what is open is revised"
        if ratio is None:  # the minute that ends it says little of what it was
            duration = self._log.measure("duration", self._log.seconds(end - self._open.onset))
            kept = [one for one in self._open.evidence.measures if one.name != duration.name]
            measures: tuple[Measure, ...] = (*kept, duration)
        else:
            measures = self._measures(ratio, self._open.onset, end)
        marks = mark_set(self._shown, self._count)
        self._open = self._log.revise(self._open, state, end=end, measures=measures, marks=marks)

    def _measures(self, ratio: float, onset: int, end: int) -> tuple[Measure, ...]:
        log, fit_s = self._log, sum(one.is_fit for one in self._seconds)
        heights = [height for mark in self._bursts if (height := mark.number(BURST_AMPLITUDE)) is not None]
        return (
            log.measure(BSR, ratio),
            *((log.measure(BURSTS, 60.0 * len(heights) / fit_s),) if heights else ()),
            *((log.measure(BURST_AMPLITUDE, float(np.median(heights))),) if heights else ()),
            log.measure("duration", log.seconds(end - onset)),
        )
