"""Becomes another program that ends with its parent: ``python -m cloud_service.broker.leash PARENT PROGRAM ...``.

A broker that outlived a killed parent would keep the port, and nobody would reload its accounts. Linux only; elsewhere
the program just runs.
"""

import ctypes
import os
import signal
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def become(parent: int, command: list[str]) -> NoReturn:
    """Replace this process by `command`; ends with 1 where the parent is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  # nosec B606  # no shell is wanted


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
