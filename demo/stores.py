"""Looks into the parts' own stores, from the outside and for reading only."""

import json
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from demo.parts import BIN

PASS_SAMPLES = 108_000


class DeviceStore:
    """The daemon's stored events, as `edge-agent events` writes them out."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """Every revision of every event of a kind, in the order they were stored."""
        return [line["body"] for line in self._lines("--kind", kind) if line["type"] == "event"]

    def keys(self) -> set[tuple[str, int]]:
        """All (id, rev)."""
        return {(line["id"], line["rev"]) for line in self._lines() if line["type"] == "event"}

    def outbox(self) -> int:
        """Rows that wait for a receipt."""
        return int(self._sum("outbox"))

    def rejected(self) -> int:
        """Rows the clinic could not read."""
        return int(self._sum("rejected"))

    def _sum(self, name: str) -> int:
        # Of a kind that there is none of: only the last line is wanted.
        return next((line[name] for line in self._lines("--kind", "none") if line["type"] == "summary"), 0)

    def _lines(self, *flags: str) -> list[dict[str, Any]]:
        command = [str(BIN / "edge-agent"), "events", "--state-dir", str(self._state), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []


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
