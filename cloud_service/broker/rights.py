"""Who comes in where, as whom, and may write and read which topics. Pure; both brokers follow it.

There are two listeners. Devices come in at one, and their client id is their user name, whatever they call themselves:
nobody can take the place of another. The clinic's own processes share one account and come in at the other, which is
for them alone, under client ids of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from biosignal.wire.topics import everything_down, everything_up

DEVICES, CLINIC = "devices", "clinic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A name at the broker with hashes of its password; `site` is empty for the clinic itself."""

    name: str
    site: str
    argon2: str
    pbkdf2: str

    @property
    def writes(self) -> str:
        """Filter of what it may publish."""
        return everything_up(self.site, self.name) if self.site else everything_down("+", "+")

    @property
    def reads(self) -> str:
        """Filter of what it may subscribe to."""
        return everything_down(self.site, self.name) if self.site else everything_up("+", "+")


def client_id(account: Account, wanted: str) -> str | None:
    """Give the client id that an account comes in under; None where the clinic asks for one that is not its own."""
    if account.site:
        return account.name
    return wanted if wanted.startswith(f"{account.name}:") else None  # no device's name has a colon


def may_write(accounts: Mapping[str, Account], name: str, topic: str) -> bool:
    """Whether `name` may publish to `topic`."""
    account = accounts.get(name)
    return account is not None and not {"+", "#"} & set(topic) and covers(account.writes, topic)


def may_read(accounts: Mapping[str, Account], name: str, wanted: str) -> bool:
    """Whether `name` may subscribe to the filter `wanted`, or be sent the topic `wanted`."""
    account = accounts.get(name)
    return account is not None and covers(account.reads, wanted)


def covers(allowed: str, wanted: str) -> bool:
    """Whether the filter `allowed` takes in all that `wanted`, a topic or filter, can match."""
    have, want = allowed.split("/"), wanted.split("/")
    for index, level in enumerate(have):
        if level == "#":
            return len(want) > index
        if index >= len(want) or want[index] == "#":
            return False
        if level != want[index] and (level != "+" or want[index] == ""):
            return False
    return len(have) == len(want)
