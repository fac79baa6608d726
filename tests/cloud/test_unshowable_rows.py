"""A row that lies in the database already and cannot be shown is shown as that, and takes no list with it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, text
from test_any_event import DOCUMENTS, WARD, broken, clinic, places  # noqa: F401  # the fixture

from cloud_service.database.columns import Table
from cloud_service.database.stored_json import read_stored
from cloud_service.ingest.commit import commit
from tests.cloud.cloud_ward import finding, message

SAID_BY_DEVICES = sorted(
    (table.name, column.name)
    for table in Table.metadata.tables.values()
    for column in table.columns
    if isinstance(column.type, JSON) and "received" in table.columns
)
BROKEN = [
    "no json",
    "",
    "null",
    "[]",
    "{}",
    "3",
    '"\\ud800"',
    '["\\udfff"]',
    '{"\\ud800": "\\udc00"}',
    "[" * 3000,
    "NaN",
]
HALF = st.sampled_from(['"\\ud800"', "null", "[]", "{}", "-1", "1e999", '"x"', "[[1]]"])


@st.composite
def stored(draw, column):
    """What may stand in a column: something broken, or what a device said with one part of it replaced."""
    said = [one["body"][column] for one in DOCUMENTS if column in one["body"]]
    said += [one["body"] for one in DOCUMENTS] if column == "body" else []
    parts = [(one, path) for one in said for path in places(one)] if said else []
    if not parts or draw(st.booleans()):
        return draw(st.sampled_from(BROKEN))
    whole, path = draw(st.sampled_from(parts))
    copy = json.loads(json.dumps(whole))
    *way, last = path
    inside = copy
    for key in way:
        inside = inside[key]
    inside[last] = "HERE"
    return json.dumps(copy).replace('"HERE"', draw(HALF), 1)


@pytest.mark.parametrize(("table", "column"), SAID_BY_DEVICES, ids=".".join)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_no_stored_row_takes_a_list_with_it(clinic, table, column, data):  # noqa: F811
    app, client = clinic
    database = app.state.clinic.database
    commit(database, [message(one) for one in WARD])
    value = data.draw(stored(column))
    with database.write() as session:
        before = session.execute(text(f"SELECT rowid, {column} FROM {table}")).all()
        session.execute(text(f"UPDATE {table} SET {column} = :value"), {"value": value})
    try:
        assert broken(app, client) == {}
        assert app.state.clinic.feed.since(0)
    finally:
        with database.write() as session:
            for row, was in before:
                session.execute(
                    text(f"UPDATE {table} SET {column} = :was WHERE rowid = :row"), {"was": was, "row": row}
                )


def test_a_finding_that_cannot_be_shown_stands_in_the_list_beside_the_others(clinic):  # noqa: F811
    app, client = clinic
    database = app.state.clinic.database
    commit(database, [message(finding(onset=onset)) for onset in (5000, 6000)])
    bad, good = finding(onset=5000).id, finding(onset=6000).id
    with database.write() as session:
        session.execute(text("UPDATE findings SET evidence = '{}' WHERE id = :id"), {"id": bad})
    listed = {one["id"]: one for one in client.get("/api/v1/findings").raise_for_status().json()["findings"]}
    assert "cannot be shown" in listed[bad]["kind_label"]
    assert "cannot be shown" in listed[bad]["explanation"]
    assert listed[good]["marks"] > 0
    assert client.get(f"/api/v1/findings/{bad}").json()["evidence"]["fs_hz"] == 0.0


def test_half_a_pair_of_surrogates_is_replaced_and_a_whole_one_stays():
    assert read_stored('{"a\\ud83d": ["\\ude00", "\\ud83d\\ude00"]}') == {"a?": ["?", "\U0001f600"]}
