"""A clinic with its broker and bedside devices, each a real process of its own, on free ports."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

import httpx

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
SITE = "ward"
ROLES = ("viewer", "reviewer", "engineer", "admin")
READY_S = 40.0
CLOUD = "import sys; from cloud_service.cli import main; sys.exit(main())"
EDGE = "import sys; from edge_agent.cli import main; sys.exit(main())"
EXAMPLE = (
    "from biosignal.tasks import TASKS; from tests.tasks.example.task import EXAMPLE; TASKS[EXAMPLE.name] = EXAMPLE"
)
"""The one line that adds a task; in a program of ours it stands in `biosignal/tasks/__init__.py`."""


NOBODY_IS_TOLD = {f"BEDSIDE_CLOUD_ESCALATION__{name}_S": "0" for name in ("HIGH", "MEDIUM", "STILL_THERE")}
"""Alarms stand unanswered while tests are about other things."""


class Program:
    """A child process; its JSON lines can be waited for, the rest goes to a log file."""

    def __init__(self, name: str, code: str, arguments: list[str], folder: Path) -> None:
        self.log = folder / f"{name}.log"
        environment = {**os.environ, **NOBODY_IS_TOLD, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._lines: Queue[dict[str, str]] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def said(self, kind: str) -> dict[str, str]:
        """Wait for a line of this type."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until and (self._process.poll() is None or not self._lines.empty()):
            with contextlib.suppress(Empty):
                line = self._lines.get(timeout=0.2)
                if line.get("type") == kind:
                    return line
        raise AssertionError(f"it never said {kind}: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                self._lines.put(json.loads(line))


@dataclass
class Ward:
    """A running clinic. `api` speaks as an administrator.

    `first` is a line that every program runs before it starts; `database_url` is SQLite's where empty.
    """

    folder: Path
    first: str = ""
    database_url: str = ""
    url: str = ""
    api: httpx.Client = field(default_factory=httpx.Client)
    programs: dict[str, Program] = field(default_factory=dict)
    broker: dict[str, str] = field(default_factory=dict)

    def start_clinic(self) -> None:
        state = self.folder / "clinic"
        arguments = ["serve", "--with-broker", "--json", "--state-dir", str(state), "--port", "0", "--broker-port", "0"]
        arguments += ["--database-url", self.database_url] if self.database_url else []
        clinic = self.programs["clinic"] = Program("clinic", self._code(CLOUD), arguments, self.folder)
        password = Path(clinic.said("first-admin")["password_file"]).read_text().strip()
        self.broker = clinic.said("broker")
        self.url = clinic.said("ready")["url"]
        self.api.close()
        self.api = httpx.Client(base_url=f"{self.url}/api/v1", timeout=20)
        me = self._until_ready(lambda: self.post("/login", name="admin", password=password))
        self.api.headers["X-CSRF-Token"] = me["csrf"]
        for role in ROLES:
            self.post("/users", name=f"a-{role}", role=role, password=PASSWORD)

    def start_device(
        self, name: str, *, speed: float, models: Path = ROOT / "models", password: str | None = None
    ) -> None:
        """Start a device of this name; without a password it is registered first."""
        password = password or self.post("/devices", name=name, site=SITE)["password"]
        root = self.folder / "root.json"
        root.write_bytes(httpx.get(f"{self.url}/updates/metadata/1.root.json").raise_for_status().content)
        settings = {
            "device": {"name": name, "site": SITE, "state_dir": str(self.folder / name)},
            "source": {"speed": speed},
            "sync": {
                "host": "127.0.0.1",
                "port": int(self.broker["port"]),
                "tls": True,
                "ca_file": self.broker["ca_file"],
                "username": name,
                "password": password,
            },
            "updates": {"url": f"{self.url}/updates/", "root": str(root), "trial.windows": 20},
            "inference": {"models_dir": str(models)},
            "operate": {"metrics_port": 0, "status_s": 1.0},
        }
        file = self.folder / f"{name}.toml"
        # JSON and TOML write strings, numbers and true alike
        lines = [
            line
            for section, keys in settings.items()
            for line in (f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items()))
        ]
        file.write_text("\n".join(lines) + "\n")
        self._run_device(name)

    def start_again(self, name: str) -> None:
        """Stop a device and start it with the settings that it had."""
        self.stop_device(name)
        self._run_device(name)

    def _run_device(self, name: str) -> None:
        file = self.folder / f"{name}.toml"
        self.programs[name] = Program(name, self._code(EDGE), ["run", "--config", str(file)], self.folder)

    def stop_device(self, name: str) -> None:
        self.programs.pop(name).stop()

    def post(self, path: str, **body: object) -> dict[str, str]:
        answer = self.api.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def get(self, path: str, **query: object) -> dict[str, list[dict[str, object]]]:
        return self.api.get(path, params=query).raise_for_status().json()

    def findings(self, **query: object) -> list[dict[str, object]]:
        return self.get("/findings", **query)["findings"]

    def free(self, *beds: str) -> None:
        """See to it that nobody lies in these beds, whoever a test before left there."""
        for bed in beds:
            if self.get(f"/devices/{bed}")["subject"]:
                self.post(f"/devices/{bed}/discharge")
                wait_for(lambda bed=bed: self.get(f"/devices/{bed}")["subject"] is None)

    def stop(self) -> None:
        self.api.close()
        for name in [name for name in self.programs if name != "clinic"] + ["clinic"]:
            if name in self.programs:
                self.programs[name].stop()

    def _code(self, program: str) -> str:
        return f"{self.first}\n{program}" if self.first else program

    def _until_ready(self, act):
        until = time.monotonic() + READY_S
        while True:
            try:
                return act()
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)


def wait_for(condition, timeout_s: float = 40.0, *, every_s: float = 0.25):
    """Give what `condition` gives once it is true."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(every_s)
    raise AssertionError("it did not happen in time")


@contextlib.contextmanager
def running_ward(folder: Path, *, first: str = "", database_url: str = "") -> Iterator[Ward]:
    """Run a clinic, without a device yet."""
    ward = Ward(folder, first=first, database_url=database_url)
    try:
        ward.start_clinic()
        yield ward
    finally:
        ward.stop()
