"""The daemon's memory over days of signal that it takes as fast as it can: after the warm-up it stays where it is."""

from pathlib import Path

import numpy as np
import pytest
from fault_house import House, wait_for

from edge_agent.sources.excerpt import FS_HZ

WARM_H = 2
MOST_MB_PER_HOUR = 1.0
LONGEST_HOUR_S = 900.0
"""So long may an hour of signal take on a machine that does other things as well."""


def simulated_h(house):
    """How many hours of signal the daemon has taken since its start."""
    return house.agent_counts().get("bedside_samples_read_total", 0) / FS_HZ / 3600


def resident_mb(pid):
    """What the kernel says the process holds in memory, files it has mapped included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1000


def growth(house, hours):
    """MB that the daemon grows in an hour of signal behind the warm-up, by a straight line; what it held first, last.

    It is looked at once an hour: in between it breathes by a megabyte or two.
    """
    found = []
    for hour in range(WARM_H, hours + 1):
        wait_for(lambda hour=hour: simulated_h(house) >= hour, LONGEST_HOUR_S, f"{hour} hours of signal")
        assert house.agent.is_alive, house.agent.last_words()
        found.append(resident_mb(house.agent.pid))
    return float(np.polyfit(range(len(found)), found, 1)[0]), found[0], found[-1]


@pytest.mark.fault
@pytest.mark.reliability("memory")
@pytest.mark.timeout(0)
def test_a_daemon_without_a_line_stays_as_large_as_it_was(tmp_path, request, reliability):
    hours = request.config.getoption("--hours")
    # A small budget, so that waves are dropped as beside a bed after weeks.
    settings = ("sync.enabled=false", "store.waveform_budget_mb=20")
    house = House(tmp_path, broker="embedded", speed=0, settings=settings)
    try:
        house.agent.start()
        slope, first_mb, last_mb = growth(house, hours)
    finally:
        house.close()
    reliability.note("memory", of="daemon alone", hours=hours, mb_an_hour=slope, first_mb=first_mb, last_mb=last_mb)
    assert slope <= MOST_MB_PER_HOUR


@pytest.mark.fault
@pytest.mark.reliability("memory")
@pytest.mark.broker
@pytest.mark.timeout(0)
def test_a_daemon_that_sends_all_it_finds_stays_as_large_as_it_was(tmp_path, request, reliability):
    hours = max(WARM_H + 4, request.config.getoption("--hours") // 4)
    house = House(tmp_path, broker="embedded", speed=0, settings=("store.events_budget_mb=10",))
    try:
        house.start()
        slope, first_mb, last_mb = growth(house, hours)
    finally:
        house.close()
    reliability.note(
        "memory", of="daemon with clinic", hours=hours, mb_an_hour=slope, first_mb=first_mb, last_mb=last_mb
    )
    assert slope <= MOST_MB_PER_HOUR
