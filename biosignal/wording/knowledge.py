"""All vetted sentences: those of every task, and the few that belong to none.

They are loaded when the explainer is made and again when `TASKS` has changed. Nothing here raises: an alarm waits for
no text, so what is damaged is listed (`broken_words`) and its texts fall back to the declared label and plain numbers.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from biosignal.events import Measure
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kind, quantity
from biosignal.tasks.task import Task
from biosignal.wording.plain import plain
from biosignal.wording.vetted import KindWords, Source, TaskWords, Topic, sources_of, task_words, texts_of, topic


@dataclass(frozen=True, kw_only=True, slots=True)
class CommonWords:
    """What is said whatever the kind: of a degraded signal, and where nothing can be assessed.

    The defaults stand in for a damaged file.
    """

    degraded: tuple[str, ...] = ("The signal was degraded.",)
    not_assessable: tuple[str, ...] = ("This is not assessable.",)
    not_assessable_action: str = "Look at the strip yourself."
    meaning_source: Source | None = None
    action_source: Source | None = None
    topics: Mapping[str, Topic] = field(default_factory=dict)
    raw: bytes = b""
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """Every sentence that may be said, by kind of finding.

    `sha256` is of all files they came from; `broken` says what is missing or damaged; `approved` names the bundle of
    the words that a clinic approved and that stand before the vetted ones, empty where there are none.
    """

    sha256: str
    common: CommonWords
    kinds: Mapping[str, KindWords]
    quantities: Mapping[str, tuple[str, ...]]
    by_task: Mapping[str, TaskWords] = field(repr=False)
    broken: tuple[str, ...] = ()
    approved: str = ""

    @property
    def topics(self) -> Mapping[str, Topic]:
        """What can be said of what is no finding: of all tasks, and of the program itself."""
        of_tasks = {name: one for words in self.by_task.values() for name, one in words.topics.items()}
        return {**of_tasks, **self.common.topics}

    def is_vetted(self, kind: str) -> bool:
        """Whether somebody wrote words for a kind."""
        return kind in self.kinds

    def of_kind(self, kind: str) -> KindWords:
        """Look up what may be said about a kind; its declared label alone where nobody wrote words for it."""
        return self.kinds.get(kind) or KindWords(labels=(plain(finding_kind(kind).label, otherwise="a finding"),))

    def has_wording(self, task: str, kind: str, name: str) -> bool:
        """Whether a quantity of a finding has a vetted wording."""
        return self.vetted_wordings(task, kind, name) is not None

    def wordings(self, task: str, kind: str, measure: Measure) -> tuple[str, ...]:
        """Wordings of a quantity for a finding, each with the field ``{value}``: the kind's, the task's, another's.

        Name, value and unit where nobody wrote one.
        """
        return self.vetted_wordings(task, kind, measure.name) or (_plain_wording(measure),)

    def vetted_wordings(self, task: str, kind: str, name: str) -> tuple[str, ...] | None:
        """Give the wordings that somebody wrote for a quantity of a finding; None where nobody did."""
        own = self.by_task[task].quantities if task in self.by_task else {}
        return self.of_kind(kind).quantities.get(name) or own.get(name) or self.quantities.get(name)


def knowledge() -> Knowledge:
    """Give the sentences of the tasks that there are now."""
    global _loaded
    tasks, loaded = tuple(TASKS.values()), _loaded
    if loaded is None or not _are_same(loaded[0], tasks):
        _loaded = loaded = tasks, load(tasks, _common_bytes())
    return loaded[1]


_loaded: tuple[tuple[Task, ...], Knowledge] | None = None
"""The tasks whose words were read last, and what was read."""


def broken_words() -> tuple[str, ...]:
    """List what is missing or damaged among the sentences; empty where every kind has its words."""
    return knowledge().broken


def load(tasks: tuple[Task, ...], common: bytes) -> Knowledge:
    """Put the sentences of `tasks` together with the common ones."""
    shared = read_common(common)
    by_task = {task.name: task_words(task) for task in tasks}
    digest = hashlib.sha256(common)
    for name, words in by_task.items():
        digest.update(name.encode() + words.raw)
    return Knowledge(
        sha256=digest.hexdigest(),
        common=shared,
        kinds={kind: entry for words in by_task.values() for kind, entry in words.kinds.items()},
        quantities={name: texts for words in by_task.values() for name, texts in words.quantities.items()},
        by_task=by_task,
        broken=(*shared.broken, *(trouble for words in by_task.values() for trouble in words.broken)),
    )


def read_common(raw: bytes) -> CommonWords:
    """Read the sentences that belong to no task; never raises."""
    try:
        document = json.loads(raw)
        cited, apart = sources_of(document.get("sources")), document["not_assessable"]
        return CommonWords(
            degraded=texts_of(document["degraded"]),
            not_assessable=texts_of(apart["meaning"]["texts"]),
            not_assessable_action=texts_of([apart["action"]["text"]])[0],
            meaning_source=cited.get(apart["meaning"].get("source")),
            action_source=cited.get(apart["action"].get("source")),
            topics={name: topic(cited)(entry) for name, entry in document.get("topics", {}).items()},
            raw=raw,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return CommonWords(raw=raw, broken=(f"the common sentences cannot be read: {error}",))


def _common_bytes() -> bytes:
    try:
        return resources.files("biosignal.wording").joinpath("knowledge.json").read_bytes()
    except OSError:
        return b""


def _are_same(before: tuple[Task, ...], now: tuple[Task, ...]) -> bool:
    return len(before) == len(now) and all(old is new for old, new in zip(before, now, strict=True))


def _plain_wording(measure: Measure) -> str:
    known = quantity(measure.name)
    name = plain((known.label if known else "") or measure.name.replace("_", " "), otherwise="A number")
    unit = plain(measure.unit, otherwise="") if measure.unit != "1" else ""
    return f"{name[:1].upper()}{name[1:]} {{value}}{' ' if unit else ''}{unit}."
