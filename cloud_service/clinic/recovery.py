"""Before and after a loss: a copy of database and waves, put back, and what devices sent since, asked for again."""

import argparse
import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from sqlalchemy import select

from biosignal.errors import BadInput
from cloud_service.access import devices
from cloud_service.clinic.command_desk import OPEN_STATES, CommandDesk
from cloud_service.database.backup import back_up, put_back, require_restorable
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import CommandRow
from cloud_service.errors import BrokerUnreachable, NotSentAgain
from cloud_service.settings import CloudSettings
from cloud_service.verbs import BY, Program, Say, Subparsers, VerbGroup
from cloud_service.waves.copy import Copied, copy_waves, put_waves_back

NAME = "send-again"
CONNECT_S = 10.0
VALID_S = 24 * 3600.0
"""A device that is away finds the command when it is back, where the broker keeps it."""
LOOK_S = 0.2


class RecoveryVerbs(VerbGroup):
    """The verbs `backup`, `restore` and `send-again`.

    Parameters
    ----------
    with_access : fills the clinic's own access to the broker in.
    """

    def __init__(self, program: Program, with_access: Callable[[CloudSettings], CloudSettings]) -> None:
        super().__init__(program)
        self._with_access = with_access

    def add_to(self, verbs: Subparsers, line_flags: Callable[[argparse.ArgumentParser], None]) -> None:
        """Add them to the top parser."""
        text = "copy the SQLite database, stored waves, or both, while the service runs"
        copy = self._program.add_verb(verbs, "backup", self._back_up, text)
        copy.add_argument("file", type=Path, nargs="?", help="a new file, for the database")
        copy.add_argument("--waves", type=Path, metavar="FOLDER", help="bring the copy of the waves there up to date")
        text = "put a copy back, checked by its checksums; the service must be stopped"
        back = self._program.add_verb(verbs, "restore", self._restore, text)
        back.add_argument("file", type=Path, nargs="?", help="the copy of the database")
        back.add_argument("--waves", type=Path, metavar="FOLDER", help="the copy of the waves")
        again = self._program.add_verb(verbs, NAME, self._send_again, "ask devices to send again what they sent before")
        again.add_argument("device", nargs="*", help="names; default: all that are not revoked")
        again.add_argument("--since", metavar="TIME", help="such as 2026-05-01T12:00Z; default: all that they hold")
        again.add_argument("--wait", type=float, default=60.0, metavar="S", help="for the answers, in seconds")
        line_flags(again)

    def _back_up(self, options: argparse.Namespace, said: Say) -> None:
        _require_something(options)
        settings = self._program.settings_from(options)
        # Waves first: whatever wave is in the copy is then of a recording that its database knows.
        if options.waves is not None:
            _say_waves(said, "backup", options.waves, copy_waves(settings.waves_folder, options.waves))
        if options.file is not None:
            length = back_up(settings.database_url, options.file)
            said("backup", f"{options.file}\t{length} bytes", file=options.file, bytes=length)

    def _restore(self, options: argparse.Namespace, said: Say) -> None:
        _require_something(options)
        settings = self._program.settings_from(options)
        if options.file is not None:
            require_restorable(options.file, settings.database_url)
        if options.waves is not None:
            _say_waves(said, "restore", options.waves, put_waves_back(options.waves, settings.waves_folder))
        if options.file is not None:
            length = put_back(options.file, settings.database_url)
            said("restore", f"{options.file}\t{length} bytes", file=options.file, bytes=length)

    def _send_again(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.ingest.broker_link import BrokerLink

        arguments = {} if options.since is None else {"since": as_utc(options.since)}
        with self._program.opened(options) as state, contextlib.ExitStack() as started:
            names = chosen_devices(state.database, options.device)
            link = BrokerLink(self._with_access(state.settings).mqtt, on_status=lambda *_: None)
            started.callback(link.stop)
            link.start()
            if not link.wait_until_up(CONNECT_S):
                raise BrokerUnreachable("the broker cannot be reached", why=link.why_down)
            desk = CommandDesk(state.database, link)
            rows = [
                desk.send(device=name, name=NAME, issuer=BY, arguments=arguments, valid_s=VALID_S).id for name in names
            ]
            answered = wait_for_answers(state.database, rows, options.wait)
        for row in answered:
            said("send-again", shown(row), device=row.device, state=row.state, reason=row.reason, command=row.id)
        late = [row.device for row in answered if row.state != "done"]
        if late:
            raise NotSentAgain("not every device sends again", devices=late)


def _require_something(options: argparse.Namespace) -> None:
    if options.file is None and options.waves is None:
        raise BadInput("nothing is named", remedy="name a file for the database, `--waves FOLDER`, or both")


def _say_waves(said: Say, verb: str, folder: Path, copied: Copied) -> None:
    text = f"{folder}\t{copied.parts} parts of waves, {copied.bytes} bytes; {copied.kept} were there"
    said(verb, text, waves=folder, parts=copied.parts, bytes=copied.bytes, kept=copied.kept)


def as_utc(text: str) -> str:
    """Read a time with its zone, and write it in UTC.

    Raises
    ------
    BadInput : it is none.
    """
    try:
        time_ = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise BadInput("this is not a time", since=text, remedy="write it as 2026-05-01T12:00Z") from error
    if time_.tzinfo is None:
        raise BadInput("this time names no time zone", since=text, remedy="write it as 2026-05-01T12:00Z")
    return time_.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def chosen_devices(database: Database, names: Sequence[str]) -> list[str]:
    """Give these devices, or all that are not revoked.

    Raises
    ------
    BadInput : there is no device of a name.
    """
    with database.read() as session:
        known = {row.name: row.revoked is None for row in devices.devices(session)}
    strange = sorted(set(names) - known.keys())
    if strange:
        raise BadInput("no such device", names=strange, remedy="`cloud-service device list` names them")
    return list(names) or [name for name, may in known.items() if may]


def wait_for_answers(database: Database, commands: Sequence[str], wait_s: float) -> list[CommandRow]:
    """Wait until the devices have answered, as the service stores it; gives the rows as they are then."""
    until = time.monotonic() + wait_s
    while True:
        with database.read() as session:
            rows = list(session.scalars(select(CommandRow).where(CommandRow.id.in_(commands))))
        if time.monotonic() >= until or not any(row.state in OPEN_STATES for row in rows):
            return sorted(rows, key=lambda row: row.device)
        time.sleep(LOOK_S)


def shown(row: CommandRow) -> str:
    """Say what became of a command."""
    if row.state in OPEN_STATES:
        return f"{row.device}: has not answered; the command is valid until {row.expires.isoformat(timespec='minutes')}"
    return f"{row.device}: {row.state}{': ' if row.reason else ''}{row.reason}"
