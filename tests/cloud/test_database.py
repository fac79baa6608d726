"""The schema is what the models say, and a database that cannot be used says so."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from cloud_service.database.clinic_tables import SiteRow
from cloud_service.database.columns import Table, utc_now
from cloud_service.database.connection import MIGRATIONS, migrate, newest_revision, open_database
from cloud_service.database.errors import DatabaseDamaged, DatabaseUnusable, SchemaTooNew


def test_the_migrations_lead_to_the_models(database):
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_sqlite_syncs_fully_and_writes_ahead(database):
    with database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2


def test_a_second_start_finds_the_rows_again(tmp_path):
    url = f"sqlite:///{tmp_path / 'clinic.db'}"
    now = utc_now()
    first = open_database(url)
    with first.write() as session:
        session.add(SiteRow(name="ward", created=now))
    first.close()
    second = open_database(url)
    with second.read() as session:
        assert session.get_one(SiteRow, "ward").created == now
    second.close()


def test_a_schema_of_a_newer_release_is_refused(database):
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew) as caught:
        migrate(database)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "mysql://x/y", "not a url"])
def test_an_unusable_database_is_named(url):
    with pytest.raises(DatabaseUnusable):
        open_database(url)


def test_a_transaction_that_raises_leaves_nothing(database):
    def write_and_fail():
        with database.write() as session:
            session.add(SiteRow(name="ward", created=utc_now()))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with database.read() as session:
        assert session.get(SiteRow, "ward") is None


def test_the_newest_revision_is_read_from_the_file_names():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()


@pytest.mark.parametrize("harm", ["header", "page", "cut", "other"])
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path, harm):
    path = tmp_path / "clinic.db"
    open_database(f"sqlite:///{path}", check=True).close()
    whole = path.read_bytes()
    damaged = {
        "header": bytes(100) + whole[100:],
        "page": whole[:4096] + b"\xff" * 8192 + whole[12288:],
        "cut": whole[: len(whole) // 2 // 4096 * 4096],
        "other": b"not a database at all" * 400,
    }[harm]
    path.write_bytes(damaged)
    with pytest.raises(DatabaseDamaged) as caught:
        open_database(f"sqlite:///{path}", check=True)
    assert "clinic.db" in str(caught.value)
    assert "backup" in str(caught.value.advice)
    assert path.read_bytes() == damaged
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".db"] == ["clinic.db"]


@pytest.mark.parametrize("trace", ["marker", "log", "log alone"])
@pytest.mark.parametrize("check", [False, True])
def test_a_file_that_lost_its_length_is_not_taken_for_a_new_one(tmp_path, trace, check):
    path, log = tmp_path / "clinic.db", tmp_path / "clinic.db-wal"
    url = f"sqlite:///{path}"
    first = open_database(url)
    with first.write() as session:
        session.add(SiteRow(name="ward", created=utc_now()))
    content = log.read_bytes()
    first.close()
    path.write_bytes(b"")
    if trace != "marker":
        log.write_bytes(content)
        (tmp_path / "clinic.db.made").unlink()
    if trace == "log alone":
        path.unlink()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(DatabaseDamaged) as caught:
        open_database(url, check=check)
    assert "backup" in str(caught.value.advice)
    assert "To begin with nothing" in str(caught.value.advice)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_first_start_that_was_killed_is_begun_again(tmp_path):
    (tmp_path / "clinic.db").touch()
    open_database(f"sqlite:///{tmp_path / 'clinic.db'}", check=True).close()
