"""Atrial fibrillation and flutter, from the rhythm's name."""

from collections import deque
from dataclasses import replace

from biosignal.events import Finding, FindingState, Mark, Measure, Prediction
from biosignal.tasks.ecg_rhythm.kinds import INTERVALS, P_LIKENESS
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.naming import LATELY, Named
from biosignal.tasks.ecg_rhythm.onset import Before, probable, probable_lately
from biosignal.tasks.finding_log import FindingLog, mark_set, worst_quality

AF, AFL = "af", "afl"
EARLY = "S"
KINDS = (AF, AFL)
DAY_S = 86400.0
KEPT = 16
"""How many marks are remembered to find where a rhythm began."""
KEPT_EARLY = 256
"""How many beats that were called early are remembered, more than lie between so many marks."""


class AtrialRule:
    """Reports `af` and `afl`.

    One opens when it is as probable as `af_open` or `afl_open`, and began where it had last become as probable as
    `af_close` or `afl_close`; it closes where it falls below that. By many intervals and the shapes of beats the
    network is surer than it should be where there is much ectopy, so `af_open_long` and `af_close_long` hold there.
    Where fibrillation has just begun that history is mostly of what was before: by the last few beats alone it opens at
    `af_open_lately` where what was before them was something else (`Before`), and is held by them from
    `af_close_lately` on until the whole history holds it.

    While one is open the other is not told. Where no rhythm could be named for `atrial_hold_s`, it ended where it was
    last seen. `atrial_burden` is the share of the last 24 hours, or of the time since the recording began, that lay in
    findings of its kind. In neither is a beat early: those that are called so are counted (`s_unassessed`), and were
    not assessed.
    """

    def __init__(self, log: FindingLog, limits: RhythmLimits) -> None:
        self._log = log
        self.limits = limits
        self._open: Finding | None = None
        self._named: deque[Named] = deque(maxlen=KEPT)
        self._before = Before()
        self._by_whole = True
        self._over: dict[str, deque[tuple[int, int]]] = {}
        self._shown: list[Mark] = []
        self._count = 0
        self._until = 0
        self._early: deque[int] = deque(maxlen=KEPT_EARLY)
        self._unassessed = 0

    @property
    def is_open(self) -> bool:
        """Whether one of the two goes on."""
        return self._open is not None

    def covers(self, sample: int) -> bool:
        """Whether a sample of the last 24 hours lies in one of the two, as far as it is known by now."""
        if self._open is not None and sample >= self._open.onset:
            return True
        return any(onset <= sample <= end for over in self._over.values() for onset, end in over)

    def on_beat(self, sample: int, label: str | None) -> None:
        """Take where a beat lies and what it was called, before the mark that covers it."""
        self._before.on_beat(label)
        if label == EARLY:
            self._early.append(sample)

    def on_named(self, named: Named) -> None:
        """Take the next name of the rhythm; one that was not answered changes nothing."""
        if not isinstance(named.mark.outcome, Prediction):
            return
        self._named.append(named)
        if self._open is not None:
            self._by_whole |= self._holds_whole(named.mark, self._open.kind)
            if self._holds(named, self._open.kind):
                self._go_on(named)
                return
            self._close(named.mark.start)
        for kind in KINDS:
            if self._opens(named, kind):
                self._begin(kind, self._first(kind))
                return

    def _opens(self, named: Named, kind: str) -> bool:
        limits, mark = self.limits, named.mark
        least = limits.af_open_long if self._is_long(mark) else limits.af_open
        self._by_whole = probable(mark, kind) >= (least if kind == AF else limits.afl_open)
        return self._by_whole or (kind == AF and self._before.begins(list(self._named), kind, limits))

    def _holds(self, named: Named, kind: str) -> bool:
        if not self._by_whole and kind == AF and probable_lately(named, kind) >= self.limits.af_close_lately:
            return True
        return self._holds_whole(named.mark, kind)

    def _holds_whole(self, mark: Mark, kind: str) -> bool:
        limits = self.limits
        least = limits.af_close_long if self._is_long(mark) else limits.af_close
        return probable(mark, kind) >= (least if kind == AF else limits.afl_close)

    def _is_long(self, mark: Mark) -> bool:
        """Whether many intervals and shapes were looked at; shapes are where the likeness of P waves is known."""
        return mark.number(P_LIKENESS) is not None and (mark.number(INTERVALS) or 0) >= self.limits.long_intervals

    def on_time(self, at: int) -> None:
        """Say that it is sample `at`: what nothing was said of for long is over."""
        if self._open is not None and at - self._until > self._log.samples(self.limits.atrial_hold_s):
            self.on_break()

    def on_break(self) -> None:
        """Nothing more can be said: it ended where it was last seen."""
        if self._open is not None:
            self._close(self._until)
        self._named.clear()

    def _first(self, kind: str) -> int:
        """Index of the first of the latest marks in a row that are as probable as what closes it, behind the other."""
        first = len(self._named) - 1
        while first and self._named[first - 1].mark.start >= self._until:
            if not self._holds(self._named[first - 1], kind):
                break
            first -= 1
        return first

    def _begin(self, kind: str, first: int) -> None:
        latest, marks = self._named[-1], [one.mark for one in self._named][first:]
        self._by_whole = self._by_whole or self._holds_whole(latest.mark, kind)
        self._shown, self._count = marks, len(marks)
        self._until = marks[-1].end
        self._unassessed = self._early_between(marks[0].start - 1, self._until)
        self._open = self._log.open(
            kind,
            onset=marks[0].start,
            end=self._until,
            outcome=replace(self._answer_of(latest), label=kind),
            measures=self._measures(kind, marks[0].start, latest),
            quality=worst_quality(marks),
            marks=mark_set(marks),
        )

    def _answer_of(self, named: Named) -> Prediction:
        """Give the answer that a finding rests on; `sinus` may lead in it where one is held."""
        answer = named.mark.outcome if self._by_whole else named.lately
        assert isinstance(answer, Prediction), "what opens or holds a finding was answered"
        return answer

    def _go_on(self, named: Named) -> None:
        assert self._open is not None, "only what is open goes on"
        mark = named.mark
        self._unassessed += self._early_between(self._until, mark.end)
        self._until, self._count = mark.end, self._count + 1
        self._shown = [*self._shown, mark][:KEPT]
        if self._log.is_due(self._open):
            self._revise(FindingState.EXTENDED, mark.end, self._measures(self._open.kind, self._open.onset, named))

    def _early_between(self, after: int, until: int) -> int:
        return sum(after < sample <= until for sample in self._early)

    def _close(self, end: int) -> None:
        assert self._open is not None, "only what is open closes"
        self._until = max(self._open.onset, end)
        counted = ("duration", "atrial_burden", "s_unassessed")
        kept = [one for one in self._open.evidence.measures if one.name not in counted]
        unassessed = (self._log.measure("s_unassessed", self._unassessed),) if self._unassessed else ()
        lasting = self._lasting(self._open.kind, self._open.onset)
        self._revise(FindingState.CLOSED, self._until, (*lasting, *kept, *unassessed))
        self._over.setdefault(self._open.kind, deque()).append((self._open.onset, self._until))
        self._open = None

    def _revise(self, state: FindingState, end: int, measures: tuple[Measure, ...]) -> None:
        assert self._open is not None, "only what is open is revised"
        marks = mark_set(self._shown, self._count)
        self._open = self._log.revise(self._open, state, end=end, measures=measures, marks=marks)

    def _measures(self, kind: str, onset: int, latest: Named) -> tuple[Measure, ...]:
        return (
            *self._lasting(kind, onset),
            self._log.measure("probability", dict(self._answer_of(latest).scores)[kind]),
            *((self._log.measure("s_unassessed", self._unassessed),) if self._unassessed else ()),
            *self._looked_at(latest.mark),
        )

    def _looked_at(self, mark: Mark) -> tuple[Measure, ...]:
        """Give how alike P waves are; where the last few beats decide, how few they are."""
        if not self._by_whole:
            return (self._log.measure(INTERVALS, LATELY),)
        likeness = mark.number(P_LIKENESS)
        return () if likeness is None else (self._log.measure(P_LIKENESS, max(likeness, 0.0)),)

    def _lasting(self, kind: str, onset: int) -> tuple[Measure, ...]:
        log, until = self._log, max(self._until, onset)
        since = max(0, until - log.samples(DAY_S))
        over = self._over.setdefault(kind, deque())
        while over and over[0][1] <= since:
            over.popleft()
        lasted = sum(end - max(start, since) for start, end in over) + until - max(onset, since)
        return (
            log.measure("duration", log.seconds(until - onset)),
            log.measure("atrial_burden", 100.0 * lasted / max(until - since, 1)),
        )
