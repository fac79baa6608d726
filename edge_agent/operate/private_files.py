"""Everything that the daemon writes is about a patient: nobody but its own user may read it."""

import contextlib
import os
import stat
from pathlib import Path

OTHERS = 0o077
"""What a new file or folder is not to give to group and world: the umask of the program."""


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
