"""A recording as if live: cut into small blocks, each yielded when its last sample would have been taken."""

import math
import threading
from collections.abc import Callable, Iterator

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, Signal
from edge_agent.operate.clock import Clock
from edge_agent.sources.port import Source, SourceFacts, SourceHealth
from edge_agent.sources.rates import Numbering, cut_in_step, leads_by_rate, stretches

LOOP = "loop"


class Paced:
    """Plays `source` at `speed` times real time, once or in a loop.

    Parameters
    ----------
    source : a source that can be read again from its start.
    speed : 1 is real time; absent, as fast as it is taken.
    clock : the schedule is kept on its steady clock. A consumer that falls behind is caught up with.
    loop_speed : speed of every pass but the first; absent, the same.
    passes : how often to play; absent, until closed. A pass counts samples on behind ``Gap(length=0)``.
    block_s : length of a block when paced, in seconds of signal at speed 1; longer by as much as `speed` is above 1.
    wait : sleeps so many seconds and returns whether to stop; default waits for `close`.
    """

    def __init__(
        self,
        source: Source,
        *,
        speed: float | None,
        clock: Clock,
        loop_speed: float | None = None,
        passes: int | None = 1,
        block_s: float = 0.04,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        for each in (speed, loop_speed):
            if each is not None and not (math.isfinite(each) and each > 0):
                raise BadInput("a speed must be positive", speed=each, remedy="give a number above 0, or `max`")
        self._source = source
        self._speed = speed
        self._loop_speed = loop_speed
        self._clock = clock
        self._passes = passes
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._recording = ""
        facts = source.recording_facts()
        self._block_s = block_s
        self._fs_hz = facts.fs_hz
        self._rates = len(leads_by_rate(facts))

    def recording_facts(self) -> SourceFacts:
        """Facts of the recording that is played."""
        return self._source.recording_facts()

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id
        self._source.open(recording_id)

    def read(self) -> Iterator[Signal]:
        """Yield blocks and gaps when they are due."""
        began_s = self._clock.monotonic_s()
        offset = 0
        first = 0
        speed = self._speed
        passes = 0
        while self._passes is None or passes < self._passes:
            if passes:
                yield Gap(recording=self._recording, start=offset, length=0, reason=LOOP)
                if self._loop_speed is not None and speed != self._loop_speed:
                    speed, first, began_s = self._loop_speed, offset, self._clock.monotonic_s()
            end = offset
            numbering = Numbering(self._fs_hz, first=offset)
            for stretch in stretches(self._source.read(), self._rates):
                for piece in self._cut(tuple(numbering.place(item) for item in stretch), speed):
                    end = piece.end if self._is_own(piece) else end
                    if self._waited_in_vain(began_s, end - first, speed):
                        return
                    yield piece
            if self._closed.is_set() or end == offset:
                return
            offset, passes = end, passes + 1

    def close(self) -> None:
        """Make `read` end at once."""
        self._closed.set()
        self._source.close()

    def health(self) -> SourceHealth:
        """State of the recording that is played."""
        return self._source.health()

    def _cut(self, stretch: tuple[Signal, ...], speed: float | None) -> Iterator[Signal]:
        blocks = [item for item in stretch if not isinstance(item, Gap)]
        if not blocks or speed is None:
            yield from stretch
            return
        size = max(1, round(self._block_s * self._fs_hz * max(1.0, speed)))
        yield from cut_in_step(blocks, size=size)

    def _is_own(self, item: Signal) -> bool:
        return isinstance(item, Gap) or item.fs_hz == self._fs_hz

    def _waited_in_vain(self, began_s: float, samples: int, speed: float | None) -> bool:
        """Wait until so many samples after `began_s` are due; whether the source was closed meanwhile."""
        if speed is not None:
            due_s = began_s + samples / (self._fs_hz * speed)
            while (left_s := due_s - self._clock.monotonic_s()) > 0:
                if self._wait(left_s):
                    return True
        return self._closed.is_set()
