"""``cloud-service``: the clinic's side from the command line. Web and line are imported by the verbs that need them.

Exit codes: 0 done, 1 failed, 2 usage, settings or input, 3 refused for safety. A failure's last line is ``Try: ...``.
"""

import argparse
import dataclasses
import difflib
import json
import logging
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from sqlalchemy.exc import SQLAlchemyError

from biosignal import __version__
from biosignal.errors import BadInput, BedsideError, listed
from cloud_service.access import audit
from cloud_service.access.accounts import FIRST_ADMIN, first_password_file
from cloud_service.access.people import People
from cloud_service.access.secret_files import OTHERS, keep_to_ourselves, write_secret
from cloud_service.audit_verbs import AuditVerbs
from cloud_service.broker.accounts import accounts_file, clinic_password, read_accounts, write_accounts
from cloud_service.broker.kept import KeptBroker
from cloud_service.broker.mosquitto import Place, write_mosquitto
from cloud_service.broker.process import RunningBroker, refresh_mosquitto, start_broker
from cloud_service.certificate_verbs import CertificateVerbs
from cloud_service.clinic.recovery import RecoveryVerbs
from cloud_service.database.connection import Database, open_database
from cloud_service.device_verbs import DeviceVerbs
from cloud_service.errors import BrokerUnreachable, StateUnwritable
from cloud_service.excerpt_verbs import ExcerptVerbs
from cloud_service.learning.verbs import LearningVerbs
from cloud_service.settings import CloudSettings, load_settings
from cloud_service.token_verbs import TokenVerbs
from cloud_service.user_verbs import UserVerbs
from cloud_service.verbs import Program, Say, Subparsers, Verb
from cloud_service.webhook_verbs import WebhookVerbs

PROGRAM = "cloud-service"
FLAGS = {
    "state_dir": "state_dir",
    "database_url": "database.url",
    "demo": "demo",
    "host": "http.host",
    "port": "http.port",
    "tls_cert": "http.tls_cert",
    "tls_key": "http.tls_key",
    "mqtt_host": "mqtt.host",
    "mqtt_port": "mqtt.port",
    "mqtt_tls": "mqtt.tls",
    "mqtt_ca": "mqtt.ca_file",
    "ingest": "ingest.enabled",
    "broker_host": "broker.host",
    "broker_port": "broker.port",
    "clinic_port": "broker.clinic_port",
    "broker_tls": "broker.tls",
}


class UsageRefused(BadInput):
    """The command line itself is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageRefused(_with_few_choices(message), remedy=f"`{self.prog} --help`")


def _with_few_choices(message: str) -> str:
    """What argparse says of a wrong choice, with the nearest ones, or some, in place of all."""
    match = re.fullmatch(r"(.*invalid choice: '?(.*?)'?) \(choose from (.*)\)", message, re.DOTALL)
    if match is None:
        return message
    names = [name.strip(" '") for name in match[3].split(",")]
    near = difflib.get_close_matches(match[2], names, n=3)
    return f"{match[1]} ({'nearest' if near else 'one of'}: {listed(near or names)})"


class Said:
    """What the program says: JSON lines with `type` on stdout, or plain lines."""

    def __init__(self, *, as_json: bool, out: TextIO) -> None:
        self.is_json = as_json
        self._out = out

    def __call__(self, kind: str, text: str, /, **facts: object) -> None:
        """Say one thing."""
        line = json.dumps({**facts, "type": kind}, default=str) if self.is_json else text
        self._out.write(line + "\n")
        self._out.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    said = Said(as_json="--json" in given, out=sys.stdout)
    try:
        options = parser().parse_args(given)
        os.umask(OTHERS)
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
        options.verb(options, said)
    except BedsideError as error:
        return _failed(said, str(error), error.advice, error.exit_code)
    except SQLAlchemyError as error:
        return _failed(said, f"the database failed: {type(error).__name__}", "check the database and its disk", 1)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Whoever read our output went away: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None:
            return _unforeseen(said, error)
        what = f"{error.strerror or 'cannot be used'}: {error.filename}"
        return _failed(said, what, "give a file or folder that this user may write, or correct its rights", 2)
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever it is, a person gets a last line
        return _unforeseen(said, error)
    if options.json:
        said("summary", "", ok=True)
    return 0


def parser() -> argparse.ArgumentParser:
    """All verbs and flags."""
    top = _Parser(
        prog=PROGRAM,
        description="The clinic's side: takes in what devices found, keeps it, and shows it. "
        "Research software, no medical device.",
        epilog=f"`{PROGRAM} VERB --help` says more about a verb.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    verbs = top.add_subparsers(title="verbs", required=True, metavar="VERB")
    _serve_parser(verbs)
    ingest = _verb(verbs, "ingest", _ingest, "take events in, without the pages")
    ingest.add_argument("--replay-dead-letters", action="store_true", help="try again what was not stored, and end")
    _line_flags(ingest)
    broker = _verb(verbs, "broker", _broker, "run the MQTT broker, or write mosquitto's files")
    _broker_flags(broker)
    broker.add_argument("--write-mosquitto", type=Path, metavar="DIR", help="write mosquitto's files there, and end")
    program = Program(add_verb=_verb, settings_from=settings_from, open_state=open_state)
    for group in (UserVerbs, TokenVerbs, WebhookVerbs, DeviceVerbs, CertificateVerbs, AuditVerbs):
        group(program).add_to(verbs)
    RecoveryVerbs(program, with_broker_access).add_to(verbs, _line_flags)
    ExcerptVerbs(program).add_to(verbs)
    LearningVerbs(program).add_to(verbs)
    return top


def settings_from(options: argparse.Namespace) -> CloudSettings:
    """Join file, environment and flags.

    Raises
    ------
    SettingsWrong : as it says.
    """
    flags = {key: getattr(options, name, None) for name, key in FLAGS.items()}
    return load_settings(options.config, os.environ, flags)


def with_broker_access(settings: CloudSettings) -> CloudSettings:
    """Fill in the clinic's own password and authority where the broker is ours and nothing else is set."""
    mqtt = settings.mqtt
    if not mqtt.password:
        mqtt = dataclasses.replace(mqtt, password=clinic_password(settings.state_dir))
    own_ca = settings.state_dir / "certificates" / "ca.pem"
    if mqtt.tls and mqtt.ca_file is None and own_ca.exists():
        mqtt = dataclasses.replace(mqtt, ca_file=own_ca)
    return dataclasses.replace(settings, mqtt=mqtt)


