"""Who gets in, with what rights, and that it is written down."""

import datetime as dt

import pytest
from cloud_running import PASSWORD
from sqlalchemy import text, update

from cloud_service.access import audit
from cloud_service.access.errors import AuditBroken, NameTaken, WeakPassword
from cloud_service.access.headers import HEADERS
from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.database.clinic_tables import SessionRow
from cloud_service.database.columns import utc_now
from cloud_service.settings import AccessSettings


def test_a_login_never_takes_over_a_token_it_was_given(ward):
    with ward.as_role("viewer") as client:
        old = client.cookies["bedside"]
        client.post("/api/v1/login", json={"name": "viewer", "password": PASSWORD}).raise_for_status()
        assert client.cookies["bedside"] != old
    with ward.client() as planted:
        planted.cookies["bedside"] = old
        assert planted.get("/api/v1/me").status_code == 401
        planted.cookies["bedside"] = "planted-by-an-attacker"
        answer = planted.post("/api/v1/login", json={"name": "viewer", "password": PASSWORD})
        assert "planted-by-an-attacker" not in answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))


def test_every_answer_carries_the_security_headers(ward):
    with ward.client() as client:
        for path in ("/healthz", "/api/v1/me", "/nothing"):
            answer = client.get(path)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value
            assert answer.headers["cache-control"] == "no-store"
            assert "server" not in answer.headers
    assert "unsafe-inline" not in HEADERS["Content-Security-Policy"]


def test_a_demo_login_exists_in_a_demo_only(ward, database):
    with ward.client() as client:
        assert client.get("/api/v1/login").json() == {"demo": False}
        assert client.post("/api/v1/login/demo").status_code == 401
    demo = People(database, AccessSettings(), demo=True)
    token = demo.demo_log_in(address="here").token
    assert demo.who(token).role is Role.ADMIN
    assert People(database, AccessSettings(), demo=False).who(token) is None


def test_the_first_run_makes_an_admin_once(database):
    people = People(database, AccessSettings(), demo=False)
    kept = []
    assert people.first_admin(kept.append)
    assert not people.first_admin(kept.append)
    [password] = kept
    assert people.log_in(name="admin", password=password, address="here").login.role is Role.ADMIN


def test_sessions_end_when_idle_when_old_and_when_the_person_is_disabled(database):
    people = People(database, AccessSettings(idle_minutes=10, session_hours=1), demo=False)
    people.add(name="ann", role=Role.VIEWER, password=PASSWORD, by="test")
    token = people.log_in(name="ann", password=PASSWORD, address="here").token

    def shift(**columns):
        with database.write() as session:
            session.execute(update(SessionRow).values(**columns))

    assert people.who(token).name == "ann"
    shift(last_used=utc_now() - dt.timedelta(minutes=11))
    assert people.who(token) is None
    shift(last_used=utc_now(), created=utc_now() - dt.timedelta(minutes=61))
    assert people.who(token) is None
    shift(created=utc_now())
    assert people.who(token) is not None
    people.disable("ann", by="test")
    assert people.who(token) is None


def test_names_are_unique_and_passwords_long(database):
    people = People(database, AccessSettings(), demo=False)
    people.add(name="ann", role=Role.VIEWER, by="test")
    with pytest.raises(NameTaken):
        people.add(name="ann", role=Role.ADMIN, by="test")
    with pytest.raises(WeakPassword):
        people.add(name="bob", role=Role.ADMIN, password="short", by="test")


TAMPERINGS = [
    "UPDATE audit SET actor = 'nobody' WHERE number = 2",
    "UPDATE audit SET detail = '{}' WHERE number = 3",
    "DELETE FROM audit WHERE number = 2",
    "DELETE FROM audit WHERE number = 1",
    "UPDATE audit SET number = 9 WHERE number = 4",
]


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_the_audit_log_shows_every_change(database, tampering):
    for number in range(4):
        with database.write() as session:
            audit.record(session, actor="ann", action="test", subject=str(number), value=number)
    with database.read() as session:
        assert audit.verify(session).entries == audit.count(session) == 4
    with database.write() as session:
        session.execute(text(tampering))
    with database.read() as session, pytest.raises(AuditBroken) as caught:
        audit.verify(session)
    assert caught.value.exit_code == 3


def test_logins_and_failures_are_in_the_audit_log(ward):
    with ward.client() as client:
        client.post("/api/v1/login", json={"name": "viewer", "password": "wrong"})
    with ward.as_role("admin") as client:
        actions = [entry["action"] for entry in client.get("/api/v1/audit").json()["entries"]]
        assert actions[:2] == ["login", "login.failed"]
        assert client.get("/api/v1/audit/verify").json()["holds"] is True
