"""A device that was alone for days comes back: all of it arrives once, and what is new waits for none of it."""

import math

import pytest
from fault_house import look

from benchmarks.drain import drain, fill
from demo.house import House
from edge_agent.store.rows import long_id

pytestmark = [pytest.mark.broker, pytest.mark.timeout(900)]
ROWS = [2_000, pytest.param(100_000, marks=pytest.mark.fault)]


@pytest.fixture
def house(tmp_path, broker_kind):
    made = House(tmp_path / "house", broker=broker_kind)
    made.start_clinic()
    yield made
    made.stop()


@pytest.mark.parametrize("rows", ROWS)
def test_a_backlog_drains_whole_and_what_is_fresh_passes_it(house, tmp_path, rows):
    device = tmp_path / "device" / "events.db"
    device.parent.mkdir(mode=0o700)
    fill(device, rows)
    drained = drain(house, device, within_s=rows / 150 + 60)
    ages = sorted(drained.fresh_s)
    assert len(ages) >= 3
    print(f"{rows} rows: {drained.rows_a_second:.0f} a second, fresh at worst {ages[-1]:.2f} s")
    assert ages[math.ceil(0.99 * len(ages)) - 1] <= 2.0
    said = [(long_id(id_), rev) for id_, rev in look(device, "SELECT id, rev FROM events")]
    clinic = house.clinic_state / "clinic.db"
    assert sorted(look(clinic, "SELECT id, rev FROM events")) == sorted(said)
    # In the order of `seq` a recording is as it was said, without a hole.
    for recording, last, known in look(clinic, "SELECT recording, max(seq), count(seq) FROM events GROUP BY recording"):
        assert (recording, known) == (recording, last + 1)
    assert look(clinic, "SELECT count(*) FROM dead_letters") == [(0,)]
    assert look(clinic, "SELECT count(*) FROM alarms") == look(
        clinic, "SELECT count(*) FROM events WHERE kind = 'alarm'"
    )
