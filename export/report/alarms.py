"""False alarms by the hour, and how far an alarm can be believed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biosignal.events import Priority
from export.report.analysed import Analysed, Said
from export.report.interval import interval, mean, share
from export.report.reading import Signals
from export.report.sets import Truth
from export.report.verdicts import LAST_S, NAMED, Verdict, check_for

COUNTED = (Priority.HIGH, Priority.MEDIUM)
MINUTE_S = 60.0
PARTS: Mapping[str, tuple[float, float]] = {
    "first_10_s": (0.0, 10.0),
    "first_minute": (0.0, MINUTE_S),
    "after_first_minute": (MINUTE_S, float("inf")),
}
"""Where in a record an alarm sounded: its start is the worst of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmScore:
    """The alarms of one record from `from_s` to its end at `seconds`, each with its verdict."""

    record: str
    from_s: float
    seconds: float
    leads: tuple[str, ...]
    alarms: tuple[tuple[Said, Verdict], ...]
    technical: int
    label: tuple[str, ...]

    def hours(self, first_s: float = 0.0, end_s: float = float("inf")) -> float:
        """How much of a stretch of the record was scored."""
        return max(0.0, min(self.seconds, end_s) - max(self.from_s, first_s)) / 3600


def score_alarms(
    signals: Signals, found: Analysed, *, from_s: float, truth: Truth, label: Sequence[str] = ()
) -> AlarmScore:
    """Decide about every high and medium alarm of a record that is not about the equipment.

    Each finding that opens sounds once. What nobody acknowledges would rise later; that is not counted.
    """
    check = check_for(truth, signals, label)
    sounded = [one for one in found.findings if one.priority in COUNTED and one.decided_s >= from_s]
    return AlarmScore(
        record=signals.name,
        from_s=from_s,
        seconds=signals.seconds,
        leads=found.leads,
        alarms=tuple((one, check(one)) for one in sounded if not one.technical),
        technical=sum(one.technical for one in sounded),
        label=tuple(label),
    )


def alarm_figures(scores: Sequence[AlarmScore]) -> dict[str, Any]:
    """Put the records together: `gross` with its parts and kinds, `average`, `interval`, `records`."""
    rows = [_row(one) for one in scores]
    whole = _priorities(scores)
    return {
        "gross": {"hours": round(sum(one.hours() for one in scores), 4)}
        | whole
        | {name: _part(scores, *part) for name, part in PARTS.items()}
        | {"by_kind": _by_kind(scores), "technical": sum(one.technical for one in scores)}
        | _challenge(scores),
        "average": {
            one.value: {name: mean([row[one.value][name] for row in rows]) for name in ("false_per_hour", "ppv")}
            for one in COUNTED
        },
        "interval": {
            one.value: _intervals(scores, one) for one in COUNTED if whole[one.value]["false_per_hour"] is not None
        },
        "records": rows,
    }


def _row(one: AlarmScore) -> dict[str, Any]:
    return {
        "record": one.record,
        "leads": list(one.leads),
        "hours": round(one.hours(), 4),
        **_priorities([one]),
        "technical": one.technical,
        "alarms": [
            {
                "kind": said.kind,
                "priority": said.priority.value,
                "onset_s": round(said.onset_s, 3),
                "decided_s": round(said.decided_s, 3),
                "verdict": verdict.value,
            }
            for said, verdict in one.alarms
        ],
    }


def _priorities(
    scores: Sequence[AlarmScore], first_s: float = 0.0, end_s: float = float("inf")
) -> dict[str, dict[str, Any]]:
    hours = sum(one.hours(first_s, end_s) for one in scores)
    alarms = [pair for one in scores for pair in one.alarms if first_s <= pair[0].decided_s < end_s]
    return {
        priority.value: _figures(Counter(v for said, v in alarms if said.priority is priority), hours)
        for priority in COUNTED
    }


def _figures(counted: Counter[Verdict], hours: float) -> dict[str, Any]:
    scored = counted.total() - counted[Verdict.UNSCORED]
    # Where nothing could be scored, no false alarm was seen because nobody could have seen one.
    is_known = scored > 0 or not counted.total()
    return {
        "alarms": counted.total(),
        "per_hour": share(counted.total(), hours, scale=1.0),
        **{verdict.value: counted[verdict] for verdict in Verdict},
        "false_per_hour": share(counted[Verdict.FALSE], hours, scale=1.0) if is_known else None,
        "ppv": share(counted[Verdict.TRUE], scored),
    }


def _part(scores: Sequence[AlarmScore], first_s: float, end_s: float) -> dict[str, Any]:
    hours = sum(one.hours(first_s, end_s) for one in scores)
    return {"hours": round(hours, 4)} | _priorities(scores, first_s, end_s)


def _by_kind(scores: Sequence[AlarmScore]) -> dict[str, dict[str, Any]]:
    hours = sum(one.hours() for one in scores)
    alarms = [pair for one in scores for pair in one.alarms]
    return {
        kind: _figures(Counter(v for said, v in alarms if said.kind == kind), hours)
        for kind in sorted({said.kind for said, _ in alarms})
    }


def _intervals(scores: Sequence[AlarmScore], priority: Priority) -> dict[str, list[float] | None]:
    def count(one: AlarmScore, wanted: Callable[[Verdict], bool]) -> int:
        return sum(said.priority is priority and wanted(verdict) for said, verdict in one.alarms)

    counts = np.array(
        [
            (
                count(one, lambda v: v is Verdict.FALSE),
                count(one, lambda v: v is Verdict.TRUE),
                count(one, lambda v: v is not Verdict.UNSCORED),
                one.hours(),
            )
            for one in scores
        ],
        np.float64,
    )
    return {
        "false_per_hour": interval(counts, lambda sums: sums[:, 0] / sums[:, 3]),
        "ppv": interval(counts, lambda sums: 100 * sums[:, 1] / sums[:, 2]),
    }


def _challenge(scores: Sequence[AlarmScore]) -> dict[str, Any]:
    """Score as the challenge of 2015 did: a missed true alarm costs five false ones; only where its labels are."""
    labelled = [one for one in scores if len(one.label) == 2]
    if not labelled:
        return {}
    counted = Counter((one.label[1] == "1", _named(one)) for one in labelled)
    tp, fn = counted[True, True], counted[True, False]
    fp, tn = counted[False, True], counted[False, False]
    score = share(tp + tn, tp + tn + fp + 5 * fn)
    return {"challenge_2015": {"tp": tp, "fn": fn, "fp": fp, "tn": tn, "score": score}}


def _named(one: AlarmScore) -> bool:
    """Whether the event of the last alarm was named by its own kind: ventricular tachycardia by no lesser run."""
    kind = NAMED[one.label[0]][0]
    return any(said.kind == kind and said.decided_s >= one.seconds - LAST_S for said, _ in one.alarms)
