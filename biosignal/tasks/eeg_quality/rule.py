"""Technical findings of leads that stay bad: one for each cause and moment, and one for all where most are bad."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Finding, FindingState, Outcome, QualityLevel, Unavailable
from biosignal.tasks.eeg_quality.bridges import Pair
from biosignal.tasks.eeg_quality.kinds import BRIDGED, LOST, NAME, OFF, POOR, REASONS, RULES, Grade
from biosignal.tasks.eeg_quality.limits import EegQualityLimits
from biosignal.tasks.finding_log import FindingLog, by_rule

MOST_SHARE = 0.5
FEWEST = 4
"""Where half of the leads are bad, and so many at least, it is not each of their electrodes."""
IS_OFF = (Grade.MISSING, Grade.LEAD_OFF, Grade.FLAT, Grade.SATURATED)


@dataclass(slots=True, eq=False)
class _Open:
    """A finding that is open: the leads it is about, and since when all of them are good again."""

    finding: Finding
    leads: NDArray[np.intp]
    end: int
    good_since: int | None = None


class LeadsRule:
    """Opens a finding after `bad_signal_s` of rejected signal, closes it after `good_signal_s` that is not rejected."""

    def __init__(self, log: FindingLog, leads: Sequence[str], limits: EegQualityLimits) -> None:
        self._log = log
        self._names = leads
        self.limits = limits
        self._bad_since = np.full(len(leads), -1)
        self._open: list[_Open] = []
        self._bridged_since: int | None = None
        self._bridge: _Open | None = None

    def on_second(self, start: int, end: int, grades: NDArray[np.int64], bridges: Sequence[Pair]) -> None:
        """Take one second: the grade of each lead, and which pairs are one."""
        if bridges or self._bridge is not None or self._bridged_since is not None:
            self._bridges(start, end, bridges)
        bad = grades >= int(Grade.POP)
        if not self._open and not bad.any():
            self._bad_since.fill(-1)
            return
        self._bad_since = np.where(bad, np.where(self._bad_since < 0, start, self._bad_since), -1)
        self._go_on(start, end, bad)
        self._begin(end, bad, grades)

    def on_break(self) -> None:
        """Samples are missing: what was open ends with the last second seen."""
        for one in [*self._open, *([self._bridge] if self._bridge is not None else [])]:
            self._revise(one, FindingState.CLOSED)
        self._open, self._bridge, self._bridged_since = [], None, None
        self._bad_since[:] = -1

    def _go_on(self, start: int, end: int, bad: NDArray[np.bool_]) -> None:
        """Prolong what is still bad, close what has been good for long enough."""
        enough, still = self._log.samples(self.limits.good_signal_s), []
        for one in self._open:
            is_lost = one.finding.kind == LOST
            if self._are_most(bad) if is_lost else bad[one.leads].any():
                one.end, one.good_since = end, None
                if self._log.is_due(one.finding):
                    self._revise(one, FindingState.EXTENDED)
            else:
                one.good_since = start if one.good_since is None else one.good_since
            if one.good_since is not None and end - one.good_since >= enough:
                self._revise(one, FindingState.CLOSED)
            else:
                still.append(one)
        self._open = still

    def _begin(self, end: int, bad: NDArray[np.bool_], grades: NDArray[np.int64]) -> None:
        if any(one.finding.kind == LOST for one in self._open):
            return
        known = np.zeros(len(bad), np.bool_)
        for one in self._open:
            known[one.leads] = True
        bad_for = np.where(bad, end - self._bad_since, 0)
        enough = self._log.samples(self.limits.bad_signal_s)
        # What failed together rarely does so in the same second: whoever is half way there comes along.
        coming = bad_for >= enough / 2
        if not np.any(bad_for[~known] >= enough):
            return
        if self._are_most(coming):
            for one in self._open:
                self._revise(one, FindingState.CLOSED)
            self._open = [self._opened(LOST, np.flatnonzero(coming), end, grades)]
            return
        off = np.isin(grades, IS_OFF)
        for kind, of_kind in ((OFF, off & ~known), (POOR, ~off & ~known)):
            if np.any(bad_for[of_kind] >= enough):
                self._open.append(self._opened(kind, np.flatnonzero(coming & of_kind), end, grades))

    def _are_most(self, which: NDArray[np.bool_]) -> bool:
        return int(np.count_nonzero(which)) >= max(FEWEST, MOST_SHARE * len(which))

    def _opened(self, kind: str, leads: NDArray[np.intp], end: int, grades: NDArray[np.int64]) -> _Open:
        worst = Grade(int(np.max(grades[leads])))
        reason = Unavailable(task=NAME, reason=REASONS[worst])
        onset = int(np.min(self._bad_since[leads]))
        return self._make(kind, leads, onset, end, reason, QualityLevel.REJECTED)

    def _make(
        self, kind: str, leads: NDArray[np.intp], onset: int, end: int, outcome: Outcome, quality: QualityLevel
    ) -> _Open:
        finding = self._log.open(
            kind,
            onset=onset,
            end=end,
            outcome=outcome,
            measures=(self._log.measure("duration", self._log.seconds(end - onset)),),
            quality=quality,
            leads=tuple(self._names[lead] for lead in leads),
        )
        return _Open(finding, leads, end)

    def _bridges(self, start: int, end: int, bridges: Sequence[Pair]) -> None:
        if not bridges:
            self._bridged_since = None
            if self._bridge is not None:
                one = self._bridge
                one.good_since = start if one.good_since is None else one.good_since
                if end - one.good_since >= self._log.samples(self.limits.good_signal_s):
                    self._revise(one, FindingState.CLOSED)
                    self._bridge = None
            return
        self._bridged_since = start if self._bridged_since is None else self._bridged_since
        if self._bridge is not None:
            self._bridge.end, self._bridge.good_since = end, None
            if self._log.is_due(self._bridge.finding):
                self._revise(self._bridge, FindingState.EXTENDED)
        elif end - self._bridged_since >= self._log.samples(self.limits.bridged_s):
            leads = np.array(sorted({lead for pair in bridges for lead in pair}), np.intp)
            outcome = by_rule(NAME, RULES, BRIDGED)
            onset = self._bridged_since
            self._bridge = self._make(BRIDGED, leads, onset, end, outcome, QualityLevel.DEGRADED)

    def _revise(self, one: _Open, state: FindingState) -> None:
        measures = (self._log.measure("duration", self._log.seconds(one.end - one.finding.onset)),)
        one.finding = self._log.revise(one.finding, state, end=one.end, measures=measures)
