"""Engineers see what every device is; administrators give a new password, shut one out and forget one."""

import datetime as dt

import pytest
from cloud_ward import message, recording
from sqlalchemy import func, select, update

from biosignal.events import Status
from biosignal.wire.envelope import encode_message
from biosignal.wire.topics import Channel, up
from cloud_service.access import audit
from cloud_service.access.devices import add_device
from cloud_service.access.errors import DeviceHasRecords
from cloud_service.cli import main
from cloud_service.database.clinic_tables import BED, AuditRow, BedGroupRow, DeviceRow, DutyRow
from cloud_service.database.columns import utc_now
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import note, read_status

ENDS_S = 1_900_000_000.0


@pytest.fixture
def beds(ward):
    """A bed that has sent, and one that was registered and never came."""
    for name in ("bed-1", "bed-2"):
        add_device(ward.database, name=name, site="ward", by="carla")
    commit(ward.database, [message(recording())])
    return ward


def say(ward, *, ahead_s=0.0, **facts):
    """Let the first bed say how it is, by a clock that is so far off."""
    nothing = {"recording": "r", "sample": 0, "fs_hz": 360.0, "leads": (), "readings": (), "alarms": (), "tasks": ()}
    received = utc_now()
    said = Status(
        online=True, outbox=7, explainer="template", version="2", sent_utc_s=received.timestamp() + ahead_s,
        **nothing, **facts,
    )  # fmt: skip
    heard = read_status(up("ward", "bed-1", Channel.STATUS), encode_message(said), retained=False, received=received)
    note(ward.database, [heard])


def register(ward, role="engineer"):
    with ward.as_role(role) as client:
        answer = client.get("/api/v1/device-register").raise_for_status().json()
    return {one["device"]["name"]: one for one in answer["devices"]}


def test_each_device_is_listed_with_what_it_said_and_when_it_was_given_its_password(beds):
    say(beds, ahead_s=42.0, disk_free_mb=1234, certificate_ends_utc_s=ENDS_S)
    first, second = register(beds).values()
    device = first["device"]
    assert (device["outbox"], device["version"], device["disk_free_mb"], device["clock_ahead_s"]) == (
        7,
        "2",
        1234,
        42.0,
    )
    assert dt.datetime.fromisoformat(device["certificate_ends"]).timestamp() == ENDS_S
    assert first["password_by"] == "carla"
    age = dt.datetime.fromisoformat(first["password_given"]) - utc_now()
    assert abs(age.total_seconds()) < 60
    assert (second["device"]["clock_ahead_s"], second["device"]["disk_free_mb"]) == (None, None)


def test_an_impossible_end_of_a_certificate_is_no_end(beds):
    say(beds, certificate_ends_utc_s=1e300)
    assert register(beds)["bed-1"]["device"]["certificate_ends"] is None


def test_a_new_password_ends_the_old_one_and_is_written_down(beds):
    with beds.database.read() as session:
        old = session.get_one(DeviceRow, "bed-1").argon2
    with beds.as_role("admin") as client:
        client.post("/api/v1/devices/bed-1/revoke").raise_for_status()
        made = client.post("/api/v1/devices/bed-1/renew").raise_for_status().json()
    assert (made["username"], len(made["password"]) > 20) == ("bed-1", True)
    with beds.database.read() as session:
        device = session.get_one(DeviceRow, "bed-1")
        assert device.argon2 not in (old, None)
        assert device.revoked is None
    assert register(beds)["bed-1"]["password_by"] == "admin"


def test_a_device_of_which_nothing_is_stored_is_forgotten_with_all_that_names_it(beds):
    with beds.database.write() as session:
        session.add(BedGroupRow(device="bed-2", name="Ward"))
        session.add(DutyRow(of=BED, name="bed-2", place=1, person="reviewer"))
    with beds.as_role("admin") as client:
        assert client.post("/api/v1/devices/bed-2/remove").status_code == 204
    assert list(register(beds)) == ["bed-1"]
    with beds.database.read() as session:
        assert session.scalar(select(func.count()).select_from(DutyRow)) == 0
        (entry,) = session.scalars(select(AuditRow).where(AuditRow.action == "device.remove"))
        assert (entry.subject, entry.actor) == ("bed-2", "admin")
        audit.verify(session)


def test_a_device_that_has_sent_stays(beds):
    with beds.as_role("admin") as client:
        answer = client.post("/api/v1/devices/bed-1/remove")
    assert (answer.status_code, answer.json()["try"]) == (409, DeviceHasRecords.remedy)
    assert "bed-1" in register(beds)


def test_a_password_of_before_the_audit_log_has_no_age(beds):
    with beds.database.write() as session:
        session.execute(update(AuditRow).values(action="other"))
    assert register(beds)["bed-1"]["password_given"] is None


def test_the_command_line_forgets_one_too(tmp_path, capsys):
    where = ["--state-dir", str(tmp_path)]
    assert main(["device", "add", "bed-9", *where]) == 0
    assert main(["device", "remove", "bed-9", *where]) == 0
    assert main(["device", "remove", "bed-9", *where]) == 2
    assert "no such device" in capsys.readouterr().err
