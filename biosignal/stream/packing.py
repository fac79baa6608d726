"""Confirmed marks of one kind, packed by the minute, so that whoever draws a stretch has all of them."""

from collections.abc import Iterator

from biosignal.events import Mark, MarkPack, Prediction, stable_id

MINUTE_S = 60.0
SETTLE_S = 15.0
"""A minute is packed so long behind its end; a mark that is confirmed later comes in a pack of its own."""


class MarkPacker:
    """Packs the marks of one task and kind; those on other leads go into packs of their own."""

    def __init__(self, *, task: str, kind: str, stream: str, fs_hz: float, unanswered: str) -> None:
        self._task = task
        self._kind = kind
        self._stream = stream
        self._fs_hz = fs_hz
        self._unanswered = unanswered
        self._length = round(MINUTE_S * fs_hz)
        self._settle = round(SETTLE_S * fs_hz)
        self._minutes: dict[int, list[Mark]] = {}
        self._next_due: int | None = None

    def add(self, mark: Mark) -> None:
        """Take a confirmed mark; what was settled before it was decided must be packed first, with `settled`."""
        minute = mark.start // self._length
        self._minutes.setdefault(minute, []).append(mark)
        due = self._due(minute)
        if self._next_due is None or due < self._next_due:
            self._next_due = due

    def _due(self, minute: int) -> int:
        return (minute + 1) * self._length + self._settle

    def settled(self, until: int) -> Iterator[MarkPack]:
        """Give the minutes that are settled when all before sample `until` is known."""
        while self._next_due is not None and self._next_due <= until:
            minute = min(self._minutes)
            yield from self._packs(minute, self._due(minute) - 1)
            self._next_due = self._due(min(self._minutes)) if self._minutes else None

    def finish(self, at: int) -> Iterator[MarkPack]:
        """Give what is left; the recording ended behind sample `at`."""
        for minute in sorted(self._minutes):
            yield from self._packs(minute, at)

    def _packs(self, minute: int, decided_at: int) -> Iterator[MarkPack]:
        by_leads: dict[tuple[str, ...], list[Mark]] = {}
        for mark in sorted(self._minutes.pop(minute), key=lambda mark: mark.start):
            by_leads.setdefault(mark.leads, []).append(mark)
        for marks in by_leads.values():
            yield self._pack(minute, marks, decided_at)

    def _pack(self, minute: int, marks: list[Mark], decided_at: int) -> MarkPack:
        first = marks[0]
        names = [mark.label or self._unanswered for mark in marks]
        of_each = [_origin(mark) for mark in marks]
        labels, origins = tuple(sorted(set(names))), tuple(sorted(set(of_each)))
        are_points = all(mark.end == mark.start for mark in marks)
        return MarkPack(
            id=stable_id(
                first.recording, self._stream, "pack", self._task, self._kind, ",".join(first.leads), first.start
            ),
            task=self._task,
            kind=self._kind,
            recording=first.recording,
            leads=first.leads,
            fs_hz=self._fs_hz,
            start=minute * self._length,
            end=(minute + 1) * self._length,
            decided_at=decided_at,
            starts=tuple(mark.start for mark in marks),
            ends=() if are_points else tuple(mark.end for mark in marks),
            labels=labels,
            label=tuple(labels.index(name) for name in names),
            origins=origins,
            origin=tuple(origins.index(one) for one in of_each),
        )


def _origin(mark: Mark) -> str:
    """Say what gave a mark its label: bundle and rung, or why there is none."""
    said = mark.outcome
    return f"{said.bundle} on {said.rung.value}" if isinstance(said, Prediction) else said.reason
