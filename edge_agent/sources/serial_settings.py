"""What a person says about a board on a serial port, checked."""

from dataclasses import dataclass

from biosignal.errors import BadInput
from biosignal.signal.blocks import Lead, Unit
from edge_agent.sources.board_commands import commands_of
from edge_agent.sources.decoders import KINDS
from edge_agent.sources.decoders.port import DEFAULTS, BoardSettings, DecoderFacts
from edge_agent.sources.lead_kinds import kind_of
from edge_agent.sources.port import LeadUnknown
from edge_agent.sources.settings import SourceSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class SerialBoardSettings:
    """A board, its port, and what its bytes do not say.

    Parameters
    ----------
    protocol : a key of `edge_agent.sources.decoders.KINDS`.
    baud : 0: the board's usual.
    leads : channels by name or index; none: those of `board_commands.COMMANDS`.
    lead_name, column : of a text board: what its signal is called, and which number of a line it is, from 0, a leading
        column of time not counted; where it is 0 and another column is named as what `lead_name` is, that one.
    poll_s : how long a read waits for a first byte; a question to the board takes a few of these.
    speed : an emulated board runs so many times faster than its sample index says.
    """

    port: str
    protocol: str
    board: BoardSettings = DEFAULTS
    baud: int = 0
    leads: tuple[str, ...] = ()
    lead_name: str = "ECG"
    column: int = 0
    stall_s: float = 5.0
    block_s: float = 0.04
    poll_s: float = 0.04
    first_retry_s: float = 0.25
    longest_retry_s: float = 10.0
    speed: float = 1.0


def board_of(settings: SourceSettings) -> SerialBoardSettings:
    """The board that the daemon's settings name."""
    return SerialBoardSettings(
        port=settings.port,
        protocol=settings.protocol,
        board=BoardSettings(
            fs_hz=settings.fs_hz or None,
            channels=settings.channels,
            gain=settings.gain,
            mv_per_count=settings.mv_per_count,
            zero_count=settings.zero_count,
            sensors=settings.sensors,
        ),
        baud=settings.baud,
        leads=settings.leads,
        lead_name=settings.lead_name,
        column=settings.column,
        stall_s=settings.stall_s,
        block_s=settings.block_s,
        speed=settings.speed or 1.0,
    )


def check(settings: SerialBoardSettings) -> None:
    """Refuse what makes no board.

    Raises
    ------
    BadInput : no such protocol, no port, no rate where the board has none, or a time that is not above 0.
    """
    if settings.protocol not in KINDS:
        raise BadInput(
            "unknown protocol of a board",
            protocol=settings.protocol,
            remedy=f"set source.protocol to one of {', '.join(KINDS)}",
        )
    if not settings.port:
        raise BadInput("no serial port is set", remedy="set source.port, best to a path below /dev/serial/by-id/")
    if settings.protocol == "text" and not (settings.board.fs_hz or 0) > 0:
        raise BadInput(
            "a text board does not say its rate",
            fs_hz=settings.board.fs_hz,
            remedy="set source.fs_hz to the rate of the sketch, such as 250",
        )
    if not settings.speed > 0 or not settings.stall_s > 0:
        raise BadInput("a time or a speed must be positive", speed=settings.speed, stall_s=settings.stall_s)


def chosen_leads(settings: SerialBoardSettings, facts: DecoderFacts) -> tuple[Lead, ...]:
    """The channels that are read, in the order asked for.

    Raises
    ------
    LeadUnknown : the board has no such channel, or one is named twice.
    """
    if settings.protocol == "text":
        unit = Unit.RAW if settings.board.mv_per_count is None else Unit.MILLIVOLT
        return (Lead(name=settings.lead_name, unit=unit, kind=kind_of(settings.lead_name)),)
    names = [lead.name for lead in facts.channels]
    wanted = settings.leads or commands_of(settings.protocol).leads or tuple(names)
    rows = [int(each) if each.isdecimal() else names.index(each) if each in names else -1 for each in wanted]
    if any(not 0 <= row < len(names) for row in rows) or len(set(rows)) < len(rows):
        raise LeadUnknown("the board has no such channels", leads=list(wanted), channels=names)
    return tuple(facts.channels[row] for row in rows)
