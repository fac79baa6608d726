"""Damage of a line, as a script says it: what, at which sample, how much. Pure."""

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.errors import BadInput

# Python 3.10 has no TOML parser of its own; tomli is the same code under another name.
_toml_parser: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
OF_FRAMES = ("drop-bytes", "flip", "insert", "duplicate", "say", "restart")
OF_TIME = ("drop-frames", "stall", "lump", "unplug", "wrong-baud", "leads-off", "radio-off")
KEYS = ("what", "at", "count", "offset", "seconds", "hex", "text", "factor", "power")


class ScriptUnreadable(BadInput):
    """A script of damage is not what it should be."""

    remedy = f"give [[fault]] tables with `what` = {', '.join((*OF_FRAMES, *OF_TIME))} and `at` = a sample"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One damage.

    Parameters
    ----------
    what : ``drop-frames`` (`count` of them), ``drop-bytes``, ``flip`` (bytes inverted), ``insert`` (random bytes),
        ``duplicate`` (the frame again), ``say`` (`say` between two frames: boot text, a status), ``restart`` (the board
        begins anew); for `seconds`: ``stall`` (nothing is sent, and lost), ``lump`` (held back, then sent at once),
        ``unplug`` (the port is gone; with `power` the board's supply too), ``wrong-baud`` (heard at `factor` times the
        line's speed), ``leads-off``, ``radio-off`` (a Cyton that its dongle does not hear).
    at : sample of the board, counted from its first one sent.
    count, offset : frames or bytes; first byte within the frame.
    """

    what: str
    at: int
    count: int = 1
    offset: int = 0
    seconds: float = 0.0
    say: bytes = b""
    factor: float = 0.5
    power: bool = False


def read_faults(text: str) -> tuple[Fault, ...]:
    """Read a script: TOML, a table ``[[fault]]`` each.

    Raises
    ------
    ScriptUnreadable : no TOML, an unknown key or damage, or something missing.
    """
    try:
        tables = _toml_parser.loads(text).get("fault", [])
    except _toml_parser.TOMLDecodeError as error:
        raise ScriptUnreadable(f"the script is no TOML: {error}") from error
    if not isinstance(tables, list) or not tables:
        raise ScriptUnreadable("the script has no [[fault]]")
    return tuple(sorted((_fault(table) for table in tables), key=lambda fault: fault.at))


def read_fault_file(path: Path) -> tuple[Fault, ...]:
    """Read a script from a file.

    Raises
    ------
    ScriptUnreadable : no such file, or as `read_faults`.
    """
    try:
        return read_faults(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptUnreadable("the script cannot be read", file=str(path), why=str(error)) from error


def _fault(table: dict[str, Any]) -> Fault:
    unknown = [key for key in table if key not in KEYS]
    what = table.get("what")
    if unknown or what not in (*OF_FRAMES, *OF_TIME):
        raise ScriptUnreadable("no such damage", damage=what, unknown_keys=unknown)
    if what in OF_TIME[1:] and not float(table.get("seconds", 0)) > 0:
        raise ScriptUnreadable("this damage lasts for `seconds`, above 0", damage=what)
    try:
        say = bytes.fromhex(table["hex"]) if "hex" in table else str(table.get("text", "")).encode()
        return Fault(
            what=what,
            at=int(table["at"]),
            count=int(table.get("count", 1)),
            offset=int(table.get("offset", 0)),
            seconds=float(table.get("seconds", 0.0)),
            say=say,
            factor=float(table.get("factor", 0.5)),
            power=bool(table.get("power", False)),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ScriptUnreadable("a fault lacks something or has a wrong type", damage=what, why=str(error)) from error


def wrong_baud(data: bytes, factor: float) -> bytes:
    """What a receiver at `factor` times the sender's speed makes of bytes sent 8N1 without a pause."""
    octets = np.frombuffer(data, np.uint8)
    sent = np.ones((len(octets), 10), np.uint8)
    sent[:, 0] = 0
    sent[:, 1:9] = np.unpackbits(octets[:, None], axis=1, bitorder="little")
    line = np.concatenate([[1], sent.ravel(), np.ones(20, np.uint8)])
    heard = bytearray()
    falls = np.flatnonzero((line[:-1] == 1) & (line[1:] == 0)) + 1
    free, places = 0.0, (np.arange(1, 9) + 0.5) / factor
    for fall in falls.tolist():
        if fall < free:
            continue
        at = (fall + places).astype(int)
        if at[-1] >= len(line):
            break
        heard += np.packbits(line[at], bitorder="little").tobytes()
        free = fall + 9.5 / factor
    return bytes(heard)
