"""A small disk of its own, and another program that takes every byte of it that is or becomes free."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

GREEDY = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sizes = [1 << 20, 1 << 16, 1 << 12]
told = False
while True:
    for size in sizes:
        try:
            while os.write(file, bytes(size)) == size:
                pass
        except OSError:
            continue
    if not told:
        print("full", flush=True)
        told = True
"""


class SmallDisk:
    """A file system of `megabytes`; only root can mount one."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)

    @property
    def ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, *, leave_kb: int = 0) -> None:
        """Leave so much free and no more."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
            length = os.fstat(file.fileno()).st_size
        os.truncate(self.ballast, max(0, length - 1024 * leave_kb))

    def free(self) -> None:
        self.ballast.unlink(missing_ok=True)

    @contextlib.contextmanager
    def greedy(self):
        """Run a program that takes what is free, until the end."""
        program = subprocess.Popen([sys.executable, "-c", GREEDY, str(self.ballast)], stdout=subprocess.PIPE, text=True)
        try:
            assert program.stdout.readline() == "full\n"
            yield
        finally:
            program.kill()
            program.wait()
            program.stdout.close()
