"""Every route by every role: what is declared here is what is answered, and nothing is served that is not declared."""

import re

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from cloud_service.access.roles import Role
from tests.cloud.all_routes import routes_of
from tests.cloud.cloud_running import PASSWORD

API = "/api/v1"
ANYONE, VIEWER, REVIEWER, ENGINEER, ADMIN = None, *Role
VALUES = {"row": "1", "job": "1", "candidate": "1", "of": "bed"}
"""What stands for the variable parts of a path: numbers where numbers are asked for, else a name nobody has."""

# method and path: the role it takes, and what that role is answered about things that do not exist
ROUTES = {
    ("GET", f"{API}/openapi.json"): (ANYONE, 200),
    ("GET", f"{API}/login"): (ANYONE, 200),
    ("POST", f"{API}/login"): (ANYONE, 422),
    ("POST", f"{API}/login/demo"): (ANYONE, 401),
    ("POST", f"{API}/logout"): (VIEWER, 204),
    ("POST", f"{API}/me/password"): (VIEWER, 400),
    ("GET", f"{API}/me"): (VIEWER, 200),
    ("GET", f"{API}/devices"): (VIEWER, 200),
    ("GET", f"{API}/devices/{{name}}"): (VIEWER, 404),
    ("POST", f"{API}/devices"): (ADMIN, 400),
    ("POST", f"{API}/devices/{{name}}/revoke"): (ADMIN, 400),
    ("POST", f"{API}/devices/{{name}}/renew"): (ADMIN, 400),
    ("POST", f"{API}/devices/{{name}}/remove"): (ADMIN, 400),
    ("GET", f"{API}/device-register"): (ENGINEER, 200),
    ("GET", f"{API}/model-reports"): (VIEWER, 200),
    ("GET", f"{API}/recordings"): (VIEWER, 200),
    ("GET", f"{API}/devices/{{name}}/recordings/{{recording}}"): (VIEWER, 404),
    ("GET", f"{API}/devices/{{name}}/recordings/{{recording}}/marks"): (VIEWER, 404),
    ("GET", f"{API}/devices/{{name}}/recordings/{{recording}}/waves"): (VIEWER, 422),
    ("GET", f"{API}/devices/{{name}}/recordings/{{recording}}/waves/tile"): (VIEWER, 422),
    ("POST", f"{API}/devices/{{name}}/recordings/{{recording}}/fetch-waves"): (VIEWER, 422),
    ("GET", f"{API}/devices/{{name}}/recordings/{{recording}}/excerpt"): (REVIEWER, 422),
    ("POST", f"{API}/devices/{{name}}/watch"): (VIEWER, 404),
    ("POST", f"{API}/devices/{{name}}/missed"): (VIEWER, 404),
    ("GET", f"{API}/devices/{{name}}/limits"): (VIEWER, 404),
    ("POST", f"{API}/devices/{{name}}/limits"): (REVIEWER, 422),
    ("GET", f"{API}/limit-profiles"): (VIEWER, 200),
    ("PUT", f"{API}/limit-profiles/{{profile}}"): (REVIEWER, 422),
    ("DELETE", f"{API}/limit-profiles/{{profile}}"): (REVIEWER, 404),
    ("GET", f"{API}/patients"): (VIEWER, 200),
    ("GET", f"{API}/patients/{{subject}}"): (VIEWER, 404),
    ("GET", f"{API}/patients/{{subject}}/courses"): (VIEWER, 404),
    ("GET", f"{API}/patients/{{subject}}/shift"): (VIEWER, 404),
    ("POST", f"{API}/devices/{{name}}/admit"): (REVIEWER, 422),
    ("POST", f"{API}/devices/{{name}}/discharge"): (REVIEWER, 400),
    ("POST", f"{API}/patients/{{subject}}/transfer"): (REVIEWER, 422),
    ("GET", f"{API}/eeg-views"): (VIEWER, 200),
    ("GET", f"{API}/findings"): (VIEWER, 200),
    ("GET", f"{API}/findings/{{finding}}"): (VIEWER, 404),
    ("GET", f"{API}/findings/{{finding}}/fhir"): (REVIEWER, 404),
    ("POST", f"{API}/findings/{{finding}}/share"): (REVIEWER, 404),
    ("GET", f"{API}/findings/{{finding}}/shares"): (REVIEWER, 404),
    ("POST", f"{API}/shares/{{row}}/revoke"): (REVIEWER, 404),
    ("GET", f"{API}/findings/{{finding}}/reviews"): (VIEWER, 200),
    ("POST", f"{API}/findings/{{finding}}/reviews"): (REVIEWER, 400),
    ("POST", f"{API}/reviews/{{row}}/undo"): (REVIEWER, 404),
    ("GET", f"{API}/findings/{{finding}}/verdicts"): (VIEWER, 200),
    ("POST", f"{API}/findings/{{finding}}/verdicts"): (REVIEWER, 404),
    ("GET", f"{API}/devices/{{name}}/recordings/{{recording}}/annotations"): (VIEWER, 404),
    ("POST", f"{API}/devices/{{name}}/recordings/{{recording}}/annotations"): (REVIEWER, 400),
    ("POST", f"{API}/devices/{{name}}/recordings/{{recording}}/annotations/undo"): (REVIEWER, 404),
    ("GET", f"{API}/agreement"): (REVIEWER, 200),
    ("GET", f"{API}/review-queue"): (REVIEWER, 200),
    ("GET", f"{API}/my-reviews"): (REVIEWER, 200),
    ("POST", f"{API}/findings/{{finding}}/claim"): (REVIEWER, 404),
    ("POST", f"{API}/findings/{{finding}}/release"): (REVIEWER, 204),
    ("GET", f"{API}/alarms"): (VIEWER, 200),
    ("GET", f"{API}/alarm-log"): (VIEWER, 200),
    ("GET", f"{API}/alarm-log.csv"): (VIEWER, 200),
    ("GET", f"{API}/alarm-burden"): (VIEWER, 200),
    ("GET", f"{API}/duties"): (VIEWER, 200),
    ("PUT", f"{API}/duties/{{of}}/{{name}}"): (REVIEWER, 404),
    ("PUT", f"{API}/devices/{{name}}/group"): (REVIEWER, 404),
    ("GET", f"{API}/escalations"): (VIEWER, 200),
    ("GET", f"{API}/escalation-log"): (VIEWER, 200),
    ("POST", f"{API}/alarms/{{alarm}}/acknowledge"): (REVIEWER, 404),
    ("POST", f"{API}/alarms/{{alarm}}/pause"): (REVIEWER, 404),
    ("GET", f"{API}/commands"): (VIEWER, 200),
    ("GET", f"{API}/commands/{{command}}"): (VIEWER, 404),
    ("POST", f"{API}/classify"): (REVIEWER, 400),
    ("POST", f"{API}/ask"): (VIEWER, 404),
    ("GET", f"{API}/feedback"): (ENGINEER, 200),
    ("POST", f"{API}/feedback"): (VIEWER, 404),
    ("POST", f"{API}/classify/file"): (REVIEWER, 400),
    ("POST", f"{API}/devices/{{name}}/commands"): (ENGINEER, 400),
    ("GET", f"{API}/feed"): (VIEWER, 200),
    ("GET", f"{API}/events"): (VIEWER, 200),
    ("GET", f"{API}/dead-letters"): (ENGINEER, 200),
    ("POST", f"{API}/dead-letters/replay"): (ENGINEER, 200),
    ("GET", f"{API}/audit"): (ADMIN, 200),
    ("GET", f"{API}/audit/verify"): (ADMIN, 200),
    ("GET", f"{API}/users"): (ADMIN, 200),
    ("POST", f"{API}/users"): (ADMIN, 400),
    ("POST", f"{API}/users/{{name}}/disable"): (ADMIN, 400),
    ("POST", f"{API}/users/{{name}}/enable"): (ADMIN, 400),
    ("POST", f"{API}/users/{{name}}/role"): (ADMIN, 400),
    ("POST", f"{API}/users/{{name}}/reset"): (ADMIN, 400),
    ("GET", f"{API}/tokens"): (ENGINEER, 200),
    ("POST", f"{API}/tokens"): (ENGINEER, 400),
    ("POST", f"{API}/tokens/{{name}}/revoke"): (ENGINEER, 400),
    ("GET", f"{API}/webhooks"): (ENGINEER, 200),
    ("POST", f"{API}/webhooks"): (ENGINEER, 400),
    ("GET", f"{API}/webhooks/{{name}}/deliveries"): (ENGINEER, 404),
    ("POST", f"{API}/webhooks/{{name}}/test"): (ENGINEER, 404),
    ("POST", f"{API}/webhooks/{{name}}/resend"): (ENGINEER, 404),
    ("POST", f"{API}/webhooks/{{name}}/end"): (ENGINEER, 404),
    ("GET", f"{API}/words"): (REVIEWER, 200),
    ("POST", f"{API}/words/{{row}}/approve"): (REVIEWER, 404),
    ("POST", f"{API}/words/{{row}}/withdraw"): (REVIEWER, 404),
    ("POST", f"{API}/learning/words"): (ENGINEER, 409),
    ("POST", f"{API}/learning/jobs"): (ENGINEER, 400),
    ("GET", f"{API}/learning/tasks"): (REVIEWER, 200),
    ("GET", f"{API}/learning/jobs"): (REVIEWER, 200),
    ("GET", f"{API}/learning/jobs/{{job}}"): (REVIEWER, 404),
    ("GET", f"{API}/learning/candidates/{{candidate}}"): (REVIEWER, 404),
    ("POST", f"{API}/learning/candidates/{{candidate}}/release"): (ENGINEER, 409),
    ("GET", f"{API}/learning/releases"): (REVIEWER, 200),
    ("POST", f"{API}/learning/releases/{{task}}/{{version}}/announce"): (ENGINEER, 404),
    ("POST", f"{API}/learning/releases/{{task}}/{{version}}/withdraw"): (ENGINEER, 409),
    ("GET", "/healthz"): (ANYONE, 200),
    ("GET", "/metrics"): (ANYONE, 200),
    ("GET", "/updates/metadata/{name}"): (ANYONE, 404),
    ("GET", "/updates/targets/{name:path}"): (ANYONE, 404),
    ("GET", "/login"): (ANYONE, 200),
    ("GET", "/"): (VIEWER, 200),
    ("GET", "/devices/{name}"): (VIEWER, 404),
    ("GET", "/devices/{name}/eeg"): (VIEWER, 404),
    ("GET", "/devices/{name}/limits"): (VIEWER, 404),
    ("GET", "/patients"): (VIEWER, 200),
    ("GET", "/patients/{subject}"): (VIEWER, 200),
    ("GET", "/ask"): (VIEWER, 200),
    ("GET", "/devices/{name}/recordings/{recording}"): (VIEWER, 404),
    ("GET", "/findings"): (VIEWER, 200),
    ("GET", "/findings/{finding}"): (VIEWER, 404),
    ("GET", "/review"): (REVIEWER, 200),
    ("GET", "/classify"): (REVIEWER, 200),
    ("GET", "/words"): (REVIEWER, 200),
    ("GET", "/alarms"): (VIEWER, 200),
    ("GET", "/central"): (VIEWER, 200),
    ("GET", "/alarm-log"): (VIEWER, 200),
    ("GET", "/duties"): (VIEWER, 200),
    ("GET", "/models"): (ENGINEER, 200),
    ("GET", "/operations"): (ENGINEER, 200),
    ("GET", "/people"): (ADMIN, 200),
    ("GET", "/account"): (VIEWER, 200),
    ("GET", "/shared/{token}"): (ANYONE, 404),
    ("GET", "/static/{path:path}"): (ANYONE, 404),
}
BODIES = {
    ("POST", f"{API}/login"): {"name": "x"},
    ("POST", f"{API}/me/password"): {"old": PASSWORD, "new": "short"},
    ("POST", f"{API}/findings/{{finding}}/reviews"): {
        "task": "x",
        "kind": "x",
        "start": 1,
        "verdict": "confirm",
        "model_seen": True,
    },
    ("POST", f"{API}/devices/{{name}}/recordings/{{recording}}/annotations"): {
        "act": "add",
        "task": "x",
        "kind": "x",
        "leads": ["x"],
        "start": 1,
        "end": 1,
    },
    ("POST", f"{API}/findings/{{finding}}/share"): {"hours": 1},
    ("POST", f"{API}/findings/{{finding}}/verdicts"): {"verdict": "true"},
    ("POST", f"{API}/alarms/{{alarm}}/pause"): {},
    ("PUT", f"{API}/duties/{{of}}/{{name}}"): {"people": []},
    ("PUT", f"{API}/devices/{{name}}/group"): {"group": "x"},
    ("POST", f"{API}/classify"): {"fs_hz": 100, "unit": "mV", "leads": {"II": [0.0]}},
    ("POST", f"{API}/ask"): {"question": "What does this mean?", "finding": "x"},
    ("POST", f"{API}/feedback"): {"text": "x", "finding": "x", "says": "agree"},
    ("POST", f"{API}/devices/{{name}}/commands"): {"name": "set-limits"},
    ("POST", f"{API}/devices/{{name}}/missed"): {"recording": "x", "start_s": 0, "end_s": 1, "leads": []},
    ("POST", f"{API}/devices"): {"name": "bad name", "site": "ward"},
    ("POST", f"{API}/users"): {"name": "bad name", "role": "viewer"},
    ("POST", f"{API}/users/{{name}}/role"): {"role": "viewer"},
    ("POST", f"{API}/tokens"): {"name": "bad name", "role": "viewer", "days": 1},
    ("POST", f"{API}/words/{{row}}/approve"): {"pattern": "x"},
    ("POST", f"{API}/learning/jobs"): {"task": "x"},
    ("POST", f"{API}/webhooks"): {"name": "bad name", "url": "https://example.org/"},
    ("POST", f"{API}/learning/candidates/{{candidate}}/release"): {},
    ("POST", f"{API}/learning/releases/{{task}}/{{version}}/announce"): {},
}
"""What is sent along; of what exists, nothing is changed by it."""