def open_state(settings: CloudSettings, *, check: bool = False) -> Database:
    """Open the database, with its folder; `check` as in `open_database`.

    Raises
    ------
    StateUnwritable : nothing can be written there.
    """
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateUnwritable(
            "the state folder cannot be made", folder=settings.state_dir, why=error.strerror
        ) from error
    if not os.access(settings.state_dir, os.W_OK | os.X_OK):
        raise StateUnwritable("nothing can be written into the state folder", folder=settings.state_dir)
    database = open_database(settings.database_url, check=check)
    audit.keep_anchors(database, settings.anchor_file)
    return database


def _serve(options: argparse.Namespace, said: Say) -> None:
    from cloud_service.app import create_app
    from cloud_service.serving import listen, make_server, url_of

    settings = settings_from(options)
    for name in ("bedside.audit", "bedside.retention"):  # heads of the log, which the journal keeps from us; what went
        logging.getLogger(name).setLevel(logging.INFO)
    with listen(settings.http) as listener:
        database = open_state(settings)
        keep_to_ourselves(settings.state_dir)
        _first_admin(settings, database, said)
        write_accounts(database, settings.state_dir, clinic=settings.mqtt.username)
        broker = None
        if options.with_broker:
            broker = KeptBroker(settings.broker, settings.state_dir, kind=options.kind)
            settings = _pointed_at(settings, broker.running)
            _say_broker(said, broker.running, settings)
            broker.start()
        try:
            app = create_app(
                with_broker_access(settings),
                on_devices_changed=lambda: _devices_changed(settings, database, broker),
                parts=[broker] if broker is not None else [],
            )
            server = make_server(app, settings.http, listener)
            said("ready", f"listening on {url_of(settings.http, listener)}", url=url_of(settings.http, listener))
            _until_stopped()  # uvicorn raises the signal once more when it is done; the broker must still be stopped
            server.run(sockets=[listener])
        finally:
            if broker is not None:
                broker.stop()
            database.close()


def _ingest(options: argparse.Namespace, said: Say) -> None:
    from cloud_service.ingest.alone import ingest_alone
    from cloud_service.ingest.commit import replay

    settings = settings_from(options)
    database = open_state(settings, check=True)
    try:
        if options.replay_dead_letters:
            done = replay(database)
            text = f"{done.new} stored, {done.refused} still refused"
            said("replayed", text, stored=done.new, still_refused=done.refused)
            return
        said("ready", "taking events in", broker=f"{settings.mqtt.host}:{settings.mqtt.port}")
        ingest_alone(with_broker_access(settings), database, _until_stopped())
    finally:
        database.close()


def _broker(options: argparse.Namespace, said: Say) -> None:
    settings = settings_from(options)
    database = open_state(settings)
    write_accounts(database, settings.state_dir, clinic=settings.mqtt.username)
    database.close()
    if options.write_mosquitto is not None:
        conf = write_mosquitto(
            options.write_mosquitto,
            accounts=read_accounts(accounts_file(settings.state_dir)),
            devices=Place(host=settings.broker.host, port=settings.broker.port),
            clinic=Place(
                host=settings.broker.clinic_host, port=settings.broker.clinic_port or settings.broker.port + 1
            ),
            certificate=settings.broker.tls_cert,
            key=settings.broker.tls_key,
        )
        said("written", f"mosquitto -c {conf}", conf=conf)
        return
    broker = start_broker(settings.broker, settings.state_dir, kind=options.kind)
    _say_broker(said, broker, settings)
    _keep(broker, settings.state_dir, _until_stopped())


