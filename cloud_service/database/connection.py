"""Opening the database: SQLite with WAL and full sync, or PostgreSQL by URL; migrated at start."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from cloud_service.database.errors import DatabaseDamaged, DatabaseUnusable, SchemaTooNew
from cloud_service.database.stored_json import read_stored

BUSY_TIMEOUT_S = 10
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Sessions on one database. Reading sessions never block a writer; writing ones are one at a time on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.info: dict[str, Any] = {}
        """What the sessions carry with them, by name."""
        self.writer = engine.execution_options(writes=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with Session(self.engine, expire_on_commit=False, info=self.info) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one transaction; committed when the block ends, rolled back when it raises."""
        with Session(self.writer, expire_on_commit=False, info=self.info) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def open_database(url: str, *, check: bool = False) -> Database:
    """Open and migrate the database at `url`; with `check`, read a SQLite file through first.

    Raises
    ------
    DatabaseUnusable : it cannot be reached or written. SchemaTooNew : a newer release wrote it.
    DatabaseDamaged : its file is not whole, or empty where there was a database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUnusable("the database URL cannot be read") from error
    file: Path | None = None
    try:
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                file = Path(parsed.database)
                _refuse_emptied(file)
            if check and file is not None:
                check_file(file)
            engine = _open_sqlite(url)
        elif parsed.get_backend_name() == "postgresql":
            engine = create_engine(
                parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, json_deserializer=read_stored
            )
        else:
            raise DatabaseUnusable("only SQLite and PostgreSQL are supported", backend=parsed.get_backend_name())
        database = Database(engine)
        migrate(database)
        if file is not None:
            _marker(file).touch(mode=0o600)
    except (SQLAlchemyError, OSError) as error:
        shown = parsed.render_as_string(hide_password=True)
        raise DatabaseUnusable("the database cannot be opened", url=shown, why=_first_line(error)) from error
    return database


def _refuse_emptied(path: Path) -> None:
    """Refuse a file without length that was a database: SQLite would take it for a new one and delete its log.

    Raises
    ------
    DatabaseDamaged : its log, or the mark of an earlier start beside it, says that there was one.
    """
    if path.exists() and path.stat().st_size:
        return
    log, marker = path.with_name(path.name + "-wal"), _marker(path)
    if log.exists() and log.stat().st_size:
        trace = log
    elif path.exists() and marker.exists():  # one that is absent was taken away by a person
        trace = marker
    else:
        return
    remedy = f"{DatabaseDamaged.remedy}. To begin with nothing, move {trace.name} and {path.name} elsewhere"
    raise DatabaseDamaged("the database is empty and was not", file=str(path), says_so=trace.name, remedy=remedy)


def _marker(path: Path) -> Path:
    """A file that says that its database was made."""
    return path.with_name(path.name + ".made")


def check_file(path: Path) -> None:
    """Read a SQLite file through, some seconds a gigabyte; one that is not there is as good as whole.

    Raises
    ------
    DatabaseDamaged : with the first thing that is wrong. DatabaseUnusable : it cannot be looked at now.
    """
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise DatabaseUnusable("the database cannot be checked now", file=str(path), why=str(error)) from error
    except sqlite3.DatabaseError as error:
        raise DatabaseDamaged("the database is damaged", file=str(path), why=str(error)) from error
    if found != "ok":
        raise DatabaseDamaged("the database is damaged", file=str(path), why=" ".join(str(found).split())[:200])


def migrate(database: Database) -> None:
    """Bring the schema to this release.

    Raises
    ------
    SchemaTooNew : the database is at a revision this release does not know.
    """
    if _revision(database) == newest_revision():
        return
    # alembic costs most of a second, and is needed once a release.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.writer.connect() as connection, _free_to_rebuild(connection), connection.begin():
        _serialise_migrations(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaTooNew("the database schema is not one of this release", why=str(error)) from error
        _check_references(connection)


@contextmanager
def _free_to_rebuild(connection: Connection) -> Iterator[None]:
    """Hold SQLite's foreign keys off: it changes a column by building the table anew and dropping the old one."""
    if connection.dialect.name != "sqlite":
        yield
        return
    own: Any = connection.connection.driver_connection
    own.execute("PRAGMA foreign_keys=OFF")  # says nothing inside a transaction, so before it
    try:
        yield
    finally:
        own.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise DatabaseUnusable(
                "the migration broke references between tables", tables=sorted({b[0] for b in broken})
            )


def newest_revision() -> str:
    """Name the newest revision of the schema: files are called ``rREVISION_what.py``."""
    return max(path.name[1:].split("_")[0] for path in (MIGRATIONS / "versions").glob("r*_*.py"))


def _revision(database: Database) -> str | None:
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Whether the database is away, so that one tries again, and not a row that it will never store."""
    return isinstance(error, OperationalError) or bool(getattr(error, "connection_invalidated", False))


def _serialise_migrations(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7251001)")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__


def _open_sqlite(url: str) -> Engine:
    waiting = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=waiting, json_deserializer=read_stored)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # a reader that turns writer half-way fails with "locked"; a writer says so at once
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
