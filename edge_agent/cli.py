"""The command line of the daemon: one function a verb. Parts are imported inside the verbs, so that starting is quick.

Exit codes: 0 done, 1 failed, 2 usage, settings or input, 3 refused for safety. A failure's last line is ``Try: ...``.
"""

import argparse
import difflib
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from biosignal import __version__
from biosignal.errors import BadInput, BedsideError, listed
from edge_agent.boards.verbs import add_board_verbs
from edge_agent.examples import PROGRAM, shown_examples
from edge_agent.recording_verbs import add_recording_verbs
from edge_agent.usage import UsageRefused


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the process's exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        parsed = _parser().parse_args(given)
        os.umask(0o077)  # nobody else is to read what is written about a patient
        verb: Callable[[argparse.Namespace], int] = parsed.run
        code = verb(parsed)
        sys.stdout.flush()
    except BedsideError as error:
        return _failed(str(error), error.advice, error.exit_code, as_json=as_json)
    except KeyboardInterrupt:
        return _failed("stopped", f"`{PROGRAM} --help`", 1, as_json=False)
    except BrokenPipeError:
        # Whoever read our output went away: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the border of the process: whatever it is, a person gets a last line
        traceback.print_exc()
        return _failed(f"{type(error).__name__}: {error}", f"`{PROGRAM} doctor`", 1, as_json=as_json)
    return code


def _failed(what: str, advice: str, code: int, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"type": "error", "what": what, "try": advice, "exit_code": code}), flush=True)
    print(f"{PROGRAM}: {what}\nTry: {advice}", file=sys.stderr, flush=True)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Reads ECG and EEG leads at the bedside and says what it found. "
        "Research software, no medical device.",
        epilog=f"`{PROGRAM} VERB --help` says more about a verb, with examples.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=_Parser)
    _add_run(verbs)
    add_recording_verbs(verbs, _verb)
    _add_doctor(verbs)
    _add_check_config(verbs)
    _add_sources(verbs)
    add_board_verbs(verbs, _verb)
    _add_bundle(verbs)
    _add_events(verbs)
    _add_ask(verbs)
    _add_completion(verbs)
    return parser


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=text,
        description=text,
        epilog=shown_examples(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.set_defaults(run=run)
    return verb


def _add_settings_flags(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--config", type=Path, metavar="FILE", help="settings, TOML (default: BEDSIDE_CONFIG)")
    verb.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="one setting; may be repeated"
    )


def _settings(parsed: argparse.Namespace) -> Any:
    from edge_agent.operate.settings_file import load_settings, parse_flag

    named = parsed.config or (Path(os.environ["BEDSIDE_CONFIG"]) if os.environ.get("BEDSIDE_CONFIG") else None)
    return load_settings(
        named,
        flags=dict(parse_flag(text) for text in parsed.set),
        on_renamed=lambda sentence: print(f"{PROGRAM}: {sentence}", file=sys.stderr, flush=True),
    )


def _add_run(verbs: Any) -> None:
    verb = _verb(verbs, "run", _run, "run the daemon: read, analyse, store and send until stopped")
    _add_settings_flags(verb)


def _run(parsed: argparse.Namespace) -> int:
    settings = _settings(parsed)
    code: int = import_module("edge_agent.running").run(settings)
    return code


def _add_doctor(verbs: Any) -> None:
    verb = _verb(verbs, "doctor", _doctor, "check this installation: each finding with its cause and what to do")
    _add_settings_flags(verb)
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _doctor(parsed: argparse.Namespace) -> int:
    from edge_agent.operate.clock import HostClock
    from edge_agent.operate.doctor import examine, print_checks

    named = parsed.config or (Path(os.environ["BEDSIDE_CONFIG"]) if os.environ.get("BEDSIDE_CONFIG") else None)
    checks = examine(lambda: _settings(parsed), config=named, clock=HostClock())
    return print_checks(checks, as_json=parsed.json, stdout=sys.stdout)


def _add_check_config(verbs: Any) -> None:
    verb = _verb(verbs, "check-config", _check_config, "check settings and print all that are in effect")
    verb.add_argument("config", type=Path, nargs="?", metavar="FILE", help="settings, TOML (default: BEDSIDE_CONFIG)")
    verb.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="one setting")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _check_config(parsed: argparse.Namespace) -> int:
    from edge_agent.operate.settings_file import shown
    from edge_agent.sources import check_kind

    settings = _settings(parsed)
    check_kind(settings.source)
    rows = shown(settings)
    if parsed.json:
        for name, text in rows:
            print(json.dumps({"type": "setting", "name": name, "value": text}))
        print(json.dumps({"type": "summary", "settings": len(rows)}))
        return 0
    section = ""
    for name, text in rows:
        below, _, key = name.rpartition(".")
        if below != section:
            print(f"{'' if not section else chr(10)}[{below}]")
            section = below
        print(f"{key} = {text}")
    return 0


