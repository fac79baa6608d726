"""A stage at work on a stream, and stages in a row."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeAlias

from biosignal.events import Event
from biosignal.signal.blocks import Signal

Item: TypeAlias = Signal | Event


class Stage(Protocol):
    """One step of the analysis. Holds state; reads no clock, opens no file, writes no log.

    Law: however the samples are cut into blocks, the joined output is the same. A stage passes on
    every item it does not consume, in order; a `Gap` passes through every stage and resets it.
    """

    def push(self, item: Item, /) -> Iterable[Item]:
        """Take one item; yield none, one or many."""

    def finish(self) -> Iterable[Item]:
        """The stream ends here: yield what is still held back."""


class Chain:
    """Stages in a row, as one stage."""

    def __init__(self, *stages: Stage) -> None:
        self._stages = stages

    def push(self, item: Item, /) -> Iterator[Item]:
        """Send one item through all stages."""
        yield from self._through([item], 0)

    def finish(self) -> Iterator[Item]:
        """Finish the stages in order; what one still yields runs through those behind it."""
        for index, stage in enumerate(self._stages):
            yield from self._through(stage.finish(), index + 1)

    def _through(self, items: Iterable[Item], first: int) -> Iterator[Item]:
        if first == len(self._stages):
            yield from items
            return
        for item in items:
            yield from self._through(self._stages[first].push(item), first + 1)


def chain(*stages: Stage) -> Stage:
    """Join stages in a row."""
    return Chain(*stages)
