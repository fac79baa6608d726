"""From what was measured of each second to findings: the baseline, the votes of the channels and the candidates."""

from dataclasses import dataclass

import numpy as np

from biosignal.eeg.montage import Montage
from biosignal.events import Finding, Mark
from biosignal.tasks.eeg_seizure.baseline import Baseline
from biosignal.tasks.eeg_seizure.kinds import FINDINGS, NAME, QUANTITIES
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.measuring import Second
from biosignal.tasks.eeg_seizure.rule import CandidateRule
from biosignal.tasks.eeg_seizure.voting import Mask, Vote, vote
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.task import TaskFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a second brought: how much of the baseline is the patient's own, the mark of what began, and findings."""

    own_share: float
    mark: Mark | None
    findings: list[Finding]


class Decider:
    """Decides the seconds of one recording in their order, stretch by stretch."""

    def __init__(self, facts: TaskFacts, montage: Montage, limits: SeizureLimits) -> None:
        self._limits = limits
        self._channels = len(montage.rows)
        self._log = FindingLog(
            facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES, extend_every_s=limits.extend_every_s
        )
        self._rule = CandidateRule(self._log, montage, limits)
        self.restart()

    def restart(self) -> None:
        """Behind a gap nothing is known of the patient."""
        self._baseline = Baseline(self._channels, self._limits)

    def set_limits(self, limits: SeizureLimits) -> None:
        """Take other limits from the next second on; the baseline keeps the length and prior it began with."""
        self._limits = limits
        self._log.extend_every_s = limits.extend_every_s
        self._rule.set_limits(limits)

    def decide(self, second: Second, trusted: Mask) -> Said:
        """Take the next second; `trusted` says of each channel whether its signal can be."""
        self._log.clock = second.end - 1
        counted = vote(second, self._baseline.levels, trusted, self._limits)
        own_share = self._own_share(counted)
        was_open = self._rule.is_open
        mark = self._rule.on_vote(counted, own_share)
        if self._rule.is_open and not was_open:
            self._baseline.forget_waiting()
        self._learn(second, counted)
        return Said(own_share=own_share, mark=mark, findings=self._log.drain())

    def end(self, at: int = 0) -> list[Finding]:
        """Close what is open: a gap begins at sample `at`, or the recording is over."""
        self._log.clock = max(self._log.clock, at)
        self._rule.on_break()
        return self._log.drain()

    def _own_share(self, counted: Vote) -> float:
        """The patient's share of the baselines that matter: of the channels that vote, else of all."""
        shares = self._baseline.own_share
        return float(np.min(shares[counted.votes] if counted.votes.any() else shares))

    def _learn(self, second: Second, counted: Vote) -> None:
        """A candidate is not what is usual, unless it goes on for longer than anybody can call it one."""
        usable = np.zeros_like(counted.usable) if self._rule.holds(second.end) else counted.usable
        self._baseline.push(np.stack((second.line_length, second.amplitude)), usable)
