"""Cuts the power at random moments of a recording, starts the stores on what is left, and looks for what is lost."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge_agent.store.rows import long_id
from tests.store import events_made as made
from tests.store.power_cut import Disk, Recording, record
from tests.store.power_cut_program import open_events, open_waves

PROGRAM = """
import runpy, sys
sys.argv = ["x", *sys.argv[1:]]
runpy.run_module("tests.store.power_cut_program", run_name="__main__")
"""


@dataclass
class Cuts:
    """What was found: cuts, committed events that were lost, files that were damaged."""

    cuts: int = 0
    lost: int = 0
    back_in_outbox: int = 0
    damaged: int = 0


def recorded(folder: Path, *more: str, rounds: int = 3) -> Recording:
    return record(folder, PROGRAM, str(rounds), *more)


class Mending(NamedTuple):
    """A start on a damaged file: its recording, what the file held, and how many calls its replacing took."""

    recording: Recording
    there: frozenset[str]
    calls: int


def mended(folder: Path) -> Mending:
    """Record the start on a file of 150 events whose header is spoiled."""
    folder.mkdir()
    store = open_events(folder)
    events = [made.finding(f"old {number}", "r") for number in range(150)]
    store.add_many(events)
    store.close()
    with (folder / "events.db").open("r+b") as file:
        file.write(b"\xa5" * 100)
    recording = recorded(folder, rounds=1)
    first_mark = next(at for at, op in enumerate(recording.ops) if op.do == "mark")
    return Mending(recording, frozenset(event.id for event in events), first_mark + 40)


def cut(
    recording: Recording, folder: Path, count: int, *, seed: int, there: frozenset[str] = frozenset(), first: int = 0
) -> Cuts:
    """Cut the power `count` times, at moments spread over the recording.

    Parameters
    ----------
    there : ids of events that were stored before it began, in a file that is damaged.
    first : so many of its first calls only; 0: all.
    """
    rng = random.Random(seed)
    moments = sorted(rng.randrange((first or len(recording.ops)) + 1) for _ in range(count))
    disk, reached, found = Disk(recording), 0, Cuts()
    for moment in moments:
        for op in recording.ops[reached:moment]:
            disk.step(op)
        reached = moment
        disk.lose_power(folder, rng)
        _look(folder, disk.marks, found, there)
    return found


def _look(folder: Path, marks: list[bytes], found: Cuts, there: frozenset[str]) -> None:
    said = [mark.decode().split() for mark in marks]
    committed = {id_ for kind, *ids in said if kind == "has" for id_ in ids} | there
    receipted = {id_ for kind, *ids in said if kind == "receipted" for id_ in ids}
    sent = {id_ for kind, *ids in said if kind == "sent" for id_ in ids}
    found.cuts += 1
    events = open_events(folder)
    stored = {long_id(id_) for (id_,) in events._db.execute("SELECT id FROM events").fetchall()}
    waiting = {row.id for row in events.outbox(10**6)}
    found.damaged += events.salvage is not None and not there
    found.damaged += [row[0] for row in events._db.execute("PRAGMA integrity_check").fetchall()] != ["ok"]
    # What was received may have been deleted since; what was not never is.
    found.lost += len((committed - receipted) - stored) + len((committed - receipted) & stored - waiting)
    found.back_in_outbox += len(sent & waiting)
    events.close()
    waves = open_waves(folder)
    found.damaged += waves.salvage is not None
    ends = [int(words[0]) for kind, *words in said if kind == "wave"]
    # The newest ten seconds may be in memory still.
    found.lost += bool(ends) and waves.newest("r", "I") < ends[-1]
    waves.close()
