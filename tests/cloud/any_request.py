"""Requests that no page of ours sends, made from what each route says of itself, and what every answer keeps to."""

import contextlib
import json
import logging
import re
import shutil
from types import SimpleNamespace
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_service.access.devices import add_device
from cloud_service.access.roles import Role
from cloud_service.ingest.commit import commit
from cloud_service.learning.settings import LearningSettings
from cloud_service.settings import AccessSettings, CloudSettings, HttpSettings, MqttSettings
from tests.cloud.cloud_running import PASSWORD, Running
from tests.cloud.cloud_ward import (
    SITE,
    alarm,
    explanation,
    finding,
    marks_of,
    message,
    pack,
    recording,
    series,
    strip,
)

ABOUT = finding()
SCRIPT = "<script>fuzz()</script>"
KNOWN = [
    "bed-1",
    "r",
    ABOUT.id,
    f"alarm-{ABOUT.id}",
    "somebody",
    "ecg-beats",
    "beat",
    "1",
    "confirm",
    "viewer",
    "root.json",
]
NUMBERS = [2**63, -(2**63) - 1, 10**400, 2**63 - 1, 2**31, 10**9, -1, 0, 1]
TIMES = ["0001-01-01T00:00:00+14:00|x", "9999-12-31T23:59:59-14:00|x", "2026-01-01T00:00:00+00:00|", "2026-01-01|x"]
HOSTILE = [
    *(
        "",
        " ",
        ".",
        "..",
        "../../clinic.db",
        "..%2f..%2fclinic.db",
        "//evil.example",
        "%",
        "%00",
        "\0",
        "a\0b",
        "\ud800",
    ),
    *(
        f'">{SCRIPT}',
        f"{{{{7*7}}}}{SCRIPT}",
        "'; DROP TABLE users;--",
        "\r\nSet-Cookie: a=b",
        "\u202e",
        "\U0001f9e0",
        "²",
    ),
    *("x" * 300, "9" * 5000, "NaN", "1e999", "true", "null", *map(str, NUMBERS), *TIMES),
]
LEADS = ["I", "II", "V1", "C3"]
ORIGINS = ["http://[", "null", "http://evil.example", "http://a:b@c:99999999", "\xff", "//", "http://[::1"]
TYPES = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "a/b; charset=x",
    "",
]
TEXTS = st.sampled_from(HOSTILE) | st.sampled_from(KNOWN) | st.text(max_size=20)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
WHO = [Role.ADMIN] * 6 + [Role.ENGINEER, Role.REVIEWER, Role.VIEWER, None]
"""Mostly who may do most: others are refused before what they sent is looked at."""


@contextlib.contextmanager
def clinic_with_something_in_it(template, folder):
    """The clinic on a real server, with a bed, a recording, a finding, an alarm and an account that nobody uses."""
    shutil.copy(template, folder / "clinic.db")
    many = 10**6
    chosen = CloudSettings(
        state_dir=folder,
        http=HttpSettings(port=0),
        mqtt=MqttSettings(enabled=False),
        access=AccessSettings(account_failures=many, address_failures=many),
        learning=LearningSettings(worker=False),
    )
    with Running(chosen) as running:
        database = running.clinic.database
        add_device(database, name="bed-1", site=SITE, by="test")
        events = [
            recording(),
            *marks_of(ABOUT),
            ABOUT,
            strip(ABOUT),
            explanation(ABOUT),
            alarm(ABOUT),
            series(),
            pack(),
        ]
        commit(database, [message(one) for one in events])
        running.clinic.people.add(name="somebody", role=Role.VIEWER, password=PASSWORD, by="test")
        with faults_of_ours() as faults, httpx.Client(base_url=running.url, timeout=30) as client:
            yield SimpleNamespace(
                running=running, clinic=running.clinic, client=client, faults=faults, api=running.app.openapi()
            )


@contextlib.contextmanager
def faults_of_ours():
    """Collect what is logged as an error meanwhile: an exception after an answer has begun shows nowhere else."""
    found = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: found.append(logging.Formatter().format(record)[-1500:])
    logging.getLogger().addHandler(handler)
    logging.getLogger("uvicorn.error").addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)
    logging.getLogger("uvicorn.error").removeHandler(handler)


def try_route(ward, method, path, needed, examples):
    """Send `examples` requests to one route; gives the statuses that came back."""
    described = ward.api["paths"].get(path, {}).get(method.lower(), {})
    statuses, logins = [], {None: {}}

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(role=st.sampled_from(WHO), sent=_requests(described, path, ward.api))
    def answered_well(role, sent):
        if role not in logins or path.endswith("/logout"):
            logins[role] = _login(ward, role)
        ward.client.cookies.clear()
        statuses.append(_ask(ward, method, sent, logins[role] | sent["headers"], needed, role))

    answered_well()
    return statuses


def _login(ward, role):
    """Headers of a new session, without the cost of a login."""
    if role is None:
        return {}
    new = ward.clinic.people._open(role.value, "127.0.0.1", None)
    return {"Cookie": f"bedside={new.token}", "X-CSRF-Token": new.login.csrf}


