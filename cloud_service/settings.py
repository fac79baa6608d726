"""The settings tree: defaults < TOML file < environment ``BEDSIDE_CLOUD_SECTION__KEY`` < flags."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from biosignal.settings import SECRET, Above, AtLeast, Reader, Within
from cloud_service.errors import ExposedWithoutTls, SettingsWrong
from cloud_service.learning.settings import LearningSettings

PREFIX = "BEDSIDE_CLOUD_"


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpSettings:
    """Where the clinic's pages and API listen; port 0 takes a free one.

    At most `connections` are open at a time, and `connections_per_address` of one address (a browser opens six).
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Within(0, 65_535, "a port")] = 8443
    tls_cert: Path | None = None
    tls_key: Path | None = None
    connections: Annotated[int, AtLeast(1)] = 2000
    connections_per_address: Annotated[int, AtLeast(1)] = 250

    @property
    def tls(self) -> bool:
        """Whether pages are served by https."""
        return self.tls_cert is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class MqttSettings:
    """How to reach the broker, at its listener for the clinic.

    `group` names the shared subscription that ingest workers form on MQTT 5 brokers.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Within(0, 65_535, "a port")] = 8884
    username: str = "clinic"
    password: Annotated[str, SECRET] = field(default="", repr=False)
    tls: bool = True
    ca_file: Path | None = None
    group: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerSettings:
    """Where the broker listens: `port` is for devices, `clinic_port` for the clinic's own processes alone.

    Port 0 takes a free one, clinic_port 0 the one after `port`. `connections_per_address` bounds the embedded broker.
    `names`: host names and addresses by which devices reach it; the certificate that it makes for itself is for these.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Within(0, 65_535, "a port")] = 8883
    clinic_host: str = "127.0.0.1"
    clinic_port: Annotated[int, Within(0, 65_535, "a port")] = 0
    connections_per_address: Annotated[int, AtLeast(1)] = 64
    names: tuple[str, ...] = ()
    tls: bool = True
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSettings:
    """`url` empty: SQLite in the state folder; else ``postgresql://...`` or ``sqlite:///...``.

    What arrived is kept for so many days, 0 for ever: series and packed marks, the strips of findings, and findings
    that are over with all that rests on them. What somebody reviewed is kept for ever.
    """

    url: str = ""
    keep_series_days: Annotated[float, AtLeast(0)] = 0.0
    keep_strips_days: Annotated[float, AtLeast(0)] = 0.0
    keep_findings_days: Annotated[float, AtLeast(0)] = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WavesSettings:
    """Stored waves of whole recordings, in files on a disk of this machine: `folder`, or ``waves`` in the state folder.

    They are kept for `keep_days` after the last of their six hours came, 0 for ever. With less than `reserve_mb` free
    on that disk no more are taken, and the devices keep theirs.
    """

    folder: Path | None = None
    keep_days: Annotated[float, AtLeast(0)] = 0.0
    reserve_mb: Annotated[int, AtLeast(0)] = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestSettings:
    """`enabled`: `serve` takes events in by itself; turn off where `cloud-service ingest` workers run."""

    enabled: bool = True
    batch: Annotated[int, AtLeast(1)] = 200
    queue: Annotated[int, AtLeast(1)] = 5000
    retry_max_s: Annotated[float, Above(0)] = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessSettings:
    """Sessions end after `idle_minutes` without use, and after `session_hours` in any case.

    From one address, a login is refused for `lockout_minutes` after `account_failures` of one account, or after
    `address_failures` of any. From elsewhere the account stays open. `anchor_file` keeps the heads of the audit log,
    by default ``audit-anchors`` in the state folder; best on another machine's disk.
    """

    idle_minutes: Annotated[float, Above(0)] = 30.0
    session_hours: Annotated[float, Above(0)] = 12.0
    account_failures: Annotated[int, AtLeast(1)] = 5
    address_failures: Annotated[int, AtLeast(1)] = 20
    lockout_minutes: Annotated[float, Above(0)] = 5.0
    anchor_file: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EscalationSettings:
    """When an alarm that nobody acknowledges is told to the next person, in seconds; 0: never.

    After `high_s` without an answer a high alarm goes to the first person named for its bed, after as long again to the
    next, then to everybody; `medium_s` is the same for medium ones. `remind_s` after that, and again, all are reminded.
    What was acknowledged and is there for `still_there_s` is told once more to whoever acknowledged it.
    """

    high_s: Annotated[float, AtLeast(0)] = 60.0
    medium_s: Annotated[float, AtLeast(0)] = 180.0
    remind_s: Annotated[float, AtLeast(0)] = 120.0
    still_there_s: Annotated[float, AtLeast(0)] = 900.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookSettings:
    """How messages are sent to webhooks.

    `allow`: addresses and networks on this machine or inside that may be sent to, such as 127.0.0.1 or 10.1.2.0/24. A
    message that is not taken within `limit_s` is sent again, at first after a second, at most after `retry_max_s`, and
    given up after `tries`. What was delivered is kept for `keep_days`. `ca_file`: who signs what receivers show.
    """

    enabled: bool = True
    allow: tuple[str, ...] = ()
    ca_file: Path | None = None
    limit_s: Annotated[float, Within(0.1, 60, "seconds")] = 10.0
    tries: Annotated[int, AtLeast(1)] = 16
    retry_max_s: Annotated[float, AtLeast(1)] = 600.0
    keep_days: Annotated[float, AtLeast(1)] = 7.0

    def __post_init__(self) -> None:
        for one in self.allow:
            try:
                ipaddress.ip_network(one, strict=False)
            except ValueError as error:
                raise SettingsWrong("webhooks.allow holds addresses and networks", entry=one) from error


