"""A number is shown as one only while it holds, whoever fell silent."""

from datetime import timedelta

import pytest
from cloud_ward import SITE, reading, status
from hypothesis import given
from hypothesis import strategies as st

from biosignal.events import LoopStatus
from biosignal.wire.codec import to_json
from cloud_service.clinic.status import shown_status
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.ingest.presence import Presence, note

AGES = st.floats(-10_000, 10_000)


def presence(said, *, received=None, fresh=True):
    return Presence(
        site=SITE, device="bed-1", online=said.online, status=to_json(said), fresh=fresh, received=received or utc_now()
    )


def shown(ward, said, *, received=None):
    note(ward.database, [presence(said, received=received)])
    with ward.as_role("viewer") as client:
        return client.get("/api/v1/devices/bed-1").raise_for_status().json()


def test_a_number_says_until_when_it_holds_and_what_time_it_is(ward):
    received = utc_now()
    said = shown(ward, status(sample_age_s=0.5, readings=(reading(until=2000 + 60 * 360),)), received=received)
    rate = said["readings"][0]
    # it holds for a minute after the sample of the status, which was sent half a second after that sample
    assert rate["valid_until"].replace("Z", "+00:00") == (received + timedelta(seconds=59.5)).isoformat()
    assert (rate["value"], rate["reason"]) == (72.0, "")
    assert said["now"] >= received.isoformat()[:19]


@pytest.mark.parametrize("past_s", [1.6, 300.0, -3600.0])
def test_a_number_that_holds_no_longer_is_none(ward, past_s):
    rate = shown(ward, status(sample_age_s=0.5), received=utc_now() - timedelta(seconds=past_s))["readings"][0]
    assert (rate["value"], rate["label"], rate["reason"]) == (None, None, "out of date")


def test_what_a_device_measured_holds_no_longer_when_it_says_goodbye_or_the_broker_says_it_is_gone(ward):
    note(ward.database, [presence(status(boot="b", sent_utc_s=10.0))])
    assert shown(ward, status(boot="b", sent_utc_s=5.0, online=False))["readings"][0]["reason"] == "out of date"
    assert shown(ward, status(boot="b", sent_utc_s=5.0, online=False))["said_goodbye"] is None
    gone = shown(ward, status(boot="b", sent_utc_s=11.0, online=False))
    assert gone["readings"][0]["value"] is None
    assert gone["said_goodbye"] is not None
    assert shown(ward, status(boot="b", sent_utc_s=12.0))["said_goodbye"] is None


def test_a_status_that_the_broker_had_kept_makes_nothing_young(ward):
    note(ward.database, [presence(status(), received=utc_now() - timedelta(seconds=300))])
    note(ward.database, [presence(status(readings=(reading(99.0),)), fresh=False)])
    with ward.as_role("viewer") as client:
        said = client.get("/api/v1/devices/bed-1").json()
    assert said["readings"][0]["value"] is None
    assert said["online"] is False


def test_a_part_is_shown_as_late_before_it_is_shown_to_stand_and_one_of_an_earlier_device_has_no_grace(ward):
    loops = [to_json(LoopStatus(name=f"{age_s:g}", age_s=age_s, limit_s=4.0, grace_s=11.0)) for age_s in (4, 5, 16)]
    earlier = {"name": "earlier", "age_s": 5.0, "limit_s": 4.0}
    received = utc_now()
    said = {**to_json(status()), "loops": [*loops, earlier]}
    shown_loops = shown_status(said, online=True, received=received, now=received).loops
    assert [(one.name, one.is_late, one.stands) for one in shown_loops] == [
        ("4", False, False),
        ("5", True, False),
        ("16", True, True),
        ("earlier", True, True),
    ]


def test_a_status_that_cannot_be_read_hides_no_device(ward):
    note(ward.database, [presence(status())])
    with ward.database.write() as session:
        session.get_one(DeviceRow, "bed-1").status = {}
    with ward.as_role("viewer") as client:
        assert client.get("/api/v1/devices").json()["devices"][0]["readings"] == []


@given(st.integers(0, 10**12), st.integers(0, 10**12), AGES, AGES, st.none() | st.floats(0, 1e6), st.booleans())
def test_a_number_is_never_shown_beyond_what_the_device_said(sample, until, age_s, later_s, sample_age_s, online):
    received = utc_now()
    said = status(sample=sample, readings=(reading(until=until),), sample_age_s=sample_age_s)
    now = received + timedelta(seconds=later_s)
    one = shown_status(to_json(said), online=online, received=received, now=now).readings[0]
    if one.value is not None:
        assert online
        assert (until - sample) / 360.0 - (sample_age_s or 0.0) > later_s >= -1
        assert one.valid_until > now
    else:
        assert one.reason
