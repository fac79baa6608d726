"""What to say to each board so that it streams, and how its line is to be treated. Bytes and times only, no port.

Sources: OpenBCI_32bit_Library (commands end a reply with ``$$$``), revolution-python-api and firmware-bitalino
(rates, masks), shimmer_bt_uart.c (every command is answered FF). Nothing here was run on real hardware.
"""

from collections.abc import Callable
from dataclasses import dataclass

from biosignal.errors import BadInput
from edge_agent.sources.decoders.port import BoardSettings

CYTON_END = b"$$$"
BITALINO_RATES_HZ = {1: 0x03, 10: 0x43, 100: 0x83, 1000: 0xC3}
SHIMMER3_HZ = 512
SHIMMER3_ECG = (bytes.fromhex("00A01040402D00000203"), bytes.fromhex("00A01040470000000201"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing said to a board.

    Parameters
    ----------
    send : the bytes; none only waits.
    until : the reply is over when these bytes came; none: nothing is awaited.
    wait_s : the longest wait for the reply.
    settle_s : quiet time behind it, in which whatever comes is thrown away.
    refusal : bytes in the reply that say no.
    name : what the reply is kept as.
    """

    send: bytes
    until: bytes = b""
    wait_s: float = 1.0
    settle_s: float = 0.0
    refusal: bytes = b""
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardCommands:
    """How a kind of board is talked to.

    Parameters
    ----------
    start, stop : said before the first sample, and when the reading ends; boards that always talk have none.
    runs_on : the board has a supply of its own: its counter goes on while the line is away.
    leads : channels that a monitor shows unless the settings name others; none: all of them.
    """

    start: Callable[[BoardSettings], tuple[Step, ...]] = lambda settings: ()
    stop: tuple[Step, ...] = ()
    runs_on: bool = False
    leads: tuple[str, ...] = ()


def _cyton(settings: BoardSettings) -> tuple[Step, ...]:
    no = b"Failure"
    return (
        Step(send=b"s", settle_s=0.3),
        Step(send=b"v", until=CYTON_END, wait_s=3.0, refusal=no, name="banner"),
        Step(send=b"d", until=CYTON_END, wait_s=2.0, refusal=no),
        *(_cyton_channel(number, settings.gain) for number in range(8) if settings.gain not in (None, 24)),
        Step(send=b"b"),
    )


def _cyton_channel(number: int, gain: float | None) -> Step:
    gains = (1, 2, 4, 6, 8, 12, 24)
    if gain not in gains:
        raise BadInput("a Cyton has no such gain", gain=gain, remedy=f"set source.gain to one of {gains}")
    order = b"x%d0%d0110X" % (number + 1, gains.index(int(gain)))
    return Step(send=order, until=CYTON_END, wait_s=2.0, refusal=b"Failure")


def _bitalino(settings: BoardSettings) -> tuple[Step, ...]:
    rate_hz = settings.fs_hz or 1000
    if rate_hz not in BITALINO_RATES_HZ:
        raise BadInput("a BITalino has no such rate", fs_hz=rate_hz, remedy="set source.fs_hz to 1, 10, 100 or 1000")
    channels = settings.channels or len(settings.sensors) or 6
    mask = (1 << channels) - 1
    return (
        Step(send=b"\xff", settle_s=0.1),
        Step(send=b"\x07", until=b"\n", wait_s=1.0, name="version"),
        Step(send=bytes([BITALINO_RATES_HZ[int(rate_hz)]]), settle_s=0.1),
        Step(send=bytes([mask << 2 | 1])),
    )


def _shimmer3(settings: BoardSettings) -> tuple[Step, ...]:
    divider = 32_768 // SHIMMER3_HZ
    registers = (bytes([0x61, chip, 0, 10]) + values for chip, values in enumerate(SHIMMER3_ECG))
    return (
        Step(send=b"\x20", settle_s=0.3),
        Step(send=b"\x3f", until=b"\xff\x25", wait_s=1.0, settle_s=0.05, name="version"),
        Step(send=bytes([0x08, 0x18, 0, 0]), until=b"\xff"),
        Step(send=bytes([0x05, divider & 0xFF, divider >> 8]), until=b"\xff"),
        *(Step(send=order, until=b"\xff") for order in registers),
        Step(send=b"\x01", until=b"\xff\x02", settle_s=0.1, name="inquiry"),
        Step(send=b"\x07", until=b"\xff", wait_s=0.5),
    )


_CYTON = BoardCommands(start=_cyton, stop=(Step(send=b"s", settle_s=0.05),), runs_on=True)
_PROTOCENTRAL = BoardCommands(leads=("ECG",))

COMMANDS: dict[str, BoardCommands] = {
    "cyton": _CYTON,
    "cyton-daisy": _CYTON,
    "ads1292r": _PROTOCENTRAL,
    "healthypi2": _PROTOCENTRAL,
    "healthypi3": _PROTOCENTRAL,
    "healthypi4": _PROTOCENTRAL,
    "healthypi5": _PROTOCENTRAL,
    "olimex": BoardCommands(leads=("A1",)),
    "bitalino": BoardCommands(start=_bitalino, stop=(Step(send=b"\xff", settle_s=0.1),), runs_on=True),
    "shimmer3": BoardCommands(
        start=_shimmer3,
        stop=(Step(send=b"\x20", settle_s=0.1),),
        runs_on=True,
        leads=("LL-RA", "LA-RA", "VX-RL"),
    ),
}


def commands_of(protocol: str) -> BoardCommands:
    """What is said to a board; nothing where `COMMANDS` has no line for it."""
    return COMMANDS.get(protocol, BoardCommands())