def _add_sources(verbs: Any) -> None:
    verb = _verb(verbs, "sources", _sources, "list the kinds of sources and the serial ports of this machine")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _sources(parsed: argparse.Namespace) -> int:
    from edge_agent.sources import KINDS
    from edge_agent.sources.plugin import plugin_names
    from edge_agent.sources.ports_here import serial_ports

    ports = serial_ports()
    if parsed.json:
        for kind in KINDS:
            print(json.dumps({"type": "kind", "kind": kind}))
        for name in plugin_names():
            print(json.dumps({"type": "plugin", "kind": name}))
        for port in ports:
            print(json.dumps({"type": "port", **port.facts()}))
        print(json.dumps({"type": "summary", "kinds": len(KINDS), "ports": len(ports)}))
        return 0
    print("Kinds of sources (source.kind): " + ", ".join(KINDS))
    if plugin_names():
        print("Plug-ins (source.kind): " + ", ".join(plugin_names()))
    if not ports:
        print("No serial ports here.")
    for port in ports:
        board = f"  [{port.board}: {', '.join(port.protocols)}]" if port.board else ""
        print(f"{port.path}  {port.description}{board}" + ("" if port.usable else f"  -- {port.trouble}"))
    return 0


def _add_events(verbs: Any) -> None:
    verb = _verb(verbs, "events", _events, "write out the stored events as JSON lines, also while the daemon runs")
    _add_settings_flags(verb)
    verb.add_argument("--state-dir", type=Path, metavar="DIR", help="folder of events.db (default: by the settings)")
    verb.add_argument("--kind", metavar="KIND", help="only events of this kind, such as finding or series")


def _events(parsed: argparse.Namespace) -> int:
    from edge_agent.store.dump import dump_events

    folder = parsed.state_dir or _settings(parsed).device.state_dir
    dump_events(folder / "events.db", sys.stdout, kind=parsed.kind)
    return 0


def _add_ask(verbs: Any) -> None:
    text = "ask about a stored finding, or in general: answers are vetted sentences and measured facts, or none"
    verb = _verb(verbs, "ask", _ask, text)
    verb.add_argument("finding", metavar="FINDING", help="its id or how that begins, `last`, or `-` to ask in general")
    verb.add_argument("question", nargs="?", default="", metavar="QUESTION", help="in English")
    verb.add_argument("--template", metavar="NAME", help="the kind of question, such as next-steps or compare")
    _add_settings_flags(verb)
    verb.add_argument("--state-dir", type=Path, metavar="DIR", help="folder of events.db (default: by the settings)")
    verb.add_argument("--json", action="store_true", help="the answer as one JSON object")


def _ask(parsed: argparse.Namespace) -> int:
    from edge_agent.asking import NONE, AskRequest, answer

    folder = parsed.state_dir or (Path() if parsed.finding == NONE else _settings(parsed).device.state_dir)
    request = AskRequest(
        finding=parsed.finding,
        question=parsed.question,
        template=parsed.template,
        store=folder / "events.db",
        json=parsed.json,
    )
    return answer(request, stdout=sys.stdout)


def _add_completion(verbs: Any) -> None:
    verb = _verb(verbs, "completion", _completion, "write what a shell needs to complete this command line")
    verb.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")


def _completion(parsed: argparse.Namespace) -> int:
    from biosignal.synthetic.scenarios import SCENARIOS
    from edge_agent.completion import script
    from edge_agent.sources.datasets.table import OPEN, known_sets
    from edge_agent.sources.decoders import KINDS

    sets = [f"{one.name}/" for one in known_sets() if one.access == OPEN]
    known = {
        "record": ["excerpt", *(f"synthetic/{name}" for name in SCENARIOS), *sets],
        "name": [one.name for one in known_sets()],
        "scenario": list(SCENARIOS),
        "protocol": list(KINDS),
        "speed": ["1", "10", "max"],
        "truth": ["atr"],
    }
    sys.stdout.write(script(_parser(), parsed.shell, known))
    return 0


def _add_bundle(verbs: Any) -> None:
    verb = _verb(verbs, "bundle", _bundle, "verify a model bundle: hashes, manifest, golden vectors on this machine")
    verb.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="default: the newest of every task")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _bundle(parsed: argparse.Namespace) -> int:
    from biosignal.tasks.lookup import models
    from edge_agent.inference.bundle_folder import find_bundle, models_dir

    folders = [parsed.folder] if parsed.folder else [found for task in models() if (found := find_bundle(task))]
    if not folders:
        raise BadInput("there is no model bundle", folder=str(models_dir()), remedy="set BEDSIDE_MODELS_DIR")
    for folder in folders:
        _verify(folder, as_json=parsed.json)
    return 0


def _verify(folder: Path, *, as_json: bool) -> None:
    from biosignal.model.admission import admit
    from biosignal.model.onnx_cpu import OnnxCpuBackend
    from biosignal.tasks.lookup import contract_of
    from edge_agent.inference.bundle_folder import load_bundle

    bundle = load_bundle(folder)
    report = admit(OnnxCpuBackend(bundle), bundle, contract_of(bundle.manifest.task))
    facts = {
        "bundle": bundle.identity,
        "folder": str(folder),
        "sha256": bundle.digest,
        "classes": list(bundle.manifest.classes),
        "golden_windows": report.windows,
        "worst_difference": report.worst_difference,
        "tolerance": report.tolerance,
        "licence": bundle.manifest.licence,
    }
    if as_json:
        print(json.dumps({"type": "summary", **facts}))
        return
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):17} {', '.join(value) if isinstance(value, list) else value}")
