"""Tokens for programs: what they open, until when, and what is kept of them."""

import json
from datetime import timedelta

import pytest
from cloud_ward import finding, marks_of, message, recording
from sqlalchemy import select, update

from biosignal.errors import BadInput
from cloud_service.access.errors import NameTaken
from cloud_service.access.roles import Role
from cloud_service.access.tokens import SCOPES, Tokens
from cloud_service.cli import main
from cloud_service.database.clinic_tables import AuditRow, TokenRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import open_database
from cloud_service.ingest.commit import commit
from cloud_service.settings import AccessSettings, CloudSettings, HttpSettings, MqttSettings
from tests.cloud.cloud_running import Running

API = "/api/v1"


@pytest.fixture
def make(ward):
    """Make a token, by the API, as somebody; gives a client that has nothing but it."""

    def made(name="export", role="reviewer", days=30, by="engineer"):
        with ward.as_role(by) as client:
            answer = client.post(f"{API}/tokens", json={"name": name, "role": role, "days": days}).raise_for_status()
        client = ward.client()
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return client

    return made


def entries(database, action):
    with database.read() as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == action)))


def aged(database, by):
    with database.write() as session:
        session.execute(update(TokenRow).values(expires=utc_now() + by))


def test_a_program_acts_with_a_token_as_itself_and_needs_no_csrf_token(ward, make):
    about = finding()
    commit(ward.database, [message(one) for one in (recording(), *marks_of(about), about)])
    with make() as program:
        me = program.get(f"{API}/me").json()
        assert (me["name"], me["role"], me["must_change"]) == ("token.export", "reviewer", False)
        said = program.post(f"{API}/findings/{about.id}/verdicts", json={"verdict": "artefact"}).json()
        assert said["reader"] == "token.export"
        assert program.get(f"{API}/users").status_code == 403
        assert program.get(f"{API}/findings/{about.id}/fhir").status_code == 200
    assert [one.actor for one in entries(ward.database, "finding.export")] == ["token.export"]


def test_a_token_is_shown_once_and_only_its_hash_is_kept(ward, make):
    with make() as program, ward.as_role("engineer") as client:
        token = program.headers["Authorization"].split()[1]
        program.get(f"{API}/me").raise_for_status()
        (listed,) = client.get(f"{API}/tokens").json()["tokens"]
    assert (listed["name"], listed["role"], listed["made_by"]) == ("export", "reviewer", "engineer")
    assert listed["last_used"] is not None
    assert token not in json.dumps(listed)
    with ward.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())
    assert "token.export" in dump
    assert token not in dump


def test_a_token_that_is_revoked_opens_nothing_from_the_next_request_on(ward, make):
    with make() as program, ward.as_role("engineer") as client:
        assert program.get(f"{API}/me").status_code == 200
        client.post(f"{API}/tokens/export/revoke").raise_for_status()
        assert program.get(f"{API}/me").status_code == 401
        assert client.get(f"{API}/tokens").json()["tokens"][0]["revoked"] is not None
    assert [one.subject for one in entries(ward.database, "token.revoke")] == ["token.export"]


def test_a_token_ends_on_its_day(ward, make):
    with make() as program:
        aged(ward.database, timedelta(seconds=30))
        assert program.get(f"{API}/me").status_code == 200
        aged(ward.database, timedelta(seconds=-1))
        assert program.get(f"{API}/me").status_code == 401


def test_a_token_ends_with_what_its_maker_may_do(ward, make):
    people = ward.clinic.people
    people.add(name="ann", role=Role.ENGINEER, password="correct horse battery", by="test")
    with make("one", by="ann") as reviewing, make("two", role="engineer", by="ann") as running:
        people.set_role("ann", Role.REVIEWER, by="test")
        assert (reviewing.get(f"{API}/me").status_code, running.get(f"{API}/me").status_code) == (200, 401)
        people.disable("ann", by="test")
        assert reviewing.get(f"{API}/me").status_code == 401
        people.enable("ann", by="test")
        assert reviewing.get(f"{API}/me").status_code == 200


def test_a_wrong_token_is_refused_whatever_cookie_comes_with_it(ward):
    with ward.as_role("admin") as client:
        for wrong in ("Bearer", "Bearer x", f"Bearer bedside_{'A' * 43}", "bearer \xff"):
            answer = client.get(f"{API}/users", headers={"Authorization": wrong.encode("latin-1")})
            assert answer.status_code == 401
            assert "token" in answer.json()["detail"]
        assert client.get(f"{API}/users", headers={"Authorization": "Basic eDp5"}).status_code == 200


