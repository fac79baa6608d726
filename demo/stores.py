"""Looks into the parts' own stores, from the outside and for reading only."""

import json
import sqlite3
from pathlib import Path
from typing import Any

PASS_SAMPLES = 108_000


class DeviceStore:
    """The daemon's events.db."""

    def __init__(self, state: Path) -> None:
        self._file = state / "events.db"

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """Every revision of every event of a kind, in the order they were stored."""
        rows = self._rows("SELECT payload FROM events WHERE kind = ? ORDER BY n", kind)
        return [json.loads(row[0])["body"] for row in rows]

    def keys(self) -> set[tuple[str, int]]:
        """All (id, rev)."""
        return {(row[0], row[1]) for row in self._rows("SELECT id, rev FROM events")}

    def outbox(self) -> int:
        """Rows that wait for a receipt."""
        return sum(row[0] for row in self._rows("SELECT count(*) FROM outbox"))

    def rejected(self) -> int:
        """Rows the clinic could not read."""
        return sum(row[0] for row in self._rows("SELECT count(*) FROM rejected"))

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # the daemon has opened the file and not yet laid it out
                return []
            raise
        finally:
            connection.close()


class ClinicStore:
    """The clinic's database, SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def keys(self) -> list[tuple[str, int]]:
        """All (id, rev), one entry a row."""
        return [(row[0], row[1]) for row in self._rows("SELECT id, rev FROM events")]

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """Every revision of every event of a kind."""
        rows = self._rows("SELECT kind, body FROM events ORDER BY recording, seq")
        return [row[1] if isinstance(row[1], dict) else json.loads(row[1]) for row in rows if row[0] == kind]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        if self._url.startswith("sqlite:///"):
            connection = sqlite3.connect(f"file:{self._url.removeprefix('sqlite:///')}?mode=ro", uri=True, timeout=10)
            try:
                return connection.execute(sql).fetchall()
            finally:
                connection.close()
        import psycopg

        with psycopg.connect(self._url.replace("postgresql+psycopg://", "postgresql://")) as link:
            return link.execute(sql).fetchall()


def latest(bodies: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The highest revision by id."""
    newest: dict[str, dict[str, Any]] = {}
    for body in bodies:
        if body["id"] not in newest or body["rev"] > newest[body["id"]]["rev"]:
            newest[body["id"]] = body
    return newest
