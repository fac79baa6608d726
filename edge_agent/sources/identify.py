"""Which board is on a line, by its bytes alone. Pure."""

from dataclasses import dataclass

import numpy as np

from edge_agent.sources.decoders import KINDS, make_decoder
from edge_agent.sources.decoders.bitalino import heard_channels
from edge_agent.sources.decoders.bits import int24_be
from edge_agent.sources.decoders.cyton import FRAMING as CYTON_FRAMING
from edge_agent.sources.decoders.cyton import SIZE as CYTON_SIZE
from edge_agent.sources.decoders.port import BoardSettings, Loss
from edge_agent.sources.decoders.protocentral import len20_firmware
from edge_agent.sources.decoders.shimmer3 import find_inquiry

LISTEN_S = 1.5
MOST = 0.9  # of the bytes must be whole frames
ENOUGH_FRAMES = {"bitalino": 24, "text": 30}
RATE_OFF = 0.15
LEN20 = {"healthypi3", "healthypi4", "healthypi5"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A protocol that the bytes may be.

    Parameters
    ----------
    confidence : 0 to 1: a key alone gives at most 0.5; two that do not depend on each other at least 0.9.
    keys : what speaks for it, in words.
    channels : where the bytes show how many there are.
    """

    protocol: str
    confidence: float
    keys: tuple[str, ...]
    channels: int | None = None


def identify(data: bytes, *, seconds: float | None = None, likely: tuple[str, ...] = ()) -> list[Candidate]:
    """The protocols that `data` may be, the likeliest first; none where it is no board's.

    Parameters
    ----------
    data : bytes as they came, from any point on.
    seconds : how long they were listened to: then the rate is a key.
    likely : protocols that the port's USB id or name stands for: a key too.
    """
    found = [candidate for protocol in KINDS if (candidate := _candidate(protocol, data, seconds, likely)) is not None]
    return sorted(_settled(data, found), key=lambda each: -each.confidence)


def _candidate(protocol: str, data: bytes, seconds: float | None, likely: tuple[str, ...]) -> Candidate | None:
    channels = heard_channels(data[: 1 << 14]) if protocol == "bitalino" else None
    settings = BoardSettings(channels=channels or None, inquiry=find_inquiry(data) if protocol == "shimmer3" else b"")
    decoder = make_decoder(protocol, settings)
    decoded = decoder.feed(data) + decoder.finish()
    frames, whole = decoder.counters.frames_ok, decoder.counters.frame_bytes / max(len(data), 1)
    if frames < ENOUGH_FRAMES.get(protocol, 5) or whole < MOST:
        return None
    keys = [f"{frames} whole frames, {whole:.1%} of the bytes"]
    breaks = sum(isinstance(item, Loss) for item in decoded)
    counted = decoder.facts.frame_bytes > 0 and protocol not in LEN20 | {"ads1292r", "healthypi2"}
    if counted and breaks <= max(1, frames // 50):
        keys.append("its counter rises frame by frame")
    if seconds and decoder.facts.frame_hz and protocol != "bitalino":
        rate_hz = frames / seconds
        if abs(rate_hz / decoder.facts.frame_hz - 1) < RATE_OFF:
            keys.append(f"{rate_hz:.0f} frames a second, as it should")
    if protocol in likely:
        keys.append("the USB id or the name of the port stands for it")
    confidence = 0.5 if len(keys) == 1 else min(0.99, 0.9 + 0.03 * len(keys))
    if protocol == "text":
        # Any logger of numbers looks like this: what the numbers mean is for a person to say.
        keys[0] = f"{frames} lines of numbers"
        confidence = min(confidence, 0.5)
    return Candidate(protocol=protocol, confidence=confidence, keys=tuple(keys), channels=channels or None)


def _settled(data: bytes, found: list[Candidate]) -> list[Candidate]:
    """Distinguish what the same frames fit: firmwares of the HealthyPi, a Cyton with and without Daisy."""
    names = {candidate.protocol for candidate in found}
    without = set[str]()
    if names >= {"cyton", "cyton-daisy"}:
        without = {"cyton"} if _alternates(data) else {"cyton-daisy"}
    firmware = _len20(data) if names & LEN20 else ""
    if firmware:
        without |= LEN20 - {"healthypi5" if firmware == "healthypi5-v1" else firmware}
    return [candidate for candidate in found if candidate.protocol not in without]


def _len20(data: bytes) -> str:
    head, size = b"\x0a\xfa\x14\x00\x02", 27
    places = []
    at = data.find(head)
    while at >= 0 and at + size <= len(data):
        places.append(at)
        at = data.find(head, at + size)
    if not places:
        return ""
    octets = np.frombuffer(data, np.uint8)
    return len20_firmware(octets[np.asarray(places)[:, None] + np.arange(size)])


def _alternates(data: bytes) -> bool:
    """Whether frames two apart are nearer to each other than neighbours: halves of 16 channels in turn."""
    octets = np.frombuffer(data, np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(octets, CYTON_SIZE)
    first = int(CYTON_FRAMING.good(windows).argmax())
    count = (len(octets) - first) // CYTON_SIZE
    frames = octets[first : first + count * CYTON_SIZE].reshape(count, CYTON_SIZE)
    frames = frames[CYTON_FRAMING.good(frames)]
    values = int24_be(frames[:, 2:26]).astype(np.float64)
    if len(values) < 8:
        return False
    neighbours = np.abs(np.diff(values, axis=0)).mean()
    two_apart = np.abs(values[2:] - values[:-2]).mean()
    return bool(two_apart < 0.8 * neighbours)
