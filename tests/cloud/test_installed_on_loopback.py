"""What docs/installing.md has people type for the clinic does what it says, on this machine, without systemd."""

import json
import os
import re
import shlex
import ssl
import stat
import subprocess
import sys
import tarfile
from operator import attrgetter
from pathlib import Path

import httpx
import pytest

from cloud_service.access.devices import DeviceCredentials
from cloud_service.settings import CloudSettings
from installed.install_check import PAGE
from installed.written_steps import steps_of

pytestmark = pytest.mark.broker
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
STATE = "/var/lib/bedside-cloud"
SETTINGS = re.search(r"<!-- settings: others -->\n+```ini\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8")


class Clinic:
    """The service as the page has it started, with another state folder, on free ports of loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        lines = self.here(SETTINGS).replace("0.0.0.0", "127.0.0.1").splitlines()
        names = dict(line.split("=", 1) for line in lines)
        environment = {**os.environ, **names, "STATE_DIRECTORY": str(self.state), "PYTHONPATH": str(ROOT)}
        flags = ["--kind", "embedded", "--port", "0", "--broker-port", "0", "--json"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cloud_service.cli", "serve", "--with-broker", *flags],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        said = [json.loads(self.process.stdout.readline()) for _ in range(3)]
        self.url = next(line["url"] for line in said if line["type"] == "ready")

    def here(self, text: str) -> str:
        """Let what is written on the page happen in this test's folder, as this user."""
        text = text.replace("runuser -u bedside-cloud -- ", "").replace(".venv/bin", str(BIN))
        return text.replace(STATE, str(self.state)).replace("/var/backups", str(self.folder))

    def type(self, name: str) -> None:
        for step in steps_of(PAGE, name):
            subprocess.run(["sh", "-c", self.here(step)], check=True, timeout=60, capture_output=True)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    clinic = Clinic(tmp_path_factory.mktemp("clinic"))
    yield clinic
    clinic.end()


def test_pages_are_proven_by_the_authority_that_devices_trust(clinic):
    trusted = ssl.create_default_context(cafile=str(clinic.state / "certificates" / "ca.pem"))
    assert httpx.get(f"{clinic.url}/healthz", verify=trusted).json()["ok"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{clinic.url}/healthz")


def test_the_health_check_of_the_container_finds_the_clinic_well(clinic):
    (code,) = re.findall(r'"python", "-c", "(.+)"\]', CONTAINER)
    code = clinic.here(code).replace("https://localhost:8443", clinic.url)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([sys.executable, "-c", code.replace("/healthz", "/no-such-page")], check=True, timeout=30)


def test_a_device_is_let_in_by_the_credentials_that_are_written(clinic):
    clinic.type("let-in")
    made = DeviceCredentials(**json.loads((clinic.state / "bed-1.json").read_text()))
    assert (made.device, made.site) == ("bed-1", "home")
    assert "bed-1" in (clinic.state / "broker" / "accounts.json").read_text()


def test_what_a_device_is_given_is_what_its_daemon_takes(clinic):
    clinic.type("provision")
    given = clinic.state / "bed-2"
    assert {file.name for file in given.iterdir()} == {"edge-agent.toml", "clinic.pem", "root.json"}
    file = given / "edge-agent.toml"
    assert 'host = "clinic.example"' in file.read_text()
    # the page has these files lie in /etc/bedside, where they are not now
    file.write_text(file.read_text().replace("/etc/bedside/", f"{given}/"))
    subprocess.run([BIN / "edge-agent", "check-config", file], check=True, timeout=60, capture_output=True)


def test_a_backup_holds_the_database_and_the_keys_and_no_waves(clinic):
    (clinic.state / "waves").mkdir(exist_ok=True)
    (clinic.state / "waves" / "part.db").write_bytes(b"waves")
    clinic.type("backup")
    made = clinic.folder / "bedside-cloud.tar.gz"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    with tarfile.open(made) as packed:
        held = {Path(name).as_posix() for name in packed.getnames()}
    assert {"clinic-backup.db", "certificates/server.key", "broker/accounts.json", "audit-anchors"} <= held
    assert not [name for name in held if name.startswith(("waves", "clinic.db-")) or name == "clinic.db"]
    assert not (clinic.state / "clinic-backup.db").exists()


def test_every_setting_that_the_page_names_is_one():
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:sync|waves|store|broker|http)\.\w+)`", text))
    assert {"sync.waves", "waves.folder", "waves.keep_days", "waves.reserve_mb", "store.waveform_budget_mb"} <= named
    known = subprocess.run(
        [BIN / "edge-agent", "check-config"], check=True, timeout=60, capture_output=True, text=True
    ).stdout
    device = {name for name in named if name.startswith(("sync", "store"))}
    for name in named - device:
        attrgetter(name)(CloudSettings())
    assert {name for name in device if not re.search(rf"\b{name.split('.')[1]} = ", known)} == set()


def test_what_is_typed_can_be_read_by_a_shell_in_the_container_part():
    block = (
        PAGE.read_text(encoding="utf-8").split("## The clinic in a container")[1].split("```sh\n")[1].split("```")[0]
    )
    first, *rest = [shlex.split(line) for line in block.splitlines()]
    assert first[:2] == ["podman", "build"]
    image = first[first.index("--tag") + 1]
    assert rest[0][-1] == image
    assert f"{image}:{STATE}" in rest[0]
    published = {rest[0][at + 1].split(":")[1] for at, word in enumerate(rest[0]) if word == "--publish"}
    assert published == set(re.search(r"(?m)^EXPOSE (.+)$", CONTAINER)[1].split())
