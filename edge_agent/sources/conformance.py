"""What any source must keep, as checks that its author can run.

``for name, trouble in run_checks(Subject(make=...)): print(name, trouble or "kept")``; as a pytest class see
`edge_agent.sources.conformance_pytest`.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from biosignal.errors import BedsideError
from biosignal.signal.blocks import Gap, LeadKind, SampleBlock, Samples, Signal, Unit
from edge_agent.sources.port import Source, SourceFacts, SourceHealth, SourceState
from edge_agent.sources.rates import goes_on_at, leads_by_rate

RECORDING = "conformance"
STOP_S = 1.0
ONE_SAMPLE = 1.0 + 1e-6


class ContractBroken(BedsideError):
    """A source does not keep what `edge_agent.sources.port.Source` promises."""

    remedy = "see docs/plugins.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is checked.

    Parameters
    ----------
    make : a fresh source each time, not yet opened, as the factory of a plug-in makes it. Replays at full speed.
    seconds : of signal that each reading takes, unless the source ends before.
    limit_s : longest time such a reading may need.
    declares_invalid : whether the source marks invalid samples with NaN.
    """

    make: Callable[[], Source]
    seconds: float = 0.5
    limit_s: float = 20.0
    declares_invalid: bool = False


class _Step:
    """How far each rate has come, and whether they keep in step."""

    def __init__(self, facts: SourceFacts) -> None:
        self._fs_hz = facts.fs_hz
        self.samples = 0
        self.ends = dict.fromkeys(leads_by_rate(facts), 0)

    def expected(self, item: Signal) -> int:
        """Where the item must begin."""
        return self.ends.get(self._rate(item), 0)

    def add(self, item: Signal) -> None:
        """Count an item in."""
        self.ends[self._rate(item)] = item.end
        if isinstance(item, Gap):
            self.ends = {rate_hz: goes_on_at(item.end, self._fs_hz, rate_hz) for rate_hz in self.ends}
        elif self.is_own(item):
            self.samples += item.length

    def is_own(self, item: Signal) -> bool:
        """Whether the item counts at the recording's own rate."""
        return self._rate(item) == self._fs_hz

    def apart(self) -> dict[float, float]:
        """How many of its own samples each rate is ahead of the recording's own (or behind it, below 0)."""
        own = self.ends[self._fs_hz]
        return {rate_hz: end - own * rate_hz / self._fs_hz for rate_hz, end in self.ends.items()}

    def has(self, wanted: int) -> bool:
        """Whether so many samples of the recording's own rate have come, and those of other rates with them."""
        return self.samples >= wanted and min(self.apart().values()) > -ONE_SAMPLE

    def _rate(self, item: Signal) -> float:
        return self._fs_hz if isinstance(item, Gap) else item.fs_hz


@dataclass(slots=True)
class Taken:
    """What one reading gave: items in order, whether it ended by itself, and how long it went on after `close`."""

    items: list[Signal] = field(default_factory=list)
    ended: bool = False
    stop_s: float = 0.0
    healths: list[Any] = field(default_factory=list)
    failure: BaseException | None = None


