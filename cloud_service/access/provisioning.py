"""What a new device is given: a folder with its settings, the authority that it trusts, and the root of releases."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloud_service.access.devices import DeviceCredentials
from cloud_service.access.secret_files import write_secret

SETTINGS, AUTHORITY, ROOT = "edge-agent.toml", "clinic.pem", "root.json"
SOURCE = """
# What the leads are read from. Until a board is named here, the device plays the recording that comes with it:
# `edge-agent sources` lists the ports of this machine, `edge-agent identify PORT` says which board talks on one.
[source]
kind = "replay"
record = "excerpt"
passes = 0
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """Where a device finds the clinic.

    Parameters
    ----------
    host, port : the broker, by a name that its certificate holds.
    tls : whether it speaks TLS. authority : certificate to trust, PEM; absent: those of the device's system.
    updates : address of the signed models; absent: none are fetched. root : root metadata they are checked against.
    """

    host: str
    port: int
    tls: bool
    authority: bytes | None
    updates: str | None = None
    root: bytes | None = None


def provision(folder: Path, made: DeviceCredentials, meeting: Meeting, *, on_device: str) -> list[Path]:
    """Write the files of a device into `folder`; the settings hold its password and are for the owner alone.

    Parameters
    ----------
    on_device : the folder that they will lie in on the device, which its settings name.
    """
    write_secret(folder / SETTINGS, settings_of(made, meeting, on_device=on_device).encode())
    public = [(folder / AUTHORITY, meeting.authority), (folder / ROOT, meeting.root)]
    for path, content in public:
        if content is not None:
            path.write_bytes(content)
            path.chmod(0o644)  # the daemon's own user reads it, who does not own it
    return [folder / SETTINGS, *(path for path, content in public if content is not None)]


def settings_of(made: DeviceCredentials, meeting: Meeting, *, on_device: str) -> str:
    """Write the device's settings file, as its daemon reads it."""
    authority = None if meeting.authority is None else f"{on_device}/{AUTHORITY}"
    sync = {
        "host": meeting.host,
        "port": meeting.port,
        "tls": meeting.tls,
        "ca_file": authority,
        "username": made.username,
        "password": made.password,
    }
    updates = {"url": meeting.updates, "root": f"{on_device}/{ROOT}", "ca_file": authority}
    parts = [_section("device", {"name": made.device, "site": made.site}), SOURCE.strip(), _section("sync", sync)]
    return "\n\n".join(parts if meeting.updates is None else [*parts, _section("updates", updates)]) + "\n"


def _section(name: str, values: Mapping[str, object]) -> str:
    # A JSON string, number or truth value is spelled the same in TOML.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value is not None]
    return "\n".join([f"[{name}]", *lines])
