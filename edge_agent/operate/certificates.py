"""Certificates on this device: which there are, when each ends, and whether one must be renewed soon."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.operate.clock import Clock, utc_text
from edge_agent.operate.settings import Settings

WARN_S = 30 * 86_400.0
"""So long before its end a certificate is asked for anew: time enough to visit a bed."""
LOOK_S = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """The certificate of a file that ends first, or why the file is none. Times are seconds since 1970.

    `name` is the setting that names the file.
    """

    name: str
    path: Path
    begins_s: float = 0.0
    ends_s: float = float("inf")
    why_not: str = ""


def held(settings: Settings) -> Iterator[Held]:
    """Give the certificates that the settings name."""
    named = (
        ("sync.ca_file", settings.sync.ca_file),
        ("sync.client_cert", settings.sync.client_cert),
        ("updates.ca_file", settings.updates.ca_file),
    )
    return (_read(name, path) for name, path in named if path is not None)


def _read(name: str, path: Path) -> Held:
    from cryptography import x509  # a daemon without a certificate starts without it

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        return Held(name=name, path=path, why_not=str(error))
    first = min(found, key=lambda one: one.not_valid_after_utc)
    return Held(
        name=name,
        path=path,
        begins_s=first.not_valid_before_utc.timestamp(),
        ends_s=first.not_valid_after_utc.timestamp(),
    )


class Certificates:
    """Looks at the certificates now and then; the newest answer may be asked for by any thread.

    A file that cannot be read is not said here: the line says that it cannot be opened, the doctor which file it is.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._looked_s = float("-inf")
        self.ends_utc_s: float | None = None
        """When the first of them ends; None where there is none."""
        self.trouble: str | None = None
        """Which ends within thirty days, or has ended."""

    def look(self) -> None:
        """Look, once an hour however often it is called."""
        if self._clock.monotonic_s() - self._looked_s < LOOK_S:
            return
        self._looked_s = self._clock.monotonic_s()
        read = sorted((one for one in held(self._settings) if not one.why_not), key=lambda one: one.ends_s)
        self.ends_utc_s = read[0].ends_s if read else None
        ending = [one for one in read if one.ends_s - self._clock.utc_s() < WARN_S]
        self.trouble = "; ".join(f"{one.name} ends at {utc_text(one.ends_s)}" for one in ending) or None
