"""Values by the step, packed by the minute into series."""

from collections.abc import Iterator, Sequence
from math import isfinite

import numpy as np

from biosignal.eeg.seconds import second_length
from biosignal.events import Column, Series, stable_id
from biosignal.signal.filters import Array
from biosignal.tasks.eeg_trend.kinds import NAME, QUANTITIES
from biosignal.tasks.task import TaskFacts

MINUTE_S = 60


class Minutes:
    """The values of several derivations or sides over the current minute, which begins at a multiple of 60 seconds.

    Parameters
    ----------
    name : of what is measured; with the leads it tells series of one minute apart.
    leads : of each derivation.
    columns : quantities of each.
    step_s : seconds that a value is of.
    """

    def __init__(
        self,
        facts: TaskFacts,
        name: str,
        *,
        leads: Sequence[tuple[str, ...]],
        columns: Sequence[str],
        step_s: int,
    ) -> None:
        self._facts, self._name, self._leads = facts, name, tuple(leads)
        self._columns = tuple(columns)
        self._second = second_length(facts.fs_hz)
        self._step_s = step_s
        self._values = np.full((MINUTE_S // step_s, len(self._leads), len(self._columns)), np.nan)
        self._minute: int | None = None

    def put(self, number: int, values: Array) -> None:
        """Set what was measured of the step that holds second `number`: shape (derivation, column), NaN if unknown."""
        self._minute = number // MINUTE_S
        self._values[number % MINUTE_S // self._step_s] = values

    def close(self, seen_until: int, decided_at: int) -> Iterator[Series]:
        """Give the minute as far as it was seen, if any of it was, and begin another."""
        if self._minute is None:
            return
        start = self._minute * MINUTE_S * self._second
        end = min(start + MINUTE_S * self._second, seen_until)
        step = self._step_s * self._second
        steps = -(-(end - start) // step)
        decimals = [QUANTITIES[name].decimals for name in self._columns]
        for row, leads in enumerate(self._leads):
            yield Series(
                id=stable_id(self._facts.recording, self._facts.stream, NAME, self._name, ",".join(leads), start),
                task=NAME,
                recording=self._facts.recording,
                leads=leads,
                fs_hz=self._facts.fs_hz,
                start=start,
                end=end,
                decided_at=decided_at,
                step=step,
                columns=tuple(
                    Column(quantity=name, values=_stored(self._values[:steps, row, column], decimals[column]))
                    for column, name in enumerate(self._columns)
                ),
            )
        self._minute = None
        self._values[:] = np.nan


def _stored(values: Array, decimals: int) -> tuple[float | None, ...]:
    """Give values as they are stored: rounded, absent where there is none."""
    return tuple(value if isfinite(value) else None for value in np.round(values, decimals).tolist())
