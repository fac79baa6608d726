"""What can go wrong at the clinic's side, each with what a person does next."""

from biosignal.errors import BedsideError, RefusedForSafety
from biosignal.settings import SettingsRefused


class SettingsWrong(SettingsRefused):
    """A settings file, environment variable or flag cannot be used."""

    remedy = "correct the key that the message names; `cloud-service serve --help` lists the flags"


class StateUnwritable(BedsideError):
    """The folder for database, keys and accounts cannot be made or written."""

    remedy = "give another folder with --state-dir, or correct its owner and rights"
    exit_code = 2


class PortTaken(BedsideError):
    """Another program listens on the port."""

    remedy = "stop the other program, or choose another port (0 takes a free one)"
    exit_code = 2


class ExposedWithoutTls(RefusedForSafety):
    """Listening beyond this machine without TLS would send passwords and findings in the clear."""

    remedy = "set a TLS certificate and key, or listen on 127.0.0.1"


class BrokerUnreachable(BedsideError):
    """There is no MQTT broker to talk to."""

    remedy = "start the broker (`cloud-service broker`) or correct `mqtt.host` and `mqtt.port`"


class BrokerRefused(BedsideError):
    """The broker refused our name and password."""

    remedy = "check `mqtt.username` and `mqtt.password`; `cloud-service broker` writes them to the state folder"
    exit_code = 2


class CertificatesEnding(BedsideError):
    """A certificate of the clinic ends soon, or has ended."""

    remedy = (
        "put a new one in its place and restart the service; those that the clinic made for itself it makes anew, as "
        "docs/runbook.md says, and every device needs the new authority"
    )


class CopyDamaged(BedsideError):
    """A copy is not what it was when it was made."""

    remedy = "take another copy: nothing of this one was put back"


class RestoreRefused(RefusedForSafety):
    """A restore would write over a database."""

    remedy = "stop the service, move `clinic.db`, its -wal and its -shm out of the state folder and keep them"


class NotSentAgain(BedsideError):
    """A device that was asked to send again has not: it is away, it refused, or it knows no such command."""

    remedy = (
        "update a daemon that knows no such command, see that `cloud-service serve` runs and the device is on, and ask "
        "again: what arrives twice is kept once"
    )