def filled(path):
    return re.sub(r"{(\w+)(:path)?}", lambda part: VALUES.get(part[1], "x"), path)


def is_page(method, path):
    return method == "GET" and not path.startswith(
        (API, "/updates", "/healthz", "/metrics", "/static", "/login", "/shared")
    )


def wanted(role, method, path):
    needed, answer = ROUTES[method, path]
    if (method, path) == ("GET", "/login"):
        return 200 if role is None else 303
    if needed is ANYONE or (role is not None and role.covers(needed)):
        return answer
    if role is None:
        return 303 if is_page(method, path) else 401
    return 403


def test_every_route_that_is_served_is_declared_and_no_other(ward):
    served = {one for one in routes_of(ward.running.app) if one[0] != "HEAD"}
    assert served == set(ROUTES) | {WEBSOCKET}
    assert len(served) > 60


WEBSOCKET = ("WEBSOCKET", f"{API}/devices/{{name}}/live")


@pytest.fixture
def as_token(ward):
    """A client with a token of a role, and nothing else."""

    def client_of(role):
        client = ward.client()
        made = ward.clinic.tokens.add(name=f"of-{role.value}", role=role, days=1, by="admin")
        client.headers["Authorization"] = f"Bearer {made.token}"
        return client

    return client_of


@pytest.fixture
def as_who(ward):
    """A client of a role without the cost of a login; None is a stranger."""

    def client_of(role):
        client = ward.client()
        if role is not None:
            new = ward.clinic.people._open(role.value, "127.0.0.1", None)
            client.cookies["bedside"] = new.token
            client.headers["X-CSRF-Token"] = new.login.csrf
        return client

    return client_of


