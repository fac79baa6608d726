"""Where a store may live: a local, writable folder, with one writer."""

import errno
import fcntl
import os
import tempfile
from pathlib import Path

from edge_agent.store.errors import StoreInUse, StoreMisplaced, StoreTrouble, StoreUnsafe, StoreUnwritable

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "9p", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"}
    | {"fuse.s3fs", "fuse.rclone", "davfs", "fuse.davfs2", "lustre", "beegfs", "ocfs2", "gfs2"}
)
MOUNTS = Path("/proc/self/mounts")
_PASSES = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)
"""What may be over a minute later; the rest is for a person to change."""


def check_folder(folder: Path, mounts: Path = MOUNTS) -> None:
    """Make sure that a store may be put in `folder`; creates it where absent.

    Raises
    ------
    StoreMisplaced : it cannot be made or written. StoreTrouble : not now. StoreUnsafe : it lies on a network file
    system.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _folder_trouble("made", folder, error) from error
    kind = file_system(folder, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreUnsafe(
            "the store lies on a network file system, where locks and flushes cannot be trusted",
            folder=str(folder),
            file_system=kind,
        )
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:  # a full disk is met later, where waves can be dropped
            raise _folder_trouble("written", folder, error) from error


def _folder_trouble(what: str, folder: Path, error: OSError) -> StoreTrouble:
    kind = StoreUnwritable if error.errno in _PASSES else StoreMisplaced
    return kind(f"the store's folder cannot be {what}", folder=str(folder), why=error.strerror or "")


def file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Name the type of the file system `folder` lies on; None where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    wanted = folder.resolve()
    best: tuple[int, str | None] = (-1, None)
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = Path(fields[1].replace("\\040", " "))
        if (mount == wanted or mount in wanted.parents) and len(mount.parts) >= best[0]:
            best = (len(mount.parts), fields[2])
    return best[1]


class WriterLock:
    """Held by the one process that writes to a store; the system drops it when the process dies."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnwritable(
                "the store's lock file cannot be opened", file=str(path), why=error.strerror or ""
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise StoreInUse("another process writes to this store", lock=str(path)) from error

    def release(self) -> None:
        """Let another process write."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
