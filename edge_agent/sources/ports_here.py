"""The serial ports of this machine, by the name that survives replugging, and whether we may open them."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_agent.sources.known_boards import likely_board
from edge_agent.sources.serial_line import latency_ms

BY_ID = Path("/dev/serial/by-id")


@dataclass(frozen=True, kw_only=True, slots=True)
class PortHere:
    """A serial port. `path` is below /dev/serial/by-id/ where there is such a name; `trouble` says why not usable.

    `board` and its `protocols` are what the USB id makes likely; `latency_ms` is how long an FTDI bridge holds bytes
    back.
    """

    path: str
    device: str
    description: str
    usb_id: str | None
    usable: bool
    trouble: str = ""
    board: str = ""
    protocols: tuple[str, ...] = ()
    latency_ms: int | None = None

    def facts(self) -> dict[str, Any]:
        """All fields, by name."""
        return asdict(self)


def serial_ports() -> list[PortHere]:
    """Every USB or built-in serial port that is there, sorted by path."""
    from serial.tools.list_ports import comports

    names = {str(link.resolve()): str(link) for link in sorted(BY_ID.iterdir())} if BY_ID.is_dir() else {}
    found = []
    for port in comports():
        usable = os.access(port.device, os.R_OK | os.W_OK)
        usb_id = f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None else None
        board = likely_board(usb_id, f"{port.description} {names.get(port.device, port.device)}")
        found.append(
            PortHere(
                path=names.get(port.device, port.device),
                device=port.device,
                description=port.description or "",
                usb_id=usb_id,
                usable=usable,
                trouble="" if usable else "no permission: add the user to the group dialout and log in again",
                board=board.name if board else "",
                protocols=board.protocols if board else (),
                latency_ms=latency_ms(port.device),
            )
        )
    return sorted(found, key=lambda port: port.path)
