"""The daemon as a real process in which a part can be made to stand still, and whose wall clock can be stepped.

``python -m tests.fault.fault_daemon FOLDER run --config FILE``. A part stands still, for ever, once a file of its
name lies in FOLDER; ``clock`` there holds the seconds by which the host's wall clock is wrong.
"""

import sys
import threading
from pathlib import Path

from edge_agent import running
from edge_agent.agent.agent import Agent
from edge_agent.analysis.analysis import Analysis
from edge_agent.analysis.reader import Reader
from edge_agent.cli import main
from edge_agent.operate.clock import HostClock
from edge_agent.store.keeper import Keeper
from edge_agent.sync.client import SyncClient
from edge_agent.sync.herald import Herald
from edge_agent.updates.updater import Updater

PARTS = {
    "analysis": (Analysis, "push"),
    "reader": (Reader, "offer"),
    "keeper": (Keeper, "_turn"),
    "main": (Agent, "tend"),
    "sync": (SyncClient, "_send"),
    "status": (Herald, "_send"),
    "updates": (Updater, "_tend"),
}
"""By the name that the daemon has for a loop: what that loop calls each time round."""


def may_stand_still(owner, method, name, folder):
    """Let a method of a part never return once the file is there."""
    inside = getattr(owner, method)

    def stands(*given, **named):
        if (folder / name).exists():
            threading.Event().wait()
        return inside(*given, **named)

    setattr(owner, method, stands)


class WrongClock(HostClock):
    """The host's clocks, the one on the wall as wrong as the file says."""

    def __init__(self, file):
        self._file = file

    def utc_s(self):
        return super().utc_s() + (float(self._file.read_text()) if self._file.exists() else 0.0)


if __name__ == "__main__":
    faults = Path(sys.argv[1])
    for part, (owner, method) in PARTS.items():
        may_stand_still(owner, method, part, faults)
    running.HostClock = lambda: WrongClock(faults / "clock")
    sys.exit(main(sys.argv[2:]))
