"""Whatever a device sends, in whatever field of whatever kind: it is stored or set aside, and every page goes on."""

import json
import shutil
from urllib.parse import quote

import pytest
from all_routes import routes_of
from cloud_running import Running
from cloud_ward import (
    alarm,
    answer,
    explanation,
    finding,
    inputs,
    mark,
    marks_of,
    message,
    pack,
    recording,
    series,
    strip,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.events import ClockAnchor, Loss, ModelReport, RecordingClosed, Rung, SubjectAssigned
from biosignal.wire.envelope import KINDS
from cloud_service.app import API
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings

ABOUT = finding()
REPORT = ModelReport(
    id="report",
    task="ecg-beats",
    bundle="ecg-beats/1.0.0",
    previous=None,
    step="switched",
    reason="",
    rung=Rung.ONNX_CPU,
    recording="r",
    at=5,
    windows_missed=0,
)
WARD = [
    recording(),
    *marks_of(ABOUT),
    mark(7),
    ABOUT,
    strip(ABOUT),
    explanation(ABOUT),
    alarm(ABOUT),
    series(),
    pack(),
    answer("c"),
    Loss(id="loss", recording="r", start=5, length=7, reason="serial"),
    ClockAnchor(id="anchor", recording="r", sample=5, utc="2026-01-01T00:00:00Z", uncertainty_ms=3.0, reason="start"),
    SubjectAssigned(id="assigned", recording="r", subject="subject-8", at=5),
    RecordingClosed(id="closed", recording="r", end=90000, reason="source-ended"),
    REPORT,
    inputs(b"\0\0\0\1"),
]
DOCUMENTS = [json.loads(message(one).payload) for one in WARD]
TOPIC = message(ABOUT).topic
TEXTS = st.sampled_from(["", "later", "\0", "\ud800", "\U0001f493", "x" * 300, "<script>"]) | st.text(max_size=5)
NUMBERS = st.sampled_from([-1, 0, 2**31, 2**53 + 1, 2**63, 2**80, -(2**63), 1e308, float("inf"), float("nan"), 0.5])
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(TEXTS, one, max_size=3), max_leaves=6
)


def places(value, path=()):
    """Every path in a document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


def like(value):
    """Values of the same type, so that more than the type check is met; lists cut short and said twice, too."""
    if isinstance(value, bool) or value is None:
        return VALUES
    if isinstance(value, str):
        return TEXTS
    if isinstance(value, (int, float)):
        return NUMBERS | st.integers(-5, 10**6)
    return st.sampled_from([value + value, value[:1], []]) if isinstance(value, list) else VALUES


@st.composite
def changed(draw, document):
    """The document with one field changed, left out, or one added."""
    copy = json.loads(json.dumps(document))
    path = draw(st.sampled_from(sorted(places(document), key=str)))
    *way, last = path
    inside = copy
    for key in way:
        inside = inside[key]
    what = draw(st.sampled_from(["like", "like", "any", "gone", "more"]))
    if what == "gone":
        del inside[last]
    elif what == "more" and isinstance(inside, dict):
        inside["of a later version"] = draw(VALUES)
    else:
        inside[last] = draw(like(inside[last]) if what == "like" else VALUES)
    return Message(topic=TOPIC, payload=json.dumps(copy).encode())


@pytest.fixture(scope="module")
def clinic(migrated, tmp_path_factory):
    state = tmp_path_factory.mktemp("any") / "state"
    state.mkdir()
    shutil.copy(migrated, state / "clinic.db")
    settings = CloudSettings(state_dir=state, http=HttpSettings(port=0), mqtt=MqttSettings(enabled=False))
    with Running(settings) as running, running.logged_in("admin") as client:
        commit(running.clinic.database, [message(one) for one in WARD])
        yield running.app, client


STRETCH = f"{API}/devices/{{name}}/recordings/{{recording}}"
NEEDED = {
    f"{STRETCH}/waves": "?lead=MLII&start_s=0&end_s=10",
    f"{STRETCH}/waves/tile": "?lead=MLII&width=second&number=0",
    f"{STRETCH}/excerpt": "?start_s=0&end_s=10",
}
MAY_BE = frozenset({200, 400, 404})
"""What a page asks for; it may be told that there is no such lead, or nothing there."""


def pages(app, client):
    """Every GET route of the API that ends, for what the database holds."""
    findings = client.get(f"{API}/findings", params={"stream": "", "limit": 8}).json()["findings"]
    recordings = client.get(f"{API}/recordings", params={"limit": 5}).json()["recordings"]
    patients = client.get(f"{API}/patients").json()["patients"]
    known = {
        "finding": [{"finding": one["id"]} for one in findings],
        "recording": [{"name": one["device"], "recording": one["id"]} for one in recordings],
        "name": [{"name": "bed-1"}],
        "subject": [{"subject": one["subject"]} for one in patients if "/" not in one["subject"]],
    }
    for method, path in routes_of(app):
        if method != "GET" or not path.startswith(API) or path == f"{API}/feed":
            continue
        asked = next((name for name in known if f"{{{name}}}" in path), None)
        if "{" in path and (asked is None or (asked == "name" and not path.startswith(f"{API}/devices/"))):
            continue  # what people make: jobs, bundles, webhooks
        for values in known[asked] if asked else [{}]:
            yield path.format(**{name: quote(value, safe="") for name, value in values.items()}) + NEEDED.get(path, "")
    for one in findings:
        yield f"{API}/findings/{one['id']}?blind=true"
    for one in findings[:2]:  # the newest: those that were bent last
        yield f"/shared/{app.state.clinic.shares.add(one['id'], hours=1, by='admin').token}"
    yield f"{API}/findings?stream="
    yield f"{API}/events?known=false"
    yield "/metrics"
    yield "/healthz"


def broken(app, client):
    """Pages that answer otherwise than they may, with their status."""
    asked = {path: client.get(path).status_code for path in pages(app, client)}
    may = {path: MAY_BE if "lead=" in path or "_s=" in path else {200} for path in asked}
    return {path: status for path, status in asked.items() if status not in may[path]}


def test_the_ward_has_an_event_of_every_kind():
    assert {one["kind"] for one in DOCUMENTS} == set(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=2, deadline=None)
@given(data=st.data())
def test_no_event_of_a_device_breaks_a_page(clinic, kind, data):
    app, client = clinic
    mine = [one for one in DOCUMENTS if one["kind"] == kind]
    batch = data.draw(st.lists(st.sampled_from(mine).flatmap(changed), min_size=3, max_size=8))
    done = commit(app.state.clinic.database, batch)
    assert done.new + done.known + done.refused == len(batch)
    assert broken(app, client) == {}
    assert app.state.clinic.feed.since(0)
