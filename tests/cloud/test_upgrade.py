"""A clinic of the last release is brought to this one and has lost nothing."""

import json
import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from golden_clinic import check_upgraded, load_version_1
from sqlalchemy import func, select, text

from cloud_service.database.columns import Table
from cloud_service.database.connection import open_database
from cloud_service.database.event_tables import FindingRow, MarkRow, SeriesRow


@pytest.fixture
def file(tmp_path):
    return tmp_path / "clinic.db"


def test_a_database_of_version_1_keeps_every_row(file):
    before = load_version_1(file)
    database = open_database(f"sqlite:///{file}")
    check_upgraded(database, before)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    database.close()


def test_references_are_held_again_after_an_upgrade(file):
    load_version_1(file)
    database = open_database(f"sqlite:///{file}")
    with database.read() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    database.close()


def test_rows_whose_events_are_gone_are_lifted_from_what_stands(file):
    load_version_1(file)
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM events")
        kept = connection.execute("SELECT count(*) FROM trends").fetchone()[0]
        beats = [
            beat["sample"]
            for (evidence,) in connection.execute("SELECT evidence FROM findings")
            for beat in json.loads(evidence)["beats"]
        ]
    connection.close()
    database = open_database(f"sqlite:///{file}")
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(SeriesRow)) == kept
        assert {row.start for row in session.scalars(select(MarkRow))} == set(beats)
    database.close()


def test_a_row_that_cannot_be_read_stays_and_stops_no_upgrade(file):
    load_version_1(file)
    with sqlite3.connect(file) as connection:
        (name,) = connection.execute("SELECT id FROM findings LIMIT 1").fetchone()
        connection.execute("UPDATE findings SET state = 'beyond' WHERE id = ?", (name,))
        connection.execute("UPDATE devices SET status = '{}'")
    connection.close()
    database = open_database(f"sqlite:///{file}")
    with database.read() as session:
        row = session.get_one(FindingRow, name)
        assert (row.state, "beats" in row.evidence) == ("beyond", True)
    database.close()
