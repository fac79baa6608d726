"""Olimex SHIELD-EKG-EMG: packets of 17 or 21 bytes, six inputs of 10 bits, a one-byte counter.

Source: the sketches of logston/olimex-ekg-emg (the OpenEEG "P2" packet).
Departures: the sketch calls its rate 256 Hz, its timer makes 250. Gain is a trimmer and the reference voltage a jumper:
raw counts, unless the settings bring a measured scale for the inputs.
"""

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Lead, Unit
from edge_agent.sources.decoders.first_heard import FirstHeard
from edge_agent.sources.decoders.frame_decoder import FrameDecoder
from edge_agent.sources.decoders.framing import BRIDGE_BYTES, Framing, Sequence
from edge_agent.sources.decoders.port import DEFAULTS, BoardSettings, Bytes, DecoderFacts, Values

INPUTS = 6
FS_HZ = 250.0
SIZE, SIZE_WITH_TIME = 17, 21
RESTARTED = 0x02  # switches of the packets that a variant sends for a second after its start


def _good(frames: Bytes) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = (frames[:, 0] == 0xA5) & (frames[:, 1] == 0x5A) & (frames[:, 2] == 2)
    for at in range(4, 16, 2):
        right &= frames[:, at] <= 3
    return right


def _fault(frame: Bytes) -> str:
    return "bad_footer" if (frame[:3] == (0xA5, 0x5A, 2)).all() else "bad_header"


def framing(size: int) -> Framing:
    """The packet of `size` bytes; three fixed bytes and six that are 3 at most.

    Nothing marks its end, so only two in a row show which size is right, and that a packet is none by chance.
    """
    return Framing(
        size=size,
        good=_good,
        fault=_fault,
        sequence=Sequence(of=lambda frames: frames[:, 3].astype(np.int64), modulus=256),
        links=2,
        relinks=2,
        reach=2,
        bridge=BRIDGE_BYTES,
    )


def olimex(settings: BoardSettings = DEFAULTS) -> FirstHeard:
    """Decoder of an Olimex shield: six inputs, in counts unless the settings give a scale."""
    return FirstHeard([_decoder(size, settings) for size in (SIZE, SIZE_WITH_TIME)])


def _decoder(size: int, settings: BoardSettings) -> FrameDecoder:
    scale, zero = settings.mv_per_count, settings.zero_count
    unit = Unit.RAW if scale is None else Unit.MILLIVOLT
    facts = DecoderFacts(
        protocol="olimex",
        fs_hz=settings.fs_hz or FS_HZ,
        channels=tuple(Lead(name=f"A{number}", unit=unit) for number in range(1, INPUTS + 1)),
        frame_hz=settings.fs_hz or FS_HZ,
        frame_bytes=size,
    )

    def samples(frames: Bytes) -> Values:
        counts: Values = np.ascontiguousarray(frames[:, 4:16]).view(">u2").T.astype(np.float32)
        # The marker of a restart holds 512 everywhere: not a measurement.
        counts[:, (frames[:, size - 1] == RESTARTED) & (counts == 512).all(axis=0)] = np.nan
        return counts if scale is None else ((counts - zero) * scale).astype(np.float32)

    return FrameDecoder(facts, framing(size), samples)


def encode(samples: Values, *, first: int = 0, switches: int = 0x01, size: int = SIZE) -> bytes:
    """Packets that hold `samples`, shape (6 or fewer, sample), in counts 0 to 1023.

    Parameters
    ----------
    first : index of the first sample: decides the counter.
    size : 17, or 21 with the board's milliseconds before the switches.
    """
    counts = np.clip(np.rint(np.asarray(samples, np.float64)), 0, 1023).astype(">u2")
    frames = np.zeros((counts.shape[1], size), np.uint8)
    place = first + np.arange(len(frames))
    frames[:, :3] = (0xA5, 0x5A, 2)
    frames[:, 3] = place % 256
    frames[:, 4 : 4 + 2 * len(counts)] = np.ascontiguousarray(counts.T).view(np.uint8)
    if size == SIZE_WITH_TIME:
        frames[:, 16:20] = (place * 4).astype(">u4")[:, None].view(np.uint8)
    frames[:, -1] = switches
    return frames.tobytes()
