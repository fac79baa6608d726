"""Writes out what an event store holds, as JSON lines, beside a running daemon or after it."""

import json
from pathlib import Path
from typing import TextIO

from biosignal.wire.envelope import encode
from edge_agent.store.reading import open_reader

PAGE = 1000


def dump_events(path: Path, stdout: TextIO, *, kind: str | None = None) -> None:
    """Write each stored event as its envelope, in the order they were added; the last line sums up.

    Raises
    ------
    StoreUnwritable : there is no such file, or it cannot be read.
    """
    reader = open_reader(path)
    try:
        for envelope in reader.stream(kind, page=PAGE):
            line = {"type": "event", **json.loads(encode(envelope))}
            stdout.write(json.dumps(line) + "\n")
        counts = reader.counts()
        summary = {"type": "summary", "events": counts.events, "outbox": counts.outbox, "rejected": counts.rejected}
        stdout.write(json.dumps(summary) + "\n")
        stdout.flush()
    finally:
        reader.close()
