"""Boards' bytes to samples and losses. A new board is one file and one line in `KINDS`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from biosignal.errors import BadInput
from edge_agent.sources.decoders import bitalino, cyton, olimex, protocentral, shimmer3, text
from edge_agent.sources.decoders.port import DEFAULTS, BoardSettings, Decoder


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A protocol: its decoder, its encoder, and how its line is set.

    Parameters
    ----------
    decoder : makes one from what a person knows about the board.
    encode : ``encode(samples, *, first=0, ...) -> bytes``: frames that hold float32 samples of shape (channel, sample),
        rows and units as the decoder gives them; `first` is the index of the first sample.
    baud : usual speed of the line.
    """

    decoder: Callable[[BoardSettings], Decoder]
    encode: Callable[..., bytes]
    baud: int


def _protocentral(payload: protocentral.Payload, baud: int) -> Kind:
    return Kind(
        decoder=partial(protocentral.protocentral, payload.firmware),
        encode=partial(protocentral.encode, payload=payload),
        baud=baud,
    )


KINDS: dict[str, Kind] = {
    "cyton": Kind(decoder=cyton.cyton, encode=cyton.encode, baud=115_200),
    "cyton-daisy": Kind(decoder=cyton.CytonDaisy, encode=cyton.encode_daisy, baud=115_200),
    "ads1292r": _protocentral(protocentral.ADS1292R, 57_600),
    "healthypi2": _protocentral(protocentral.HEALTHYPI2, 115_200),
    "healthypi3": _protocentral(protocentral.HEALTHYPI3, 115_200),
    "healthypi4": _protocentral(protocentral.HEALTHYPI4, 115_200),
    "healthypi5": _protocentral(protocentral.HEALTHYPI5, 115_200),
    "olimex": Kind(decoder=olimex.olimex, encode=olimex.encode, baud=57_600),
    "bitalino": Kind(decoder=bitalino.bitalino, encode=bitalino.encode, baud=115_200),
    "shimmer3": Kind(decoder=shimmer3.shimmer3, encode=shimmer3.encode, baud=115_200),
    "text": Kind(decoder=text.TextDecoder, encode=text.encode, baud=115_200),
}


def make_decoder(protocol: str, settings: BoardSettings = DEFAULTS) -> Decoder:
    """Decoder of a protocol.

    Raises
    ------
    BadInput : no such protocol, or settings that its board cannot have.
    """
    if protocol not in KINDS:
        raise BadInput("unknown protocol", protocol=protocol, remedy=f"name one of {', '.join(KINDS)}")
    for name in ("fs_hz", "gain", "channels", "mv_per_count"):
        given = getattr(settings, name)
        if given is not None and not 0 < given < 1e9:
            raise BadInput(
                "a board's setting is a number above 0", **{name: given}, remedy=f"leave {name} out, or give it"
            )
    return KINDS[protocol].decoder(settings)
