"""Broker, clinic and daemon as separate processes on one state folder, wired as the demo wires them."""

import json
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg
from fault_program import ROOT, Program

from edge_agent.store.rows import long_id
from tests.brokers import free_port

SITE, DEVICE = "fault", "bed-1"
PATIENCE_S = 180.0
"""How long is waited for a program on a machine that has other work; a sound one is never near it."""


class House:
    """All three programs; each may be killed and started again on the same port and state.

    Parameters
    ----------
    speed : of the replay, times real time; 0 as fast as possible.
    device_state : where the daemon keeps its stores; below `folder` unless given.
    settings : more of the daemon's settings, ``section.key=value``.
    database_url : of the clinic's database in PostgreSQL; SQLite in the clinic's folder unless given.
    """

    def __init__(
        self,
        folder: Path,
        *,
        broker: str,
        speed: float,
        passes: int = 0,
        device_state: Path | None = None,
        settings: tuple[str, ...] = (),
        database_url: str = "",
    ) -> None:
        self.folder = folder
        self.speed = speed
        self.database_url = database_url
        self.device_state = device_state or folder / DEVICE
        self.clinic_state = folder / "clinic"
        self.mqtt_port, self.clinic_port, self.http_port = free_port(), free_port(), free_port()
        self.config = folder / "device.toml"
        self._tell("device", "add", DEVICE, "--site", SITE, "--output", str(folder / "device.json"))
        self._write_config(speed, passes, settings)
        state = self._where()
        ports = ["--broker-port", str(self.mqtt_port), "--clinic-port", str(self.clinic_port)]
        self.broker = Program(
            "broker",
            ["cloud-service", "broker", "--kind", broker, *ports, *state],
            folder,
        )
        self.clinic = Program(
            "clinic",
            ["cloud-service", "serve", "--port", str(self.http_port), "--mqtt-port", str(self.clinic_port), *state],
            folder,
        )
        self.agent = Program("agent", ["edge-agent", "run", "--config", str(self.config)], folder)
        self.programs = {"agent": self.agent, "broker": self.broker, "clinic": self.clinic}

    @property
    def events_db(self) -> Path:
        return self.device_state / "events.db"

    @property
    def waveforms_db(self) -> Path:
        return self.device_state / "waveforms.db"

    @property
    def clinic_db(self) -> Path:
        return self.clinic_state / "clinic.db"

    def start(self) -> None:
        """Start all three and wait until events flow all the way."""
        self.broker.start()
        wait_for(lambda: listens(self.mqtt_port), PATIENCE_S, "the broker listens")
        self.clinic.start()
        self.agent.start()
        self.wait_until_flowing()

    def wait_until_flowing(self, within_s: float = PATIENCE_S) -> None:
        """Wait until the clinic has taken in something more than it had."""
        before = self.clinic_rows()
        wait_for(lambda: self.clinic_rows() > before, within_s, "events reach the clinic")

    def close(self) -> None:
        """Leave nothing behind, whatever happened."""
        for program in self.programs.values():
            program.kill()

    def renew_password(self) -> str:
        """Give the device another password at the clinic; the daemon does not know it yet."""
        self._tell("device", "add", DEVICE, "--renew", "--output", str(self.folder / "renewed.json"))
        return str(json.loads((self.folder / "renewed.json").read_text())["password"])

    def revoke(self) -> None:
        self._tell("device", "revoke", DEVICE)

    def clinic_rows(self) -> int:
        return int(self.clinic_look("SELECT count(*) FROM events")[0][0])

    def last_event(self) -> int:
        """Place of what the daemon stored last."""
        return int(look(self.events_db, "SELECT coalesce(max(n), 0) FROM events")[0][0])

    def clinic_has_newer_than(self, place: int) -> bool:
        """Whether the device has a receipt for something behind that place."""
        sql = "SELECT 1 FROM events WHERE n > ? AND n NOT IN (SELECT n FROM outbox) LIMIT 1"
        return bool(look(self.events_db, sql, place))

    def outbox(self) -> int:
        return int(look(self.events_db, "SELECT count(*) FROM outbox")[0][0])

    def device_keys(self) -> set[tuple[str, int]]:
        """(id, rev) of everything that is committed on the device."""
        return self._keys("SELECT id, rev FROM events") if self.events_db.exists() else set()

    def _keys(self, sql: str) -> set[tuple[str, int]]:
        return {(long_id(stored), rev) for stored, rev in look(self.events_db, sql)}

    def confirmed_keys(self) -> set[tuple[str, int]]:
        """(id, rev) of everything the device has a receipt for."""
        sql = "SELECT id, rev FROM events WHERE n NOT IN (SELECT n FROM outbox) AND n NOT IN (SELECT n FROM rejected)"
        return self._keys(sql)

    def clinic_keys(self) -> set[tuple[str, int]]:
        return set(self.clinic_look("SELECT id, rev FROM events"))

    def clinic_look(self, sql: str) -> list[tuple]:
        """Read the clinic's database from the outside."""
        return look_at(self.database_url or f"sqlite:///{self.clinic_db}", sql)

    def is_up(self, name: str) -> bool:
        """Whether a program of this house has come so far that it works; until then it starts."""
        if name == "agent":
            return self._status().get("pid") == self.agent.pid
        return listens(self.mqtt_port if name == "broker" else self.http_port)

    def clinic_counts(self) -> dict[str, float]:
        """The clinic's own counters since its start; empty where it does not answer."""
        return scrape(f"http://127.0.0.1:{self.http_port}/metrics")

    def agent_counts(self) -> dict[str, float]:
        """The daemon's own counters since its start; empty where it does not answer."""
        status = self._status()
        if status.get("pid") != self.agent.pid or not status.get("metrics_port"):
            return {}
        return scrape(f"http://127.0.0.1:{status['metrics_port']}/metrics")

    def _status(self) -> dict[str, object]:
        try:
            return dict(json.loads((self.device_state / "status.json").read_text()))
        except (OSError, ValueError):
            return {}

    def write_password(self, password: str) -> None:
        text = self.config.read_text()
        old = next(line for line in text.splitlines() if line.startswith("password"))
        self.config.write_text(text.replace(old, f"password = {json.dumps(password)}"))

    def _write_config(self, speed: float, passes: int, settings: tuple[str, ...]) -> None:
        login = json.loads((self.folder / "device.json").read_text())
        tree: dict[str, dict[str, object]] = {
            "device": {"name": DEVICE, "site": SITE, "state_dir": str(self.device_state)},
            "source": {"record": "excerpt", "speed": speed, "passes": passes, "block_s": 0.2},
            "sync": {
                "host": "127.0.0.1",
                "port": self.mqtt_port,
                "tls": True,
                "ca_file": str(self.clinic_state / "certificates" / "ca.pem"),
                "username": login["username"],
                "password": login["password"],
                "resend_s": 1.5,
                "longest_retry_s": 2.0,
            },
            "explain": {"language_model": False},
            "operate": {"metrics_port": 0, "status_s": 0.5},
            "inference.tensorrt": {"enabled": False},
        }
        for setting in settings:
            name, _, value = setting.partition("=")
            section, _, key = name.rpartition(".")
            tree.setdefault(section, {})[key] = json.loads(value)
        lines = []
        for section, values in tree.items():
            lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        self.config.write_text("\n".join(lines) + "\n")
        self.config.chmod(0o600)

    def _where(self) -> list[str]:
        database = ["--database-url", self.database_url] if self.database_url else []
        return ["--state-dir", str(self.clinic_state), *database, "--json"]

    def _tell(self, *verb: str) -> None:
        command = [sys.executable, "-m", "cloud_service.cli", *verb, *self._where()]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def look(file: Path, sql: str, *values: object) -> list[tuple]:
    """Read a store from the outside, beside its owner."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def look_at(url: str, sql: str) -> list[tuple]:
    """Read a clinic's database from the outside, whichever it is; JSON is text on both where `sql` casts it to TEXT."""
    if url.startswith("sqlite:///"):
        return look(Path(url.removeprefix("sqlite:///")), sql)
    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchall()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], object], within_s: float, what: str) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.1)


def scrape(url: str) -> dict[str, float]:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}
