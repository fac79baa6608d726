"""Files that only their owner may read: passwords and keys, and all else that a program of ours writes."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

OTHERS = 0o077
"""What a new file or folder is not to give to group and world: the umask of the program."""


def write_secret(path: Path, content: bytes) -> None:
    """Replace `path` in one step, readable by the owner alone from its first byte."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def keep_to_ourselves(folder: Path) -> None:
    """Close `folder` and what lies in it to all others, also what an earlier release left open.

    What belongs to somebody else stays as it is.
    """
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(OSError):
            facts = path.lstat()
            ours = facts.st_uid == os.geteuid() and not stat.S_ISLNK(facts.st_mode) and not facts.st_mode & stat.S_ISVTX
            if ours and stat.S_IMODE(facts.st_mode) & OTHERS:
                path.chmod(stat.S_IMODE(facts.st_mode) & ~OTHERS)
