"""What there are vetted sentences about: kinds of findings, topics, statements; and which of them is meant."""

from dataclasses import dataclass, field

from biosignal.asking.ranking import Ranking
from biosignal.asking.reply import Quoted
from biosignal.asking.tokens import is_near, name_stems
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kind
from biosignal.wording.knowledge import Knowledge, knowledge
from biosignal.wording.vetted import KindWords, Source, Topic

_NAME_COUNTS = 3.0
PROGRAM = Source(cite="What this program does; not a medical statement.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Something that can be asked about: its names, what it means and what to do, each a vetted sentence.

    `kind` is that of a finding, None of what is no finding.
    """

    names: tuple[str, ...]
    meaning: tuple[Quoted, ...]
    actions: tuple[Quoted, ...] = ()
    kind: str | None = None

    @property
    def title(self) -> str:
        """Its first name."""
        return self.names[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subjects:
    """All subjects, and how they are found."""

    all: tuple[Subject, ...]
    ranking: Ranking = field(repr=False)
    named: tuple[tuple[tuple[str, ...], int], ...] = field(repr=False)

    def of_kind(self, kind: str) -> Subject | None:
        """Look up a kind of finding; None where nobody wrote words for it."""
        return next((one for one in self.all if one.kind == kind), None)

    def named_in(self, question: str) -> Subject | None:
        """Find the subject whose name is in the question; the longest wins, and a slip of the keys is forgiven last."""
        asked = name_stems(question)
        places = [(name, at, asked[start:]) for name, at in self.named for start in range(len(asked) - len(name) + 1)]
        exact = (at for name, at, rest in places if rest[: len(name)] == name)
        near = (at for name, at, rest in places if all(is_near(*pair) for pair in zip(name, rest, strict=False)))
        found = next(exact, None)
        found = next(near, None) if found is None else found
        return None if found is None else self.all[found]

    def nearest(self, question: str) -> Subject | None:
        """Find the subject whose names and sentences fit the question best; None where none shares a word with it."""
        return next(iter(self.ranked(question, 1)), None)

    def ranked(self, question: str, most: int) -> list[Subject]:
        """Give the subjects that fit a question best, the best one first."""
        return [self.all[at] for at in self.ranking.best(question, most)]


def subjects() -> Subjects:
    """Give the subjects of the tasks that there are now."""
    global _loaded
    known, loaded = knowledge(), _loaded
    if loaded is None or loaded[0] is not known:
        _loaded = loaded = known, _made(known)
    return loaded[1]


_loaded: tuple[Knowledge, Subjects] | None = None
"""The sentences that the subjects were made of last, and the subjects."""


def _made(known: Knowledge) -> Subjects:
    found = [
        *(_of_kind(kind, words) for kind, words in known.kinds.items()),
        *(_of_topic(one) for one in known.topics.values()),
        *(_of_statement(code, meaning) for code, meaning in statements()),
    ]
    usable = tuple(one for one in found if one.meaning)
    named = [(name_stems(name), at) for at, one in enumerate(usable) for name in one.names]
    return Subjects(
        all=usable,
        ranking=Ranking([[*((name, _NAME_COUNTS) for name in one.names), *_texts(one)] for one in usable]),
        named=tuple(sorted((one for one in named if one[0]), key=lambda one: -len(" ".join(one[0])))),
    )


def _texts(subject: Subject) -> list[tuple[str, float]]:
    return [(one.text, 1.0) for one in (*subject.meaning, *subject.actions)]


def _of_kind(kind: str, words: KindWords) -> Subject:
    names = (finding_kind(kind).label, *words.labels, kind.replace("-", " "))
    source = words.meaning_source
    meaning = words.meanings[:1] if source is not None and source.cite else ()
    return Subject(
        names=tuple(dict.fromkeys(names)),
        meaning=tuple(Quoted(text=text, source=source) for text in meaning if source is not None),
        actions=tuple(
            Quoted(text=text, source=cited)
            for text, cited in zip(words.actions, words.action_sources, strict=False)
            if cited.cite
        ),
        kind=kind,
    )


def _of_topic(topic: Topic) -> Subject:
    texts = topic.texts if topic.source.cite else ()
    return Subject(names=topic.names, meaning=tuple(Quoted(text=text, source=topic.source) for text in texts))


def _of_statement(code: str, meaning: str) -> Subject:
    return Subject(names=(meaning, code), meaning=(Quoted(text=statement_text(code, meaning), source=PROGRAM),))


def statement_text(code: str, meaning: str) -> str:
    """Say what the code of a statement stands for."""
    return f"{code} stands for: {meaning}."


def statements() -> list[tuple[str, str]]:
    """Codes and meanings of what the tasks state, but for the answer that it cannot be told."""
    return [
        (label.name, label.meaning)
        for task in TASKS.values()
        if task.review is not None and task.mark_kind(task.review.mark).states
        for label in task.review.labels
        if label.name != task.review.undecided
    ]
