"""mosquitto's configuration, passwords and access lists, for real deployments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cloud_service.access.secret_files import write_secret
from cloud_service.broker.rights import CLINIC, DEVICES, Account

LARGEST_PACKET = 1 << 20
MOST_DEVICES = 1000
MOST_CLINIC = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a listener listens."""

    host: str
    port: int


def write_mosquitto(
    folder: Path,
    *,
    accounts: Mapping[str, Account],
    devices: Place | None = None,
    clinic: Place | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    user: str | None = None,
) -> Path:
    """Write the password and access files, and with both places the configuration; gives the configuration's path."""
    files = {DEVICES: _Files(folder, DEVICES), CLINIC: _Files(folder, CLINIC)}
    for name, of in files.items():
        known = [account for account in accounts.values() if bool(account.site) == (name == DEVICES)]
        write_secret(of.passwords, password_file(known).encode())
        write_secret(of.access, access_file(known).encode())
    conf = folder / "mosquitto.conf"
    if devices is not None and clinic is not None:
        tls = [f"certfile {certificate.resolve()}", f"keyfile {key.resolve()}"] if certificate and key else []
        tls += ["tls_version tlsv1.2"] if certificate else []
        lines = [
            "per_listener_settings true",
            f"max_packet_size {LARGEST_PACKET}",
            "persistent_client_expiration 7d",
            *([f"user {user}"] if user else []),
            *_listener(devices, files[DEVICES], MOST_DEVICES, tls),
            "use_username_as_clientid true",  # nobody can take the place of another
            *_listener(clinic, files[CLINIC], MOST_CLINIC, tls),
        ]
        write_secret(conf, ("\n".join(lines) + "\n").encode())
    return conf


def password_file(accounts: Iterable[Account]) -> str:
    """Content of ``password_file``."""
    return "".join(f"{account.name}:{account.pbkdf2}\n" for account in accounts)


def access_file(accounts: Iterable[Account]) -> str:
    """Content of ``acl_file``: what is not named is denied."""
    return "".join(
        f"user {account.name}\ntopic write {account.writes}\ntopic read {account.reads}\n\n" for account in accounts
    )


class _Files:
    def __init__(self, folder: Path, name: str) -> None:
        self.passwords = folder / f"{name}.passwords"
        self.access = folder / f"{name}.access"


def _listener(place: Place, files: _Files, most: int, tls: list[str]) -> list[str]:
    return [
        f"listener {place.port} {place.host}",
        "allow_anonymous false",
        f"max_connections {most}",
        f"password_file {files.passwords.resolve()}",
        f"acl_file {files.access.resolve()}",
        *tls,
    ]
