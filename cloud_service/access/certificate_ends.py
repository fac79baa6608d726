"""When the certificates of the clinic end: its pages', its broker's, and the authorities that it trusts."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from cloud_service.access.errors import CertificateUnreadable
from cloud_service.database.columns import utc_now
from cloud_service.settings import CloudSettings

SOON = dt.timedelta(days=30)
"""So long before its end a certificate is to be renewed: every device needs the new authority, at its bed."""
LOOK_S = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateEnd:
    """A certificate by what it is for, and when it ends; of a file with several, the first of them."""

    name: str
    ends: dt.datetime

    def is_soon(self, now: dt.datetime) -> bool:
        """Whether it is to be renewed now."""
        return self.ends - now < SOON

    def sentence(self, now: dt.datetime) -> str:
        """Say when it ends, or that it has."""
        return f"that of {self.name} {'ended' if self.ends <= now else 'ends'} on {self.ends.date().isoformat()}"


def certificate_files(settings: CloudSettings) -> dict[str, Path]:
    """Files of certificates that are in use, by what they are for; a file that serves twice is named once."""
    own = settings.state_dir / "certificates"
    has_own = settings.broker.tls and settings.broker.tls_cert is None
    wanted = {
        "the pages": settings.http.tls_cert,
        "the broker": own / "server.pem" if has_own else settings.broker.tls_cert,
        "the clinic's authority": own / "ca.pem" if has_own else None,
        "the broker's authority (mqtt.ca_file)": settings.mqtt.ca_file,
        "the receivers' authority (webhooks.ca_file)": settings.webhooks.ca_file,
    }
    files: dict[Path, list[str]] = {}
    for name, file in wanted.items():
        if file is not None and file.exists():
            files.setdefault(file.resolve(), []).append(name)
    return {" and ".join(names): file for file, names in files.items()}


def end_of(name: str, file: Path) -> CertificateEnd:
    """Read when a certificate ends.

    Raises
    ------
    CertificateUnreadable : the file holds none.
    """
    try:
        held = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateUnreadable("the certificate cannot be read", file=str(file), why=str(error)) from error
    return CertificateEnd(name=name, ends=min(one.not_valid_after_utc for one in held))


class CertificateWatch:
    """Looks at the certificates once an hour, when it is asked. Any thread may ask.

    One that cannot be read is left out: what needs it says so when it starts.
    """

    def __init__(self, settings: CloudSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._looked_s = float("-inf")
        self._ends: tuple[CertificateEnd, ...] = ()

    @property
    def ends(self) -> tuple[CertificateEnd, ...]:
        """When each ends, the first that does first."""
        with self._lock:
            if self._clock() - self._looked_s >= LOOK_S:
                self._looked_s = self._clock()
                self._ends = tuple(sorted(_read(self._settings), key=lambda one: one.ends))
            return self._ends

    def soon(self) -> tuple[str, ...]:
        """Those to be renewed now, a sentence each."""
        now = utc_now()
        return tuple(one.sentence(now) for one in self.ends if one.is_soon(now))


def _read(settings: CloudSettings) -> Iterable[CertificateEnd]:
    for name, file in certificate_files(settings).items():
        try:
            yield end_of(name, file)
        except CertificateUnreadable:
            continue
