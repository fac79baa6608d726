"""Writing a row that may be there already, alike on SQLite and PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cloud_service.database.columns import Table


def insert_or_keep(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]], *give: str) -> list[Any]:
    """Insert rows; those whose key is taken are left out. Gives the columns `give` of the rows that went in."""
    if not rows:
        return []
    statement = _insert(session, table).values([dict(row) for row in rows]).on_conflict_do_nothing()
    columns = [getattr(table, name) for name in give] or list(inspect(table).primary_key)
    return list(session.execute(statement.returning(*columns)).all())


def insert_or_renew(session: Session, table: type[Table], row: Mapping[str, Any], *, newer: bool = False) -> None:
    """Insert a row or overwrite the one with its primary key; with `newer`, only when its `rev` is higher."""
    keys = [column.key for column in inspect(table).primary_key]
    statement = _insert(session, table).values(dict(row))
    change = {name: getattr(statement.excluded, name) for name in row if name not in keys}
    where: ColumnElement[bool] | None = None
    if newer:
        where = statement.excluded.rev > table.__table__.c.rev
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=change, where=where))


def _insert(session: Session, table: type[Table]) -> Any:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
