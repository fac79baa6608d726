"""Which recording a run uses: a whole one below EDGE_DATA_DIR, else the embedded excerpt, and the notes then say so."""

import os
from dataclasses import dataclass
from pathlib import Path

from biosignal.signal.blocks import Gap, SampleBlock
from edge_agent.sources.port import SourceFacts
from edge_agent.sources.resolve import Places, resolve

EXCERPT = "excerpt"
EXCERPT_NOTE = "no EDGE_DATA_DIR: the 5-minute excerpt of mitdb/208"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """A whole recording in memory, all leads, in blocks as the source gave them."""

    name: str
    facts: SourceFacts
    items: tuple[SampleBlock | Gap, ...]

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.items[-1].end / self.facts.fs_hz


def record_name(wanted: str) -> str:
    """Give `wanted` (``mitdb/100``) if it is unpacked here, else the excerpt."""
    data = os.environ.get("EDGE_DATA_DIR")
    return wanted if data and Path(data, f"{wanted}.hea").exists() else EXCERPT


def load(name: str) -> Signal:
    """Read a recording whole."""
    source = resolve(name, Places.of_environment())
    source.open("benchmark")
    return Signal(name=name, facts=source.recording_facts(), items=tuple(source.read()))
