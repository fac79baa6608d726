"""What may be said once leads are lost: their loss alone makes no statement more probable than it was with them.

With fewer leads the network answers from less, and what it cannot see any more it mostly calls normal. That is right
for a recording that began with these leads. Of one that showed more before, more is known: so the last window that
showed more is asked again as if it had shown no more than now. What that alone makes more probable is not said; what is
more probable than that has changed on a lead that is still there, and is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.measuring import Beat
from biosignal.events import Prediction
from biosignal.model.model import Model
from biosignal.tasks.ecg_diagnosis.waves import numbers_of

CHANGED = 0.1
"""A statement that is so much more probable than the window before, seen by the same leads, has changed."""

Values = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Window:
    """A window as it was shown: leads, shape (8, `WINDOW`), which of them are there, shape (8,), and its beats."""

    ecg: Values
    mask: Values
    beats: Sequence[Beat]

    def given(self) -> dict[str, Values]:
        """What the network is given of it, without the batch axis."""
        return {"ecg": self.ecg, "mask": self.mask, "measured": numbers_of(self.ecg, self.mask, self.beats)}

    def by(self, mask: Values) -> "Window":
        """The same window, had it shown no lead that is not in `mask`."""
        both = self.mask * mask
        return Window(ecg=self.ecg * both[:, np.newaxis], mask=both, beats=self.beats)


class Fullest:
    """Remembers the last window of a stretch that showed more; make a new one behind a gap."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._window: Window | None = None
        self._said: Mapping[str, float] = {}
        self._by_fewer: dict[bytes, Mapping[str, float]] = {}

    def bounded(self, window: Window, said: Prediction) -> Prediction:
        """Take the next window and what is said of it; give what may be said."""
        before = self._window
        if before is None or not (before.mask > window.mask).any():
            self._window, self._said, self._by_fewer = window, dict(said.scores), {}
            return said
        seen = self._seen_by(before, window.mask)
        return replace(said, scores=tuple((code, self._most(code, p, seen)) for code, p in said.scores))

    def _most(self, code: str, probability: float, seen: Mapping[str, float]) -> float:
        has_changed = probability > seen.get(code, 1.0) + CHANGED
        return probability if has_changed else min(probability, self._said.get(code, probability))

    def _seen_by(self, before: Window, mask: Values) -> Mapping[str, float]:
        """Give what would have been said of the window before by the leads that are left; nothing without an answer."""
        name = mask.tobytes()
        if name not in self._by_fewer:
            given = before.by(mask).given()
            said = self._model.answer({key: one[np.newaxis] for key, one in given.items()})
            self._by_fewer[name] = dict(said.scores) if isinstance(said, Prediction) else {}
        return self._by_fewer[name]
