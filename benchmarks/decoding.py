"""Decoding against the speed of the line: how many times faster than its bytes can arrive, on one core.

``python -m benchmarks.decoding [--quick]`` prints it, with BrainFlow's own Cyton parser beside ours where BrainFlow is
installed: it has no parser to call without a port, so both read the same bytes from a pseudo terminal.
"""

import argparse
import os
import pty
import threading
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.figures import Figure
from edge_agent.sources.decoders import KINDS, make_decoder
from edge_agent.sources.decoders.cyton import encode

FEED_S = 0.04  # as the serial source feeds
DAMAGED_PART = 0.01
BITS_A_BYTE = 10
TEXT_BYTES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """Processor time against line time, higher is better.

    Parameters
    ----------
    live : fed every 40 ms, with times.
    capture : fed as one piece.
    damaged : as `live`, one frame in a hundred flipped, torn or behind noise.
    """

    protocol: str
    bytes_per_s: float
    live: float
    capture: float
    damaged: float


def ratios(*, quick: bool = False) -> list[Ratio]:
    """Measure every protocol."""
    return [_ratio(protocol, seconds=60.0 if quick else 600.0) for protocol in KINDS]


def measure(*, quick: bool = False) -> list[Figure]:
    """Give the slower of live and damaged for every protocol."""
    return [
        Figure(
            name=f"decoding_{one.protocol}",
            value=min(one.live, one.damaged),
            note=f"40 ms at a time: clean {one.live:.0f} x, damaged {one.damaged:.0f} x; at once {one.capture:.0f} x",
        )
        for one in ratios(quick=quick)
    ]


def _ratio(protocol: str, *, seconds: float) -> Ratio:
    facts = make_decoder(protocol).facts
    frame_hz = facts.frame_hz or KINDS[protocol].baud / BITS_A_BYTE / TEXT_BYTES
    rows = 1 if protocol == "text" else len(facts.channels)
    count = round(seconds * (facts.fs_hz or frame_hz))
    samples = np.random.default_rng(1).integers(100, 1000, (rows, count)).astype(np.float32)
    octets = KINDS[protocol].encode(samples)
    bytes_per_s = len(octets) / seconds
    frame_bytes = facts.frame_bytes or TEXT_BYTES
    worn = _damaged(octets, frame_bytes)
    return Ratio(
        protocol=protocol,
        bytes_per_s=bytes_per_s,
        live=_times(protocol, octets, bytes_per_s, FEED_S),
        capture=_times(protocol, octets, bytes_per_s, seconds),
        damaged=_times(protocol, worn, bytes_per_s, FEED_S),
    )


def _times(protocol: str, octets: bytes, bytes_per_s: float, feed_s: float) -> float:
    decoder = make_decoder(protocol)
    began_s = time.process_time()
    for start, end in _cuts(len(octets), feed_s * bytes_per_s):
        decoder.feed(octets[start:end], end / bytes_per_s)
    decoder.finish()
    spent_s = time.process_time() - began_s
    return len(octets) / bytes_per_s / spent_s


def _cuts(length: int, step: float) -> Iterator[tuple[int, int]]:
    edges = [round(n * step) for n in range(int(length / step) + 1)]
    edges[-1] = length
    yield from pairwise(edges)


def _damaged(octets: bytes, frame_bytes: int) -> bytes:
    random = np.random.default_rng(2)
    parts: list[bytes] = []
    last = 0
    for at in sorted(random.integers(0, len(octets), round(len(octets) / frame_bytes * DAMAGED_PART)).tolist()):
        at = max(at, last)
        what = int(random.integers(0, 3))
        parts += [octets[last:at], random.bytes(int(random.integers(1, 65))) if what == 0 else b""]
        last = at + (frame_bytes // 2 if what == 1 else 1 if what == 2 else 0)
    return b"".join([*parts, octets[last:]])


class _Board:
    """A Cyton on a pseudo terminal: answers commands, and at ``b`` sends its bytes as fast as they are read."""

    def __init__(self, octets: bytes) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self._slave = slave
        self.path = os.ttyname(slave)
        self._octets = octets
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            for command in os.read(self._master, 64):
                if command == ord("b"):
                    for start in range(0, len(self._octets), 4096):
                        os.write(self._master, self._octets[start : start + 4096])
                    return
                os.write(self._master, b"060110$$$" if command == ord("D") else b"OpenBCI V3 8-16 channel\n$$$")

    def close(self) -> None:
        self._thread.join(5)
        os.close(self._master)
        os.close(self._slave)


def beside_brainflow(*, quick: bool = False) -> tuple[float, float] | None:
    """Frames of a Cyton per second of wall time through a pseudo terminal, (ours, BrainFlow's); None without it."""
    try:
        from brainflow.board_shim import BoardIds, BoardShim, BrainFlowInputParams
    except ImportError:
        return None
    count = 20_000 if quick else 100_000
    octets = encode(np.random.default_rng(1).normal(0, 100, (8, count)).astype(np.float32))
    ours = _through_terminal(octets, count)
    board = _Board(octets)
    BoardShim.disable_board_logger()
    parameters = BrainFlowInputParams()
    parameters.serial_port = board.path
    shim = BoardShim(BoardIds.CYTON_BOARD.value, parameters)
    shim.prepare_session()
    began_s = time.perf_counter()
    shim.start_stream(2 * count)
    seen, idle = 0, 0
    while seen < count and idle < 200:
        time.sleep(0.01)
        now = shim.get_board_data_count()
        idle, seen = (idle + 1 if now == seen else 0), now
    spent_s = time.perf_counter() - began_s - idle * 0.01
    theirs = float(seen / spent_s)
    shim.release_session()
    board.close()
    return ours, theirs


def _through_terminal(octets: bytes, count: int) -> float:
    board = _Board(octets)
    port = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
    decoder = make_decoder("cyton")
    os.write(port, b"b")
    began_s = time.perf_counter()
    while decoder.counters.frames_ok < count:
        decoder.feed(os.read(port, 1 << 16), time.perf_counter())
    spent_s = time.perf_counter() - began_s
    os.close(port)
    board.close()
    return count / spent_s


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="a minute of signal each")
    options = parser.parse_args()
    print(f"{'protocol':12} {'line B/s':>9} {'live x':>8} {'capture x':>10} {'damaged x':>10}")
    for ratio in ratios(quick=options.quick):
        times = f"{ratio.live:8.0f} {ratio.capture:10.0f} {ratio.damaged:10.0f}"
        print(f"{ratio.protocol:12} {ratio.bytes_per_s:9.0f} {times}")
    beside = beside_brainflow(quick=options.quick)
    if beside is None:
        print("BrainFlow is not installed: not measured beside ours")
    else:
        print(f"Cyton through a pseudo terminal, frames/s: ours {beside[0]:.0f}, BrainFlow {beside[1]:.0f}")


if __name__ == "__main__":
    main()
