"""The stage that looks for seizure candidates on all EEG leads together."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from biosignal.eeg.montage import bipolar
from biosignal.events import Event, Mark, Reading
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.stage import Item
from biosignal.tasks.eeg_seizure.baseline import Baseline
from biosignal.tasks.eeg_seizure.conditioning import Conditioning
from biosignal.tasks.eeg_seizure.kinds import BASELINE, FINDINGS, NAME, OWN, PRIOR, QUANTITIES
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.eeg_seizure.measuring import Measuring, Second
from biosignal.tasks.eeg_seizure.quality import ChannelQuality
from biosignal.tasks.eeg_seizure.rule import CandidateRule
from biosignal.tasks.eeg_seizure.voting import Vote, vote
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.task import TaskFacts

HOLDS_S = 2.0
"""The reading of the baseline expires after this long."""


class SeizureStage:
    """Measures each second when its samples are in, and decides it when the quality of its leads is known."""

    def __init__(self, facts: TaskFacts, limits: SeizureLimits) -> None:
        self._facts = facts
        self._limits = limits
        self._montage = bipolar(facts.names)
        self._log = FindingLog(
            facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES, extend_every_s=limits.extend_every_s
        )
        self._rule = CandidateRule(self._log, self._montage, limits)
        self.watermark = 0
        self._restart()

    def _restart(self) -> None:
        self._conditioning = Conditioning(self._facts.leads, self._montage, fs_hz=self._facts.fs_hz)
        self._measuring: Measuring | None = None
        self._baseline = Baseline(len(self._montage.rows), self._limits)
        self._quality = ChannelQuality(self._facts.names, self._montage)
        self._due: deque[Second] = deque()

    def set_limits(self, limits: SeizureLimits, /) -> None:
        """Take other limits from the next second on; the baseline keeps the length and prior it began with."""
        self._limits = limits
        self._log.extend_every_s = limits.extend_every_s
        self._rule.set_limits(limits)

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of all leads, a second of signal quality, or a gap."""
        if isinstance(item, SampleBlock):
            if self._measuring is None:
                self._measuring = Measuring(fs_hz=self._facts.fs_hz, start=item.start, channels=len(self._montage.rows))
            self._due.extend(self._measuring.push(self._conditioning.push(item.samples)))
            return ()
        if isinstance(item, Mark):
            self._quality.push(item)
            return ()
        return self._push_gap(item) if isinstance(item, Gap) else ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Decide the seconds whose quality was said."""
        events = list(self._decided(until)) if self._due and self._due[0].end <= until else ()
        self.watermark = until
        return events

    def finish(self) -> Iterator[Event]:
        """Decide what is there, and close what is open."""
        yield from self._end_stretch()

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        yield from self._end_stretch(gap.start)
        self._restart()

    def _end_stretch(self, at: int = 0) -> Iterator[Event]:
        if self._due:
            yield from self._decided(self._due[-1].end)
        self._log.clock = max(self._log.clock, at)
        self._rule.on_break()
        yield from self._log.drain()

    def _decided(self, until: int) -> Iterator[Event]:
        while self._due and self._due[0].end <= until:
            yield from self._decide(self._due.popleft())

    def _decide(self, second: Second) -> Iterator[Event]:
        self._log.clock = second.end - 1
        trusted = self._quality.trusted(second.end)
        counted = vote(second, self._baseline.levels, trusted, self._limits)
        own_share = self._own_share(counted)
        was_open = self._rule.is_open
        mark = self._rule.on_vote(counted, own_share)
        if self._rule.is_open and not was_open:
            self._baseline.forget_waiting()
        self._learn(second, counted)
        yield self._reading(second, own_share)
        if mark is not None:
            yield mark
        yield from self._log.drain()

    def _own_share(self, counted: Vote) -> float:
        """The patient's share of the baselines that matter: of the channels that vote, else of all."""
        shares = self._baseline.own_share
        return float(np.min(shares[counted.votes] if counted.votes.any() else shares))

    def _learn(self, second: Second, counted: Vote) -> None:
        """A candidate is not what is usual, unless it goes on for longer than anybody can call it one."""
        is_held = self._rule.is_open and second.end - self._rule.began < self._log.samples(self._limits.hold_s)
        usable = np.zeros_like(counted.usable) if is_held or counted.is_on else counted.usable
        self._baseline.push(np.stack((second.line_length, second.amplitude)), usable)

    def _reading(self, second: Second, own_share: float) -> Reading:
        return Reading(
            task=NAME,
            quantity=BASELINE,
            leads=self._facts.names,
            fs_hz=self._facts.fs_hz,
            at=second.end - 1,
            until=second.end + self._log.samples(HOLDS_S),
            label=OWN if own_share >= 1.0 else PRIOR,
        )


def make_stage(facts: TaskFacts, _model: Model | None, limits: SeizureLimits) -> SeizureStage:
    """Make the stage of all leads."""
    return SeizureStage(facts, limits)
