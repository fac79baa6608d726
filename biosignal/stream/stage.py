"""A stage at work on a stream."""

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias

from biosignal.events import Event
from biosignal.signal.blocks import Signal

Item: TypeAlias = Signal | Event


class Stage(Protocol):
    """One task at work on its leads. Holds state; reads no clock, opens no file, writes no log.

    It is given, in this order: a block of its leads; what the tasks that it needs said of it, in order of
    `decided_at`; and `advance`. At a `Gap` it ends what it holds and starts anew behind it.

    Law: however the samples are cut into blocks, the joined output is the same, in order of `decided_at`.
    """

    watermark: int
    """Nothing that is yielded later is decided before this sample."""

    def set_limits(self, limits: Any, /) -> None:
        """Take other limits, of the task's own class, from now on."""

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take one item; yield what it decides. Inputs come right after the mark that names them."""

    def advance(self, until: int, /) -> Iterable[Event]:
        """All samples before `until`, and all that was decided before it, have been pushed."""

    def finish(self) -> Iterable[Event]:
        """The recording ends here: yield what is still held back."""
