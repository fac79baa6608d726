"""The signed shelf of released models: a TUF repository (python-tuf metadata, ed25519).

Layout below `root`: ``metadata/`` and ``targets/`` are served read-only under ``/updates/``; ``keys/`` is private
(directory 0700, files 0600) and is never served. Files appear by rename, the timestamp last: a crash leaves the
view that was valid before.

For real use the root keys are made elsewhere and kept offline (two of three, say); this class then works without
their private halves and refuses only what needs them. The demo keeps one root key here.
"""

import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # exported, but not listed
from tuf.api.metadata import (  # type: ignore[attr-defined]  # exported, but not listed
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    T,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

from biosignal.errors import BadInput, BedsideError, RefusedForSafety

METADATA_NAME = re.compile(r"(?:timestamp|[1-9][0-9]{0,8}\.(?:root|snapshot|targets))\.json")
TARGET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}/[0-9A-Za-z][0-9A-Za-z.+-]{0,63}\.bundle")
SERVED_TARGET = re.compile(r"[a-z0-9][a-z0-9-]{0,63}/[0-9a-f]{64}\.[0-9A-Za-z][0-9A-Za-z.+-]{0,63}\.bundle")


class RepositoryUnusable(BedsideError):
    """The release repository is missing, damaged, or lacks a key."""

    remedy = "run `cloud-service release init`, or put the named key or file back from the backup"