class Trial:
    """A subject and the readings taken of it, so that several checks share one."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    @cached_property
    def facts(self) -> SourceFacts:
        """Facts of a fresh source."""
        source = self.subject.make()
        try:
            return source.recording_facts()
        finally:
            source.close()

    @cached_property
    def first(self) -> Taken:
        """One reading of a fresh source."""
        return self.take(self.subject.make())

    @cached_property
    def second(self) -> Taken:
        """One reading of another fresh source, after the first was closed."""
        assert self.first is not None
        return self.take(self.subject.make())

    def take(self, source: Source) -> Taken:
        """Open, read, watch the health, close twice."""
        facts = source.recording_facts()
        wanted = math.ceil(self.subject.seconds * facts.fs_hz)
        taken, enough = Taken(), threading.Event()
        source.open(RECORDING)
        reader = threading.Thread(target=_read, args=(source, facts, taken, enough, wanted), daemon=True)
        reader.start()
        due_s = time.monotonic() + self.subject.limit_s
        while reader.is_alive() and not enough.wait(0.02) and time.monotonic() < due_s:
            taken.healths.append(source.health())
        in_time = enough.is_set() or not reader.is_alive()
        closed_s = time.monotonic()
        source.close()
        reader.join(STOP_S + 4.0)
        taken.stop_s = time.monotonic() - closed_s if not reader.is_alive() else math.inf
        source.close()
        taken.healths.append(source.health())
        if taken.failure is not None:
            raise ContractBroken("reading failed", why=repr(taken.failure)) from taken.failure
        _hold(
            in_time,
            "the source gave too little",
            wanted=wanted,
            got=_samples(taken, facts),
            limit_s=self.subject.limit_s,
        )
        return taken


def _read(source: Source, facts: SourceFacts, taken: Taken, enough: threading.Event, wanted: int) -> None:
    step = _Step(facts)
    try:
        for item in source.read():
            if not enough.is_set():
                taken.items.append(item)
                step.add(item)
                if step.has(wanted):
                    enough.set()
        taken.ended = not enough.is_set()
    except BaseException as error:  # noqa: BLE001 - the border of the thread: the checks report it
        taken.failure = error


def _hold(kept: bool, promise: str, **facts: object) -> None:
    if not kept:
        raise ContractBroken(promise, remedy=None, **facts)


def _samples(taken: Taken, facts: SourceFacts) -> int:
    return sum(item.length for item in taken.items if isinstance(item, SampleBlock) and item.fs_hz == facts.fs_hz)


def facts_are_usable(trial: Trial) -> None:
    """Name, rates and leads are there, each lead with a name of its own, a unit and a kind; only a replay has a hash.

    A lead names a rate only where it is not the recording's own, and at least one lead has that one.
    """
    facts = trial.facts
    names = [lead.name for lead in facts.leads]
    _hold(bool(facts.name), "the recording has no name")
    _hold(math.isfinite(facts.fs_hz) and facts.fs_hz > 0, "the rate is not positive", fs_hz=facts.fs_hz)
    _hold(bool(names) and all(names) and len(set(names)) == len(names), "each lead needs its own name", leads=names)
    _hold(all(isinstance(lead.unit, Unit) for lead in facts.leads), "each lead needs a unit, `raw` where unknown")
    _hold(
        all(isinstance(lead.kind, LeadKind) for lead in facts.leads), "each lead needs a kind, `UNKNOWN` where unknown"
    )
    rates_hz = [lead.fs_hz for lead in facts.leads if lead.fs_hz is not None]
    _hold(
        all(math.isfinite(rate) and rate > 0 for rate in rates_hz), "a lead's rate is not positive", rates_hz=rates_hz
    )
    _hold(facts.fs_hz not in rates_hz, "a lead names a rate that is the recording's own", fs_hz=facts.fs_hz)
    _hold(len(rates_hz) < len(names), "no lead has the recording's own rate", fs_hz=facts.fs_hz)
    _hold((facts.content_hash is None) == facts.live, "a replay names its content, a live source cannot")
    _hold(facts.length is None or facts.length >= 0, "the length is negative", length=facts.length)


def items_follow_each_other(trial: Trial) -> None:
    """From sample 0 on, every item begins where the one before it of its rate ended, or the gap; no block is empty."""
    step = _Step(trial.facts)
    for item in trial.first.items:
        expected = step.expected(item)
        _hold(
            item.start == expected,
            "an item does not begin where the last one ended",
            start=item.start,
            expected=expected,
        )
        _hold(isinstance(item, Gap) or item.length > 0, "a block is empty", start=item.start)
        step.add(item)


def rates_keep_in_step(trial: Trial) -> None:
    """Blocks of the recording's own rate come first, those of every other rate with them, to within one sample."""
    step = _Step(trial.facts)
    for item in trial.first.items:
        if step.is_own(item):
            _hold(min(step.apart().values()) > -ONE_SAMPLE, "a rate stays behind", at=item.start, samples=step.apart())
        step.add(item)
        _hold(max(step.apart().values()) < ONE_SAMPLE, "a rate is ahead of the recording's own", samples=step.apart())
    _hold(min(step.apart().values()) > -ONE_SAMPLE, "a rate ends too early", samples=step.apart())


def gaps_are_honest(trial: Trial) -> None:
    """A gap has a reason and no negative length; a recording read to its end is as long as its facts said."""
    taken, step = trial.first, _Step(trial.facts)
    for item in taken.items:
        step.add(item)
        if isinstance(item, Gap):
            _hold(type(item.length) is int and item.length >= 0, "a gap's length is no count", length=item.length)
            _hold(bool(item.reason), "a gap has no reason", start=item.start)
    if taken.ended and taken.items and trial.facts.length is not None:
        end = step.ends[trial.facts.fs_hz]
        _hold(end == trial.facts.length, "the length is not what the facts said", facts=trial.facts.length, read=end)


