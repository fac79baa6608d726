"""A ward of which every part can be broken and mended: board, daemon, broker, clinic, and the network to the pages."""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from running_ward import CLOUD, EDGE, PASSWORD, READY_S, ROOT, SITE, Program, wait_for

BED = "bed-1"


class Relay:
    """Passes bytes between a page and the clinic. `cut` keeps every line open and lets nothing through."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._cut = threading.Event()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        self._cut.set()

    def mend(self) -> None:
        self._cut.clear()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._cut.is_set():
                self._ended.wait(0.05)
                continue
            for key, _ in self._selector.select(0.1):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._pass_on(key.fileobj, key.data)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._to), 2)
        except OSError:
            near.close()
            return
        for one, other in ((near, far), (far, near)):
            one.settimeout(2)
            self._selector.register(one, selectors.EVENT_READ, other)

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data = one.recv(1 << 16)
            if data:
                other.sendall(data)
                return
        for end in (one, other):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()


@dataclass
class BreakingWard:
    """The parts, each a process of its own.

    `ports`: of the broker, of the clinic, and of the broker for the clinic. `url`: behind the relay, for the pages.
    """

    folder: Path
    ports: tuple[int, int, int]
    programs: dict[str, Program] = field(default_factory=dict)
    board: subprocess.Popen[bytes] | None = None
    relay: Relay | None = None
    account: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        assert self.relay is not None
        return self.relay.url

    def start(self) -> None:
        self.start_broker()
        clinic = self._serve()
        password = Path(clinic.said("first-admin")["password_file"]).read_text().strip()
        clinic.said("ready")
        with httpx.Client(base_url=f"http://127.0.0.1:{self.ports[1]}/api/v1", timeout=20) as api:
            wait_for(lambda: _answers(api), READY_S)
            me = api.post("/login", json={"name": "admin", "password": password}).raise_for_status().json()
            api.headers["X-CSRF-Token"] = me["csrf"]
            user = {"name": "a-reviewer", "role": "reviewer", "password": PASSWORD}
            api.post("/users", json=user).raise_for_status()
            self.account = api.post("/devices", json={"name": BED, "site": SITE}).raise_for_status().json()
        self.relay = Relay(self.ports[1])
        self.start_board()
        self.start_daemon()

    def start_broker(self) -> None:
        arguments = ["broker", "--json", "--state-dir", str(self.folder / "clinic"), "--kind", "embedded"]
        ports = ["--broker-port", str(self.ports[0]), "--clinic-port", str(self.ports[2])]
        self._run("broker", CLOUD, [*arguments, *ports]).said("broker")

    def start_clinic(self) -> None:
        self._serve().said("ready")

    def start_board(self) -> None:
        command = [sys.executable, "-c", EDGE, "emulate", "--protocol", "cyton", "--record", "excerpt"]
        with (self.folder / "board.log").open("ab") as log:
            self.board = subprocess.Popen(
                [*command, "--link", str(self.folder / "port")], stdout=log, stderr=log, env=_environment()
            )
        wait_for((self.folder / "port").exists)

    def start_daemon(self) -> None:
        ca = self.folder / "clinic" / "certificates" / "ca.pem"
        settings = {
            "device": {"name": BED, "site": SITE, "state_dir": str(self.folder / BED)},
            "source": {"kind": "serial", "protocol": "cyton", "port": str(self.folder / "port"), "leads": ["EXG1"]},
            "sync": {
                "host": "127.0.0.1",
                "port": self.ports[0],
                "tls": True,
                "ca_file": str(ca),
                "username": self.account["username"],
                "password": self.account["password"],
            },
            "inference": {"models_dir": str(ROOT / "models")},
            "operate": {"metrics_port": 0},
        }
        file = self.folder / f"{BED}.toml"
        # JSON and TOML write strings, numbers, lists of them and true alike
        file.write_text(
            "\n".join(
                line
                for section, keys in settings.items()
                for line in (f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items()))
            )
        )
        self._run(BED, EDGE, ["run", "--config", str(file)])

    def unplug(self) -> None:
        assert self.board is not None
        self.board.kill()
        self.board.wait()
        (self.folder / "port").unlink(missing_ok=True)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a program and its children: each leads a group of its own."""
        for pid in (self.programs[name].pid, *_children(self.programs[name].pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self) -> None:
        for name in list(self.programs):
            self.send(name, signal.SIGCONT)
        for name in [BED, "clinic", "broker"]:
            if name in self.programs:
                self.programs[name].stop()
        if self.board is not None and self.board.poll() is None:
            self.unplug()
        if self.relay is not None:
            self.relay.end()

    def _serve(self) -> Program:
        state = self.folder / "clinic"
        line = ["--mqtt-port", str(self.ports[2]), "--mqtt-ca", str(state / "certificates" / "ca.pem")]
        return self._run(
            "clinic", CLOUD, ["serve", "--json", "--state-dir", str(state), "--port", str(self.ports[1]), *line]
        )

    def _run(self, name: str, code: str, arguments: list[str]) -> Program:
        if name in self.programs:
            self.programs[name].stop()
        self.programs[name] = Program(name, code, arguments, self.folder)
        return self.programs[name]


@contextlib.contextmanager
def breaking_ward(folder: Path) -> Iterator[BreakingWard]:
    """Run all parts on free ports."""
    ward = BreakingWard(folder, (_free(), _free(), _free()))
    try:
        ward.start()
        yield ward
    finally:
        ward.end()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        return [int(one) for one in text.read_text().split()]
    return []


def _answers(api: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return api.get("/me").status_code == 401
    time.sleep(0.1)
    return False
