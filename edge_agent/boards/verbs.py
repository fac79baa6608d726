"""The verbs about boards: identify, record, calibrate, emulate, decode."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput

Add = Callable[[Any, str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def add_board_verbs(verbs: Any, add: Add) -> None:
    """Add them to the command line."""
    verb = add(
        verbs, "identify", _identify, "say which board talks on a serial port; listens, and asks only on request"
    )
    verb.add_argument("port", metavar="PORT", help="best a path below /dev/serial/by-id/")
    verb.add_argument(
        "--probe",
        nargs="?",
        const="auto",
        choices=("auto", "cyton", "bitalino", "shimmer3", "healthypi5"),
        metavar="BOARD",
        help="where nothing is heard, ask: this board's own harmless question (default: by the USB id)",
    )
    verb.add_argument("--seconds", type=float, default=1.5, metavar="S", help="how long to listen (default: 1.5)")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")

    verb = add(verbs, "record", _record, "capture a board's bytes and samples (WFDB), for a bug report")
    verb.add_argument("port", metavar="PORT")
    _add_board_flags(verb)
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for board.bytes .hea .dat .json")
    verb.add_argument("--seconds", type=float, default=30.0, metavar="N", help="how long (default: 30)")

    verb = add(
        verbs, "calibrate", _calibrate, "measure a calibration pulse: the scale of a board that does not know it"
    )
    verb.add_argument("port", metavar="PORT|FILE", help="a port, or captured bytes")
    _add_board_flags(verb)
    verb.add_argument("--lead", metavar="NAME", help="channel with the pulse (default: the first)")
    verb.add_argument("--pulse-mv", type=float, default=1.0, metavar="MV", help="height of the pulse (default: 1)")
    verb.add_argument("--seconds", type=float, default=10.0, metavar="N", help="how long to measure (default: 10)")

    verb = add(verbs, "emulate", _emulate, "play a record as a board on a pseudo terminal, with scripted damage")
    _add_board_flags(verb)
    verb.add_argument(
        "--record", default="excerpt", metavar="RECORD", help="as for replay: `excerpt`, a path, `set/record`"
    )
    verb.add_argument("--speed", type=float, default=1.0, metavar="N", help="times real time (default: 1)")
    verb.add_argument("--fault", type=Path, metavar="FILE", help="script of damage, TOML")
    verb.add_argument("--link", type=Path, metavar="PATH", help="a name for the port that survives unplugging")

    verb = add(verbs, "decode", _decode, "turn a board's captured bytes into samples, gaps and counters")
    verb.add_argument("file", metavar="FILE", help="captured bytes; - is stdin")
    verb.add_argument(
        "--protocol", required=True, metavar="P", help="cyton, healthypi4, text ...; another name lists all"
    )
    verb.add_argument("--fs", type=float, metavar="HZ", help="rate, where the board's usual one is not the true one")
    verb.add_argument("--channels", type=int, metavar="N", help="channels of a BITalino, columns of text")
    verb.add_argument("--gain", type=float, metavar="G", help="amplifier gain of a Cyton (24) or Shimmer3 (4)")
    verb.add_argument("--sensors", default="", metavar="A,B", help="sensors on a BITalino's inputs, such as EMG,ECG")
    verb.add_argument("--mv-per-count", type=float, metavar="MV", help="measured scale of an uncalibrated board")
    verb.add_argument("--zero-count", type=float, default=0.0, metavar="N", help="its count at 0 mV")
    verb.add_argument("--json", action="store_true", help="one JSON object on stdout")


def _add_board_flags(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--protocol", required=True, metavar="P", help="cyton, healthypi4, text ...; another lists all")
    verb.add_argument("--baud", type=int, default=0, metavar="N", help="speed of the line (default: the board's)")
    verb.add_argument("--fs", type=float, metavar="HZ", help="rate, where the board's usual one is not the true one")
    verb.add_argument("--channels", type=int, metavar="N", help="channels of a BITalino")
    verb.add_argument("--gain", type=float, metavar="G", help="amplifier gain of a Cyton (24) or Shimmer3 (4)")
    verb.add_argument("--sensors", default="", metavar="A,B", help="sensors on a BITalino's inputs, such as ECG,EDA")
    verb.add_argument("--mv-per-count", type=float, metavar="MV", help="measured scale of an uncalibrated board")
    verb.add_argument("--zero-count", type=float, default=0.0, metavar="N", help="its count at 0 mV")


def _board(parsed: argparse.Namespace) -> Any:
    from edge_agent.sources.decoders.port import BoardSettings

    return BoardSettings(
        fs_hz=parsed.fs if parsed.fs or parsed.protocol != "text" else 250.0,
        channels=parsed.channels,
        gain=parsed.gain,
        mv_per_count=parsed.mv_per_count,
        zero_count=parsed.zero_count,
        sensors=tuple(name for name in parsed.sensors.split(",") if name),
    )


def _serial(parsed: argparse.Namespace) -> Any:
    from edge_agent.sources.serial_settings import SerialBoardSettings

    return SerialBoardSettings(port=parsed.port, protocol=parsed.protocol, board=_board(parsed), baud=parsed.baud)


def _positive(seconds: float, flag: str) -> float:
    if not 0 < seconds < float("inf"):
        raise BadInput("a time or a speed is a number above 0", flag=flag, value=seconds, remedy=f"`{flag} 10`")
    return seconds


def _identify(parsed: argparse.Namespace) -> int:
    from edge_agent.boards.identify import identify_port, print_heard

    heard = identify_port(parsed.port, probe=parsed.probe, seconds=_positive(parsed.seconds, "--seconds"))
    return print_heard(parsed.port, heard, as_json=parsed.json, stdout=sys.stdout)


def _record(parsed: argparse.Namespace) -> int:
    from edge_agent.boards.capture import record

    return record(_serial(parsed), parsed.out, seconds=_positive(parsed.seconds, "--seconds"), stdout=sys.stdout)


def _calibrate(parsed: argparse.Namespace) -> int:
    from edge_agent.boards.capture import calibrate

    return calibrate(
        _serial(parsed),
        lead=parsed.lead,
        pulse_mv=_positive(parsed.pulse_mv, "--pulse-mv"),
        seconds=_positive(parsed.seconds, "--seconds"),
        stdout=sys.stdout,
    )


def _emulate(parsed: argparse.Namespace) -> int:
    from edge_agent.boards.emulation import EmulateRequest, emulate
    from edge_agent.sources.resolve import Places

    request = EmulateRequest(
        protocol=parsed.protocol,
        record=parsed.record,
        settings=_board(parsed),
        speed=_positive(parsed.speed, "--speed"),
        faults=parsed.fault,
        link=parsed.link,
    )
    return emulate(request, places=Places.of_environment(), stdout=sys.stdout)


def _decode(parsed: argparse.Namespace) -> int:
    from edge_agent.boards.decode import DecodeRequest, decode
    from edge_agent.sources.decoders.port import BoardSettings

    settings = BoardSettings(
        fs_hz=parsed.fs,
        channels=parsed.channels,
        gain=parsed.gain,
        mv_per_count=parsed.mv_per_count,
        zero_count=parsed.zero_count,
        sensors=tuple(name for name in parsed.sensors.split(",") if name),
    )
    request = DecodeRequest(protocol=parsed.protocol, file=parsed.file, settings=settings, json=parsed.json)
    return decode(request, stdout=sys.stdout)
