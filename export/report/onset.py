"""When fibrillation was told that began behind another rhythm: so many beats and seconds after it began."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from export.report.analysed import Analysed

BEHIND_S = LASTS_S = 30.0
"""It counts where it lasts so long, behind so long of something else."""
NAMED = "af"

Stretch = tuple[str, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """A beginning: None where it was not told before it ended; 0 beats and seconds where it was told before it began.

    `beats` are counted to the last one that was needed, `seconds` to the moment at which it was decided.
    """

    beats: int | None = None
    seconds: float | None = None


def beginnings_of(
    rhythms: Sequence[Stretch], found: Analysed, beats_s: Sequence[float], of: Sequence[str], unscored: Sequence[str]
) -> Iterator[Beginning]:
    """Give each beginning of a rhythm that is one of `of`; none behind one of `unscored`.

    Parameters
    ----------
    rhythms : (name, start, end) in order, in seconds; `found` : what was said; `beats_s` : its beats.
    """
    joined = list(_joined(rhythms, of, unscored))
    for before, (is_one, start, end) in pairwise(joined):
        is_behind = before[0] is False and start - before[1] >= BEHIND_S and start - before[2] < 1.0
        if is_one and is_behind and end - start >= LASTS_S:
            yield _beginning(start, end, found, np.asarray(beats_s))


def _joined(
    rhythms: Sequence[Stretch], of: Sequence[str], unscored: Sequence[str]
) -> Iterator[tuple[bool | None, float, float]]:
    """Stretches of it, of something else and (None) of what is not scored, each from its start to its end."""
    kinds = [(None if name in unscored else name in of, start, end) for name, start, end in rhythms]
    for kind, group in groupby(kinds, key=lambda one: one[0]):
        stretches = list(group)
        yield kind, stretches[0][1], stretches[-1][2]


def _beginning(start: float, end: float, found: Analysed, beats_s: Any) -> Beginning:
    for one in found.findings:
        if one.kind == NAMED and one.until_s > start and one.decided_s < end:
            if one.decided_s <= start:
                return Beginning(beats=0, seconds=0.0)
            return Beginning(
                beats=int(np.sum((beats_s > start) & (beats_s <= one.end_s))), seconds=one.decided_s - start
            )
    return Beginning()


def beginning_figures(beginnings: Sequence[Beginning]) -> dict[str, Any]:
    """Give how many beginnings there were and were told, with the median and the latest in beats and seconds.

    What was not told counts as later than all others in the median. `before`: told before it began.
    """
    beats = [np.inf if one.beats is None else float(one.beats) for one in beginnings]
    seconds = [np.inf if one.seconds is None else one.seconds for one in beginnings]
    known = [one.beats for one in beginnings if one.beats is not None]
    middle = [float(np.median(values)) if values else np.inf for values in (beats, seconds)]
    return {
        "beginnings": len(beginnings),
        "told": len(known),
        "before": sum(one == 0 for one in known),
        "beats": None if np.isinf(middle[0]) else middle[0],
        "beats_latest": max(known, default=None),
        "seconds": None if np.isinf(middle[1]) else round(middle[1], 2),
        "by_beats": {str(most): sum(one <= most for one in known) for most in (10, 20, 40)},
    }
