from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, Lead, SampleBlock
from edge_agent.operate.clock import SetClock
from edge_agent.sources.excerpt import Excerpt
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import SourceFacts, SourceHealth, SourceState

LEADS = (Lead(name="II"),)


class Ramp:
    """A recording whose sample values are their own index, with a gap inside."""

    def __init__(self, items):
        self.items = items
        self.recording = ""

    def recording_facts(self):
        return SourceFacts(name="ramp", leads=LEADS, fs_hz=100.0, live=False, content_hash="x")

    def open(self, recording_id):
        self.recording = recording_id

    def read(self):
        for item in self.items:
            yield replace(item, recording=self.recording)

    def close(self):
        pass

    def health(self):
        return SourceHealth(state=SourceState.STREAMING, since_monotonic_s=0.0)


def block(start, length):
    samples = np.arange(start, start + length, dtype=np.float32).reshape(1, -1)
    return SampleBlock(recording="", start=start, fs_hz=100.0, leads=LEADS, samples=samples)


def sleeper(clock, overshoot_s=0.0):
    def wait(seconds):
        clock.advance(seconds + overshoot_s)
        return False

    return wait


def test_later_passes_have_a_speed_of_their_own():
    clock = SetClock()
    source = Paced(Ramp([block(0, 100)]), speed=None, loop_speed=2.0, passes=3, clock=clock, wait=sleeper(clock))
    source.open("r")
    told = [(item.end, clock.monotonic_s()) for item in source.read() if isinstance(item, SampleBlock)]
    assert told[0] == (100, 0.0)
    assert told[-1] == (300, pytest.approx(1.0))


def test_a_block_is_told_when_its_last_sample_is_due():
    clock = SetClock()
    source = Paced(Ramp([block(0, 100)]), speed=1.0, clock=clock, wait=sleeper(clock))
    source.open("r")
    for item in source.read():
        assert clock.monotonic_s() == pytest.approx(item.end / 100.0)


def test_oversleeping_does_not_add_up():
    clock = SetClock()
    source = Paced(Ramp([block(0, 1000)]), speed=2.0, clock=clock, wait=sleeper(clock, overshoot_s=0.003))
    source.open("r")
    list(source.read())
    assert clock.monotonic_s() == pytest.approx(5.0, abs=0.02)


def test_max_speed_never_waits_and_never_cuts():
    def wait(_):
        raise AssertionError("waited")

    source = Paced(Ramp([block(0, 1000)]), speed=None, clock=SetClock(), wait=wait)
    source.open("r")
    assert [item.length for item in source.read()] == [1000]


def test_a_loop_counts_on_behind_a_join():
    clock = SetClock()
    items = [block(0, 50), Gap(recording="", start=50, length=10, reason="truncated")]
    source = Paced(Ramp(items), speed=None, clock=clock, passes=3)
    source.open("r")
    out = list(source.read())
    starts = [(item.start, item.length, getattr(item, "reason", None)) for item in out]
    assert starts == [
        (0, 50, None), (50, 10, "truncated"), (60, 0, "loop"),
        (60, 50, None), (110, 10, "truncated"), (120, 0, "loop"),
        (120, 50, None), (170, 10, "truncated"),
    ]  # fmt: skip
    assert {item.recording for item in out} == {"r"}


@given(length=st.integers(1, 500), block_s=st.floats(0.001, 2.0), speed=st.floats(0.1, 50.0))
def test_cutting_loses_nothing(length, block_s, speed):
    clock = SetClock()
    source = Paced(Ramp([block(0, length)]), speed=speed, clock=clock, block_s=block_s, wait=sleeper(clock))
    source.open("r")
    joined = np.concatenate([item.samples[0] for item in source.read()])
    np.testing.assert_array_equal(joined, np.arange(length))


def test_closing_stops_an_endless_loop():
    source = Paced(Excerpt(), speed=None, clock=SetClock(), passes=None)
    source.open("r")
    seen = 0
    for item in source.read():
        seen = item.end
        if seen > 200_000:
            source.close()
    assert seen < 240_000


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_cannot_be_is_refused(speed):
    with pytest.raises(BadInput, match="positive"):
        Paced(Excerpt(), speed=speed, clock=SetClock())