def test_wrong_tokens_are_counted_by_address_and_a_right_one_goes_on(fresh):
    settings = CloudSettings(
        state_dir=fresh,
        http=HttpSettings(port=0),
        mqtt=MqttSettings(enabled=False),
        access=AccessSettings(address_failures=3),
    )
    with Running(settings) as running, running.client() as client:
        made = running.clinic.tokens.add(name="export", role=Role.VIEWER, days=1, by="engineer")
        wrong = {"Authorization": f"Bearer bedside_{'A' * 43}"}
        answers = [client.get(f"{API}/me", headers=wrong) for _ in range(5)]
        assert [one.status_code for one in answers] == [401, 401, 401, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        right = {"Authorization": f"Bearer {made.token}"}
        assert client.get(f"{API}/me", headers=right).status_code == 200
        assert len(entries(running.clinic.database, "token.refused")) == 3


def test_a_token_is_no_account_that_anybody_could_log_in_to_or_give_a_password(ward, make):
    make().close()
    with ward.as_role("admin") as client:
        assert "token.export" not in [one["name"] for one in client.get(f"{API}/users").json()["users"]]
        for act, body in (("reset", None), ("enable", None), ("role", {"role": "admin"})):
            assert client.post(f"{API}/users/token.export/{act}", json=body).status_code == 400


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "a b", "role": "viewer", "days": 1},
        {"name": "x" * 60, "role": "viewer", "days": 1},
        {"name": "x", "role": "admin", "days": 1},
        {"name": "x", "role": "viewer", "days": 0},
        {"name": "x", "role": "viewer", "days": 367},
    ],
)
def test_a_token_that_must_not_be_is_not_made(ward, wanted):
    with ward.as_role("admin") as client:
        assert client.post(f"{API}/tokens", json=wanted).status_code in (400, 422)
        assert client.get(f"{API}/tokens").json()["tokens"] == []


def test_a_name_is_given_once_so_that_the_audit_log_names_one_token(ward, make):
    make().close()
    ward.clinic.tokens.revoke("export", by="admin")
    with pytest.raises(NameTaken):
        ward.clinic.tokens.add(name="export", role=Role.VIEWER, days=1, by="admin")


@pytest.mark.parametrize("days", [0, -1, 366.5, float("nan"), float("inf")])
def test_no_token_holds_for_ever(database, days):
    with pytest.raises(BadInput):
        Tokens(database, AccessSettings(), demo=False).add(name="x", role=Role.VIEWER, days=days, by="admin")


def test_the_description_of_the_api_says_which_routes_a_token_opens(ward):
    with ward.client() as stranger:
        described = stranger.get(f"{API}/openapi.json").json()
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    opened = {
        (method.upper(), path)
        for path, methods in described["paths"].items()
        for method, route in methods.items()
        if {"token": []} in route.get("security", [])
    }
    assert ("GET", f"{API}/findings") in opened
    assert ("POST", f"{API}/findings/{{finding}}/verdicts") in opened
    assert not {
        one for one in opened if one[1].startswith((f"{API}/tokens", f"{API}/log", f"{API}/users", f"{API}/audit"))
    }


def test_a_token_is_made_listed_and_revoked_from_the_command_line(fresh, capsys):
    def run(*arguments):
        assert main(["token", *arguments, "--state-dir", str(fresh), "--json"]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[0])

    made = run("add", "nightly", "--role", "engineer", "--days", "7")
    listed = run("list")
    assert (listed["name"], listed["role"], listed["made_by"]) == ("nightly", "engineer", "command line")
    database = open_database(f"sqlite:///{fresh / 'clinic.db'}")
    tokens = Tokens(database, AccessSettings(), demo=False)
    assert tokens.who(made["token"], "127.0.0.1").role is Role.ENGINEER
    assert run("revoke", "nightly")["revoked"] is True
    assert run("list")["revoked"] is True
    assert [role.value for role in SCOPES] == ["viewer", "reviewer", "engineer"]
    database.close()
    assert main(["token", "add", "x", "--role", "admin", "--state-dir", str(fresh)]) == 2
