"""mosquitto's configuration, passwords and access list, for real deployments."""

from collections.abc import Mapping
from pathlib import Path

from cloud_service.access.secret_files import write_secret
from cloud_service.broker.rights import Account

LARGEST_PACKET = 1 << 20


def write_mosquitto(
    folder: Path,
    *,
    accounts: Mapping[str, Account],
    host: str | None = None,
    port: int | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    user: str | None = None,
) -> Path:
    """Write the password and access files, and with a `port` the configuration; gives the configuration's path."""
    write_secret(folder / "passwords", password_file(accounts).encode())
    write_secret(folder / "access", access_file(accounts).encode())
    conf = folder / "mosquitto.conf"
    if port is not None:
        lines = [
            f"listener {port} {host or ''}".strip(),
            "allow_anonymous false",
            f"password_file {(folder / 'passwords').resolve()}",
            f"acl_file {(folder / 'access').resolve()}",
            f"max_packet_size {LARGEST_PACKET}",
            "persistent_client_expiration 7d",
            *([f"certfile {certificate.resolve()}", f"keyfile {key.resolve()}"] if certificate and key else []),
            *(["tls_version tlsv1.2"] if certificate else []),
            *([f"user {user}"] if user else []),
        ]
        write_secret(conf, ("\n".join(lines) + "\n").encode())
    return conf


def password_file(accounts: Mapping[str, Account]) -> str:
    """Content of ``password_file``."""
    return "".join(f"{account.name}:{account.pbkdf2}\n" for account in accounts.values())


def access_file(accounts: Mapping[str, Account]) -> str:
    """Content of ``acl_file``: what is not named is denied."""
    return "".join(
        f"user {account.name}\ntopic write {account.writes}\ntopic read {account.reads}\n\n"
        for account in accounts.values()
    )
