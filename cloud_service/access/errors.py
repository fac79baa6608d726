"""What can go wrong with logins, people and devices."""

from biosignal.errors import BadInput, BedsideError, RefusedForSafety


class LoginFailed(BedsideError):
    """Name or password is wrong; which one is not said."""

    remedy = "try again, or ask an administrator for a new password"


class TokenRefused(BedsideError):
    """The token that came with a request opens nothing; why is not said."""

    remedy = "ask an engineer for a new token"


class WrongPassword(BedsideError):
    """The old password, asked for before a new one is set, is wrong."""

    remedy = "try again, or ask an administrator for a new password"


class Busy(BedsideError):
    """Too many logins are waiting to be checked; this one was not looked at and does not count."""

    remedy = "try again in a moment"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many logins at once", retry_after_s=round(retry_after_s))
        self.retry_after_s = retry_after_s


class LastAdmin(RefusedForSafety):
    """Without this account nobody could administer the clinic any more."""

    remedy = "make another account an administrator first"


class DeviceHasRecords(RefusedForSafety):
    """A device whose recordings are kept cannot be forgotten."""

    remedy = "revoke it: then it is shut out, and its recordings stay"


class TooManyFailures(BedsideError):
    """Too many failed logins from this address, of this account or in all."""

    remedy = "wait as long as the message says"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many failed logins", retry_after_s=round(retry_after_s))
        self.retry_after_s = retry_after_s


class TooManyQuestions(BedsideError):
    """Somebody asked more than a person can read."""

    remedy = "wait as long as the message says"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many questions in a minute", retry_after_s=round(retry_after_s))
        self.retry_after_s = retry_after_s


class TooManyOpenings(BedsideError):
    """A link is opened more often than people would."""

    remedy = "wait a minute"

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("the link was opened too often", retry_after_s=round(retry_after_s))
        self.retry_after_s = retry_after_s


class NameTaken(BadInput):
    """A person or device of that name exists."""

    remedy = "choose another name, or renew the one there is"


class WeakPassword(BadInput):
    """The password is too short to keep anyone out."""

    remedy = "use at least 12 characters"


class AuditBroken(RefusedForSafety):
    """The audit log was changed: its hash chain does not hold."""

    remedy = (
        "keep the database as evidence and compare it with a backup; after a restore, where the end is gone for a "
        "known reason, `cloud-service audit accept REASON` lets the log go on"
    )


class AnchorsUnreadable(BedsideError):
    """The file that holds heads of the audit log is there and cannot be read."""

    remedy = "give the file to the user that the service runs as, with mode 0600, or correct `access.anchor_file`"


class CertificateUnreadable(BadInput):
    """A file that should hold a certificate does not."""

    remedy = "give a certificate in PEM, or take the file away: the broker then makes one of its own"


class NameNotCertified(BadInput):
    """Devices that ask for this name would not believe the broker."""

    remedy = (
        "name the broker as its certificate does; or put the name into `broker.names`, move the folder `certificates` "
        "out of the state folder, start the broker, and provision each device again (`--renew`)"
    )
