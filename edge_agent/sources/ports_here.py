"""The serial ports of this machine, by the name that survives replugging, and whether we may open them."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BY_ID = Path("/dev/serial/by-id")


@dataclass(frozen=True, kw_only=True, slots=True)
class PortHere:
    """A serial port. `path` is below /dev/serial/by-id/ where there is such a name; `trouble` says why not usable."""

    path: str
    device: str
    description: str
    usb_id: str | None
    usable: bool
    trouble: str = ""

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
        found.append(
            PortHere(
                path=names.get(port.device, port.device),
                device=port.device,
                description=port.description or "",
                usb_id=f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None else None,
                usable=usable,
                trouble="" if usable else "no permission: add the user to the group dialout and log in again",
            )
        )
    return sorted(found, key=lambda port: port.path)
