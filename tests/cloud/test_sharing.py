"""Links that show one finding: what they show, to whom, and until when."""

import html
import json
import re
from datetime import timedelta

import pytest
from cloud_ward import alarm, explanation, finding, marks_of, message, recording, strip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from cloud_service.access.roles import Role
from cloud_service.access.shares import MOST_HOURS, OPENINGS
from cloud_service.clinic.retention import Retention
from cloud_service.database.clinic_tables import AuditRow, ShareRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import AlarmRow, FindingRow
from cloud_service.ingest.commit import commit
from cloud_service.settings import DatabaseSettings

API = "/api/v1"
ABOUT, OTHER = finding(), finding(onset=9000)


@pytest.fixture
def filled(ward):
    told = (recording(), *marks_of(ABOUT), ABOUT, strip(ABOUT), explanation(ABOUT), alarm(ABOUT), OTHER)
    commit(ward.database, [message(one) for one in told])
    return ward


@pytest.fixture
def link(filled):
    """Path of a link to ABOUT, made by the reviewer for a day."""
    return made(filled)


def made(ward, by="reviewer", hours=24):
    with ward.as_role(by) as client:
        answer = client.post(f"{API}/findings/{ABOUT.id}/share", json={"hours": hours}).raise_for_status().json()
    assert answer["url"].startswith(ward.running.url)
    return answer["url"].removeprefix(ward.running.url)


def asked(ward, path):
    with ward.client() as stranger:
        return stranger.get(path)


def shown(answer):
    """What a page of a link holds."""
    assert answer.status_code == 200
    return json.loads(html.unescape(re.search(r'data-finding="([^"]*)"', answer.text).group(1)))


def openings(database):
    wanted = select(AuditRow).where(AuditRow.action == "finding.share.open")
    with database.read() as session:
        return list(session.scalars(wanted))


def test_a_stranger_with_the_link_sees_the_finding_and_no_more_of_the_clinic(filled, link):
    with filled.client() as stranger:
        answer = stranger.get(link)
        seen = shown(answer)
        assert (seen["kind"], seen["onset"], seen["leads"]) == (ABOUT.kind, ABOUT.onset, list(ABOUT.leads))
        assert seen["evidence"]["measures"][0]["value"] == 130.0
        assert len(seen["strips"][0]["samples"]) > 0
        assert seen["explained"]["text"]
        assert "Research software, not a medical device." in answer.text
        assert re.findall(r'href="(?!/static/)', answer.text) == []
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in answer.headers
        assert stranger.get(f"{API}/findings/{ABOUT.id}").status_code == 401
        assert stranger.get(f"/findings/{ABOUT.id}").status_code == 303


def test_a_link_says_neither_bed_nor_patient_nor_time_nor_who_said_what(filled, link):
    with filled.as_role("reviewer") as client:
        said = {"verdict": "false", "comment": "a remark between readers"}
        client.post(f"{API}/findings/{ABOUT.id}/verdicts", json=said).raise_for_status()
    answer = asked(filled, link)
    seen = shown(answer)
    fields = set(seen) | set(seen["strips"][0]) | set(seen["explained"])
    assert fields & {"id", "device", "recording", "at", "received", "reviews", "alarm"} == set()
    for hidden in ("bed-1", "ward", "a remark between readers", "reviewer", ABOUT.id):
        assert hidden not in html.unescape(answer.text.split("<body>")[1])


def test_every_opening_is_counted_and_in_the_audit_log(filled, link):
    with filled.client() as stranger, filled.as_role("reviewer") as client:
        for _ in range(2):
            stranger.get(link)
        (listed,) = client.get(f"{API}/findings/{ABOUT.id}/shares").json()["shares"]
    assert (listed["opened"], listed["made_by"], listed["revoked"]) == (2, "reviewer", None)
    assert listed["last_opened"] is not None
    assert [(one.actor, one.subject) for one in openings(filled.database)] == [("shared link", ABOUT.id)] * 2


def test_only_the_hash_of_a_link_is_kept(filled, link):
    with filled.database.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())
    assert "finding.share" in dump
    assert link.rpartition("/")[2] not in dump


def nothing(ward):
    """The one answer of a link that shows nothing."""
    return asked(ward, f"/shared/{'A' * 43}")


def end_by_time(ward):
    with ward.database.write() as session:
        session.execute(update(ShareRow).values(expires=utc_now() - timedelta(seconds=1)))


def end_by_hand(ward):
    with ward.as_role("reviewer") as client:
        row = client.get(f"{API}/findings/{ABOUT.id}/shares").json()["shares"][0]["row"]
        assert client.post(f"{API}/shares/{row}/revoke").status_code == 204


def end_by_account(ward):
    ward.clinic.people.disable("reviewer", by="test")


def end_by_role(ward):
    ward.clinic.people.set_role("reviewer", Role.VIEWER, by="test")


@pytest.mark.parametrize("end", [end_by_time, end_by_hand, end_by_account, end_by_role])
def test_a_link_that_ended_is_answered_as_one_that_never_was(filled, link, end):
    assert asked(filled, link).status_code == 200
    end(filled)
    after, never = asked(filled, link), nothing(filled)
    assert (after.status_code, after.text) == (404, never.text)
    assert {**after.headers, "date": ""} == {**never.headers, "date": ""}
    assert len(openings(filled.database)) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    token=st.text(
        alphabet=st.characters(codec="ascii", categories=["L", "N", "P"], exclude_characters="/"), max_size=60
    )
)
def test_whatever_stands_in_a_link_it_is_answered_alike_and_writes_nothing(filled, token):
    path = "".join(f"%{ord(one):02x}" for one in token)
    answer = asked(filled, f"/shared/{path}x")
    assert (answer.status_code, answer.text) == (404, nothing(filled).text)
    assert openings(filled.database) == []


def test_a_link_that_is_opened_without_end_does_not_fill_the_audit_log(filled, link):
    with filled.client() as stranger:
        statuses = [stranger.get(link).status_code for _ in range(OPENINGS + 3)]
    assert statuses == [200] * OPENINGS + [429] * 3
    assert len(openings(filled.database)) == OPENINGS


@pytest.mark.parametrize("hours", [0, -1, MOST_HOURS + 1, 1.5, None])
def test_no_link_is_made_for_ever(filled, hours):
    with filled.as_role("reviewer") as client:
        assert client.post(f"{API}/findings/{ABOUT.id}/share", json={"hours": hours}).status_code == 422
        assert client.get(f"{API}/findings/{ABOUT.id}/shares").json()["shares"] == []


def test_a_finding_that_is_let_go_takes_its_links_with_it(filled, link):
    with filled.database.write() as session:
        session.execute(update(FindingRow).values(state="closed", received=utc_now() - timedelta(days=9)))
        session.execute(update(AlarmRow).values(state="resolved"))
    Retention(filled.database, DatabaseSettings(keep_findings_days=1), pause_s=0.0).round()
    with filled.database.read() as session:
        counted = [session.scalar(select(func.count()).select_from(table)) for table in (FindingRow, ShareRow)]
    assert counted == [0, 0]
    assert asked(filled, link).text == nothing(filled).text
