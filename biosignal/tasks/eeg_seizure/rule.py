"""Seconds to candidates: when one begins, how it goes on, and which close together are one."""

import math
from collections import deque
from collections.abc import Sequence

from biosignal.eeg.montage import Montage
from biosignal.events import Finding, FindingState, Mark, MarkState, Measure, QualityLevel, mark_id
from biosignal.tasks.eeg_seizure.kinds import (
    CANDIDATE,
    EARLY,
    LATEST_HZ,
    NAME,
    OWN_BASELINE,
    PATTERN,
    RHYTHM_HZ,
    RISE,
    SHARE,
    by_rule,
)
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.voting import Vote
from biosignal.tasks.finding_log import FindingLog, mark_set

MOST = 4.0
"""A second weighs so many times the limit of the evidence at the most: one alone makes no candidate."""
MOST_LEADS = 8
"""A finding names the leads that showed it first, so many at the most."""


class CandidateRule:
    """Reports candidates, each with the mark of the stretch that made it, from the seconds in their order.

    One is open until nothing was on for `merge_s`, so that what comes again within that time is the same candidate; it
    ends where it was last on. One found early is closed in favour of a candidate of full priority when its rhythm
    becomes strong.
    """

    def __init__(self, log: FindingLog, montage: Montage, limits: SeizureLimits) -> None:
        self._log = log
        self._montage = montage
        self.limits = limits
        self._recent: deque[Vote] = deque(maxlen=limits.of_s)
        self._open: Finding | None = None
        self._until = 0
        self._share = self._rise = 0.0
        self._first_hz = self._latest_hz = math.nan

    @property
    def is_open(self) -> bool:
        """Whether a candidate goes on or may still come again."""
        return self._open is not None

    def holds(self, at: int) -> bool:
        """Whether, at sample `at`, a candidate is open that the baseline must not learn."""
        if self._open is None:
            return False
        most_s = self.limits.early_hold_s if self._open.kind == EARLY else self.limits.hold_s
        return at - self._open.onset < self._log.samples(most_s)

    def set_limits(self, limits: SeizureLimits) -> None:
        """Take other limits; the last seconds are counted anew, what is open goes on."""
        self.limits = limits
        self._recent = deque(maxlen=limits.of_s)

    def on_vote(self, vote: Vote, own_share: float) -> Mark | None:
        """Take the next second and how much of the baseline is the patient's own; give the mark of what begins."""
        self._recent.append(vote)
        on = [one for one in self._recent if one.is_on]
        limits, weights = self.limits, [one.evidence for one in self._recent]
        enough = sum(min(weight, MOST * limits.evidence) for weight in weights) > limits.of_s * limits.evidence
        fires = len(on) >= limits.on_s and enough
        is_strong = fires and sum(weights) > limits.of_s * limits.strong_evidence
        if self._open is None:
            return self._begin(on, own_share, is_strong=is_strong) if fires else None
        if fires:
            self._go_on(vote)
            if self._open.kind == EARLY and is_strong:
                self._close()
                return self._begin(on, own_share, is_strong=True)
        elif vote.end - self._until >= self._log.samples(self.limits.merge_s):
            self._close()
        return None

    def on_break(self) -> None:
        """Nothing more can be said: it ended where it was last seen."""
        self._close()
        self._recent.clear()

    def _begin(self, on: Sequence[Vote], own_share: float, *, is_strong: bool) -> Mark:
        kind = CANDIDATE if is_strong or own_share >= 1.0 else EARLY
        self._until = on[-1].end
        self._share, self._rise, self._first_hz, self._latest_hz = 0.0, 0.0, math.nan, math.nan
        for one in on:
            self._measure(one)
        mark = self._mark(on, kind)
        self._open = self._log.open(
            kind,
            onset=on[0].start,
            end=self._until,
            outcome=by_rule(kind),
            measures=(*self._measures(on[0].start), self._log.measure(OWN_BASELINE, 100.0 * own_share)),
            quality=QualityLevel.USABLE,
            marks=mark_set([mark]),
            leads=mark.leads,
        )
        return mark

    def _go_on(self, vote: Vote) -> None:
        assert self._open is not None, "only what is open goes on"
        self._until = vote.end
        self._measure(vote)
        if self._log.is_due(self._open):
            self._revise(FindingState.EXTENDED)

    def _measure(self, vote: Vote) -> None:
        self._share = max(self._share, vote.share)
        if vote.votes.any():
            self._rise, self._latest_hz = max(self._rise, vote.rise), vote.hz
            self._first_hz = vote.hz if math.isnan(self._first_hz) else self._first_hz

    def _close(self) -> None:
        if self._open is not None:
            self._revise(FindingState.CLOSED)
        self._open = None

    def _revise(self, state: FindingState) -> None:
        assert self._open is not None, "only what is open is revised"
        kept = [one for one in self._open.evidence.measures if one.name == OWN_BASELINE]
        measures = (*self._measures(self._open.onset), *kept)
        self._open = self._log.revise(self._open, state, end=self._until, measures=measures)

    def _measures(self, onset: int) -> tuple[Measure, ...]:
        log = self._log
        rhythm = (log.measure(RHYTHM_HZ, self._first_hz), log.measure(LATEST_HZ, self._latest_hz))
        return (
            log.measure("duration", log.seconds(self._until - onset)),
            log.measure(RISE, math.exp(self._rise)),
            *(() if math.isnan(self._first_hz) else rhythm),
            log.measure(SHARE, 100.0 * self._share),
        )

    def _mark(self, on: Sequence[Vote], kind: str) -> Mark:
        facts, leads = self._log.facts, self._leads(on)
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=PATTERN.name, leads=leads, start=on[0].start),
            task=NAME,
            kind=PATTERN.name,
            recording=facts.recording,
            leads=leads,
            start=on[0].start,
            end=on[-1].end,
            decided_at=self._log.clock,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE,
            outcome=by_rule(kind),
            numbers=tuple((one.name, one.value) for one in self._measures(on[0].start) if one.name in PATTERN.numbers),
        )

    def _leads(self, on: Sequence[Vote]) -> tuple[str, ...]:
        """Name the leads of the channels that voted, those of the earliest second first."""
        names = self._log.facts.names
        found: dict[str, None] = {}
        for second in on:
            for made, votes in zip(self._montage.rows, second.votes, strict=True):
                if votes:
                    found.update(dict.fromkeys(names[row] for row in (made.plus, made.minus) if row is not None))
        return tuple(found)[:MOST_LEADS]
