"""Passwords changed and reset, accounts closed and opened, and an administrator who is always left."""

import json
import threading

import pytest
from cloud_running import PASSWORD
from sqlalchemy import select

from cloud_service.access.accounts import first_password_file
from cloud_service.access.errors import LastAdmin, LoginFailed, WeakPassword, WrongPassword
from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.cli import main
from cloud_service.database.clinic_tables import AuditRow
from cloud_service.database.connection import open_database
from cloud_service.settings import AccessSettings

FRESH = "another horse battery"


@pytest.fixture
def people(database):
    people = People(database, AccessSettings(), demo=False)
    people.add(name="root", role=Role.ADMIN, password=PASSWORD, by="test")
    people.add(name="ann", role=Role.VIEWER, password=PASSWORD, by="test")
    return people


def can_log_in(client, name, password):
    return client.post("/api/v1/login", json={"name": name, "password": password}).status_code == 200


def test_a_password_is_changed_by_who_knows_the_old_one(ward):
    with ward.as_role("viewer") as here, ward.as_role("viewer") as elsewhere, ward.client() as stranger:

        def change(old, new):
            return here.post("/api/v1/me/password", json={"old": old, "new": new})

        wrong = change("wrong", FRESH)
        assert wrong.status_code == 403
        assert wrong.json()["try"]
        assert change(PASSWORD, "short").status_code == 400
        assert change(PASSWORD, PASSWORD).status_code == 400
        assert elsewhere.get("/api/v1/me").status_code == 200
        assert change(PASSWORD, FRESH).status_code == 204
        assert here.get("/api/v1/me").status_code == 200
        assert elsewhere.get("/api/v1/me").status_code == 401
        assert not can_log_in(stranger, "viewer", PASSWORD)
        assert can_log_in(stranger, "viewer", FRESH)


def test_an_old_password_cannot_be_guessed_from_a_session_left_open(ward):
    with ward.as_role("viewer") as client:
        codes = [
            client.post("/api/v1/me/password", json={"old": f"guess {n}", "new": FRESH}).status_code for n in range(7)
        ]
    assert codes == [403] * 5 + [429] * 2


def test_an_administrator_closes_opens_and_resets_accounts(ward):
    with ward.as_role("admin") as admin, ward.as_role("viewer") as viewer, ward.client() as stranger:
        assert admin.post("/api/v1/users/viewer/disable").status_code == 204
        assert viewer.get("/api/v1/me").status_code == 401
        assert not can_log_in(stranger, "viewer", PASSWORD)
        assert admin.post("/api/v1/users/viewer/enable").status_code == 204
        assert can_log_in(stranger, "viewer", PASSWORD)
        made = admin.post("/api/v1/users/viewer/reset").json()
        assert stranger.get("/api/v1/me").status_code == 401
        assert not can_log_in(stranger, "viewer", PASSWORD)
        me = stranger.post("/api/v1/login", json={"name": "viewer", "password": made["password"]}).json()
        change = {"old": made["password"], "new": FRESH}
        stranger.post("/api/v1/me/password", json=change, headers={"X-CSRF-Token": me["csrf"]}).raise_for_status()
        assert admin.post("/api/v1/users/viewer/role", json={"role": "reviewer"}).status_code == 204
        assert stranger.get("/api/v1/learning/jobs").status_code == 200
        for act in ("disable", "enable", "reset"):
            assert admin.post(f"/api/v1/users/nobody/{act}").status_code == 400
        actions = [entry["action"] for entry in admin.get("/api/v1/audit").json()["entries"]]
        assert {"user.disable", "user.enable", "user.reset", "user.role"} <= set(actions)
        assert made["password"] not in admin.get("/api/v1/audit").text


@pytest.mark.parametrize("by", ["page", "command line"])
def test_a_password_that_another_has_set_opens_nothing_until_it_is_changed(ward, capsys, by):
    if by == "page":
        with ward.as_role("admin") as admin:
            given = admin.post("/api/v1/users/engineer/reset").json()["password"]
    else:
        state = ["--state-dir", str(ward.clinic.settings.state_dir), "--json"]
        assert main(["user", "reset", "engineer", *state]) == 0
        given = json.loads(capsys.readouterr().out.splitlines()[0])["password"]
    with ward.client() as client:
        me = client.post("/api/v1/login", json={"name": "engineer", "password": given}).json()
        client.headers["X-CSRF-Token"] = me["csrf"]
        assert me["must_change"] is True
        for closed in ("/api/v1/devices", "/api/v1/findings", "/api/v1/dead-letters", "/api/v1/feed"):
            answer = client.get(closed)
            assert (answer.status_code, "change your password" in answer.json()["detail"]) == (403, True), closed
        assert client.post("/api/v1/dead-letters/replay").status_code == 403
        for page in ("/", "/findings", "/operations"):
            assert client.get(page).headers["location"] == "/account"
        assert 'id="must-change"' in client.get("/account").text
        assert client.post("/api/v1/me/password", json={"old": given, "new": given}).status_code == 400
        assert client.get("/api/v1/me").json()["must_change"] is True
        assert client.post("/api/v1/me/password", json={"old": given, "new": FRESH}).status_code == 204
        assert client.get("/api/v1/me").json()["must_change"] is False
        assert client.get("/api/v1/devices").status_code == 200
        assert client.get("/").status_code == 200
        assert 'id="must-change"' not in client.get("/account").text
    with ward.as_role("engineer", FRESH) as again:
        assert again.get("/api/v1/devices").status_code == 200


