"""Coverage-guided fuzzing of the decoders, where atheris is installed.

``python -m tests.fault.fuzz_decoders -max_total_time=60``

The first byte of an input chooses the protocol, the second how the rest is cut.
"""

import sys

import atheris

with atheris.instrument_imports():
    from edge_agent.sources.decoders import KINDS
    from tests.decoders.fuzzing import Watched
    from tests.decoders.streams import clean

PROTOCOLS = list(KINDS)


def feed(data: bytes) -> None:
    """One input."""
    if len(data) < 3:
        return
    watched = Watched(PROTOCOLS[data[0] % len(PROTOCOLS)])
    step, rest = data[1] or len(data), data[2:]
    for start in range(0, len(rest), step):
        watched.feed(rest[start : start + step], start / 100 if data[1] % 2 else None)
    watched.finish()


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Half the time, real frames with this input put into them."""
    if seed % 2 or len(data) < 3:
        return bytes(atheris.Mutate(data, most))
    frames = clean(PROTOCOLS[data[0] % len(PROTOCOLS)], 30, seed % 5)[0]
    frames[seed % len(frames)] = data[2:66]
    return (data[:2] + b"".join(frames))[:most]


if __name__ == "__main__":
    atheris.Setup([*sys.argv, "-max_len=2000"], feed, custom_mutator=mutate)
    atheris.Fuzz()
