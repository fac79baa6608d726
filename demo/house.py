"""Broker, clinic and daemon on this machine, wired together with generated credentials."""

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.parts import STOP_S, DemoFailed, Part, free_port, run_program, write_private

SITE = "demo"
DEVICE = "bed-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Who may log in."""

    name: str
    password: str


class House:
    """All parts below one state folder; a second start goes on with the same data.

    Parameters
    ----------
    patience : how many times as long as on a usual machine is waited for each part.
    """

    def __init__(
        self, state: Path, *, broker: str = "auto", database_url: str = "", port: int = 0, patience: float = 1.0
    ) -> None:
        self.state = state
        self.patience = patience
        self.clinic_state = state / "clinic"
        self.device_state = state / DEVICE
        self.broker_port = free_port()
        self.clinic_port = free_port()
        self.http_port = free_port(port)
        self.database_url = database_url or f"sqlite:///{self.clinic_state / 'clinic.db'}"
        self._database = ["--database-url", database_url] if database_url else []
        self._broker_kind = broker
        self._log = state / "log"
        self.parts: list[Part] = []
        self.broker_name = ""

    @property
    def url(self) -> str:
        """Address of the dashboard."""
        return f"http://127.0.0.1:{self.http_port}"

    def start_clinic(self) -> Login:
        """Start broker and clinic; give the administrator's login."""
        self.state.mkdir(parents=True, exist_ok=True)
        self._give_credentials()
        broker = self._start(
            "broker",
            [
                "cloud-service",
                "broker",
                "--kind",
                self._broker_kind,
                "--broker-port",
                str(self.broker_port),
                "--clinic-port",
                str(self.clinic_port),
                *self._where(),
            ],
        )
        self.broker_name = str(broker.said("broker", within_s=30 * self.patience)["kind"])
        clinic = self._start(
            "clinic",
            [
                "cloud-service",
                "serve",
                "--port",
                str(self.http_port),
                "--mqtt-port",
                str(self.clinic_port),
                *self._where(),
            ],
        )
        first = None
        while (line := clinic.said("first-admin", "ready", within_s=60 * self.patience))["type"] != "ready":
            first = line
        self._wait_until_it_answers()
        if first is not None:
            password = Path(first["password_file"]).read_text(encoding="utf-8").strip()
            write_private(self.state / "login.json", json.dumps({"name": first["name"], "password": password}))
        return self.login()

    def login(self) -> Login:
        """Give the administrator's login of the first start."""
        try:
            kept = json.loads((self.state / "login.json").read_text(encoding="utf-8"))
        except OSError as error:
            raise DemoFailed("the login of the first start is lost", advice=f"remove {self.state}") from error
        return Login(name=kept["name"], password=kept["password"])

    def start_device(self, settings: dict[str, dict[str, Any]]) -> Part:
        """Start the daemon with the generated configuration and `settings` over it."""
        credentials = json.loads((self.state / "device.json").read_text(encoding="utf-8"))
        tree: dict[str, dict[str, Any]] = {
            "device": {"name": DEVICE, "site": SITE, "state_dir": str(self.device_state)},
            "sync": {
                "host": "127.0.0.1",
                "port": self.broker_port,
                "tls": True,
                "ca_file": str(self.clinic_state / "certificates" / "ca.pem"),
                "username": credentials["username"],
                "password": credentials["password"],
            },
            "updates": {"url": f"{self.url}/updates/", "root": str(self.state / "root.json")},
            "operate": {"metrics_port": 0},
        }
        for section, values in settings.items():
            tree[section] = {**tree.get(section, {}), **values}
        config = self.state / "device.toml"
        write_private(config, _toml(tree))
        return self._start("device", ["edge-agent", "run", "--config", str(config)])

    def stop(self) -> None:
        """Stop everything, the source first."""
        for part in reversed(self.parts):
            part.stop(within_s=STOP_S * self.patience)
        self.parts.clear()

    def run_clinic_verb(self, *verb: str) -> list[dict[str, Any]]:
        """Run a verb of the clinic on this state."""
        return run_program("cloud-service", *verb, "--state-dir", str(self.clinic_state), *self._database)

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + 30 * self.patience
        while time.monotonic() < until:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.http_port)) == 0:
                    return
            time.sleep(0.1)
        raise DemoFailed(f"nothing answers at {self.url}")

    def _where(self) -> list[str]:
        return ["--state-dir", str(self.clinic_state), *self._database, "--json"]

    def _give_credentials(self) -> None:
        device = self.state / "device.json"
        if not device.exists():
            self.run_clinic_verb("device", "add", DEVICE, "--site", SITE, "--output", str(device))
        if not (self.state / "root.json").exists():
            self.run_clinic_verb("release", "root", str(self.state / "root.json"))

    def _start(self, name: str, arguments: list[str]) -> Part:
        part = Part(name, arguments, log=self._log)
        self.parts.append(part)
        return part


def _toml(tree: dict[str, dict[str, Any]]) -> str:
    lines = []
    for section, values in tree.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"
