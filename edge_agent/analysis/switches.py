"""Changes of models under way: who waits for the first answer of the new one, and what went unanswered meanwhile."""

from concurrent.futures import Future
from dataclasses import dataclass

from biosignal.events import Mark, MarkState, Prediction, Unavailable


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A change of models: the first sample the new one answered, and the windows that nothing answered meanwhile."""

    at: int
    missed: int


@dataclass(slots=True)
class _Awaited:
    bundle: str
    missed_before: int
    waiting: "Future[Answered]"


class Switches:
    """The changes that are not answered yet, by task."""

    def __init__(self) -> None:
        self._awaited: dict[str, _Awaited] = {}

    def begin(self, task: str, bundle: str, *, at: int, missed: int) -> "Future[Answered]":
        """Wait for the first answer of `bundle`; `missed` windows went unanswered before.

        A change of the same task that is not answered yet ends here: nobody will hear of its model any more.
        """
        before = self._awaited.pop(task, None)
        if before is not None:
            before.waiting.set_result(Answered(at=at, missed=missed - before.missed_before))
        waiting: Future[Answered] = Future()
        self._awaited[task] = _Awaited(bundle, missed, waiting)
        return waiting

    def see(self, mark: Mark, *, missed: int) -> None:
        """Look at a mark: the first window that was answered by the new model, or failed, ends the change."""
        awaited = self._awaited.get(mark.task)
        if awaited is None or mark.state is not MarkState.CONFIRMED:
            return
        answered = isinstance(mark.outcome, Prediction) and mark.outcome.bundle == awaited.bundle
        if answered or isinstance(mark.outcome, Unavailable):
            del self._awaited[mark.task]
            awaited.waiting.set_result(Answered(at=mark.start, missed=missed - awaited.missed_before))

    def end(self, at: int, missed: dict[str, int]) -> None:
        """Nothing more is analysed: nobody need wait longer."""
        for task, awaited in self._awaited.items():
            awaited.waiting.set_result(Answered(at=at, missed=missed.get(task, 0) - awaited.missed_before))
        self._awaited.clear()
