"""A Cyton whose port goes and comes, in real time: how soon it is read again, and what is told of the hole."""

import time

import numpy as np

from biosignal.signal.blocks import Gap, SampleBlock
from edge_agent.operate.clock import HostClock
from edge_agent.sources.line_damage import Fault
from edge_agent.sources.serial_board import RECONNECTED
from tests.sources.boards_on_a_line import Line, contiguous, emulation_of, undamaged

FS_HZ = 250.0
EVERY_S, AWAY_S = 0.9, 0.3
REOPEN_P99_S = 2.0


def replug(cycles, link):
    """Pull the plug again and again; the items, the gaps and the times from the port's return to the next sample."""
    seconds = 3.0 + cycles * EVERY_S
    faults = [
        Fault(what="unplug", at=round((2.0 + cycle * EVERY_S) * FS_HZ), seconds=AWAY_S) for cycle in range(cycles)
    ]
    line = Line(
        "cyton", emulation_of("cyton", seconds, faults), link, speed=1.0, clock=HostClock(), block_s=0.02,
        first_retry_s=0.25, longest_retry_s=10.0,
    )  # fmt: skip
    plugged, reopened = [], []
    plug, read = line.emulator.plug, line.source.read
    line.emulator.plug = lambda: (plug(), plugged.append(time.monotonic()))

    def timed():
        for item in read():
            if isinstance(item, SampleBlock) and len(reopened) < len(plugged):
                reopened.append(time.monotonic() - plugged[-1])
            yield item

    line.source.read = timed
    items = line.play(limit_s=seconds * 3 + 20)
    return line, items, reopened


def judged(cycles, link):
    line, items, reopened = replug(cycles, link)
    gaps = [item for item in items if isinstance(item, Gap)]
    p99_s = float(np.percentile(reopened, 99))
    print(f"{cycles} cycles: reopened in {np.median(reopened):.3f} s (median), {p99_s:.3f} s (p99)")
    assert len(reopened) == cycles
    assert p99_s <= REOPEN_P99_S
    assert dict(line.source.health().counters)["opened"] == cycles + 1
    contiguous(items)
    clean = undamaged("cyton", 3.0 + cycles * EVERY_S, line.source.recording_facts().leads)
    wrong = [
        item.start
        for item in items
        if isinstance(item, SampleBlock) and not np.array_equal(item.samples, clean[:, item.start : item.end])
    ]
    assert wrong == []  # every sample stands at its own index, so every gap is exactly as long as what was lost
    assert [gap.reason for gap in gaps if gap.length > 1].count(RECONNECTED) >= cycles - 1 - cycles // 10
    assert sum(gap.length for gap in gaps) >= cycles * AWAY_S * FS_HZ - 1


def test_a_port_that_comes_and_goes_leaves_gaps_of_the_exact_length(tmp_path):
    judged(8, tmp_path / "board")
