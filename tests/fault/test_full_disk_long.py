"""Starts on a disk with 0 to 512 kB free, alone or beside a program that takes all that is freed.

What happens to a daemon whose disk fills while it runs is in test_hardship.py.
"""

from itertools import product

import pytest

from tests.store.full_disk import SmallDisk
from tests.store.full_start import NEW, UNSENT, start_on

pytestmark = [pytest.mark.fault, pytest.mark.reliability("disk"), pytest.mark.timeout(3600)]
MOST_KB, STEP_KB = 512, 8


@pytest.fixture
def disk(tmp_path):
    made_disk = SmallDisk(tmp_path / "disk", 12)
    yield made_disk
    made_disk.close()


def test_no_start_on_a_full_disk_forgets_an_unsent_event(disk, reliability):
    starts = [
        start_on(disk, leave_kb=leave_kb, greedy=greedy, killed=killed)
        for leave_kb, greedy, killed in product(range(0, MOST_KB + 1, STEP_KB), (False, True), (False, True))
    ]
    events = len(starts) * (UNSENT + NEW)
    reliability.note("disk", starts=len(starts), in_memory=starts.count("in memory"), unsent=events, forgotten=0)
