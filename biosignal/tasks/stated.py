"""What is stated of a recording and what was measured of it, as plain values for people and programs.

Statements are the scores of every mark whose kind says that they are; measured are the series of all tasks.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from biosignal.events import Mark, MarkState, Prediction, Series
from biosignal.model.similar import Similar
from biosignal.stream.stage import Item
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import mark_kind, quantity

NONE: Mapping[str, Similar] = MappingProxyType({})
STATED_FROM = 0.5
"""A statement is made from this probability on; below it is not, and neither says anything of how sure that is."""


def states(mark: Mark) -> bool:
    """Whether a mark is settled and its scores are statements."""
    return mark.state is MarkState.CONFIRMED and mark_kind(mark.task, mark.kind).states


def statements_of(mark: Mark, fs_hz: float, similar: Mapping[str, Similar] = NONE) -> dict[str, Any]:
    """Give a mark that states: the most probable statement first, or why there is none.

    Parameters
    ----------
    fs_hz : at which its samples count.
    similar : by bundle as ``name/version``: what finds the reviewed records most like it, told beside the statements.
    """
    line: dict[str, Any] = {
        "type": "statements",
        "task": mark.task,
        "leads": list(mark.leads),
        "from_s": round(mark.start / fs_hz, 3),
        "to_s": round(mark.end / fs_hz, 3),
        "quality": mark.quality.value,
    }
    said = mark.outcome
    if not isinstance(said, Prediction):
        return line | {"statements": [], "because": said.reason}
    meanings = meanings_of(mark.task)
    ranked = sorted(said.scores, key=lambda one: -one[1])
    stated = [{"code": code, "means": meanings.get(code, code), "probability": p} for code, p in ranked]
    line |= {"bundle": said.bundle, "called": said.label, "statements": stated}
    if said.bundle in similar:
        line["similar"] = _alike(said, similar[said.bundle])
    return line


def made_in(scores: Iterable[tuple[str, float]]) -> tuple[str, ...]:
    """Give the statements that are made, by the probability of each."""
    return tuple(code for code, probability in scores if probability >= STATED_FROM)


def measured_of(series: Series) -> dict[str, Any] | None:
    """Give the values of a series that has one step; None where nothing of it is known."""
    values = list(_values(series))
    if not values:
        return None
    return {
        "type": "measured",
        "task": series.task,
        "leads": list(series.leads),
        "from_s": round(series.start / series.fs_hz, 3),
        "to_s": round(series.end / series.fs_hz, 3),
        "values": values,
    }


def lines_of(items: Iterable[Item], fs_hz: float, similar: Mapping[str, Similar] = NONE) -> Iterator[dict[str, Any]]:
    """Give what is stated and measured among all that a pipeline said of leads of one rate."""
    for item in items:
        if isinstance(item, Mark) and states(item):
            yield statements_of(item, fs_hz, similar)
        elif isinstance(item, Series) and (measured := measured_of(item)) is not None:
            yield measured


def _alike(said: Prediction, similar: Similar) -> list[dict[str, Any]]:
    codes = [code for code, _ in said.scores]
    return [
        {"record": one.record, "likeness": one.likeness, "stated": [codes[at] for at in one.stated]}
        for one in similar.to([p for _, p in said.scores])
    ]


def meanings_of(task: str) -> dict[str, str]:
    """Give what each statement of a task means, by its code."""
    review = TASKS[task].review if task in TASKS else None
    return {} if review is None else {label.name: label.meaning for label in review.labels}


def _values(series: Series) -> Iterator[dict[str, Any]]:
    for column in series.columns:
        known, values = quantity(column.quantity), [one for one in column.values if one is not None]
        if known is not None and len(column.values) == 1 and values:
            label = known.label or column.quantity.replace("_", " ")
            yield {"name": column.quantity, "label": label, "value": values[0], "unit": known.unit}
