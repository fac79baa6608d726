"""What did not come of live waves is looked for among losses, in what the clinic keeps, and at the device."""

import datetime

import pytest
from cloud_ward import message, recording
from sqlalchemy import func, select, update
from test_wave_archive import kept

from biosignal.events import Loss
from cloud_service.access.devices import add_device
from cloud_service.clinic.missed import AGAIN, REFUSED_FOR
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import CommandRow
from cloud_service.ingest.commit import commit

HOLE = {"recording": "r", "start_s": 2.0, "end_s": 5.0, "leads": ["II", "V1"], "ask": True}


@pytest.fixture
def bed(ward):
    """A ward with a bed that is heard, and its recording."""
    add_device(ward.database, name="bed-1", site="ward", by="test")
    commit(ward.database, [message(recording())])
    with ward.database.write() as session:
        session.execute(update(DeviceRow).values(online=True, last_seen=utc_now() + datetime.timedelta(seconds=0.5)))
    return ward


def looked(ward, **other):
    with ward.as_role("viewer") as client:
        answer = client.post("/api/v1/devices/bed-1/missed", json={**HOLE, **other})
    return answer.raise_for_status().json()


def asked(ward):
    with ward.database.read() as session:
        return session.scalar(select(func.count()).select_from(CommandRow))


def age(ward, by, state="done"):
    with ward.database.write() as session:
        for row in session.scalars(select(CommandRow)):
            row.requested, row.state = row.requested - by, state


def test_what_the_device_lost_and_what_the_clinic_keeps_of_the_stretch_is_given_and_no_more(bed):
    before, within, behind = (
        Loss(id=name, recording="r", start=start, length=360, reason="line")
        for name, start in (("a", 0), ("b", 1000), ("c", 1800))
    )
    commit(bed.database, [message(before), message(within), message(behind)])
    bed.clinic.archive.store("bed-1", [kept(0, [1] * 900), kept(900, [2] * 900), kept(0, [3] * 100, lead="other")])
    found = looked(bed)
    assert [one["start_s"] for one in found["losses"]] == [1000 / 360]
    assert found["losses"][0]["reason"] == "line"
    assert [(one["lead"], one["start"], len(one["samples"])) for one in found["pieces"]] == [
        ("II", 500, 400),
        ("II", 900, 350),
    ]


def test_a_device_is_asked_once_in_a_while_however_many_pages_look(bed):
    assert looked(bed, ask=False)["asked"] is None
    assert [looked(bed)["asked"] for _ in range(3)] == ["unsent"] * 3  # this clinic has no broker
    assert asked(bed) == 1
    age(bed, AGAIN)
    looked(bed)
    assert asked(bed) == 2


def test_a_device_that_keeps_its_waves_is_left_alone(bed):
    looked(bed)
    age(bed, AGAIN, "refused")
    assert looked(bed)["asked"] == "refused"
    assert asked(bed) == 1
    age(bed, REFUSED_FOR, "refused")
    looked(bed)
    assert asked(bed) == 2


def test_a_bed_that_is_not_heard_is_not_asked(bed):
    with bed.database.write() as session:
        session.execute(update(DeviceRow).values(online=False))
    assert looked(bed)["asked"] is None


def test_of_a_recording_that_nobody_has_announced_yet_nothing_is_known(bed):
    assert looked(bed, recording="later") == {"losses": [], "pieces": [], "asked": None}
    with bed.as_role("viewer") as client:
        too_long = client.post("/api/v1/devices/bed-1/missed", json={**HOLE, "end_s": 500})
        assert (too_long.status_code, "at most 120 s" in too_long.text) == (400, True)
