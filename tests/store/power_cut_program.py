"""The program whose writes are recorded: it fills both stores, and says what they said was on disk."""

import os
import sys
from pathlib import Path

import numpy as np

from biosignal.signal.blocks import Lead, SampleBlock
from edge_agent.store.events import EventStore
from edge_agent.store.waveforms import WaveStore
from tests.store import events_made as made

RESERVE = 128 << 10
LEADS = (Lead(name="I"),)


def open_events(folder):
    return EventStore(folder / "events.db", "bed-1", "boot", reserve_bytes=RESERVE, ids_held=50)


def open_waves(folder):
    return WaveStore(folder / "waveforms.db", 60_000, reserve_bytes=RESERVE)


def main(folder, rounds, *, unsafe=False):
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(*words):
        os.write(said, " ".join(map(str, words)).encode())

    noise = np.random.default_rng(1).normal(0, 1, (1, 1000)).astype(np.float32)
    number = at = 0
    for _ in range(rounds):
        events, waves = open_events(folder), open_waves(folder)
        if unsafe:
            events._db.execute("PRAGMA synchronous = NORMAL")
        for turn in range(40):
            batch = [made.finding(str(number + index), "r") for index in range(1 + turn % 3)]
            events.add_many([*batch, made.text(str(number))])
            number += len(batch)
            say("has", *(one.id for one in batch))
            if turn % 2:
                waves.append(SampleBlock(recording="r", start=at, fs_hz=100.0, leads=LEADS, samples=noise))
                at += 1000
                say("wave", at)
            if turn % 7 == 3:
                rows = events.outbox(4)
                say("receipted", *(row.id for row in rows))
                events.confirm((row.id, row.rev) for row in rows)
                say("sent", *(row.id for row in rows))
            if turn == 30:
                events.trim(RESERVE, most=20)
        waves.close()
        events.close()
        say("closed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), unsafe="unsafe" in sys.argv)
