"""When a statement persists: so many windows of the last ones at or above its limit. It informs and never alarms."""

from collections import deque
from collections.abc import Mapping

from biosignal.events import Finding, FindingState, Mark, Measure, Prediction
from biosignal.tasks.ecg_diagnosis.kinds import NAME, PERSISTING, PROBABILITY, RULES, SHOWN, WINDOWS
from biosignal.tasks.ecg_diagnosis.limits import DiagnosisLimits
from biosignal.tasks.finding_log import FindingLog, by_rule, mark_sets, worst_quality


def limit_of(limits: DiagnosisLimits) -> Mapping[str, float]:
    """Give the probability from which on a window counts, by statement."""
    return {
        "MI": limits.infarction_from,
        "STTC": limits.st_t_from,
        "CD": limits.conduction_from,
        "HYP": limits.hypertrophy_from,
    }


class Persistence:
    """Opens, extends and closes the findings.

    A window that was not answered, or saw too few leads, is neither for nor against: it is passed over. Once as many as
    a finding is looked for in were passed over, what was open ends: nobody sees it any more.
    """

    def __init__(self, log: FindingLog, limits: DiagnosisLimits) -> None:
        self.limits = limits
        self._log = log
        self._last: deque[Mark] = deque()
        self._passed_over = 0
        self._open: dict[str, Finding] = {}
        self._counted: dict[str, list[Mark]] = {}

    def on_mark(self, mark: Mark) -> None:
        """Take the next window."""
        if not isinstance(mark.outcome, Prediction) or (mark.number(SHOWN) or 0.0) < self.limits.least_leads:
            self._passed_over += 1
            if self._passed_over >= self.limits.within:
                self.on_break()
            return
        self._passed_over = 0
        self._last.append(mark)
        while len(self._last) > self.limits.within:
            self._last.popleft()
        for statement, least in limit_of(self.limits).items():
            self._count(statement, least, mark)

    def on_break(self) -> None:
        """A gap, or the end: all that is open ends."""
        for statement in list(self._open):
            self._close(statement)
        self._last.clear()
        self._passed_over = 0

    def _count(self, statement: str, least: float, mark: Mark) -> None:
        stating = [one for one in self._last if _probability(one, statement) >= least]
        finding = self._open.get(statement)
        if finding is None:
            if len(stating) >= self.limits.persist:
                self._begin(statement, stating)
        elif not stating:
            self._close(statement)
        elif stating[-1] is mark:
            self._counted[statement].append(mark)
            if self._log.is_due(finding):
                self._open[statement] = self._revised(statement, FindingState.EXTENDED)

    def _begin(self, statement: str, stating: list[Mark]) -> None:
        self._counted[statement] = stating
        kind = PERSISTING[statement]
        self._open[statement] = self._log.open(
            kind,
            onset=stating[0].start,
            end=stating[-1].end,
            outcome=by_rule(NAME, RULES, kind),
            measures=self._measures(statement),
            quality=worst_quality(stating),
            marks=mark_sets(stating),
            leads=max((mark.leads for mark in stating), key=len),
        )

    def _close(self, statement: str) -> None:
        self._revised(statement, FindingState.CLOSED)
        del self._open[statement], self._counted[statement]

    def _revised(self, statement: str, state: FindingState) -> Finding:
        counted = self._counted[statement]
        return self._log.revise(
            self._open[statement],
            state,
            end=counted[-1].end,
            measures=self._measures(statement),
            marks=mark_sets(counted),
        )

    def _measures(self, statement: str) -> tuple[Measure, ...]:
        counted = self._counted[statement]
        mean = sum(_probability(one, statement) for one in counted) / len(counted)
        return self._log.measure(PROBABILITY, mean), self._log.measure(WINDOWS, len(counted))


def _probability(mark: Mark, statement: str) -> float:
    said = mark.outcome
    return dict(said.scores).get(statement, 0.0) if isinstance(said, Prediction) else 0.0