def asked(client, method, path):
    """Status of the answer; a feed never ends, so no more of it is read."""
    with client.stream(method, filled(path), json=BODIES.get((method, path))) as answer:
        return answer.status_code


@pytest.mark.parametrize("role", [ANYONE, *Role], ids=lambda role: role.value if role else "stranger")
def test_every_route_answers_every_role_as_declared(as_who, role):
    differs = {}
    ends_it = ("POST", f"{API}/logout")
    with as_who(role) as client:
        answers = {one: asked(client, *one) for one in [*(set(ROUTES) - {ends_it}), ends_it]}
    for (method, path), status in answers.items():
        if status != wanted(role, method, path):
            differs[method, path] = (status, "and not", wanted(role, method, path))
    assert differs == {}


IN_PERSON = {
    ("POST", f"{API}/words/{{row}}/approve"),
    ("POST", f"{API}/words/{{row}}/withdraw"),
    *(("POST", f"{API}/logout"), ("POST", f"{API}/me/password"), ("GET", f"{API}/tokens")),
    *(("POST", f"{API}/tokens"), ("POST", f"{API}/tokens/{{name}}/revoke")),
    ("POST", f"{API}/webhooks"),
    *(("POST", f"{API}/webhooks/{{name}}/{act}") for act in ("test", "resend", "end")),
}
"""What is refused to every token: sessions, passwords, tokens, webhooks, and a second person's word are for people."""


