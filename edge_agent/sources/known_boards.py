"""Which boards hide behind a USB id, and how each may be asked who it is.

Source: the makers' firmware and board files. An id of a bridge chip is shared by thousands of products: it makes a
board likely, never certain.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownBoard:
    """A board that a USB id may mean.

    Parameters
    ----------
    name : as its maker calls it.
    protocols : names in `decoders.KINDS` that it may speak.
    certain : the id is the board's own, not a bridge chip's.
    """

    name: str
    protocols: tuple[str, ...]
    certain: bool = False


_ARDUINO = KnownBoard(name="Arduino (text, Olimex shield, ADS1292R shield)", protocols=("text", "olimex", "ads1292r"))
_BRIDGE = KnownBoard(name="Arduino clone or ESP32 board", protocols=("text", "healthypi4", "olimex", "ads1292r"))

USB_IDS: dict[str, KnownBoard] = {
    "0403:6015": KnownBoard(name="OpenBCI Cyton dongle (FT231X)", protocols=("cyton", "cyton-daisy")),
    **dict.fromkeys(
        ("2341:0043", "2341:0001", "2341:0243", "2a03:0043", "2341:8036", "2341:8037", "2341:0042", "2341:0010"),
        _ARDUINO,
    ),
    **dict.fromkeys(("1a86:7523", "10c4:ea60", "0403:6001"), _BRIDGE),
    "2341:804d": KnownBoard(name="HealthyPi v2 or v3 (SAMD21)", protocols=("healthypi3", "healthypi2")),
    "1158:0001": KnownBoard(name="ProtoCentral HealthyPi 5", protocols=("healthypi5",), certain=True),
    "2e8a:000a": KnownBoard(name="Raspberry Pi Pico (HealthyPi 5 NEXT)", protocols=("healthypi5",)),
}
NAMES: tuple[tuple[str, KnownBoard], ...] = (
    ("bitalino", KnownBoard(name="BITalino", protocols=("bitalino",))),
    ("shimmer", KnownBoard(name="Shimmer3", protocols=("shimmer3",))),
)


def likely_board(usb_id: str | None, description: str) -> KnownBoard | None:
    """What a port may be; None where nothing is known of it."""
    if usb_id is not None and usb_id in USB_IDS:
        return USB_IDS[usb_id]
    return next((board for part, board in NAMES if part in description.lower()), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A question that only its own family may be asked: the same byte means other things to other boards."""

    send: bytes
    expect: bytes
    wait_s: float = 1.0


PROBES: dict[str, Probe] = {
    "cyton": Probe(send=b"\xf0\x07", expect=b"System is "),
    "bitalino": Probe(send=b"\x07", expect=b"BITalino"),
    "shimmer3": Probe(send=b"\x3f", expect=b"\xff\x25"),
    "healthypi5": Probe(send=b"\xaa\x55\x01\x00\x00", expect=b"\xaa\x55\x81\x00\x00"),
}
