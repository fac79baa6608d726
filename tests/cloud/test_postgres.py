"""The same promises on PostgreSQL."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from cloud_ward import SITE, alarm, explanation, finding, marks_of, message, pack, recording, series, strip
from golden_clinic import check_upgraded, load_version_1
from sqlalchemy import MetaData, create_engine, make_url, select
from test_commit import broken

from cloud_service.access import audit
from cloud_service.database.columns import Table
from cloud_service.database.connection import MIGRATIONS, open_database
from cloud_service.database.event_tables import EventRow, FindingRow
from cloud_service.ingest.commit import commit

pytestmark = pytest.mark.postgres


def test_postgres_keeps_the_promises(postgres_database):
    database = open_database(postgres_database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    about = finding()
    events = [recording(), *marks_of(about), about, strip(about), explanation(about), alarm(about), series(), pack()]
    batch = [message(one) for one in events]
    assert commit(database, [*batch, *batch]).new == len(events)
    again = commit(database, [message(finding(rev=2)), message(finding(rev=1)), *batch])
    assert (again.new, again.known) == (2, len(events))
    poison = [broken(id="nul\x00"), broken(seq=2**80), broken(id="\ud800")]
    done = commit(database, [*poison, message(finding(onset=9))])
    assert (done.new, done.refused) == (1, len(poison))
    assert len(done.receipts()[SITE, "bed-1"].rejected) >= 1
    with database.read() as session:
        assert session.get_one(FindingRow, about.id).rev == 2
        assert len(list(session.scalars(select(EventRow)))) == len(events) + 3
    with database.write() as session:
        audit.record(session, actor="a", action="b", subject="c")
    with database.read() as session:
        assert audit.verify(session).entries == 1
    database.close()


def test_postgres_keeps_every_row_of_version_1(postgres_database, tmp_path):
    before = load_version_1(tmp_path / "clinic.db")
    url = make_url(postgres_database).set(drivername="postgresql+psycopg")
    _fill_version_1(create_engine(url), tmp_path / "clinic.db")
    database = open_database(postgres_database)
    check_upgraded(database, before)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    database.close()


def _fill_version_1(engine, file):
    """Lay the schema of version 1 and copy the rows of an SQLite database of that version into it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    source = create_engine(f"sqlite:///{file}")
    with source.connect() as old, engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        there, here = MetaData(), MetaData()
        there.reflect(old)
        here.reflect(connection)
        for table in here.sorted_tables:
            rows = [dict(row) for row in old.execute(select(there.tables[table.name])).mappings()]
            if rows and table.name != "alembic_version":
                connection.execute(table.insert(), sorted(rows, key=lambda row: row.get("row", 0)))
    source.dispose()
    engine.dispose()
