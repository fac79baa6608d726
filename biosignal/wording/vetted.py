"""The vetted sentences of one task, read from its words and checked entry by entry.

What is wrong is listed and left out, so that one damaged entry costs the texts of one kind and nothing else.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from biosignal.tasks.task import Task
from biosignal.tasks.words import WordsBroken, read_words, words_of

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a sentence comes from: a citation, and its DOI if it is published; else it speaks of this program."""

    cite: str
    doi: str | None = None

    @property
    def year(self) -> int | None:
        """The year it was published, as the citation says it last; None where it is not published."""
        years = re.findall(r"\b(?:19|20)\d\d(?=[;:.]|$)", self.cite) if self.doi else []
        return int(years[-1]) if years else None


@dataclass(frozen=True, kw_only=True, slots=True)
class KindWords:
    """What may be said about one kind: equivalent labels, equivalent meanings, and the actions, the first of them said.

    `quantities` holds wordings of its own, each with the field ``{value}``. `meaning_source` and `action_sources`, one
    an action, say where they come from. `action_wordings` are other ways to say the first action, approved at a clinic.
    """

    labels: tuple[str, ...]
    meanings: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    quantities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    meaning_source: Source | None = None
    action_sources: tuple[Source, ...] = ()
    action_wordings: tuple[str, ...] = ()

    @property
    def first_action(self) -> tuple[str, ...]:
        """The wordings of the action that a text names."""
        return (*self.action_wordings, *self.actions[:1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """What can be said of something that is no finding, such as an interval: its names, and sentences of one source."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskWords:
    """The words of one task; `raw` are the bytes they came from, `broken` says what is wrong with them."""

    raw: bytes = b""
    kinds: Mapping[str, KindWords] = field(default_factory=dict)
    quantities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    broken: tuple[str, ...] = ()


class Wrong(ValueError):
    """An entry is not as it must be."""


def task_words(task: Task) -> TaskWords:
    """Read and check the words of a task; never raises."""
    if not task.package and not task.findings:
        return TaskWords()
    try:
        raw = words_of(task)
        document = read_words(raw, task=task.name)
    except WordsBroken as error:
        return TaskWords(broken=(str(error),))
    except (ImportError, TypeError, ValueError) as error:
        return TaskWords(broken=(f"the words of {task.name} cannot be found: {error}",))
    return _checked(task, raw, document)


def _checked(task: Task, raw: bytes, document: Mapping[str, Any]) -> TaskWords:
    broken: list[str] = []
    cited = sources_of(document.get("sources"))
    entries = _table(document, "findings", task, broken)
    kinds = _each({kind: entries[kind] for kind in task.findings if kind in entries}, _kind(cited), task, broken)
    wordings = _each(_table(document, "quantities", task, broken), _wordings, task, broken)
    topics = _each(_table(document, "topics", task, broken) if "topics" in document else {}, topic(cited), task, broken)
    broken += [f"{task.name}: no words for {kind}" for kind in task.findings if kind not in entries]
    return TaskWords(raw=raw, kinds=kinds, quantities=wordings, topics=topics, broken=tuple(broken))


def _table(document: Mapping[str, Any], name: str, task: Task, broken: list[str]) -> Mapping[str, Any]:
    table = document.get(name)
    if isinstance(table, Mapping):
        return table
    broken.append(f"{task.name}: the words have no table {name}")
    return {}


def _each(entries: Mapping[str, Any], read: Callable[[Any], T], task: Task, broken: list[str]) -> dict[str, T]:
    good: dict[str, T] = {}
    for name, entry in entries.items():
        try:
            good[name] = read(entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            broken.append(f"{task.name}: the words for {name} are damaged: {error}")
    return good


def sources_of(entry: Any) -> Mapping[str, Source]:
    """Read the sources that a document names; what one does not say is empty."""
    entries = entry.items() if isinstance(entry, Mapping) else ()
    return {name: _source(one if isinstance(one, Mapping) else {}) for name, one in entries}


def _source(entry: Mapping[str, Any]) -> Source:
    cite, doi = entry.get("cite"), entry.get("doi")
    return Source(cite=cite if isinstance(cite, str) else "", doi=doi if isinstance(doi, str) else None)


def _cited(cited: Mapping[str, Source], name: Any) -> Source:
    if name not in cited:
        raise Wrong(f"unknown source {name}")
    return cited[name]


def topic(cited: Mapping[str, Source]) -> Callable[[Any], Topic]:
    """Make what reads a topic that rests on one of the sources in `cited`."""

    def read(entry: Any) -> Topic:
        return Topic(
            names=texts_of(entry["names"]), texts=texts_of(entry["texts"]), source=_cited(cited, entry["source"])
        )

    return read


def _kind(cited: Mapping[str, Source]) -> Callable[[Any], KindWords]:
    def read(entry: Any) -> KindWords:
        return KindWords(
            labels=texts_of(entry["labels"]),
            meanings=texts_of(entry["meaning"]["texts"]),
            actions=texts_of([action["text"] for action in entry["actions"]]),
            quantities={name: _wordings(wordings) for name, wordings in entry["quantities"].items()},
            meaning_source=_cited(cited, entry["meaning"]["source"]),
            action_sources=tuple(_cited(cited, action["source"]) for action in entry["actions"]),
        )

    return read


def texts_of(entry: Any) -> tuple[str, ...]:
    """Read a list of one text or more.

    Raises
    ------
    Wrong : it is something else.
    """
    if not isinstance(entry, list) or not entry or not all(isinstance(text, str) and text.strip() for text in entry):
        raise Wrong(f"one text or more is needed, not {entry!r}")
    return tuple(entry)


def _wordings(entry: Any) -> tuple[str, ...]:
    texts = texts_of(entry)
    if any(text.count("{value}") != 1 for text in texts):
        raise Wrong("a wording needs its number exactly once")
    return texts
