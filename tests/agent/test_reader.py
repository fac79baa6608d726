"""The reader drops exactly what does not fit, and says so."""

import numpy as np

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, SampleBlock
from edge_agent.analysis.reader import OVERFLOW, Reader, SourceFailed
from edge_agent.operate.clock import HostClock
from tests.agent.conftest import until
from tests.flow.analysing import block, gap


class Script:
    """A source that yields what it was given, then fails if it was told to."""

    def __init__(self, items, error=None):
        self.items, self.error, self.closed = items, error, False

    def read(self):
        yield from self.items
        if self.error is not None:
            raise self.error

    def close(self):
        self.closed = True


def blocks(count, length=40):
    ramp = np.arange(count * length, dtype=np.float32).reshape(1, -1)
    return [block(n * length, ramp[:, n * length : (n + 1) * length]) for n in range(count)]


def drained(reader):
    items = []
    while not reader.queue.empty():
        items.append(reader.queue.get_nowait())
    return [arrival.signal if arrival is not None else None for arrival in items]


def test_a_live_source_loses_exactly_what_does_not_fit_and_the_gap_says_how_much():
    reader = Reader(Script([]), live=True, room=4, clock=HostClock())
    all_blocks = blocks(12)
    for item in all_blocks[:9]:
        reader.offer(item)
    first = drained(reader)
    for item in all_blocks[9:]:
        reader.offer(item)
    items = first + drained(reader)

    assert [type(item) for item in items] == [SampleBlock] * 4 + [Gap] + [SampleBlock] * 3
    lost = items[4]
    assert (lost.start, lost.length, lost.reason) == (160, 200, OVERFLOW)
    assert reader.samples_dropped == 200
    assert reader.samples_read == 480
    at = 0
    for item in items:
        assert item.start == at
        at = item.end
    assert at == 480


def test_a_gap_of_the_source_within_a_drop_is_swallowed_and_not_counted_as_dropped():
    reader = Reader(Script([]), live=True, room=1, clock=HostClock())
    first, second = blocks(2)
    reader.offer(first)
    reader.offer(second)
    reader.offer(gap(80, 1000))
    assert reader.samples_dropped == 40
    assert drained(reader) == [first]


def test_what_was_lost_last_is_told_when_the_source_ends():
    reader = Reader(Script(blocks(5)), live=True, room=2, clock=HostClock())
    reader.start()
    until(lambda: reader.samples_read == 200)
    items = []
    while (arrival := reader.queue.get(timeout=5)) is not None:
        items.append(arrival.signal)
    reader.stop()
    assert reader.ended
    assert items[-1].reason == OVERFLOW
    assert (items[-1].start, items[-1].end) == (80, 200)
    assert reader.samples_dropped == 120


def test_a_replay_loses_nothing_and_waits_while_it_is_held():
    held = [True]
    reader = Reader(Script(blocks(6)), live=False, room=2, clock=HostClock(), hold=lambda: held[0])
    reader.start()
    turns = reader.turns
    until(lambda: reader.turns > turns + 2)
    assert reader.queue.empty()
    held[0] = False
    starts = []
    while (arrival := reader.queue.get(timeout=5)) is not None:
        starts.append(arrival.signal.start)
    reader.stop()
    assert starts == [0, 40, 80, 120, 160, 200]
    assert reader.samples_dropped == 0


def test_a_source_that_fails_is_a_failure_with_its_exit_code():
    named = Reader(Script([], BadInput("the file is torn")), live=False, room=2, clock=HostClock())
    unnamed = Reader(Script([], ZeroDivisionError("oops")), live=False, room=2, clock=HostClock())
    for reader in (named, unnamed):
        reader.start()
        assert reader.queue.get(timeout=5) is None
        reader.stop()
    assert named.failure.exit_code == 2
    assert isinstance(unnamed.failure, SourceFailed)
    assert unnamed.failure.exit_code == 1