class AlreadyReleased(RefusedForSafety):
    """A target of this name exists with other content: what was released is never replaced."""

    remedy = "release it under a new version"


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositorySettings:
    """How many root keys sign, and how long each role's signature holds."""

    root_keys: int = 1
    root_threshold: int = 1
    root_days: float = 365.0
    targets_days: float = 90.0
    snapshot_days: float = 14.0
    timestamp_days: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.root_threshold <= self.root_keys:
            raise BadInput(
                "the root threshold must lie between 1 and the number of root keys",
                root_threshold=self.root_threshold,
                root_keys=self.root_keys,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedTarget:
    """One signed target: its path, length in bytes, SHA-256 and what the release noted about it."""

    path: str
    length: int
    sha256: str
    noted: Mapping[str, Any]


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Repository:
    """Signs and publishes targets.

    Parameters
    ----------
    root : directory that holds metadata, targets and keys.
    now : gives UTC; tests hand in their own.
    """

    def __init__(
        self, root: Path, settings: RepositorySettings | None = None, *, now: Callable[[], datetime] = _utc_now
    ) -> None:
        self.root = root
        self._settings = settings or RepositorySettings()
        self._now = now
        self._metadata = root / "metadata"
        self._targets = root / "targets"
        self._keys = root / "keys"

    # ---- what it holds -------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether `init` was completed (the timestamp is written last)."""
        return (self._metadata / "timestamp.json").is_file()

    def trusted_root(self) -> bytes:
        """Give the first root metadata: what a device is provisioned with.

        Raises
        ------
        RepositoryUnusable : there is none.
        """
        return self._read(self._metadata / "1.root.json")

    def targets(self) -> tuple[ReleasedTarget, ...]:
        """List what is released, by path."""
        signed = self._load_targets().signed
        return tuple(
            ReleasedTarget(path=path, length=file.length, sha256=file.hashes["sha256"], noted=dict(file.custom or {}))
            for path, file in sorted(signed.targets.items())
        )

    def metadata_file(self, name: str) -> Path | None:
        """Find a metadata file to serve; None where the name is not one of ours or it is not there."""
        path = self._metadata / name
        return path if METADATA_NAME.fullmatch(name) and path.is_file() else None

    def target_file(self, name: str) -> Path | None:
        """Find a target to serve by its hash-prefixed name; None as above."""
        path = self._targets / name
        return path if SERVED_TARGET.fullmatch(name) and path.is_file() else None

    def target_path(self, target: ReleasedTarget) -> Path:
        """Return where a target lies."""
        folder, _, name = target.path.partition("/")
        return self._targets / folder / f"{target.sha256}.{name}"

    # ---- acts ----------------------------------------------------------------------------------------------------

    def init(self) -> None:
        """Make keys and first metadata; does nothing where they exist."""
        with self._locked():
            if self.exists():
                return
            for directory in (self._metadata, self._targets):
                directory.mkdir(parents=True, exist_ok=True)
            self._keys.mkdir(mode=0o700, exist_ok=True)
            root_names = [f"root-{index + 1}" for index in range(self._settings.root_keys)]
            signers = {name: self._make_key(name) for name in (*root_names, "targets", "snapshot", "timestamp")}
            root = Root(expires=self._until(self._settings.root_days), consistent_snapshot=True)
            for name, signer in signers.items():
                root.add_key(signer.public_key, name.partition("-")[0])
            root.roles["root"].threshold = self._settings.root_threshold
            self._publish_root(root, [signers[name] for name in root_names])
            self._publish(Targets(expires=self._until(self._settings.targets_days)), None)

    def add_target(self, path: str, data: bytes, noted: Mapping[str, Any]) -> ReleasedTarget:
        """Sign a bundle and publish it. The same path and content again changes nothing.

        Raises
        ------
        BadInput : the path is not ``task/version.bundle``.
        AlreadyReleased : the path is taken by other content.
        RepositoryUnusable : keys or metadata are missing.
        """
        if not TARGET_NAME.fullmatch(path):
            raise BadInput("a target is named `task/version.bundle`", path=path)
        with self._locked():
            current = self._load_targets().signed
            file = TargetFile.from_data(path, data, ["sha256"])
            known = current.targets.get(path)
            if known is not None and known.hashes != file.hashes:
                raise AlreadyReleased("this version is already released with other content", path=path)
            if known is None:
                file.unrecognized_fields["custom"] = dict(noted)
                folder, _, name = path.partition("/")
                (self._targets / folder).mkdir(exist_ok=True)
                _write(self._targets / folder / f"{file.hashes['sha256']}.{name}", data)
                current.targets[path] = file
                self._publish(current, current.version)
        return next(target for target in self.targets() if target.path == path)

    def withdraw_target(self, path: str) -> bool:
        """Take a target out of the signed list, so that no device fetches it any more; returns whether it was there."""
        with self._locked():
            current = self._load_targets().signed
            if current.targets.pop(path, None) is None:
                return False
            self._publish(current, current.version)
            return True

    def keep_fresh(self) -> bool:
        """Sign again what has used up half its time; returns whether anything was signed. Call it every hour."""
        with self._locked():
            targets, snapshot, timestamp = self._load_targets(), self._load_snapshot(), self._load_timestamp()
            root_signed = self._renew_root()
            if self._is_old(targets.signed, self._settings.targets_days):
                self._publish(targets.signed, targets.signed.version)
            elif self._is_old(snapshot.signed, self._settings.snapshot_days):
                self._publish_snapshot(targets.signed.version)
            elif self._is_old(timestamp.signed, self._settings.timestamp_days):
                self._publish_timestamp(snapshot.signed.version)
            else:
                return root_signed
            return True

    # ---- signing -------------------------------------------------------------------------------------------------

    def _renew_root(self) -> bool:
        root = self._load_root().signed
        names = sorted(path.stem for path in self._keys.glob("root-*.pem"))
        if len(names) < root.roles["root"].threshold or not self._is_old(root, self._settings.root_days):
            return False  # offline keys: the person who holds them renews the root
        root.version += 1
        root.expires = self._until(self._settings.root_days)
        self._publish_root(root, [self._signer(name) for name in names])
        return True

    def _publish_root(self, root: Root, signers: list[CryptoSigner]) -> None:
        metadata = Metadata(root)
        for signer in signers:
            metadata.sign(signer, append=True)
        _write(self._metadata / f"{root.version}.root.json", metadata.to_bytes())

    def _publish(self, targets: Targets, replaces: int | None) -> None:
        targets.version = 1 if replaces is None else replaces + 1
        targets.expires = self._until(self._settings.targets_days)
        self._write_signed(targets, "targets", f"{targets.version}.targets.json")
        self._publish_snapshot(targets.version)

    def _publish_snapshot(self, targets_version: int) -> None:
        version = self._load_snapshot().signed.version + 1 if self.exists() else 1
        meta = self._meta_of(f"{targets_version}.targets.json", targets_version)
        snapshot = Snapshot(version, expires=self._until(self._settings.snapshot_days), meta={"targets.json": meta})
        self._write_signed(snapshot, "snapshot", f"{version}.snapshot.json")
        self._publish_timestamp(version)

    def _publish_timestamp(self, snapshot_version: int) -> None:
        version = self._load_timestamp().signed.version + 1 if self.exists() else 1
        meta = self._meta_of(f"{snapshot_version}.snapshot.json", snapshot_version)
        timestamp = Timestamp(version, expires=self._until(self._settings.timestamp_days), snapshot_meta=meta)
        self._write_signed(timestamp, "timestamp", "timestamp.json")

    def _meta_of(self, name: str, version: int) -> MetaFile:
        data = self._read(self._metadata / name)
        return MetaFile.from_data(version, data, ["sha256"])

    def _write_signed(self, signed: T, role: str, name: str) -> None:
        metadata = Metadata(signed)
        metadata.sign(self._signer(role))
        _write(self._metadata / name, metadata.to_bytes())

    def _until(self, days: float) -> datetime:
        return (self._now() + timedelta(days=days)).replace(microsecond=0)

    def _is_old(self, signed: Signed, days: float) -> bool:
        return signed.expires - self._now() < timedelta(days=days / 2)

    # ---- files ---------------------------------------------------------------------------------------------------

    def _make_key(self, name: str) -> CryptoSigner:
        signer = CryptoSigner.generate_ed25519()
        _write(self._keys / f"{name}.pem", signer.private_bytes)
        return signer

    def _signer(self, name: str) -> CryptoSigner:
        key = load_pem_private_key(self._read(self._keys / f"{name}.pem"), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise RepositoryUnusable("a signing key is not an ed25519 key", key=name)
        return CryptoSigner(key)

    def _load_timestamp(self) -> Metadata[Timestamp]:
        return self._load(Timestamp, "timestamp.json")

    def _load_snapshot(self) -> Metadata[Snapshot]:
        return self._load(Snapshot, f"{self._load_timestamp().signed.snapshot_meta.version}.snapshot.json")

    def _load_targets(self) -> Metadata[Targets]:
        return self._load(Targets, f"{self._load_snapshot().signed.meta['targets.json'].version}.targets.json")

    def _load_root(self) -> Metadata[Root]:
        versions = [int(path.name.partition(".")[0]) for path in self._metadata.glob("*.root.json")]
        return self._load(Root, f"{max(versions, default=1)}.root.json")

    def _load(self, kind: type[T], name: str) -> Metadata[T]:
        try:
            metadata = Metadata[T].from_bytes(self._read(self._metadata / name))
        except DeserializationError as error:
            raise RepositoryUnusable("release metadata cannot be read", file=name) from error
        if not isinstance(metadata.signed, kind):
            raise RepositoryUnusable("release metadata is of another kind", file=name)
        return metadata

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise RepositoryUnusable("a file of the release repository cannot be read", file=path.name) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the command line and the service may both sign
            yield


def _write(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