def _ask(ward, method, sent, headers, needed, role):
    asked = {"params": sent["query"], "content": sent["body"], "headers": headers}
    with ward.client.stream(method, sent["path"], **asked) as answer:
        kind = answer.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            body = next(line for line in answer.iter_lines() if line.startswith("data:")).encode()
        else:
            body = answer.read()
    faults = ward.faults.copy()
    ward.faults.clear()
    assert faults == []
    if answer.status_code >= 500:
        assert (answer.status_code, json.loads(body)["detail"][:10]) == (503, "the broker")  # none is set here
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert kind.startswith("application/json") or SCRIPT.encode() not in body
    assert not any("fuzz" in value or (role is None and name == "set-cookie") for name, value in answer.headers.items())
    assert re.match("/(?!/)", answer.headers.get("location", "/"))
    if role is None and needed is not None:
        assert answer.status_code in (303, 400, 401, 404, 405), (answer.status_code, body)
    return answer.status_code


def _requests(described, path, api):
    return st.fixed_dictionaries(
        {
            "path": _paths(path, _values(described, "path", api)),
            "query": _queries(_values(described, "query", api)),
            "headers": _headers(),
            "body": _bodies(described, api),
        }
    )


def _values(described, where, api):
    """By name of a parameter what it asks for, and now and then something else."""
    own = {one["name"]: one["schema"] for one in described.get("parameters", ()) if one["in"] == where}
    return {name: st.one_of(_right(one, api).map(str), _right(one, api).map(str), TEXTS) for name, one in own.items()}


def _paths(path, values):
    names = re.findall(r"{(\w+)(?::path)?}", path)
    shape = re.sub(r"{(\w+)(?::path)?}", r"{\1}", path)
    return st.fixed_dictionaries({name: values.get(name, TEXTS) for name in names}).map(
        lambda values: shape.format(**{name: _quoted(value) for name, value in values.items()})
    )


def _quoted(text):
    return quote(text.encode("utf-8", "surrogatepass"), safe="")  # half a pair can be sent, so it is


def _queries(values):
    return st.fixed_dictionaries({}, optional={**values, "next": TEXTS}).map(
        lambda query: "&".join(f"{name}={_quoted(value)}" for name, value in query.items())
    )


def _headers():
    latin = TEXTS.map(lambda text: re.sub(r"[^\x21-\x7e\xa0-\xff]", "", text)[:2000].encode("latin-1"))
    chosen = {
        "Origin": st.sampled_from(ORIGINS).map(lambda text: text.encode("latin-1")),
        "Last-Event-ID": latin,
        "X-CSRF-Token": latin,
        "Authorization": latin.map(lambda value: b"Bearer " + value),
        "Cookie": latin.map(lambda value: b"bedside=" + value),
        "Content-Type": st.sampled_from(TYPES).map(str.encode),
        "Accept": latin,
    }
    one = st.sampled_from(list(chosen)).flatmap(lambda name: chosen[name].map(lambda value: {name: value}))
    return one | one | st.just({})


def _bodies(described, api):
    schema = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    whatever = ANYTHING.map(json.dumps).map(str.encode) | st.binary(max_size=200) | st.just(b"[" * 50_000)
    if schema is None:
        return st.none() | whatever
    right = _right(schema, api)
    return st.one_of(right, right, _bent(schema, api), _bent(schema, api)).map(json.dumps).map(str.encode) | whatever


def _bent(schema, api):
    """An object with its own fields, some of them of another kind, left out or besides."""
    fields = _resolved(schema, api).get("properties", {})
    own = st.fixed_dictionaries({}, optional={name: _right(one, api) | ANYTHING for name, one in fields.items()})
    return st.tuples(own, st.dictionaries(TEXTS, ANYTHING, max_size=1)).map(lambda both: both[0] | both[1])


def _right(schema, api):
    """What the schema asks for, more or less: bounds are not kept, so that both sides of them are tried."""
    schema = _resolved(schema, api)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_right(one, api) for one in schema["anyOf"]])
    kind = schema.get("type")
    if kind == "object":
        required = {name: _right(one, api) for name, one in schema.get("properties", {}).items()}
        if required:
            return st.fixed_dictionaries(required)
        inner = schema.get("additionalProperties")
        values = _right(inner, api) if isinstance(inner, dict) and inner else TEXTS
        return st.dictionaries(TEXTS | st.sampled_from(LEADS), values, max_size=3)
    if kind == "string" and "pattern" in schema:
        return st.from_regex(schema["pattern"])
    kinds = {
        "string": TEXTS,
        "integer": st.sampled_from(NUMBERS) | st.integers(0, 2000),
        "number": st.sampled_from(NUMBERS) | st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "null": st.none(),
        "array": st.lists(_right(schema["items"], api) if schema.get("items") else TEXTS, max_size=3),
    }
    return kinds[kind]


def _resolved(schema, api):
    while "$ref" in schema:
        schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
