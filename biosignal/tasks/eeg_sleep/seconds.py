"""Which seconds of the leads that are staged cannot be assessed: the one place that knows who grades them."""

from collections import deque

from biosignal.events import Mark, QualityLevel
from biosignal.stream.stage import Item
from biosignal.tasks.eeg_quality.kinds import SECOND
from biosignal.tasks.eeg_seconds import GRADED_BY


class Seconds:
    """Collects graded seconds of some leads."""

    def __init__(self, leads: tuple[str, ...]) -> None:
        self._leads = set(leads)
        self._rejected: deque[Mark] = deque()

    def take(self, item: Item) -> None:
        """Take whatever the stage is given; all but graded seconds of these leads passes by."""
        if not isinstance(item, Mark) or (item.task, item.kind) != (GRADED_BY, SECOND.name):
            return
        if item.quality is QualityLevel.REJECTED and self._leads & set(item.leads):
            self._rejected.append(item)

    def rejected_share(self, start: int, end: int, *, known: int) -> float:
        """How much of [start, end) is rejected on any of the leads, by what was decided until sample `known`."""
        while self._rejected and self._rejected[0].end <= start:
            self._rejected.popleft()
        covered, until = 0, start
        for second in self._rejected:
            if second.decided_at <= known:
                covered += max(0, min(second.end, end) - max(second.start, until))
                until = max(until, second.end)
        return covered / max(1, end - start)
