"""A device with a long backlog comes back on the line: all of it arrives once, and what is new waits for none of it."""

import os

import pytest
from fault_backlog import check_arrived

from benchmarks.clinic import quantile
from benchmarks.drain import drain, fill
from demo.house import House

PATIENCE = 6.0
"""How many times as long as usual the clinic may take to start: a machine may have other work."""
pytestmark = [pytest.mark.broker, pytest.mark.timeout(1800)]


def drained(folder, *, rows, broker, database_url=""):
    """Drain so many rows to a clinic; how it went."""
    device = folder / "device" / "events.db"
    device.parent.mkdir(mode=0o700)
    fill(device, rows)
    house = House(folder / "house", broker=broker, database_url=database_url, patience=PATIENCE)
    try:
        house.start_clinic()
        found = drain(house, device, within_s=rows / 150 + 60)
        check_arrived(device, house.database_url)
    finally:
        house.stop()
    return found


def test_a_backlog_drains_whole_and_what_is_fresh_passes_it(tmp_path):
    found = drained(tmp_path, rows=2_000, broker="embedded")
    assert len(found.fresh_s) >= 3
    # What stands in a queue behind the backlog waits as long as it drains; a busy machine makes both slower.
    assert max(found.fresh_s) < found.wall_s / 2


@pytest.mark.fault
@pytest.mark.reliability("backlog")
@pytest.mark.parametrize("database", ["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.postgres)])
def test_what_is_fresh_passes_a_hundred_thousand_old_rows(tmp_path, broker_kind, database, request, reliability):
    url = "" if database == "SQLite" else request.getfixturevalue("postgres_database")
    found = drained(tmp_path, rows=100_000, broker=broker_kind, database_url=url)
    late_s = quantile(list(found.fresh_s), 0.99)
    reliability.note(
        "backlog",
        over=f"{broker_kind} and {database}",
        fresh=len(found.fresh_s),
        p99_s=late_s,
        rows_a_second=found.rows_a_second,
        load=os.getloadavg()[1],
    )
    assert len(found.fresh_s) >= 100
    assert late_s <= 2.0
