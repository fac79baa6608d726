"""Naming the rhythm: every few beats a mark that says which it was."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from biosignal.events import Mark, MarkState, Outcome, Prediction, mark_id
from biosignal.model.model import Model
from biosignal.tasks.ecg_beats.kinds import AMPLITUDE
from biosignal.tasks.ecg_front.kinds import VENTRICULAR
from biosignal.tasks.ecg_rhythm.kinds import AF_LATELY, INTERVALS, NAME, P_LIKENESS, RHYTHM
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.seen import BEATS, LastBeats, Values
from biosignal.tasks.finding_log import worst_quality
from biosignal.tasks.task import TaskFacts

TORN_S = 10.0
"""A mark does not reach back over a hole this long."""
FEW = 4
"""A recording that ends with fewer intervals is given no rhythm."""
LATELY = 7
"""So many of the last intervals, and their beats, are asked about by themselves as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A name of the rhythm, by the whole history; `lately` is the answer about the last `LATELY` intervals alone.

    They are asked about where the shapes of enough beats are known.
    """

    mark: Mark
    lately: Outcome | None = None


class RhythmNamer:
    """Asks the network every `name_every` beats, from `name_beats` beats on; a recording that is shorter at its end.

    A mark covers the beats since the one before it. It is decided with its last beat. Where no model serves there are
    none: the status says so, and a mark every few seconds would say no more.
    """

    def __init__(self, facts: TaskFacts, model: Model, limits: RhythmLimits) -> None:
        self._facts = facts
        self._model = model
        self.limits = limits
        self.restart()

    def restart(self) -> None:
        """Forget everything: behind a gap the patient may be another."""
        self._last = LastBeats()
        self._beats: deque[Mark] = deque(maxlen=BEATS)
        self._pending: Mark | None = None
        self._said = False
        self._until: int | None = None

    def on_beat(self, beat: Mark, rr_s: float | None) -> None:
        """Take a confirmed beat; `settle` must have been asked about the one before it."""
        self._last.add(rr_s, amplitude=beat.number(AMPLITUDE), ventricular=beat.number(VENTRICULAR))
        self._beats.append(beat)
        self._pending = beat

    def on_shape(self, inputs: str, shape: Values) -> None:
        """Take the window of the latest beat, shape (sample,), known by the inputs it is named with."""
        if self._pending is not None and self._pending.inputs == inputs:
            self._last.show(shape)

    def settle(self) -> Iterator[Named]:
        """Say what there is to say now that all is known of the latest beat."""
        latest, self._pending = self._pending, None
        if latest is None:
            return
        # An interval has two beats.
        is_enough = self._model.backend is not None and self._last.intervals >= self.limits.name_beats - 1
        if is_enough and len(self._beats) >= self.limits.name_every:
            yield self._name(latest.decided_at)

    def finish(self, at: int) -> Iterator[Named]:
        """End the recording at sample `at`: one that was too short until now is given a rhythm, too."""
        yield from self.settle()
        if not self._said and self._model.backend is not None and self._last.intervals >= FEW:
            yield self._name(at)

    def _name(self, decided_at: int) -> Named:
        outcome, likeness = self._model.answer(self._last.tensors()), self._last.p_likeness()
        lately = None if likeness is None else self._model.answer(self._last.tensors(LATELY))
        numbers = (
            (INTERVALS, float(self._last.intervals)),
            *(() if likeness is None else ((P_LIKENESS, round(likeness, 3)),)),
            *(((AF_LATELY, dict(lately.scores)["af"]),) if isinstance(lately, Prediction) else ()),
        )
        return Named(mark=self._mark(decided_at, outcome, numbers), lately=lately)

    def _mark(self, decided_at: int, outcome: Outcome, numbers: tuple[tuple[str, float], ...]) -> Mark:
        beats = list(self._beats)
        self._beats.clear()
        start, end = self._start(beats), beats[-1].start
        self._until, self._said = end, True
        return Mark(
            id=mark_id(
                recording=self._facts.recording, task=NAME, kind=RHYTHM.name, leads=self._facts.names, start=start
            ),
            task=NAME,
            kind=RHYTHM.name,
            recording=self._facts.recording,
            leads=self._facts.names,
            start=start,
            end=end,
            decided_at=decided_at,
            state=MarkState.CONFIRMED,
            quality=worst_quality(beats),
            outcome=outcome,
            numbers=numbers,
        )

    def _start(self, beats: list[Mark]) -> int:
        first = beats[0].start
        before = self._until
        return before if before is not None and first - before <= TORN_S * self._facts.fs_hz else first
