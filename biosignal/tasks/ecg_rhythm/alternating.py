"""Bigeminy and trigeminy: every second or every third beat is ventricular."""

from collections.abc import Mapping

from biosignal.events import Finding, FindingState, Mark, Measure
from biosignal.tasks.ecg_rhythm.kinds import by_rule
from biosignal.tasks.finding_log import EVIDENCE_MARKS, FindingLog, mark_set, worst_quality

KINDS: Mapping[int, str] = {2: "bigeminy", 3: "trigeminy"}
AT_LEAST = 3
"""So many ventricular beats, each as many beats behind the last, make the rhythm."""


class AlternatingRule:
    """Reports `bigeminy` and `trigeminy`, from the first ventricular beat of a row to its last.

    A row ends where the next beat of it should have been ventricular and was not, where one comes sooner, and where an
    interval cannot be trusted.
    """

    def __init__(self, log: FindingLog) -> None:
        self._log = log
        self._open: Finding | None = None
        self._begin()

    def _begin(self, *row: Mark) -> None:
        self._row = list(row)
        self._count = len(row)
        self._period = 0
        self._since = 0

    def on_beat(self, beat: Mark, rr_s: float | None) -> None:
        """Take a confirmed beat; `rr_s` is absent where the interval before it cannot be trusted."""
        if rr_s is None:
            self.on_break()
        self._since += 1
        if beat.label == "V":
            self._on_ventricular(beat)
        elif self._row and self._since >= (self._period or max(KINDS)):
            self.on_break()

    def on_break(self) -> None:
        """The row, if there is one, is over."""
        if self._open is not None:
            self._revise(FindingState.CLOSED)
        self._open = None
        self._begin()

    def _on_ventricular(self, beat: Mark) -> None:
        if not self._row or self._since not in KINDS or self._period not in (0, self._since):
            self.on_break()
            self._begin(beat)
            return
        self._period, self._since = self._since, 0
        self._row = [*self._row[: EVIDENCE_MARKS - 1], beat]
        self._count += 1
        if self._open is not None:
            if self._log.is_due(self._open):
                self._open = self._revise(FindingState.EXTENDED)
        elif self._count >= AT_LEAST:
            kind = KINDS[self._period]
            self._open = self._log.open(
                kind,
                onset=self._row[0].start,
                end=beat.start,
                outcome=by_rule(kind),
                measures=self._measures(),
                quality=worst_quality(self._row),
                marks=mark_set(self._row, self._count),
            )

    def _revise(self, state: FindingState) -> Finding:
        assert self._open is not None, "only what is open is revised"
        marks = mark_set(self._row, self._count)
        end = self._row[-1].start
        return self._log.revise(self._open, state, end=end, measures=self._measures(), marks=marks)

    def _measures(self) -> tuple[Measure, ...]:
        lasting = self._log.seconds(self._row[-1].start - self._row[0].start)
        return (self._log.measure("v_beats", self._count), self._log.measure("duration", lasting))
