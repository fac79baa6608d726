"""Writing rows that may be there already, alike on SQLite and PostgreSQL.

Rows of one call have the same columns, so that one statement, compiled once in the life of the process, writes them.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, inspect
from sqlalchemy import Table as CoreTable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cloud_service.database.columns import Table


def insert_or_keep(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]], *give: str) -> list[Any]:
    """Insert rows; those whose key is taken are left out. Gives the columns `give` of the rows that went in."""
    if not rows:
        return []
    statement = _keeping(_dialect(session), table, give or tuple(_keys(table)))
    return list(session.connection().execute(statement, [dict(row) for row in rows]).all())


def keep_all(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those whose key is taken are left out."""
    session.connection().execute(_keeping(_dialect(session), table, ()), [dict(row) for row in rows])


def renew_all(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]], *, newer: bool = False) -> None:
    """Insert rows or overwrite those with their primary keys, in order; with `newer`, only where `rev` is higher."""
    statement = _renewing(_dialect(session), table, tuple(rows[0]), newer)
    session.connection().execute(statement, [dict(row) for row in rows])


@cache
def _keeping(dialect: str, table: type[Table], give: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table).on_conflict_do_nothing()
    return statement.returning(*(_core(table).c[name] for name in give)) if give else statement


@cache
def _renewing(dialect: str, table: type[Table], columns: tuple[str, ...], newer: bool) -> Any:
    keys = _keys(table)
    statement = _insert(dialect, table)
    change = {name: statement.excluded[name] for name in columns if name not in keys}
    where: ColumnElement[bool] | None = statement.excluded.rev > _core(table).c.rev if newer else None
    return statement.on_conflict_do_update(index_elements=keys, set_=change, where=where)


def _insert(dialect: str, table: type[Table]) -> Any:
    return postgresql.insert(_core(table)) if dialect == "postgresql" else sqlite.insert(_core(table))


def _core(table: type[Table]) -> CoreTable:
    core = table.__table__
    assert isinstance(core, CoreTable)
    return core


def _keys(table: type[Table]) -> list[str]:
    return [str(column.key) for column in inspect(table).primary_key]


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
