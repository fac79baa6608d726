"""The long fuzz runs of the decoders: 20 MB each without crash, hang or growth."""

import resource
import time

import numpy as np
import pytest

from edge_agent.sources.decoders import KINDS
from tests.decoders.fuzzing import Watched, run

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]
MB = 1_000_000
GROWTH_KB = 40_000


def resident_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("protocol", KINDS)
def test_20_mb_of_mutated_frames_neither_crash_nor_hang_nor_grow(protocol):
    run(protocol, MB, seed=1)
    before_kb = resident_kb()
    began_s = time.process_time()
    mutated = run(protocol, 19 * MB, seed=2, times=True)
    seconds = time.process_time() - began_s
    assert mutated.samples > 0
    assert resident_kb() - before_kb < GROWTH_KB
    print(f"{protocol}: {19 / seconds:.1f} MB/s on damaged bytes, {mutated.decoder.counters.resyncs} resyncs")


@pytest.mark.parametrize("protocol", KINDS)
def test_10_mb_of_random_bytes_are_no_board(protocol):
    watched = Watched(protocol)
    random = np.random.default_rng(99)
    for _ in range(1000):
        watched.feed(random.bytes(10_000))
    watched.finish()
    assert (watched.samples, watched.decoder.counters.bytes_skipped) == (0, 10 * MB)
