"""Where a store may live: a local, writable folder, one writer, and some space held back for findings."""

import fcntl
import os
import tempfile
from pathlib import Path

from edge_agent.store.errors import StoreInUse, StoreUnsafe, StoreUnwritable

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "9p", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"}
    | {"fuse.s3fs", "fuse.rclone", "davfs", "fuse.davfs2", "lustre", "beegfs", "ocfs2", "gfs2"}
)
MOUNTS = Path("/proc/self/mounts")
RESERVE_BYTES = 8 << 20


def check_folder(folder: Path, mounts: Path = MOUNTS) -> None:
    """Make sure that a store may be put in `folder`; creates it where absent.

    Raises
    ------
    StoreUnwritable : it cannot be made or written. StoreUnsafe : it lies on a network file system.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnwritable(
            "the store's folder cannot be made", folder=str(folder), why=error.strerror or ""
        ) from error
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
    except PermissionError as error:
        raise StoreUnwritable("the store's folder cannot be written", folder=str(folder)) from error
    except OSError as error:
        if error.errno != 28:  # a full disk is met later, where waves can be dropped
            raise StoreUnwritable(
                "the store's folder cannot be written", folder=str(folder), why=error.strerror or ""
            ) from error


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


class Reserve:
    """A file that only holds space: given up on a full disk so that findings can still be written."""

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size_bytes
        self.held = False
        self.hold()

    def hold(self) -> bool:
        """Hold the space back; False where the disk has none."""
        if self._size == 0:
            return False
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            self.held = False
            return False
        try:
            os.posix_fallocate(file, 0, self._size)
            self.held = True
        except OSError:
            os.ftruncate(file, 0)
            self.held = False
        finally:
            os.close(file)
        return self.held

    def release(self) -> bool:
        """Give the space up; True when there was some."""
        had, self.held = self.held, False
        self._path.unlink(missing_ok=True)
        return had
