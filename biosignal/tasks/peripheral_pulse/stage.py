"""The stage that finds the waves of one lead of pulse or pressure."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from biosignal.events import Abstained, Event, Mark, MarkState, QualityLevel, mark_id
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock, Samples, Unit
from biosignal.signal.filters import Array, Recursive, band_pass
from biosignal.signal.holding import Held
from biosignal.stream.stage import Item
from biosignal.tasks.peripheral_pulse.kinds import HEIGHT, NAME, WAVE
from biosignal.tasks.task import TaskFacts

BAND_HZ = (0.5, 8.0)
FALLEN = 0.5
"""A wave is over, and told, once it has fallen by so much of what it rose."""
CLOSEST_S = 0.25
LEAST = 0.25
"""What rises or falls by less than this share of the last waves is ripple."""
GRAINS = 8
"""A wave is as high as so many of the smallest steps that the sensor makes."""
PATIENCE_S = 3.0
"""After so long without a wave lower ones are looked for."""


class _Waves:
    """Follows the signal from trough to top; notches and ripple, low against the last waves, are none of their own."""

    def __init__(self, fs_hz: float, start: int) -> None:
        self._closest = round(CLOSEST_S * fs_hz)
        self._patience = round(PATIENCE_S * fs_hz)
        self._band: Recursive = band_pass(fs_hz, low_hz=BAND_HZ[0], high_hz=BAND_HZ[1])
        self._next = start
        self._trough = self._top = 0.0
        self._top_at = start
        self._rises = False
        self._last = start
        self._least = 0.0
        self._grain = float("inf")
        """The smallest change between two samples: an idle sensor flickers by it."""
        self._before: float | None = None
        self._heights: deque[float] = deque(maxlen=8)

    def push(self, x: Array) -> Iterator[tuple[int, float, int]]:
        """Take samples, shape (sample,); give the top of each wave, its height, and the sample that decided it."""
        grains = self._grains(x).tolist()
        y = self._band.push(x)
        first, self._next = self._next, self._next + len(y)
        for at, value in enumerate(y.tolist(), start=first):
            if self._rises and value > self._top:
                self._top, self._top_at = value, at
            elif self._rises:
                height = self._top - self._trough
                if self._top - value >= max(FALLEN * height, self._least):
                    if self._top_at - self._last >= self._closest and height >= GRAINS * grains[at - first]:
                        yield self._top_at, height, at
                        self._learn(height)
                    self._rises, self._trough = False, value
            elif value < self._trough:
                self._trough = value
            elif value - self._trough > self._least:
                self._rises, self._top, self._top_at = True, value, at
            if at - self._last >= self._patience:
                # Whatever was so high is over: look for less, from here.
                self._last, self._least = at, 0.5 * self._least
                self._rises, self._trough = False, value
                self._heights.clear()

    def _grains(self, x: Array) -> Array:
        """Give the smallest change up to each sample."""
        changes = np.abs(np.diff(x, prepend=x[:1] if self._before is None else self._before))
        changes = np.where(changes > 0, changes, np.inf)
        changes[0] = min(changes[0], self._grain)
        grains = np.minimum.accumulate(changes)
        self._before, self._grain = float(x[-1]), float(grains[-1])
        return np.asarray(grains)

    def _learn(self, height: float) -> None:
        self._last = self._top_at
        self._heights.append(height)
        usual = sorted(self._heights)[len(self._heights) // 2]
        self._least = LEAST * usual


class PulseStage:
    """Everything that rises and falls is told, with its height; what of it is a pulse, those who need it judge."""

    def __init__(self, facts: TaskFacts) -> None:
        self._facts = facts
        self.watermark = 0
        self._restart()

    def _restart(self) -> None:
        self._held = Held(Unit.RAW)
        self._waves: _Waves | None = None

    def set_limits(self, limits: None, /) -> None:
        """There are none."""

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of the lead, or a gap."""
        if isinstance(item, Gap):
            self._restart()
        return self._found(item.samples[0], item.end) if isinstance(item, SampleBlock) else ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Nothing waits: a wave is told when it has fallen."""
        self.watermark = until
        return ()

    def finish(self) -> Iterable[Event]:
        """A wave that has not fallen is left out."""
        return ()

    def _found(self, samples: Samples, end: int) -> Iterator[Event]:
        x = self._held.push(samples)
        if not len(x):
            return
        if self._waves is None:
            self._waves = _Waves(self._facts.fs_hz, end - len(x))
        is_known = np.isfinite(samples)
        for at, height, decided_at in self._waves.push(x):
            place = decided_at - (end - len(samples))
            if is_known[place]:
                yield self._mark(at, height, decided_at)

    def _mark(self, at: int, height: float, decided_at: int) -> Mark:
        facts = self._facts
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=WAVE.name, leads=facts.names, start=at),
            task=NAME,
            kind=WAVE.name,
            recording=facts.recording,
            leads=facts.names,
            start=at,
            end=at,
            decided_at=decided_at,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE,
            outcome=Abstained(task=NAME, reason="measured, not classified"),
            numbers=((HEIGHT, round(height, 4)),),
        )


def make_stage(facts: TaskFacts, _model: Model | None, _limits: None) -> PulseStage:
    """Make the stage of one lead."""
    return PulseStage(facts)
