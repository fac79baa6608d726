"""What the service tells systemd: that it serves, that it gets on, that it ends. Without systemd nothing happens.

Source: sd_notify(3): datagrams of ``KEY=value`` lines to the socket named by NOTIFY_SOCKET; ``@`` is the abstract
namespace.
"""

import contextlib
import os
import socket


def ready() -> None:
    """The service serves."""
    _send("READY=1")


def alive() -> None:
    """Pet the watchdog once."""
    _send("WATCHDOG=1")


def stopping() -> None:
    """The service is on its way out."""
    _send("STOPPING=1")


def _send(line: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    # A service manager that restarts itself must not take the clinic down.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(line.encode(), address)
