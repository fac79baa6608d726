"""The settings tree: defaults < TOML file < environment ``BEDSIDE_CLOUD_SECTION__KEY`` < flags."""

import dataclasses
import ipaddress
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from cloud_service.errors import ExposedWithoutTls, SettingsWrong
from cloud_service.learning.settings import LearningSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]  # installed before 3.11 only

T = TypeVar("T")
PREFIX = "BEDSIDE_CLOUD_"


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpSettings:
    """Where the clinic's pages and API listen; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8443
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def tls(self) -> bool:
        """Whether pages are served by https."""
        return self.tls_cert is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class MqttSettings:
    """How to reach the broker. `group` names the shared subscription that ingest workers form on MQTT 5 brokers."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 8883
    username: str = "clinic"
    password: str = ""
    tls: bool = True
    ca_file: Path | None = None
    group: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerSettings:
    """Where the embedded broker listens."""

    host: str = "127.0.0.1"
    port: int = 8883
    tls: bool = True
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSettings:
    """`url` empty: SQLite in the state folder; else ``postgresql://...`` or ``sqlite:///...``."""

    url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestSettings:
    """`enabled`: `serve` takes events in by itself; turn off where `cloud-service ingest` workers run."""

    enabled: bool = True
    batch: int = 200
    queue: int = 5000
    retry_max_s: float = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessSettings:
    """Sessions end after `idle_minutes` without use, and after `session_hours` in any case.

    A login is refused for `lockout_minutes` after that many failures of an account or from an address.
    """

    idle_minutes: float = 30.0
    session_hours: float = 12.0
    account_failures: int = 5
    address_failures: int = 20
    lockout_minutes: float = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudSettings:
    """Everything that can be set. `demo` allows one login with all roles and says so on its page."""

    state_dir: Path = field(default_factory=lambda: Path("bedside-cloud"))
    demo: bool = False
    http: HttpSettings = field(default_factory=HttpSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)

    @property
    def database_url(self) -> str:
        """URL of the database in use."""
        return self.database.url or f"sqlite:///{self.state_dir.resolve() / 'clinic.db'}"


def load_settings(
    file: Path | None = None, environment: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
) -> CloudSettings:
    """Join file, environment and flags; flags are ``{"http.port": 0}``.

    Raises
    ------
    SettingsWrong : unreadable file, unknown key, or a value of the wrong type, with where it stands.
    """
    tree = _read_file(file) if file else {}
    where = _lines(file) if file else {}
    for name, value in (environment or {}).items():
        if name.startswith(PREFIX):
            key = name[len(PREFIX) :].lower().replace("__", ".")
            _put(tree, key, value)
            where[key] = f"environment {name}"
    for key, flag in (flags or {}).items():
        if flag is not None:
            _put(tree, key, flag)
            where[key] = f"flag for {key}"
    return _build(CloudSettings, tree, "", where)


def require_safe_listener(host: str, *, tls: bool) -> None:
    """Refuse to listen beyond this machine in the clear.

    Raises
    ------
    ExposedWithoutTls : `host` is not loopback and there is no TLS.
    """
    if not tls and not is_loopback(host):
        raise ExposedWithoutTls("refusing to listen beyond this machine without TLS", host=host)


def is_loopback(host: str) -> bool:
    """Tell whether `host` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_file(file: Path) -> dict[str, Any]:
    try:
        tree: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsWrong("the settings file cannot be read", file=str(file), why=str(error)) from error
    return tree


def _lines(file: Path) -> dict[str, str]:
    """Find the line of each key, for messages; the parser does not tell."""
    found: dict[str, str] = {}
    section = ""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[]").strip() + "."
            found[section[:-1]] = f"{file}:{number}"
        elif "=" in text:
            found[section + text.split("=", 1)[0].strip()] = f"{file}:{number}"
    return found


def _put(tree: dict[str, Any], key: str, value: object) -> None:
    *path, last = key.split(".")
    for part in path:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            raise SettingsWrong("a setting is not a section", key=part)
        tree = below
    tree[last] = value


def _build(kind: type[T], tree: Mapping[str, Any], prefix: str, where: Mapping[str, str]) -> T:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in tree.items():
        key = prefix + name
        hint = hints.get(name)
        if hint is None:
            raise SettingsWrong("unknown setting", key=key, at=where.get(key, "?"), known=sorted(hints))
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            if not isinstance(value, Mapping):
                raise SettingsWrong("a section is needed", key=key, at=where.get(key, "?"))
            values[name] = _build(hint, value, key + ".", where)
        else:
            values[name] = _value(hint, value, key, where.get(key, "?"))
    return kind(**values)


_YES_NO = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _value(hint: Any, value: object, key: str, at: str) -> object:
    if hint in (Path, Path | None) and isinstance(value, str | Path):
        return Path(value) if str(value) or hint is Path else None
    if hint is bool and isinstance(value, str) and value.lower() in _YES_NO:
        return _YES_NO[value.lower()]
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        return value
    if hint in (int, float) and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return hint(value)
        except ValueError:
            pass
    raise SettingsWrong("a setting has the wrong type", key=key, at=at, expected=getattr(hint, "__name__", str(hint)))