def layout_is_constant(trial: Trial) -> None:
    """Every block has the leads that the facts give its rate, and every item the id given to `open`."""
    layouts = leads_by_rate(trial.facts)
    for item in trial.first.items:
        _hold(item.recording == RECORDING, "an item has another recording id", recording=item.recording)
        if isinstance(item, SampleBlock):
            _hold(item.fs_hz in layouts, "a block has a rate that the facts do not name", fs_hz=item.fs_hz)
            _hold(item.leads == layouts[item.fs_hz], "a block has other leads than the facts", start=item.start)


def values_are_numbers(trial: Trial) -> None:
    """No infinity; NaN only where the source declares samples invalid that way."""
    for item in trial.first.items:
        if isinstance(item, SampleBlock):
            _hold(not np.isinf(item.samples).any(), "a sample is infinite", start=item.start)
            is_nan = bool(np.isnan(item.samples).any())
            _hold(trial.subject.declares_invalid or not is_nan, "a sample is NaN, undeclared", start=item.start)


def reading_stops_when_closed(trial: Trial) -> None:
    """`read` ends within a second of `close`, called from another thread; `close` may be called again."""
    _hold(trial.first.stop_s <= STOP_S, "reading went on after close", seconds=round(trial.first.stop_s, 2))


def another_can_be_opened(trial: Trial) -> None:
    """When a source is closed, its port or file is free: another one reads, and it closes as well."""
    second, first = (_samples(taken, trial.facts) for taken in (trial.second, trial.first))
    _hold(second > 0 or first == 0, "a second source gave no samples")
    _hold(trial.second.stop_s <= STOP_S, "the second source went on after close")


def health_can_always_be_asked(trial: Trial) -> None:
    """`health` answers from any thread, before, while and after reading, and takes no samples away."""
    idle = trial.subject.make()
    healths = [idle.health(), idle.health(), *trial.first.healths]
    idle.close()
    for health in healths:
        _hold(isinstance(health, SourceHealth), "health is no SourceHealth", got=type(health).__name__)
        _hold(isinstance(health.state, SourceState), "the state is no SourceState", got=repr(health.state))
        whole = all(isinstance(name, str) and type(count) is int for name, count in health.counters)
        _hold(whole, "a counter is no (name, whole number)", counters=health.counters)


def a_replay_repeats_itself(trial: Trial) -> None:
    """A source that is not live gives the same samples and gaps each time, from another object and read again."""
    if trial.facts.live:
        return
    source = trial.subject.make()
    _hold(source.recording_facts() == trial.facts, "the facts differ from one time to the next")
    source.open(RECORDING)
    wanted = None if trial.first.ended else _samples(trial.first, trial.facts)
    again = [_until(source.read(), trial.facts, wanted) for _ in range(2)]
    source.close()
    for other in (trial.second.items, *again):
        _hold(_same(trial.first.items, other), "the same replay gave other samples or gaps")


def _until(items: Iterator[Signal], facts: SourceFacts, wanted: int | None) -> list[Signal]:
    taken: list[Signal] = []
    step = _Step(facts)
    for item in items:
        taken.append(item)
        step.add(item)
        if wanted is not None and step.has(wanted):
            break
    return taken


def _same(one: list[Signal], other: list[Signal]) -> bool:
    """Whether the samples of every rate and the gaps are equal, however they are cut into blocks."""
    gaps = [
        [(item.start, item.length, item.reason) for item in items if isinstance(item, Gap)] for items in (one, other)
    ]
    left, right = _joined(one), _joined(other)
    return (
        gaps[0] == gaps[1]
        and left.keys() == right.keys()
        and all(left[rate].shape == right[rate].shape for rate in left)
        and all(left[rate].tobytes() == right[rate].tobytes() for rate in left)
    )


def _joined(items: list[Signal]) -> dict[float, Samples]:
    blocks = [item for item in items if isinstance(item, SampleBlock)]
    rates_hz = {block.fs_hz for block in blocks}
    return {
        rate_hz: np.ascontiguousarray(np.concatenate([one.samples for one in blocks if one.fs_hz == rate_hz], axis=1))
        for rate_hz in rates_hz
    }


Check = Callable[[Trial], None]
CHECKS: tuple[Check, ...] = (
    facts_are_usable,
    items_follow_each_other,
    rates_keep_in_step,
    gaps_are_honest,
    layout_is_constant,
    values_are_numbers,
    reading_stops_when_closed,
    another_can_be_opened,
    health_can_always_be_asked,
    a_replay_repeats_itself,
)


def run_checks(subject: Subject) -> list[tuple[str, str]]:
    """Run all checks; (name, what is broken) of each, an empty text where it is kept."""
    trial, found = Trial(subject), []
    for check in CHECKS:
        try:
            check(trial)
        except ContractBroken as broken:
            found.append((check.__name__, str(broken)))
        else:
            found.append((check.__name__, ""))
    return found
