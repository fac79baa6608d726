"""The marks of the last minutes, kept until it is known whether a finding rests on them."""

from collections import OrderedDict
from collections.abc import Iterator

from biosignal.events import Durable, Finding, Inputs, Mark, MarkState, mark_id

KEPT_S = 300.0
"""A finding rests on marks no older than this; those it named before were stored with its first revision."""
NAMED = 8192


class RecentMarks:
    """Gives each mark that a finding rests on, and what the classifier saw of it, with the first finding to name it."""

    def __init__(self, recording: str, fs_hz: float) -> None:
        self._recording = recording
        self._kept = round(KEPT_S * fs_hz)
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self._inputs: OrderedDict[str, Inputs] = OrderedDict()
        self._named: OrderedDict[str, None] = OrderedDict()

    def add(self, event: Mark | Inputs) -> None:
        """Keep a confirmed mark, or the inputs of one."""
        if isinstance(event, Inputs):
            self._inputs[event.id] = event
        elif event.state is MarkState.CONFIRMED:
            self._marks[event.id] = event
            self._forget(event.start - self._kept)

    def named_by(self, finding: Finding) -> Iterator[Durable]:
        """Give the marks and inputs that a finding rests on and that were not given before."""
        for marks in finding.evidence.marks:
            for start in marks.starts:
                name = mark_id(
                    recording=self._recording, task=marks.task, kind=marks.kind, leads=marks.leads, start=start
                )
                mark = self._marks.get(name)
                if mark is None or not self._is_new(name):
                    continue
                seen = self._inputs.get(mark.inputs) if mark.inputs is not None else None
                if seen is not None and self._is_new(seen.id):
                    yield seen
                yield mark

    def _is_new(self, name: str) -> bool:
        if name in self._named:
            return False
        self._named[name] = None
        if len(self._named) > NAMED:
            self._named.popitem(last=False)
        return True

    def _forget(self, before: int) -> None:
        while self._marks and next(iter(self._marks.values())).start < before:
            _, old = self._marks.popitem(last=False)
            if old.inputs is not None:
                self._inputs.pop(old.inputs, None)