def _keep(broker: RunningBroker, state_dir: Path, stop: threading.Event) -> None:
    """Stay until `stop` is set; fail when the broker dies."""
    try:
        _pass_on_accounts(broker, state_dir, stop)
        if not stop.is_set():
            raise BrokerUnreachable("the broker's process ended")
    finally:
        broker.stop()


def _pass_on_accounts(broker: RunningBroker, state_dir: Path, stop: threading.Event) -> None:
    """Let the broker take in accounts that other processes write (`cloud-service device add`), until `stop` is set."""
    file = accounts_file(state_dir)
    seen = file.stat().st_mtime_ns
    while not stop.wait(1.0) and broker.is_alive():
        now = file.stat().st_mtime_ns
        if now != seen:
            seen = now
            refresh_mosquitto(state_dir)
            broker.reload()


def _first_admin(settings: CloudSettings, database: Database, said: Say) -> None:
    """Leave the first password in a file: what is printed here stands in the journal for as long as that is kept."""
    file = first_password_file(settings.state_dir).resolve()
    people = People(database, settings.access, demo=settings.demo)
    if people.first_admin(lambda password: write_secret(file, f"{password}\n".encode())):
        text = f"first run: log in as {FIRST_ADMIN} with the password in {file}, and change it"
        said("first-admin", text, name=FIRST_ADMIN, password_file=file)


def _devices_changed(settings: CloudSettings, database: Database, broker: KeptBroker | None) -> None:
    write_accounts(database, settings.state_dir, clinic=settings.mqtt.username)
    if broker is not None:
        broker.reload()


def _pointed_at(settings: CloudSettings, broker: RunningBroker) -> CloudSettings:
    mqtt = dataclasses.replace(
        settings.mqtt,
        host=settings.broker.clinic_host,
        port=broker.clinic_port,
        tls=settings.broker.tls,
        ca_file=broker.ca_file or settings.mqtt.ca_file,
    )
    return dataclasses.replace(settings, mqtt=mqtt)


def _say_broker(said: Say, broker: RunningBroker, settings: CloudSettings) -> None:
    clinic = f"{settings.broker.clinic_host}:{broker.clinic_port}"
    text = f"{broker.kind} broker on {settings.broker.host}:{broker.port}, for the clinic on {clinic}"
    ports = {"port": broker.port, "clinic_port": broker.clinic_port}
    said("broker", text, kind=broker.kind, host=settings.broker.host, **ports, ca_file=broker.ca_file)


def _until_stopped() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _unforeseen(said: Said, error: Exception) -> int:
    traceback.print_exc()
    return _failed(said, f"{type(error).__name__}: {error}", f"`{PROGRAM} --help`, or report the lines above", 1)


def _failed(said: Said, what: str, advice: str, code: int) -> int:
    if said.is_json:
        said("summary", "", ok=False, error=what, remedy=advice)
    sys.stderr.write(f"{PROGRAM}: {what}\nTry: {advice}\n")
    return code


def _verb(verbs: Subparsers, name: str, verb: Verb, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
    made.set_defaults(verb=verb)
    made.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    made.add_argument("--state-dir", type=Path, metavar="DIR", help="where database, keys and accounts lie")
    made.add_argument(
        "--database-url", metavar="URL", help="PostgreSQL or SQLite URL; default: SQLite in the state folder"
    )
    made.add_argument("--json", action="store_true", help="JSON lines on stdout")
    return made


def _line_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument("--mqtt-host", metavar="HOST", help="where the broker is")
    made.add_argument("--mqtt-port", type=int, metavar="PORT", help="its port for the clinic")
    made.add_argument("--mqtt-ca", type=Path, help="authority that signed the broker's certificate")
    made.add_argument(
        "--no-mqtt-tls", dest="mqtt_tls", action="store_false", default=None, help="speak to it without TLS"
    )


def _broker_flags(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--kind",
        choices=("auto", "embedded", "mosquitto"),
        default="auto",
        help="which broker (default: mosquitto where it is installed)",
    )
    made.add_argument("--broker-host", metavar="HOST", help="address it listens on")
    made.add_argument("--broker-port", type=int, help="for devices; 0 takes a free one")
    made.add_argument("--clinic-port", type=int, help="for the clinic's own processes; default: the one after")
    made.add_argument(
        "--no-broker-tls", dest="broker_tls", action="store_false", default=None, help="listen without TLS"
    )


def _serve_parser(verbs: Subparsers) -> None:
    serve = _verb(verbs, "serve", _serve, "serve pages and API, and take events in")
    serve.add_argument("--host", help="address to listen on")
    serve.add_argument("--port", type=int, help="0 takes a free one")
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate, PEM")
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, PEM")
    serve.add_argument("--demo", action="store_true", default=None, help="allow a login without a password")
    serve.add_argument("--no-ingest", dest="ingest", action="store_false", default=None, help="pages and API only")
    serve.add_argument("--with-broker", action="store_true", help="run the broker as a child of this process")
    _line_flags(serve)
    _broker_flags(serve)


if __name__ == "__main__":
    sys.exit(main())
