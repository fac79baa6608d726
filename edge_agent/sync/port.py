"""What sync needs of the store, and every trouble by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from biosignal.errors import BedsideError
from biosignal.events import Command, CommandAnswer

URGENT = 0
RECORDINGS = 4
"""Lanes that must not wait: findings and alarms, and the recordings that all else is about."""


class Row(Protocol):
    """An event that waits: `n` is its place in line, `payload` the encoded envelope."""

    @property
    def n(self) -> int: ...  # noqa: D102
    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def rev(self) -> int: ...  # noqa: D102
    @property
    def lane(self) -> int: ...  # noqa: D102
    @property
    def payload(self) -> bytes: ...  # noqa: D102


class StoredChunk(Protocol):
    """A stored wave that waits: `n` is its place in line, `id` what a receipt names, `frame` what is sent."""

    @property
    def n(self) -> int: ...  # noqa: D102
    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def frame(self) -> bytes: ...  # noqa: D102


class WaveQueue(Protocol):
    """What sync needs of the stored waves. Any thread may call."""

    def to_send(self, most: int) -> Sequence[StoredChunk]:
        """Give the first chunks that wait."""

    def received(self, places: Iterable[int]) -> None:
        """The clinic has these, or will never take them; it is on disk when this returns."""


class Outbox(Protocol):
    """What sync needs of the store. All of it is on disk when it returns; any thread may call."""

    def outbox(
        self, limit: int, lane: int | None = None, *, after: int = 0, until: int | None = None, newest: bool = False
    ) -> Sequence[Row]:
        """Give rows of a lane behind place `after` and up to `until`, oldest first, or newest first."""

    def last_waiting(self) -> int:
        """Place of the newest row that waits; 0 when none does."""

    def waiting(self, id_: str, rev: int) -> Row | None:
        """Look up one row that waits."""

    def confirm(self, pairs: Iterable[tuple[str, int]]) -> int:
        """The clinic has committed these (id, rev)."""

    def reject(self, triples: Iterable[tuple[str, int, str]]) -> int:
        """The clinic cannot read these (id, rev, reason)."""

    def retry_rejected(self, *, containing: tuple[str, ...], limit: int) -> Sequence[Row]:
        """Queue some rows once more that the clinic rejected for one of these reasons, and give them."""

    def claim_command(self, command: Command) -> bool:
        """Note that a command is about to be carried out; False when it was before."""

    def answer_command(self, answer: CommandAnswer) -> object:
        """Store and queue what became of a command."""

    def unanswered_commands(self) -> list[tuple[str, str]]:
        """(id, name) of commands claimed and never answered."""


class SyncTrouble(BedsideError):
    """Why there is no line to the clinic. The daemon goes on and keeps trying."""

    remedy = "check the network; everything is kept and sent later"


class BrokerAbsent(SyncTrouble):
    """Nobody answers at the broker's address."""

    remedy = "start the broker, or correct sync.host and sync.port"


class LoginRefused(SyncTrouble):
    """The broker knows us not, or lets us not."""

    remedy = "give the device its current user name and password (`cloud-service device`)"


class CertificateRefused(SyncTrouble):
    """The broker's certificate is not one we trust."""

    remedy = "set sync.ca_file to the authority that signed the broker's certificate, and sync.host to a name in it"


class TlsMismatch(SyncTrouble):
    """One side speaks TLS and the other does not."""

    remedy = "set sync.tls and sync.port to what the broker listens with"


class BrokerSilent(SyncTrouble):
    """Something took the connection and gave no answer that MQTT knows."""

    remedy = "check that an MQTT broker listens at sync.port, and whether it wants TLS (sync.tls)"


class BrokerRefused(SyncTrouble):
    """The broker answered, and said no for a reason of its own."""

    remedy = "look into the broker's log for the reason"


class ProtocolRefused(SyncTrouble):
    """The broker does not speak this version of MQTT."""

    remedy = "use a broker that speaks MQTT 5 or 3.1.1"


class TakenOver(SyncTrouble):
    """Another client connected under this device's name."""

    remedy = "stop the other daemon that runs as this device, or give it a name of its own"


class ClinicOutdated(SyncTrouble):
    """The clinic is of an older version and cannot read what this device sends."""

    remedy = "update the clinic; everything is kept and sent again by itself"


class ClinicSilent(SyncTrouble):
    """The broker takes what is sent, and the clinic receipts none of it."""

    remedy = "look whether the clinic's service runs and reaches its broker and database; everything is kept"


class LineBroken(SyncTrouble):
    """The connection was there and is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncState:
    """How the line is: one sentence, what is wrong (absent when nothing), since when, and what to do.

    `since_s` is on the monotonic clock.
    """

    connected: bool
    sentence: str
    cause: str | None
    since_s: float
    remedy: str | None


@dataclass(kw_only=True, slots=True)
class SyncCounters:
    """What sync did since it was started."""

    sent: int = 0
    resent: int = 0
    receipts: int = 0
    confirmed: int = 0
    rejected: int = 0
    unreadable: int = 0
    waves_sent: int = 0
    stored_sent: int = 0
    stored_received: int = 0
    stored_refused: int = 0
    waves_dropped: int = 0
    connections: int = 0
    commands: int = 0
    commands_dropped: int = 0
    store_failures: int = 0