def _state_dir() -> Path:
    """Give the folder that systemd made for the unit, which may write nowhere else; by hand, one in this folder."""
    return Path(os.environ.get("STATE_DIRECTORY", "").split(":")[0] or "bedside-cloud")


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudSettings:
    """Everything that can be set. `demo` allows one login with all roles and says so on its page."""

    state_dir: Path = field(default_factory=_state_dir)
    demo: bool = False
    http: HttpSettings = field(default_factory=HttpSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    waves: WavesSettings = field(default_factory=WavesSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    escalation: EscalationSettings = field(default_factory=EscalationSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)

    @property
    def database_url(self) -> str:
        """URL of the database in use."""
        return self.database.url or f"sqlite:///{self.state_dir.resolve() / 'clinic.db'}"

    @property
    def waves_folder(self) -> Path:
        """The folder of the waves of whole recordings."""
        return self.waves.folder or self.state_dir / "waves"

    @property
    def anchor_file(self) -> Path:
        """The file that keeps the heads of the audit log."""
        return self.access.anchor_file or self.state_dir / "audit-anchors"


def load_settings(
    file: Path | None = None, environment: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
) -> CloudSettings:
    """Join file, environment and flags; flags are ``{"http.port": 0}``.

    Raises
    ------
    SettingsWrong : unreadable file, unknown key, or a value of the wrong type, with where it stands.
    """
    return _READER.read(
        _text_of(file) if file is not None else None, file=str(file), environment=environment or {}, flags=flags
    )


def require_safe_listener(host: str, *, tls: bool) -> None:
    """Refuse to listen beyond this machine in the clear.

    Raises
    ------
    ExposedWithoutTls : `host` is not loopback and there is no TLS.
    """
    if not tls and not is_loopback(host):
        raise ExposedWithoutTls("refusing to listen beyond this machine without TLS", host=host)


def is_loopback(host: str) -> bool:
    """Whether `host` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong("the settings file cannot be read", file=str(file), why=str(error)) from error


_READER = Reader(
    tree=CloudSettings,
    prefix=PREFIX,
    separator=",",  # an address may hold colons
    refused=SettingsWrong,
    make={Path: lambda text: Path(text).expanduser()},
)
