"""An emulated board, a damaged pseudo terminal and the source that reads it, on the board's own time."""

import random
import threading
import time
from contextlib import contextmanager

import numpy as np

from biosignal.signal.blocks import SampleBlock
from edge_agent.sources.decoders import make_decoder
from edge_agent.sources.decoders.port import BoardSettings, Samples
from edge_agent.sources.emulated_boards import WIRING, Wiring
from edge_agent.sources.emulation import Emulation
from edge_agent.sources.emulator import BoardClock, Emulator
from edge_agent.sources.excerpt import FS_HZ, Excerpt
from edge_agent.sources.serial_board import SerialBoard
from edge_agent.sources.serial_settings import SerialBoardSettings

SPEED = 20.0
COUNTED = ("cyton", "cyton-daisy", "olimex", "bitalino", "shimmer3")


def settings_of(protocol):
    wiring = WIRING.get(protocol, Wiring())
    return BoardSettings(
        fs_hz=250.0 if protocol == "text" else None,
        mv_per_count=wiring.mv_per_count,
        zero_count=wiring.zero_count,
        sensors=("ECG", "EMG") if protocol == "bitalino" else (),
    )


def excerpt(seconds):
    """Real samples, shape (1, n), millivolts."""
    samples = np.concatenate([block.samples for block in Excerpt().read()], axis=1)
    return samples[:, : round(seconds * FS_HZ)]


def emulation_of(protocol, seconds, faults=()):
    return Emulation(protocol, excerpt(seconds), FS_HZ, settings=settings_of(protocol), faults=faults)


class Line:
    """Reads into `items` while the board plays."""

    def __init__(self, protocol, emulation, link, *, speed=SPEED, clock=None, **changes):
        self.emulation = emulation
        clock = clock or BoardClock()
        self.emulator = Emulator(
            emulation, speed=speed, link=link, clock=clock if isinstance(clock, BoardClock) else None
        )
        # The line waits on the computer's clock, so a wait of 40 ms would be most of a second of this board's time.
        values = {"block_s": 0.0005, "poll_s": 0.04 / speed, "first_retry_s": 0.005, "longest_retry_s": 0.02, **changes}
        self.source = SerialBoard(
            SerialBoardSettings(port=str(link), protocol=protocol, board=settings_of(protocol), **values),
            clock=clock,
            jitter=random.Random(1),
        )
        self.items = []
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self):
        self.source.open("rec")
        for item in self.source.read():
            self.items.append(item)

    def play(self, *, limit_s=90.0):
        """Until the record is through."""
        self._thread.start()
        self.emulator.start()
        until_s = time.monotonic() + limit_s
        while not self.emulation.ended and time.monotonic() < until_s:
            time.sleep(0.01)
        assert self.emulation.ended, self.source.health()
        time.sleep(0.1)
        return self.stop()

    def stop(self):
        self.source.close()
        self._thread.join(5)
        self.emulator.stop()
        assert not self._thread.is_alive()
        return self.items


@contextmanager
def playing(protocol, emulation, link, **changes):
    line = Line(protocol, emulation, link, **changes)
    line._thread.start()
    line.emulator.start()
    try:
        yield line
    finally:
        line.stop()


def undamaged(protocol, seconds, leads):
    """The record through the decoder, without a line; rows as the source gives them."""
    emulation = emulation_of(protocol, seconds)
    frames = emulation.board.frames(emulation.take, 0, emulation.frames)
    decoder = make_decoder(protocol, settings_of(protocol))
    decoded = decoder.feed(b"".join(frames)) + decoder.finish()
    samples = np.concatenate([item.samples for item in decoded if isinstance(item, Samples)], axis=1)
    names = [lead.name for lead in decoder.facts.channels]
    rows = [0] if protocol == "text" else [names.index(lead.name) for lead in leads]
    return samples[rows]


def offset_of(items, clean):
    """Where the first sample that arrived stands in the record: a board that talks unasked has begun before."""
    first = next(item for item in items if isinstance(item, SampleBlock) and item.length)
    live = np.concatenate([item.samples for item in items[:40] if isinstance(item, SampleBlock)], axis=1)[0, :60]
    live = live[np.isfinite(live)][:40]
    for offset in range(1000):
        piece = clean[0, offset : offset + live.size]
        if np.array_equal(piece, live):
            return offset - first.start
    raise AssertionError("what arrived first is not in the record")


def contiguous(items):
    expected = 0
    for item in items:
        assert item.start == expected
        expected = item.end
    return expected
