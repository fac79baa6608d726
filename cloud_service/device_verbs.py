"""Verbs of the command line for devices: who they are, what is put on them, and who is shut out."""

import argparse
import dataclasses
import json
from pathlib import Path

from cloud_service.access import devices
from cloud_service.access.certificates import require_name
from cloud_service.access.devices import DeviceCredentials
from cloud_service.access.provisioning import Meeting, provision
from cloud_service.access.secret_files import write_secret
from cloud_service.broker.accounts import write_accounts
from cloud_service.broker.process import certificates_of
from cloud_service.verbs import BY, Say, State, Subparsers, VerbGroup


class DeviceVerbs(VerbGroup):
    """The verbs `device add`, `provision`, `revoke`, `remove` and `list`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add `device` to the top parser."""
        device = verbs.add_parser("device", help="devices and their credentials").add_subparsers(
            required=True, metavar="VERB"
        )
        add = self._program.add_verb(device, "add", self._add, "register a device and print its credentials")
        add.add_argument("--output", type=Path, help="write the credentials to this file, the password is not printed")
        text = "register a device and write the files that are put on it: settings, certificate, root of releases"
        ready = self._program.add_verb(device, "provision", self._provision, text)
        ready.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the files are written")
        for made in (add, ready):
            made.add_argument("name")
            made.add_argument("--site", default="clinic", help="where it stands (default: clinic)")
            made.add_argument("--renew", action="store_true", help="a known device: its old password ends")
        _meeting_flags(ready)
        self._program.add_verb(device, "revoke", self._revoke, "shut a device out").add_argument("name")
        text = "forget a device of which nothing is stored"
        self._program.add_verb(device, "remove", self._remove, text).add_argument("name")
        self._program.add_verb(device, "list", self._list, "list the devices")

    def _add(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state:
            made = _registered(options, state)
        facts = dataclasses.asdict(made)
        if options.output is not None:
            write_secret(options.output, json.dumps(facts).encode())
            facts["password"] = f"in {options.output}"
        said("device", "\n".join(f"{name} = {value}" for name, value in facts.items()), **facts)

    def _provision(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state:
            meeting = _meeting(options, state)
            made = _registered(options, state)
        files = provision(options.output, made, meeting, on_device=options.on_device)
        text = "\n".join([*map(str, files), f"put them into {options.on_device} of the device"])
        said("device", text, device=made.device, site=made.site, files=files, host=meeting.host, port=meeting.port)

    def _revoke(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state:
            devices.revoke_device(state.database, name=options.name, by=BY)
            _write_accounts(state)
        said("device", f"{options.name} is revoked", device=options.name, revoked=True)

    def _remove(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state:
            devices.remove_device(state.database, name=options.name, by=BY)
            _write_accounts(state)
        said("device", f"{options.name} is forgotten", device=options.name, removed=True)

    def _list(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state, state.database.read() as session:
            for row in devices.devices(session):
                seen = row.last_seen.isoformat() if row.last_seen else "never"
                text = f"{row.site}/{row.name}\tlast seen {seen}{chr(9) + 'revoked' if row.revoked else ''}"
                said("device", text, site=row.site, device=row.name, last_seen=row.last_seen, revoked=bool(row.revoked))


def _registered(options: argparse.Namespace, state: State) -> DeviceCredentials:
    if options.renew:
        made = devices.renew_device(state.database, name=options.name, by=BY)
    else:
        made = devices.add_device(state.database, name=options.name, site=options.site, by=BY)
    _write_accounts(state)
    return made


def _write_accounts(state: State) -> None:
    write_accounts(state.database, state.settings.state_dir, clinic=state.settings.mqtt.username)


def _meeting(options: argparse.Namespace, state: State) -> Meeting:
    """Say where a device finds this clinic, and refuse a name under which it would not believe it."""
    broker = state.settings.broker
    host = options.meet_host or (broker.names or (broker.host,))[0]
    authority, certificate, _ = certificates_of(broker, state.settings.state_dir)
    if certificate is not None:
        require_name(certificate, host)
    return Meeting(
        host=host,
        port=options.meet_port or broker.port,
        tls=broker.tls,
        authority=None if authority is None else authority.read_bytes(),
        updates=None if options.pages is None else f"{options.pages.rstrip('/')}/updates/",
        root=None if options.pages is None else _trusted_root(state),
    )


def _trusted_root(state: State) -> bytes:
    from cloud_service.learning.assembly import open_workshop

    return open_workshop(state.database, state.settings.state_dir, state.settings.learning).repository.trusted_root()


def _meeting_flags(ready: argparse.ArgumentParser) -> None:
    # `--host` and `--port` of `serve` are settings of the pages, so these have names of their own.
    ready.add_argument(
        "--host", dest="meet_host", help="name or address of the broker for devices (default: first of broker.names)"
    )
    ready.add_argument("--port", dest="meet_port", type=int, help="its port for devices (default: broker.port)")
    ready.add_argument("--pages", metavar="URL", help="address of the clinic's pages, where signed models come from")
    ready.add_argument(
        "--on-device", default="/etc/bedside", metavar="FOLDER", help="where they will lie (default: /etc/bedside)"
    )