@pytest.mark.parametrize("role", [VIEWER, REVIEWER, ENGINEER], ids=lambda role: role.value)
def test_a_token_opens_every_route_of_the_api_that_its_role_covers_and_no_page(as_token, role):
    differs = {}
    with as_token(role) as client:
        for method, path in ROUTES:
            status = asked(client, method, path)
            as_this = wanted(None if is_page(method, path) or path == "/login" else role, method, path)
            expected = 403 if (method, path) in IN_PERSON else as_this
            if status != expected:
                differs[method, path] = (status, "and not", expected)
    assert differs == {}


def test_what_changes_something_needs_the_csrf_token_and_our_own_page(as_who):
    own = {("POST", f"{API}/login"), ("POST", f"{API}/login/demo")}  # these make the token
    changing = [one for one in set(ROUTES) - own if one[0] != "GET"]
    assert len(changing) >= 20
    with as_who(Role.ADMIN) as client:
        token = client.headers.pop("X-CSRF-Token")
        assert {asked(client, *one) for one in changing} == {403}
        client.headers["X-CSRF-Token"] = token[:-1] + "!"
        assert {asked(client, *one) for one in changing} == {403}
        client.headers.update({"X-CSRF-Token": token, "Origin": "https://evil.example"})
        assert {asked(client, *one) for one in changing} == {403}
        assert client.get(f"{API}/me").status_code == 200


def test_a_foreign_page_cannot_log_anyone_in(as_who):
    with as_who(None) as client:
        client.headers["Origin"] = "https://evil.example"
        right = {"name": "viewer", "password": PASSWORD}
        assert client.post(f"{API}/login", json=right).status_code == 403
        assert client.post(f"{API}/login/demo").status_code == 403


@pytest.mark.parametrize("role", [ANYONE, *Role], ids=lambda role: role.value if role else "stranger")
def test_the_live_strip_is_for_who_is_logged_in(ward, as_who, role):
    url = ward.running.url.replace("http", "ws") + filled(WEBSOCKET[1])
    with as_who(role) as client:
        headers = {"Cookie": f"bedside={client.cookies['bedside']}"} if role else {}
    with connect(url, additional_headers=headers) as socket, pytest.raises(ConnectionClosed):
        socket.recv(5)
    assert socket.close_code == (4404 if role else 4401)