def test_the_last_administrator_stays_one(ward):
    with ward.as_role("admin") as admin:
        disabled = admin.post("/api/v1/users/admin/disable")
        assert disabled.status_code == 409
        assert "another account" in disabled.json()["try"]
        assert admin.post("/api/v1/users/admin/role", json={"role": "engineer"}).status_code == 409
        assert admin.post("/api/v1/users/engineer/role", json={"role": "admin"}).status_code == 204
        assert admin.post("/api/v1/users/admin/disable").status_code == 204
        assert admin.get("/api/v1/me").status_code == 401
    with ward.as_role("engineer") as other:
        assert other.post("/api/v1/users/engineer/role", json={"role": "viewer"}).status_code == 409


def test_a_closed_administrator_and_the_demo_do_not_count(people):
    people.add(name="spare", role=Role.ADMIN, by="test")
    people.disable("spare", by="test")
    people.demo = True
    people.demo_log_in(address="here")
    for attempt in (lambda: people.disable("root", by="test"), lambda: people.set_role("root", Role.VIEWER, by="test")):
        with pytest.raises(LastAdmin) as caught:
            attempt()
        assert caught.value.exit_code == 3
    people.enable("spare", by="test")
    people.disable("root", by="test")


def test_two_administrators_cannot_close_each_other_at_once(people):
    people.add(name="spare", role=Role.ADMIN, by="test")
    refused, start = [], threading.Barrier(2)

    def close(name):
        start.wait()
        try:
            people.disable(name, by="test")
        except LastAdmin:
            refused.append(name)

    both = [threading.Thread(target=close, args=(name,)) for name in ("root", "spare")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(refused) == 1


def test_nothing_is_changed_where_something_is_refused(people, database):
    token = people.log_in(name="ann", password=PASSWORD, address="here").token
    with pytest.raises(WrongPassword):
        people.change_password("ann", old="wrong", new=FRESH, session_sha256="")
    with pytest.raises(WeakPassword):
        people.change_password("ann", old=PASSWORD, new="short", session_sha256="")
    assert people.who(token) is not None
    assert people.log_in(name="ann", password=PASSWORD, address="here")
    with database.read() as session:
        assert "user.password" not in session.scalars(select(AuditRow.action)).all()


def test_the_first_password_is_kept_before_the_account_is_there(database):
    people = People(database, AccessSettings(), demo=False)

    def no_room(_password):
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        people.first_admin(no_room)
    kept = []
    assert people.first_admin(kept.append)
    assert people.log_in(name="admin", password=kept[0], address="here")


def test_a_lost_password_is_reset_from_the_command_line(fresh, capsys):
    state = ["--state-dir", str(fresh)]
    first_password_file(fresh).write_text("the first one\n")
    assert main(["user", "reset", "admin", *state]) == 0
    password = capsys.readouterr().out.splitlines()[0].split(": ")[1]
    assert not first_password_file(fresh).exists()
    assert main(["user", "disable", "viewer", *state]) == 0
    assert main(["user", "enable", "viewer", *state]) == 0
    assert main(["user", "role", "viewer", "reviewer", *state]) == 0
    assert main(["user", "disable", "admin", *state]) == 3
    assert main(["user", "role", "admin", "viewer", *state]) == 3
    assert "last account" in capsys.readouterr().err
    assert main(["user", "list", *state]) == 0
    assert "viewer\treviewer\n" in capsys.readouterr().out
    database = open_database(f"sqlite:///{fresh / 'clinic.db'}")
    people = People(database, AccessSettings(), demo=False)
    with pytest.raises(LoginFailed):
        people.log_in(name="admin", password=PASSWORD, address="here")
    assert people.log_in(name="admin", password=password, address="here").login.role is Role.ADMIN
    database.close()
