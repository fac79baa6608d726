"""What can be set about the line to the clinic."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.settings import SECRET, Above, AtLeast, OneOf, Within
from biosignal.wire.packet import MOST_EVENTS
from biosignal.wire.topics import checked_name

WAVES = ("findings", "asked", "all")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncSettings:
    """Where the clinic's broker is and how patient to be.

    Parameters
    ----------
    ca_file : PEM of the authority that signed the broker's certificate; the system's authorities where absent.
    client_cert, client_key : PEM files, where the broker asks for a certificate of the device.
    window : messages sent and not yet receipted, once for what is fresh and once for the backlog.
    packet : most events of the backlog in one message, where the clinic reads several.
    silent_s : a line on which no receipt comes for so long, though rows are out, is dropped and opened anew.
    resend_s : a row without a receipt for so long is sent again after a random part of
        ``backoff_first_s * 2 ** attempts``, at most ``longest_retry_s``.
    waves : which stored waves go to the clinic: ``findings``, none but the strips of findings; ``asked``, also what
        somebody there looks for; ``all``, every one.
    will_delay_s : a broken line shorter than this is not shown as offline (MQTT 5).

    Raises
    ------
    BadInput : a certificate without its key.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Within(1, 65_535, "a port")] = 1883
    tls: bool = False
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    username: str | None = None
    password: Annotated[str | None, SECRET] = field(default=None, repr=False)
    keepalive_s: Annotated[int, Above(0)] = 15
    connect_timeout_s: Annotated[float, Above(0)] = 15.0
    window: Annotated[int, AtLeast(1)] = 8
    packet: Annotated[int, Within(1, MOST_EVENTS, "a number of events")] = 64
    silent_s: Annotated[float, Above(0)] = 30.0
    resend_s: Annotated[float, Above(0)] = 10.0
    backoff_first_s: Annotated[float, Above(0)] = 0.5
    longest_retry_s: Annotated[float, Above(0)] = 60.0
    status_every_s: Annotated[float, Above(0)] = 1.0
    watch_lease_s: Annotated[float, Above(0)] = 30.0
    wave_age_s: Annotated[float, Above(0)] = 2.0
    session_expiry_s: Annotated[int, AtLeast(0)] = 7 * 86400
    will_delay_s: Annotated[int, AtLeast(0)] = 10
    waves: Annotated[str, OneOf(WAVES)] = "asked"

    def __post_init__(self) -> None:
        if bool(self.client_cert) != bool(self.client_key):
            raise BadInput(
                "a certificate and its key go together", client_cert=self.client_cert, client_key=self.client_key
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Line(SyncSettings):
    """The settings, and who we are on the line: checked together, as the daemon is about to open it.

    Raises
    ------
    BadInput : a name that cannot be part of a topic, or a certificate file that is not there.
    RefusedForSafety : a broker beyond this machine without TLS.
    """

    site: str
    device: str

    @classmethod
    def of(cls, settings: SyncSettings, *, site: str, device: str) -> "Line":
        """Name who uses the settings."""
        values = {entry.name: getattr(settings, entry.name) for entry in fields(SyncSettings)}
        return cls(site=site, device=device, **values)

    def __post_init__(self) -> None:
        SyncSettings.__post_init__(self)
        checked_name(self.site, "site")
        checked_name(self.device, "device")
        if not self.tls and self.host not in LOOPBACK:
            raise RefusedForSafety(
                "a broker beyond this machine needs TLS", host=self.host, remedy="set sync.tls and sync.ca_file"
            )
        for name in ("ca_file", "client_cert", "client_key"):
            file = getattr(self, name)
            if file is not None and not file.is_file():
                raise BadInput("a certificate file is not there", setting=f"sync.{name}", file=str(file))
