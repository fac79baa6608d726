"""Rhythm rules: confirmed beats, signal quality and gaps in; findings out.

Source of the limits: what bedside monitors disclose under IEC 60601-2-27 (asystole after 4 s without a beat, heart
rate alarms within 10 s, ventricular tachycardia from a count of consecutive ventricular beats and a rate).
"""

from collections.abc import Iterable, Iterator

from biosignal.events import Beat, BeatState, Epoch, Finding, HeartRate, Quality, QualityLevel, Trend
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_rhythm.log import FindingLog, RuleSettings
from biosignal.tasks.ecg_rhythm.rate import IrregularRule, RateRule
from biosignal.tasks.ecg_rhythm.silence import SilenceRule
from biosignal.tasks.ecg_rhythm.ventricular import VentricularRule
from biosignal.tasks.signal_quality.rule import SignalRule

__all__ = ["RhythmRules", "RuleSettings"]


class RhythmRules:
    """The stage that turns beats into findings.

    Passes every item on and adds `Finding` revisions behind the item that decided them (before a `Gap`). Beats and
    Quality of `lead` drive the rhythm; Quality of any lead drives the technical findings of that lead. Every finding
    is closed or withdrawn at the latest by `finish`.

    The law of stages holds if items arrive in order of `decided_at`, which is how one sample after the other would
    bring them. Give all items that one block brought to `push_all`, which puts them in this order.

    Parameters
    ----------
    device, recording, stream : written into the findings and their ids.
    fs_hz : sampling frequency that all sample indices refer to.
    lead : the lead whose beats are judged.
    """

    def __init__(
        self,
        *,
        device: str,
        recording: str,
        fs_hz: float,
        lead: str,
        stream: str = "live",
        settings: RuleSettings | None = None,
    ) -> None:
        self._log = FindingLog(
            device=device, recording=recording, fs_hz=fs_hz, stream=stream, settings=settings or RuleSettings()
        )
        self._lead = lead
        self._ventricular = VentricularRule(self._log, lead)
        self._silence = SilenceRule(self._log, lead)
        self._rate = RateRule(self._log, lead)
        self._irregular = IrregularRule(self._log, lead)
        self._signals: dict[str, SignalRule] = {}
        self._before: Beat | None = None
        self._rejected_since: int | None = None
        self._rejected_until = 0
        self._blind = False

    def set_limits(self, settings: RuleSettings) -> None:
        """Take other limits from the next item on; rates and regularity are counted anew.

        An open run or asystole goes on.
        """
        self._log.settings = settings
        self._rate.on_break(self._log.clock)
        self._irregular.on_break(self._log.clock)

    def push(self, item: Item, /) -> Iterator[Item]:
        """Take one item: yield it, and the findings it decides."""
        if isinstance(item, Gap):
            self._take_gap(item)
            yield from self._log.drain()
            yield item
            return
        yield item
        if isinstance(item, Beat) and item.lead == self._lead:
            self._take_beat(item)
        elif isinstance(item, Quality):
            self._take_quality(item)
        yield from self._log.drain()

    def push_all(self, items: Iterable[Item], /) -> list[Item]:
        """Take all items that one block brought, in order of `decided_at`; a gap is a border no item crosses."""
        passed: list[Item] = []
        held: list[Item] = []
        for item in items:
            if isinstance(item, Gap):
                passed += self._push_sorted(held)
                passed += self.push(item)
                held = []
            else:
                held.append(item)
        return passed + self._push_sorted(held)

    def finish(self) -> Iterator[Item]:
        """Close what is open."""
        self._break_rhythm(self._log.clock)
        self._ventricular.finish()
        for signal in self._signals.values():
            signal.on_break()
        yield from self._log.drain()

    def _push_sorted(self, items: list[Item]) -> list[Item]:
        return [passed for item in sorted(items, key=_order) for passed in self.push(item)]

    def _advance(self, decided_at: int) -> None:
        self._log.clock = max(self._log.clock, decided_at)
        self._ventricular.on_time()

    def _take_gap(self, gap: Gap) -> None:
        self._log.clock = max(self._log.clock, gap.start)
        self._break_rhythm(gap.start)
        for signal in self._signals.values():
            signal.on_break()
        self._rejected_since = None
        self._blind = False

    def _take_beat(self, beat: Beat) -> None:
        if beat.state is BeatState.PROVISIONAL:
            self._silence.on_provisional(beat.sample)
            return
        if beat.state is BeatState.WITHDRAWN:
            self._silence.on_withdrawn(beat.sample)
            return
        self._log.clock = max(self._log.clock, beat.decided_at)
        before, self._before = self._before, beat
        if beat.quality is not QualityLevel.REJECTED:
            rr_s = beat.rr_before_s if before is not None and self._is_sound(before) else None
            self._ventricular.on_beat(beat, rr_s)
            self._silence.on_beat(beat, rr_s)
            self._rate.on_beat(beat, rr_s)
            self._irregular.on_beat(beat, rr_s)
        self._advance(beat.decided_at)

    def _is_sound(self, before: Beat) -> bool:
        return before.quality is not QualityLevel.REJECTED and before.sample >= self._rejected_until

    def _take_quality(self, quality: Quality) -> None:
        self._advance(quality.decided_at)
        if quality.lead == self._lead:
            self._silence.on_quality(quality)
            self._watch_rejected(quality)
        if quality.lead not in self._signals:
            self._signals[quality.lead] = SignalRule(self._log, quality.lead)
        self._signals[quality.lead].on_quality(quality)

    def _watch_rejected(self, quality: Quality) -> None:
        if quality.level is not QualityLevel.REJECTED:
            self._rejected_since = None
            self._blind = False
            return
        self._rejected_until = quality.end
        if self._rejected_since is None:
            self._rejected_since = quality.start
        lasting = quality.end - self._rejected_since
        if not self._blind and lasting >= self._log.samples(self._log.settings.bad_signal_s):
            self._blind = True
            self._break_rhythm(self._rejected_since)

    def _break_rhythm(self, at: int) -> None:
        self._ventricular.on_break()
        self._silence.on_break(at)
        self._rate.on_break(at)
        self._irregular.on_break(at)
        self._before = None


def _order(item: Item) -> tuple[int, int]:
    """Place of an item within its block; Quality goes before a Beat decided by the same sample."""
    if isinstance(item, Quality | Beat | HeartRate | Epoch | Finding):
        return item.decided_at, int(isinstance(item, Beat))
    end = item.end if isinstance(item, SampleBlock | Trend) else 0
    return end, 0
