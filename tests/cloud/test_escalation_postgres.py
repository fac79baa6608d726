"""Escalation and webhooks on PostgreSQL: a step once whoever looks, and messages in order whoever writes."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from cloud_ward import alarm, finding, message
from sqlalchemy import select

from biosignal.events import Priority
from cloud_service.access.devices import add_device
from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.clinic.escalator import Escalator
from cloud_service.database.clinic_tables import DutyRow, EscalationRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import open_database
from cloud_service.ingest.commit import commit
from cloud_service.settings import AccessSettings, EscalationSettings
from tests.cloud.test_webhooks import Post
from tests.http_receiver import listening

pytestmark = pytest.mark.postgres


@pytest.fixture
def stored(postgres_database):
    database = open_database(postgres_database)
    yield database
    database.close()


def test_a_step_is_there_once_and_in_turn_whoever_looks(stored):
    People(stored, AccessSettings(), demo=False).add(name="anna", role=Role.REVIEWER, password="x" * 12, by="test")
    add_device(stored, name="bed-1", site="ward", by="test")
    with stored.write() as session:
        session.add(DutyRow(of="bed", name="bed-1", place=0, person="anna"))
    commit(stored, [message(replace(alarm(finding()), priority=Priority.HIGH))])
    heard, late_s = [], [61.0]
    rules = EscalationSettings(high_s=60.0)
    several = [
        Escalator(
            stored,
            rules,
            own=tuple,
            on_page=lambda: {"anna"},
            on_step=lambda _, step: heard.append(step.turn.value),
            now=lambda: utc_now() + timedelta(seconds=late_s[0]),
        )
        for _ in range(4)
    ]
    for late_s[0] in (61.0, 122.0):
        threads = [threading.Thread(target=one.look) for one in several]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert heard == ["person", "all"]
    with stored.read() as session:
        assert len(list(session.scalars(select(EscalationRow)))) == 2


def test_messages_come_once_and_in_order(stored):
    mail = Post(stored)
    with listening(500, 200) as server:
        mail.add(server.url, topics=["finding"], kinds=["v-run"])
        mail.say(*(finding(onset=1000 * n) for n in range(1, 6)), finding(device="bed-2"))
        mail.turn()
        mail.turn(after_s=2)
        mail.turn(after_s=61)
        assert [one["onset"] for one in server.bodies if one["device"] == "bed-1"] == [1000, 2000, 3000, 4000, 5000]
        assert len(server.bodies) == 6
    assert {state for state, _ in mail.states} == {"delivered"}
