"""Real MQTT brokers for tests, in child processes that can be killed and started again on the same port."""

import datetime
import ipaddress
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pwdlib.hashers.argon2 import Argon2Hasher

_AMQTT = """
import asyncio, json, logging, sys
logging.basicConfig(level=logging.ERROR)
from amqtt.broker import Broker
async def main():
    broker = Broker(json.loads(sys.argv[1]))
    await broker.start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


@dataclass
class RunningBroker:
    """A broker that a test may kill and start again; `users` are (name, password), none means anybody."""

    kind: str
    folder: Path
    users: dict[str, str] = field(default_factory=dict)
    certificate: tuple[Path, Path] | None = None
    port: int = field(default_factory=lambda: free_port())
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = self._mosquitto() if self.kind == "mosquitto" else self._amqtt()
        with (self.folder / f"{self.kind}.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / f"{self.kind}.log").read_text())
            time.sleep(0.05)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def _mosquitto(self) -> list[str]:
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence false",
            f"allow_anonymous {str(not self.users).lower()}",
        ]
        if self.users:
            passwords = self.folder / "passwords"
            passwords.write_text("".join(f"{name}:{password}\n" for name, password in self.users.items()))
            passwords.chmod(0o600)
            subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
            lines.append(f"password_file {passwords}")
        if self.certificate:
            lines += [f"certfile {self.certificate[0]}", f"keyfile {self.certificate[1]}"]
        config = self.folder / "mosquitto.conf"
        lines.append("user root")
        config.write_text("\n".join(lines) + "\n")
        return [str(mosquitto()), "-c", str(config)]

    def _amqtt(self) -> list[str]:
        listener: dict[str, object] = {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}
        if self.certificate:
            listener |= {"ssl": True, "certfile": str(self.certificate[0]), "keyfile": str(self.certificate[1])}
        plugins: dict[str, object] = {}
        if self.users:
            hasher = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1)
            passwords = self.folder / "passwords.amqtt"
            passwords.write_text("".join(f"{name}:{hasher.hash(word)}\n" for name, word in self.users.items()))
            plugins["amqtt.plugins.authentication.FileAuthPlugin"] = {"password_file": str(passwords)}
        else:
            plugins["amqtt.plugins.authentication.AnonymousAuthPlugin"] = {"allow_anonymous": True}
        config = {"listeners": {"default": listener}, "plugins": plugins}
        return [sys.executable, "-c", _AMQTT, json.dumps(config)]


def mosquitto() -> Path | None:
    """Find the mosquitto broker; Debian puts it where not every PATH looks."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


_PORTS = iter(random.SystemRandom().sample(range(12_000, 32_000), 15_000))
"""Below the ports that the system gives to outgoing connections: one of those may be taken before it is used."""


def free_port() -> int:
    """Give a port that nobody holds, and never the same one twice."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def make_authority(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """Make an authority and a certificate for 127.0.0.1 signed by it: (authority, certificate, key)."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def signed(subject, key, issuer, issuer_key, extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256())

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = signed(
        name, authority_key, name, authority_key, [(x509.BasicConstraints(ca=True, path_length=0), True)]
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = signed("broker", key, name, authority_key, [(names, False)])
    files = folder / f"{name}.ca.pem", folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
