"""A device that was without its clinic for seven days: all that it said arrives once, in its order."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import count

import pytest
from fault_backlog import check_arrived

from benchmarks.drain import DEVICE, drain, fill
from demo.house import House
from edge_agent.store.events import EventStore

AWAY = timedelta(days=7)
AWAY_S = round(AWAY.total_seconds())
PATIENCE = 6.0
"""How many times as long as usual the clinic may take to start: a machine may have other work."""
DATABASES = ["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.postgres)]


def spread(rows):
    """Times that lie evenly over the days behind us, one for each row."""
    began = datetime.now(timezone.utc) - AWAY
    places = count()
    return lambda: (began + next(places) * AWAY / rows).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def come_back(folder, *, rows, broker, database_url=""):
    """Fill a store over seven days, look for the clinic in vain, then let it come back; how the store drained."""
    device = folder / "device" / "events.db"
    device.parent.mkdir(mode=0o700)
    fill(device, rows, spread(rows))
    with_budget = EventStore(device, DEVICE, "boot-0", reserve_bytes=0)
    assert with_budget.trim(0) == 0, "what was not received must stay, whatever space it takes"
    with_budget.close()
    house = House(folder / "house", broker=broker, database_url=database_url, patience=PATIENCE)
    try:
        house.start_clinic()
        house.stop()
        with ThreadPoolExecutor(1) as pool:
            draining = pool.submit(drain, house, device, within_s=rows / 100 + 120)
            time.sleep(3.0)
            assert not draining.done()
            house.start_clinic()
            found = draining.result()
        arrived = check_arrived(device, house.database_url)
    finally:
        house.stop()
    assert arrived >= rows
    return found, arrived


@pytest.mark.fault
@pytest.mark.broker
@pytest.mark.timeout(900)
def test_what_was_said_without_a_clinic_arrives_once_and_in_order(tmp_path):
    come_back(tmp_path, rows=1_000, broker="embedded")


@pytest.mark.fault
@pytest.mark.reliability("offline")
@pytest.mark.broker
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("database", DATABASES)
def test_a_row_a_second_over_seven_days_arrives_once_and_in_order(
    tmp_path, broker_kind, database, request, reliability
):
    url = "" if database == "SQLite" else request.getfixturevalue("postgres_database")
    found, arrived = come_back(tmp_path, rows=AWAY_S, broker=broker_kind, database_url=url)
    reliability.note(
        "offline",
        over=f"{broker_kind} and {database}",
        rows=arrived,
        lost=0,
        doubled=0,
        drained_in_s=found.wall_s,
        load=os.getloadavg()[1],
    )
