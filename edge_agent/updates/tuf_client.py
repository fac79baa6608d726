"""Fetches a bundle from the clinic's TUF repository: nothing is returned that the trusted root does not vouch for.

The workflow and its checks are python-tuf's (`tuf.ngclient.Updater`, TUF specification 5.3). Ours are the transport's
limits, the floor under the clock, and the sentence that a person reads when something is refused.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tuf.api import exceptions
from tuf.ngclient import Updater, UpdaterConfig  # type: ignore[attr-defined]  # listed by name only

from biosignal.errors import BedsideError
from edge_agent.updates.bounded_fetcher import BoundedFetcher, Refused
from edge_agent.updates.errors import (
    ClockUnsure,
    DiskFull,
    MetadataExpired,
    RepositoryRolledBack,
    SignatureWrong,
    TargetDamaged,
    TargetUnknown,
    TooLarge,
    Unreachable,
)
from edge_agent.updates.settings import UpdatesSettings

CLOCK_SLACK = timedelta(minutes=5)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class UpdateClient:
    """Fetches verified bundles. One instance per state directory; call it from one thread.

    Parameters
    ----------
    settings : where from, and what a download may cost; its `url` is there.
    state_dir : keeps verified metadata (so that versions never go back) and the bundles.
    trusted_root : the root metadata this device was provisioned with.
    clock_is_sure : says whether the host believes its clock (synchronised); unknown counts as sure.
    now : UTC, for the floor under the clock. Expiry itself is decided by python-tuf on the host's clock.
    """

    def __init__(
        self,
        settings: UpdatesSettings,
        *,
        state_dir: Path,
        trusted_root: bytes,
        clock_is_sure: Callable[[], bool] = lambda: True,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._settings = settings
        self._clock_is_sure = clock_is_sure
        self._now = now
        self._base_url = (settings.url or "").rstrip("/")
        self._state_dir = state_dir
        self._trusted_root = trusted_root
        self._metadata = state_dir / "tuf"
        self._floor_file = state_dir / "clock-floor.json"

    def fetch(self, target: str) -> bytes:
        """Give the bytes of a signed target, as ``task/version.bundle`` names it.

        Raises
        ------
        SignatureWrong, TargetDamaged, MetadataExpired, RepositoryRolledBack, ClockUnsure, TargetUnknown : refused.
        Unreachable, TooLarge, DiskFull : not now.
        """
        self._check_clock()
        try:
            data = self._download(BoundedFetcher(self._settings), target)
        except (exceptions.RepositoryError, exceptions.DownloadError, OSError) as error:
            raise self._named(error, target) from error
        self._raise_floor()
        return data

    def _download(self, fetcher: BoundedFetcher, target: str) -> bytes:
        base = self._base_url
        incoming = self._state_dir / "incoming"
        for directory in (self._metadata, incoming):
            directory.mkdir(parents=True, exist_ok=True)
        for leftover in self._metadata.glob("tmp*"):
            leftover.unlink()
        updater = Updater(
            str(self._metadata),
            f"{base}/metadata/",
            str(incoming),
            f"{base}/targets/",
            fetcher,
            UpdaterConfig(),
            bootstrap=self._trusted_root,
        )
        updater.refresh()
        info = updater.get_targetinfo(target)
        if info is None:
            raise Refused(TargetUnknown("the clinic has not released this model", target=target))
        self._check_space(info.length, target)
        path = Path(updater.download_target(info))
        try:
            return path.read_bytes()
        finally:
            path.unlink()

    def _check_space(self, length: int, target: str) -> None:
        if length > self._settings.max_bundle_bytes:
            raise Refused(
                TooLarge(
                    "the bundle is larger than allowed",
                    target=target,
                    bytes=length,
                    limit=self._settings.max_bundle_bytes,
                )
            )
        needed = int(2.4 * length) + self._settings.reserve_bytes  # the download and its shelved copy, and 20 %
        free = shutil.disk_usage(self._state_dir).free
        if free < needed:
            raise Refused(DiskFull("too little space for the bundle", target=target, needed=needed, free=free))

    # ---- the clock -----------------------------------------------------------------------------------------------

    def _check_clock(self) -> None:
        floor = self._floor()
        if floor is not None and self._now() < floor - CLOCK_SLACK:
            raise ClockUnsure(
                "the clock is behind the last verified update, so expiry cannot be decided",
                clock=self._now().isoformat(timespec="seconds"),
                not_before=floor.isoformat(timespec="seconds"),
            )
        if not self._clock_is_sure():
            raise ClockUnsure("the clock is not synchronised, so expiry cannot be decided")

    def _floor(self) -> datetime | None:
        try:
            return datetime.fromisoformat(json.loads(self._floor_file.read_text(encoding="utf-8"))["not_before"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # none yet, or torn by a power cut: the floor comes back with the next verified update

    def _raise_floor(self) -> None:
        """Remember when signatures last held; bounded by their expiry, so a clock run ahead cannot lock us out."""
        temporary = self._floor_file.with_suffix(".new")
        with contextlib.suppress(OSError):  # a floor that cannot be kept must not refuse a good bundle
            temporary.write_text(json.dumps({"not_before": self._now().isoformat()}), encoding="utf-8")
            temporary.replace(self._floor_file)

    # ---- the sentence --------------------------------------------------------------------------------------------

    def _named(self, error: Exception, target: str) -> BedsideError:
        if isinstance(error, Refused):
            return error.error
        if isinstance(error, exceptions.DownloadError):
            return _named_download(error, target)
        if isinstance(error, exceptions.ExpiredMetadataError):
            return MetadataExpired(
                "the repository's signatures have expired by this device's clock",
                why=str(error),
                clock=self._now().isoformat(timespec="seconds"),
            )
        if isinstance(error, exceptions.BadVersionNumberError):
            return RepositoryRolledBack("the repository went back to an older state", why=str(error))
        if isinstance(error, exceptions.LengthOrHashMismatchError):
            return TargetDamaged("what was downloaded is not what was signed", target=target, why=str(error))
        if isinstance(error, exceptions.RepositoryError):
            return SignatureWrong("the repository's metadata does not verify", why=str(error))
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull("no space for the download", why=os.strerror(error.errno))
        return DiskFull("the state directory cannot be written", why=str(error))


def _named_download(error: exceptions.DownloadError, target: str) -> BedsideError:
    if isinstance(error, exceptions.DownloadLengthMismatchError):
        return TooLarge("more bytes came than were signed", target=target, why=str(error))
    if isinstance(error, exceptions.DownloadHTTPError):
        return Unreachable("the clinic's repository answered with an error", target=target, status=error.status_code)
    return Unreachable("the download failed", target=target, why=str(error))
