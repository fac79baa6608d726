"""The reader drops exactly what does not fit, and says so."""

import numpy as np

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, Lead, SampleBlock
from edge_agent.analysis.inbox import Arrival, End, Inbox
from edge_agent.analysis.reader import OVERFLOW, Reader, SourceFailed
from edge_agent.operate.clock import HostClock
from tests.agent.conftest import until
from tests.flow.analysing import FACTS, block, gap


class Script:
    """A source that yields what it was given, then fails if it was told to."""

    def __init__(self, items, error=None):
        self.items, self.error, self.closed = items, error, False

    def recording_facts(self):
        return FACTS

    def read(self):
        yield from self.items
        if self.error is not None:
            raise self.error

    def close(self):
        self.closed = True


def blocks(count, length=40):
    ramp = np.arange(count * length, dtype=np.float32).reshape(1, -1)
    return [block(n * length, ramp[:, n * length : (n + 1) * length]) for n in range(count)]


def drained(inbox):
    items = []
    while (arrival := inbox.get(0.0)) is not None:
        items.append(arrival.signal)
    return items


def until_the_end(inbox):
    """Every signal up to the end of the source."""
    items = []
    while isinstance(arrival := inbox.get(5.0), Arrival):
        items.append(arrival.signal)
    assert isinstance(arrival, End)
    return items


def test_a_live_source_loses_exactly_what_does_not_fit_and_the_gap_says_how_much():
    inbox = Inbox(4)
    reader = Reader(Script([]), inbox, live=True, clock=HostClock())
    all_blocks = blocks(12)
    for item in all_blocks[:9]:
        reader.offer(item)
    first = drained(inbox)
    for item in all_blocks[9:]:
        reader.offer(item)
    items = first + drained(inbox)

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
    inbox = Inbox(1)
    reader = Reader(Script([]), inbox, live=True, clock=HostClock())
    first, second = blocks(2)
    reader.offer(first)
    reader.offer(second)
    reader.offer(gap(80, 1000))
    assert reader.samples_dropped == 40
    assert drained(inbox) == [first]


def test_what_was_lost_last_is_told_when_the_source_ends():
    inbox = Inbox(2)
    reader = Reader(Script(blocks(5)), inbox, live=True, clock=HostClock())
    reader.start()
    until(lambda: reader.samples_read == 200)
    items = until_the_end(inbox)
    reader.stop()
    assert reader.ended
    assert items[-1].reason == OVERFLOW
    assert (items[-1].start, items[-1].end) == (80, 200)
    assert reader.samples_dropped == 120


def test_a_replay_loses_nothing_and_waits_while_it_is_held():
    held = [True]
    inbox = Inbox(2)
    reader = Reader(Script(blocks(6)), inbox, live=False, clock=HostClock(), hold=lambda: held[0])
    reader.start()
    beats = reader.pulse.beats
    until(lambda: reader.pulse.beats > beats + 2)
    assert inbox.free == 2
    held[0] = False
    starts = [item.start for item in until_the_end(inbox)]
    reader.stop()
    assert starts == [0, 40, 80, 120, 160, 200]
    assert reader.samples_dropped == 0


def test_a_source_that_fails_is_a_failure_with_its_exit_code():
    inbox = Inbox(2)
    named = Reader(Script([], BadInput("the file is torn")), inbox, live=False, clock=HostClock())
    unnamed = Reader(Script([], ZeroDivisionError("oops")), inbox, live=False, clock=HostClock())
    for reader in (named, unnamed):
        reader.start()
        assert until_the_end(inbox) == []
        reader.stop()
    assert named.failure.exit_code == 2
    assert isinstance(unnamed.failure, SourceFailed)
    assert unnamed.failure.exit_code == 1


def test_leads_of_another_rate_share_the_fate_of_the_block_they_belong_to():
    inbox = Inbox(2)
    reader = Reader(Script([]), inbox, live=True, clock=HostClock())
    slow = (Lead(name="slow", fs_hz=36.0),)

    def beside(n):
        samples = np.zeros((1, 4), np.float32)
        return SampleBlock(recording="", start=4 * n, fs_hz=36.0, leads=slow, samples=samples)

    for n, item in enumerate(blocks(4)):
        reader.offer(item)
        reader.offer(beside(n))
    assert [(item.start, type(item)) for item in drained(inbox)] == [
        (0, SampleBlock),
        (0, SampleBlock),
        (40, SampleBlock),
        (4, SampleBlock),
    ]
    reader.offer(block(160, np.zeros((1, 40), np.float32)))
    reader.offer(beside(4))
    assert [(item.start, item.end) for item in drained(inbox)] == [(80, 160), (160, 200), (16, 20)]
