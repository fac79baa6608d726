"""Whatever is sent to a route is answered: no fault of ours, nothing of it as markup, and no way in for a stranger."""

import contextlib
import json

import pytest
from cloud_running import PASSWORD
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_route_matrix import API, ROUTES
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.cloud.any_request import clinic_with_something_in_it, try_route

A_FEW = 4
TOO_LARGE = [str(2**63), "9" * 400, "-1"]


@pytest.fixture(scope="module")
def something(migrated, tmp_path_factory):
    with clinic_with_something_in_it(migrated, tmp_path_factory.mktemp("any-request")) as ward:
        yield ward


@pytest.fixture(scope="module")
def admin(something):
    with something.running.logged_in("admin") as client:
        yield client


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
def test_whatever_comes_a_route_answers_it(something, method, path):
    try_route(something, method, path, ROUTES[method, path][0], A_FEW)


# ---- what such requests once brought down, each by itself -----------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "\xff"])
def test_an_origin_that_is_no_address_is_another_site(admin, origin):
    asked = {"headers": {"Origin": origin.encode("latin-1")}}
    assert admin.post(f"{API}/devices/bed-1/watch", **asked).status_code == 403
    login = {"name": "admin", "password": PASSWORD}
    assert admin.post(f"{API}/login", json=login, **asked).status_code == 403


@pytest.mark.parametrize("number", TOO_LARGE)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "reviews/{}/undo"),
        ("GET", "learning/jobs/{}"),
        ("GET", "learning/candidates/{}"),
        ("GET", "audit?before={}"),
        ("GET", "events?before={}"),
    ],
)
def test_a_row_that_no_database_could_have_is_not_looked_for(admin, method, path, number):
    assert admin.request(method, f"{API}/{path.format(number)}").status_code == 422


@pytest.mark.parametrize("path", ["audit", "commands", "model-reports", "recordings", "findings", "events"])
@pytest.mark.parametrize("limit", ["-1", "-" + "9" * 400, "9" * 400])
def test_a_limit_is_brought_within_what_there_is_to_list(admin, path, limit):
    assert admin.get(f"{API}/{path}", params={"limit": limit}).status_code == 200


def test_a_list_that_is_limited_to_less_than_nothing_is_not_given_whole(admin):
    assert len(admin.get(f"{API}/audit", params={"limit": 10}).json()["entries"]) > 1
    assert len(admin.get(f"{API}/audit", params={"limit": -1}).json()["entries"]) == 1


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01"])
def test_a_page_mark_of_a_time_there_is_not_is_refused(admin, time):
    assert admin.get(f"{API}/findings", params={"before": f"{time}|x"}).status_code == 400


@pytest.mark.parametrize("last", ["\xb2", "9" * 30, "9" * 5000, str(2**63), "-1", "x"])
def test_a_feed_begins_whatever_a_page_says_it_has_heard_last(admin, last):
    with admin.stream("GET", f"{API}/feed", headers={"Last-Event-ID": last.encode("latin-1")}) as answer:
        assert next(line for line in answer.iter_lines() if line.startswith("event:")) == "event: now"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/devices/bed%00", None),
        ("GET", f"{API}/findings?device=%00", None),
        ("POST", f"{API}/login", '{"name": "\\u0000", "password": "x"}'),
    ],
)
def test_the_character_that_no_text_has_is_refused_before_a_database_hears_of_it(admin, method, path, body):
    answer = admin.request(method, path, content=body)
    assert answer.status_code == 400
    assert "NUL" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_live_strip_of_a_name_with_that_character_is_refused(something):
    url = something.running.url.replace("http", "ws")
    with pytest.raises(InvalidStatus), connect(f"{url}{API}/devices/%00/live"):
        pass
    assert something.faults == []


def test_a_path_with_a_slash_too_many_leads_to_no_host_that_the_request_names(admin):
    answer = admin.get(f"{API}/devices/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


FRAMES = st.lists(
    st.text(max_size=200) | st.binary(max_size=200) | st.just("x" * (65 << 10)) | st.just(b"\xff" * 40), max_size=4
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=FRAMES, raw=st.binary(max_size=60), is_closed=st.booleans())
def test_whatever_a_page_says_on_a_live_strip_it_is_not_listened_to_and_others_are_served(
    something, admin, said, raw, is_closed
):
    """Text, bytes, a message that is too large, or bytes that are no frame at all."""
    url = something.running.url.replace("http", "ws")
    login = {"additional_headers": {"Cookie": f"bedside={admin.cookies['bedside']}"}, "close_timeout": 0.1}
    line = connect(f"{url}{API}/devices/bed-1/live", **login)
    with contextlib.suppress(ConnectionClosed, OSError):
        for one in said:
            line.send(one)
        line.socket.sendall(raw)
    if is_closed:
        line.close()
    else:
        line.socket.close()
    with connect(f"{url}{API}/devices/bed-1/live", **login) as other:
        assert json.loads(other.recv(timeout=20))["type"] in ("now", "status")
    assert something.faults == []
