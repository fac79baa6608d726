"""Why a model was not taken. Each leaves the running model as it is; `code` goes into the report to the clinic."""

from typing import ClassVar

from biosignal.errors import BedsideError, RefusedForSafety


class UpdateRefused(RefusedForSafety):
    """The offered model must not run here."""

    code: ClassVar[str] = "refused"
    remedy = "the running model stays; release a good bundle under a higher version"


class SignatureWrong(UpdateRefused):
    """Metadata is not signed by enough of the keys the trusted root names, or was altered."""

    code = "signature-wrong"
    remedy = "check that the clinic's repository and this device's trusted root belong together"


class TargetDamaged(UpdateRefused):
    """The bundle's bytes are not those that were signed."""

    code = "target-damaged"
    remedy = "the file on the clinic's server was altered after signing: restore it, or release again"


class MetadataExpired(UpdateRefused):
    """The signatures are too old: an attacker may be holding newer ones back."""

    code = "expired"
    remedy = "start the clinic's service so that it signs the timestamp again; check this device's clock"


class RepositoryRolledBack(UpdateRefused):
    """The repository shows an older state than this device has already seen, or an older model."""

    code = "rollback"
    remedy = "restore the newest repository state at the clinic; release an old model again under a higher version"


class ClockUnsure(UpdateRefused):
    """Expiry cannot be decided because this device's clock is not to be trusted."""

    code = "clock-unsure"
    remedy = "let the clock synchronise (NTP), then announce the model again"


class TargetUnknown(UpdateRefused):
    """The signed list has no such target."""

    code = "target-unknown"
    remedy = "release the bundle before announcing it"


class BundleUnfit(UpdateRefused):
    """The bundle is genuine but not usable here: another task or version than announced, or not a valid bundle."""

    code = "bundle-unfit"


class SelfTestFailed(UpdateRefused):
    """No backend of this device reproduces the bundle's golden vectors."""

    code = "self-test-failed"


class TriedBefore(UpdateRefused):
    """This very bundle failed here too often; trying again would loop."""

    code = "tried-before"
    remedy = "release a corrected bundle under a higher version"


class UpdateFailed(BedsideError):
    """The update could not be carried out now; later it may work."""

    code: ClassVar[str] = "failed"
    remedy = "the running model stays; announce the model again later"


class Unreachable(UpdateFailed):
    """The clinic's repository did not answer, or broke off."""

    code = "unreachable"
    remedy = "check the network and `updates.base_url`, then announce the model again"


class TooLarge(UpdateFailed):
    """More bytes were offered than allowed."""

    code = "too-large"
    remedy = "raise `updates.max_bundle_bytes` if the bundle is meant to be this large"


class DiskFull(UpdateFailed):
    """There is not enough space to keep the bundle beside what must stay."""

    code = "disk-full"
    remedy = "free space in the state directory, then announce the model again"
