"""Starting and stopping a broker: embedded, or mosquitto with the same accounts and rights."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from cloud_service.access.certificates import LOCAL_NAMES, ensure_certificates
from cloud_service.access.secret_files import write_secret
from cloud_service.broker.accounts import accounts_file, broker_folder, read_accounts
from cloud_service.broker.mosquitto import Place, write_mosquitto
from cloud_service.broker.rights import CLINIC, DEVICES
from cloud_service.errors import BrokerUnreachable, PortTaken
from cloud_service.settings import BrokerSettings, require_safe_listener

START_S = 20.0
HALTED = ("T", "t")
"""States of a process, by proc(5), in which it does nothing any more though it lives: stopped, traced."""


class Broker(Protocol):
    """A broker that runs."""

    kind: str
    port: int
    clinic_port: int
    ca_file: Path | None

    def reload(self) -> None:
        """Take in accounts that were written since."""

    def is_alive(self) -> bool:
        """Whether its process runs."""

    def stop(self) -> None:
        """End its process."""


class RunningBroker:
    """A broker's child process: `port` is for devices, `clinic_port` for the clinic's own processes."""

    def __init__(
        self, kind: str, process: subprocess.Popen[bytes], *, port: int, clinic_port: int, ca_file: Path | None
    ) -> None:
        self.kind = kind
        self.port = port
        self.clinic_port = clinic_port
        self.ca_file = ca_file
        self._process = process

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def is_halted(self) -> bool:
        """Whether its process was stopped by a signal and does nothing any more; False where there is no /proc."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] in HALTED

    def kill(self) -> None:
        """End its process at once, whatever it is doing."""
        self._process.kill()
        self.stop()

    def stop(self) -> None:
        """End its process."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        else:
            self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def reload(self) -> None:
        """Take in accounts that were written since."""
        if self.kind == "mosquitto" and self.is_alive():
            self._process.send_signal(signal.SIGHUP)


def start_broker(settings: BrokerSettings, state_dir: Path, *, kind: str = "auto") -> RunningBroker:
    """Start a broker on the accounts that were written; `kind` is auto, embedded or mosquitto.

    Port 0 takes a free one. With TLS and no certificate set, the clinic's own authority makes one.

    Raises
    ------
    ExposedWithoutTls, PortTaken, BrokerUnreachable, BadInput : as they say.
    """
    require_safe_listener(settings.host, tls=settings.tls)
    require_safe_listener(settings.clinic_host, tls=settings.tls)
    accounts = read_accounts(accounts_file(state_dir))
    port = free_port(settings.host, settings.port)
    wanted = settings.clinic_port or (settings.port and (settings.port + 1) % 65_536)
    places = {
        DEVICES: Place(host=settings.host, port=port),
        CLINIC: Place(host=settings.clinic_host, port=free_port(settings.clinic_host, wanted, besides=port)),
    }
    ca, certificate, key = certificates_of(settings, state_dir)
    program = mosquitto_program()
    if kind == "mosquitto" or (kind == "auto" and program is not None):
        conf = write_mosquitto(
            broker_folder(state_dir) / "mosquitto",
            accounts=accounts,
            devices=places[DEVICES],
            clinic=places[CLINIC],
            certificate=certificate,
            key=key,
            user=getpass.getuser() if os.geteuid() == 0 else None,
        )
        return _start_mosquitto(program, conf, places, ca)
    return _start_embedded(places, settings.connections_per_address, state_dir, ca, certificate, key)


def mosquitto_program() -> str | None:
    """Find mosquitto; Debian puts it where not every PATH looks."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def refresh_mosquitto(state_dir: Path) -> None:
    """Write mosquitto's password and ACL files anew; `reload` makes it read them."""
    folder = broker_folder(state_dir) / "mosquitto"
    if folder.is_dir():
        write_mosquitto(folder, accounts=read_accounts(accounts_file(state_dir)))


def free_port(host: str, port: int, *, besides: int = 0) -> int:
    """Find out whether a port is free; 0 finds a free one, another than `besides`.

    Raises
    ------
    PortTaken : another program has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken("the port cannot be used", host=host, port=port, why=error.strerror) from error
        found = int(probe.getsockname()[1])
    return free_port(host, port, besides=besides) if port == 0 and found == besides else found


def certificates_of(settings: BrokerSettings, state_dir: Path) -> tuple[Path | None, Path | None, Path | None]:
    """Files of TLS: the authority where it is our own, the certificate, its key; none where there is no TLS."""
    if not settings.tls:
        return None, None, None
    if settings.tls_cert is not None and settings.tls_key is not None:
        return None, settings.tls_cert, settings.tls_key
    own = ensure_certificates(state_dir / "certificates", (*LOCAL_NAMES, *settings.names))
    return own.ca, own.certificate, own.key


def _start_embedded(
    places: Mapping[str, Place],
    per_address: int,
    state_dir: Path,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> RunningBroker:
    config = broker_folder(state_dir) / "embedded.json"
    document = {
        "listeners": {
            name: f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"
            for name, place in places.items()
        },
        "per_address": per_address,
        "accounts": str(accounts_file(state_dir).resolve()),
        "certificate": str(certificate.resolve()) if certificate else None,
        "key": str(key.resolve()) if key else None,
    }
    write_secret(config, json.dumps(document).encode())
    command = [sys.executable, "-m", "cloud_service.broker.child", str(config)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    running = _running("embedded", process, places, ca)
    if not process.stdout.readline():
        code = process.wait()
        running.stop()
        raise BrokerUnreachable("the embedded broker did not start", exit_code=code)
    return running


def _start_mosquitto(program: str | None, conf: Path, places: Mapping[str, Place], ca: Path | None) -> RunningBroker:
    if program is None:
        raise BrokerUnreachable("mosquitto cannot be started", remedy="install mosquitto")
    process = subprocess.Popen(
        [sys.executable, "-m", "cloud_service.broker.leash", str(os.getpid()), program, "-c", str(conf)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if all(_listens(place) for place in places.values()):
            return _running("mosquitto", process, places, ca)
        time.sleep(0.05)
    process.kill()
    raise BrokerUnreachable("mosquitto did not start", exit_code=process.wait())


def _listens(place: Place) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((place.host, place.port), 1):
        return True
    return False


def _running(
    kind: str, process: subprocess.Popen[bytes], places: Mapping[str, Place], ca: Path | None
) -> RunningBroker:
    ports = {"port": places[DEVICES].port, "clinic_port": places[CLINIC].port}
    return RunningBroker(kind, process, **ports, ca_file=ca)
