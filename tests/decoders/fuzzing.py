"""Bytes that no board sends: real frames torn, flipped, repeated, mixed with noise; and what must hold meanwhile."""

import numpy as np

from edge_agent.sources.decoders.port import Loss
from tests.decoders.streams import clean, fresh

MOST_HELD = 4096  # bytes; a dozen of the longest frames and a line of text lie well below
INTERESTING = [b"\xa0", b"\xc0", b"\n", b"\x0a\xfa", b"\x00\x0b", b"\xa5\x5a\x02", b"\xff\x8a", b"\x00", b"1,2\n", b"!"]


def mutations(protocol, total, seed):
    """Yield pieces of about 8 kB, `total` bytes together."""
    random = np.random.default_rng(seed)
    frames = clean(protocol, 2000, seed)[0]
    at = 0
    while total > 0:
        count = int(random.integers(20, 250))
        parts = [frames[(at + n) % len(frames)] for n in range(count)]
        at += count + int(random.integers(0, 3))
        for _ in range(int(random.integers(0, 12))):
            _mutate(parts, random)
        piece = b"".join(parts)
        total -= len(piece)
        yield piece


def _mutate(parts, random):
    place = int(random.integers(0, len(parts)))
    part, what = parts[place], int(random.integers(0, 8))
    if what == 0:
        parts[place] = part[: int(random.integers(0, len(part) + 1))]
    elif what == 1:
        parts[place] = random.bytes(int(random.integers(0, 200)))
    elif what == 2:
        parts[place] = part + part
    elif what == 3:
        parts[place] = INTERESTING[int(random.integers(0, len(INTERESTING)))] * int(random.integers(1, 60))
    elif what == 4:
        parts[place] = bytes(len(part) * int(random.integers(1, 30)))
    elif what == 5:
        parts[place] = b""
    elif part:
        octets = np.frombuffer(part, np.uint8).copy()
        octets[int(random.integers(0, len(octets)))] ^= int(random.integers(1, 256))
        parts[place] = octets.tobytes()


class Watched:
    """A decoder, held to its promises at every feed."""

    def __init__(self, protocol):
        self.decoder = fresh(protocol)
        self.index = 0
        self.samples = 0

    def feed(self, data, now_s=None):
        self._check(self.decoder.feed(data, now_s))
        counters = self.decoder.counters
        held = counters.bytes_in - counters.frame_bytes - counters.bytes_skipped
        assert 0 <= held <= MOST_HELD

    def finish(self):
        self._check(self.decoder.finish())
        counters = self.decoder.counters
        assert counters.frame_bytes + counters.bytes_skipped == counters.bytes_in
        assert min(counters.facts().values()) >= 0

    def _check(self, items):
        for item in items:
            if isinstance(item, Loss):
                assert item.at == self.index
                assert item.count >= 0
                self.index += item.count
                continue
            assert item.start == self.index
            assert item.samples.dtype == np.float32
            assert item.samples.shape[0] == len(self.decoder.facts.channels)
            assert not np.isinf(item.samples).any()
            self.index = item.end
            self.samples += item.samples.shape[1]


def run(protocol, total, seed, *, times=False):
    """Feed mutations, a third of them cut small; the decoder at the end."""
    watched = Watched(protocol)
    random = np.random.default_rng(seed + 1)
    now_s = 0.0
    for number, piece in enumerate(mutations(protocol, total, seed)):
        step = int(random.integers(1, 400)) if number % 3 == 0 else len(piece) or 1
        for start in range(0, len(piece), step):
            now_s += float(random.exponential(0.05))
            watched.feed(piece[start : start + step], now_s if times else None)
        if number % 97 == 96:
            watched.decoder.restart()
    watched.finish()
    return watched
