"""Hands the broker its accounts: one file that only its owner may read, replaced in one step."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from biosignal.errors import BadInput
from cloud_service.access.devices import devices
from cloud_service.access.passwords import hash_password, mosquitto_hash, new_password
from cloud_service.access.secret_files import write_secret
from cloud_service.broker.rights import Account
from cloud_service.database.connection import Database


def broker_folder(state_dir: Path) -> Path:
    """Where everything about the broker lies."""
    return state_dir / "broker"


def accounts_file(state_dir: Path) -> Path:
    """The file the brokers read."""
    return broker_folder(state_dir) / "accounts.json"


def clinic_password(state_dir: Path) -> str:
    """The clinic's own password at the broker; made on the first call."""
    file = broker_folder(state_dir) / "clinic-password"
    if not file.exists():
        write_secret(file, new_password().encode())
    return file.read_text(encoding="ascii")


def write_accounts(database: Database, state_dir: Path, *, clinic: str = "clinic") -> Path:
    """Write the accounts of the clinic and of every device that is not revoked."""
    file = accounts_file(state_dir)
    accounts = [_clinic_account(file, state_dir, clinic)]
    with database.read() as session:
        accounts += [
            Account(name=row.name, site=row.site, argon2=row.argon2, pbkdf2=row.pbkdf2)
            for row in devices(session)
            if row.argon2 and row.pbkdf2 and row.revoked is None and row.name != clinic
        ]
    write_secret(file, json.dumps([asdict(account) for account in accounts], indent=1).encode())
    return file


def read_accounts(file: Path) -> Mapping[str, Account]:
    """Read the accounts by name.

    Raises
    ------
    BadInput : the file is missing or damaged.
    """
    try:
        return {entry["name"]: Account(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput("the broker's accounts cannot be read", file=str(file), why=str(error)) from error


class AccountsOnDisk:
    """The accounts file, read again when it was replaced; what was last readable holds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._accounts: Mapping[str, Account] = {}

    def now(self) -> Mapping[str, Account]:
        """Give the accounts by name."""
        try:
            facts = self._file.stat()
            stamp = (facts.st_mtime_ns, facts.st_ino)
            if stamp != self._stamp:
                self._accounts, self._stamp = read_accounts(self._file), stamp
        except (OSError, BadInput):
            pass
        return self._accounts


def _clinic_account(file: Path, state_dir: Path, name: str) -> Account:
    """Keep the clinic's hashes as they are: making them anew costs time and changes nothing."""
    if file.exists():
        kept = read_accounts(file).get(name)
        if kept is not None and not kept.site:
            return kept
    password = clinic_password(state_dir)
    return Account(name=name, site="", argon2=hash_password(password), pbkdf2=mosquitto_hash(password))
