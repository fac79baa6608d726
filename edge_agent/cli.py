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

MOST_JOBS = 64


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
    _add_replay(verbs)
    _add_report(verbs)
    _add_classify(verbs)
    _add_convert(verbs)
    _add_datasets(verbs)
    _add_synthesize(verbs)
    _add_doctor(verbs)
    _add_check_config(verbs)
    _add_sources(verbs)
    _add_decode(verbs)
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


def _places() -> Any:
    """Where records are looked for; downloads show on the terminal."""
    from edge_agent.operate.clock import HostClock
    from edge_agent.replay.progress import Downloads
    from edge_agent.sources.resolve import Places

    return Places.of_environment(telling=Downloads(sys.stderr, clock=HostClock()))


def _add_run(verbs: Any) -> None:
    verb = _verb(verbs, "run", _run, "run the daemon: read, analyse, store and send until stopped")
    _add_settings_flags(verb)


def _run(parsed: argparse.Namespace) -> int:
    settings = _settings(parsed)
    code: int = import_module("edge_agent.agent").run(settings)
    return code


def _add_record(verb: argparse.ArgumentParser, *, several: bool = False) -> None:
    verb.add_argument(
        "record",
        nargs="+" if several else None,
        metavar="RECORD",
        help="`excerpt`, `synthetic/NAME`, the path of a WFDB record or of an EDF, BDF, CSV or npz file, "
        "or `set/record` below EDGE_DATA_DIR or from PhysioNet",
    )
    verb.add_argument("--from", dest="from_s", type=_time_of, default=0.0, metavar="MM:SS", help="begin there")
    verb.add_argument("--to", dest="to_s", type=_time_of, metavar="MM:SS", help="end there")
    verb.add_argument(
        "--fs", dest="fs_hz", type=_rate, metavar="HZ", help="rate of a CSV or npz file that does not say it"
    )
    verb.add_argument(
        "--time-column", metavar="NAME|INDEX", help="time column of a CSV file, where not found by itself"
    )


def _add_replay(verbs: Any) -> None:
    verb = _verb(verbs, "replay", _replay, "analyse a recording, or several, without broker or cloud")
    _add_record(verb, several=True)
    verb.add_argument(
        "--jobs", type=_jobs, default=1, metavar="N", help="of several records so many at a time (default: 1)"
    )
    verb.add_argument(
        "--lead",
        metavar="NAME|INDEX|NAME=KIND|each",
        help="lead that goes before the others; `each`: one by one (default: what each task finds first)",
    )
    verb.add_argument("--speed", type=_speed, default=None, metavar="N|max", help="times real time (default: max)")
    verb.add_argument(
        "--truth",
        nargs="?",
        const="",
        metavar="EXT",
        help="score against the record's annotations (default: those of its set, else atr)",
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="write DIR/RECORD.bds, a WFDB annotation file")
    verb.add_argument("--annotator", default="bds", metavar="bds", help="suffix of that file")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise UsageRefused(f"jobs are a number from 1 to {MOST_JOBS}", jobs=text, remedy="`--jobs 2`")
    return int(text)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageRefused("a speed is a number above 0, or `max`", speed=text, remedy="`--speed 10` or `--speed max`")
    return speed


def _rate(text: str) -> float:
    try:
        fs_hz = float(text)
    except ValueError:
        fs_hz = 0.0
    if not 0 < fs_hz < float("inf"):
        raise UsageRefused("a rate is a number of hertz above 0", rate=text, remedy="`--fs 250`")
    return fs_hz


def _time_of(text: str) -> float:
    """Seconds of ``SS``, ``MM:SS`` or ``HH:MM:SS``, the last with or without a fraction."""
    try:
        parts = [float(part) if index == 0 else int(part) for index, part in enumerate(reversed(text.split(":")))]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < float("inf") for part in parts):
        raise UsageRefused("a time in a record reads MM:SS", time=text, remedy="`--from 12:30 --to 15:00`")
    return sum(part * 60.0**index for index, part in enumerate(parts))


def _replay(parsed: argparse.Namespace) -> int:
    from edge_agent.replay.records_named import records_named
    from edge_agent.replay.replay import ReplayRequest, replay
    from edge_agent.sources.datasets.table import truth_of
    from edge_agent.sources.resolve import refuse_no_name

    places = _places()
    for name in parsed.record:
        refuse_no_name(name)
    names, passed_over = records_named(parsed.record, places) if _are_several(parsed.record) else (parsed.record, 0)
    requests = [
        ReplayRequest(
            record=name,
            lead=parsed.lead,
            speed=parsed.speed,
            truth=truth_of(name) if parsed.truth == "" else parsed.truth,
            out=parsed.out,
            annotator=parsed.annotator,
            json=parsed.json,
            from_s=parsed.from_s,
            to_s=parsed.to_s,
            fs_hz=parsed.fs_hz,
            time_column=parsed.time_column,
        )
        for name in names
    ]
    if passed_over:
        print(f"{PROGRAM}: files passed over that are no recordings: {passed_over}", file=sys.stderr, flush=True)
    if not requests:
        raise BadInput(
            "none of these files is a recording", files=parsed.record, remedy="name a WFDB, EDF, CSV or npz file"
        )
    stems = [Path(name).stem for name in names]
    if parsed.out is not None and (twice := sorted({stem for stem in stems if stems.count(stem) > 1})):
        raise BadInput(
            "several records of one name would write one file", names=twice, remedy="give each set an --out of its own"
        )
    if len(requests) == 1:
        replay(requests[0], places=places, stdout=sys.stdout, stderr=sys.stderr)
        return 0
    from edge_agent.replay.several import replay_several

    return replay_several(requests, jobs=parsed.jobs, places=places, stdout=sys.stdout, stderr=sys.stderr)


def _are_several(names: list[str]) -> bool:
    return len(names) > 1 or Path(names[0]).is_dir() or any(sign in names[0] for sign in "*?[")


def _add_report(verbs: Any) -> None:
    verb = _verb(verbs, "report", _report, "analyse a recording and report on the whole of it, as a PDF or in numbers")
    _add_record(verb)
    verb.add_argument("--pdf", type=Path, metavar="FILE", help="the report, A4, with strips to scale")
    verb.add_argument("--json", action="store_true", help="its numbers, JSON lines on stdout")
    verb.add_argument("--lead", metavar="NAME|INDEX|NAME=KIND", help="lead that goes before the others")
    verb.add_argument(
        "--truth",
        nargs="?",
        const="",
        metavar="EXT",
        help="the record's annotations beside ours (default: those of its set, else atr)",
    )


def _report(parsed: argparse.Namespace) -> int:
    if parsed.pdf is None and not parsed.json:
        raise UsageRefused("where to?", remedy=f"`{PROGRAM} report {parsed.record} --pdf report.pdf`, or --json")
    from edge_agent.replay.reporting import ReportRequest, report
    from edge_agent.sources.datasets.table import truth_of

    request = ReportRequest(
        record=parsed.record,
        pdf=parsed.pdf,
        json=parsed.json,
        lead=parsed.lead,
        truth=truth_of(parsed.record) if parsed.truth == "" else parsed.truth,
        from_s=parsed.from_s,
        to_s=parsed.to_s,
        fs_hz=parsed.fs_hz,
        time_column=parsed.time_column,
    )
    report(request, places=_places(), stdout=sys.stdout, stderr=sys.stderr)
    return 0


def _add_classify(verbs: Any) -> None:
    text = "say what ten seconds of an ECG show, each statement with its probability, and what was measured"
    verb = _verb(verbs, "classify", _classify, text)
    _add_record(verb)
    verb.add_argument("--lead", metavar="NAME|INDEX|NAME=KIND", help="lead that goes before the others")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")
    verb.add_argument("--pdf", type=Path, metavar="OUT", help="twelve leads on paper, to scale, with the statements")
    verb.add_argument("--why", metavar="CODE", help="with --pdf: the statement whose reasons are shown on the paper")
    verb.add_argument("--fill", action="store_true", help="with --pdf: fill what is missing for the eye, hatched")


def _classify(parsed: argparse.Namespace) -> int:
    from edge_agent.replay.classify import ClassifyRequest, classify

    request = ClassifyRequest(
        record=parsed.record,
        json=parsed.json,
        lead=parsed.lead,
        from_s=parsed.from_s,
        to_s=parsed.to_s,
        fs_hz=parsed.fs_hz,
        time_column=parsed.time_column,
        pdf=parsed.pdf,
        why=parsed.why,
        fill=parsed.fill,
    )
    classify(request, places=_places(), stdout=sys.stdout, stderr=sys.stderr)
    return 0


def _add_convert(verbs: Any) -> None:
    verb = _verb(verbs, "convert", _convert, "write a recording as EDF+, as CSV or as a WFDB record, gaps kept")
    _add_record(verb)
    verb.add_argument("out", type=Path, metavar="OUT", help="NAME.edf, NAME.csv, or NAME for a WFDB record")
    verb.add_argument("--force", action="store_true", help="overwrite what is there")
    verb.add_argument(
        "--anonymise",
        action="store_true",
        help="leave out names, ids, birth dates and all free text, and move the date by a random number of days",
    )
    verb.add_argument(
        "--annotator", metavar="EXT", help="annotation file to take along (default: atr, where there is one)"
    )
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _convert(parsed: argparse.Namespace) -> int:
    from edge_agent.conversion.convert import ConvertRequest, convert

    request = ConvertRequest(
        record=parsed.record,
        out=parsed.out,
        force=parsed.force,
        anonymise=parsed.anonymise,
        annotator=parsed.annotator,
        json=parsed.json,
        from_s=parsed.from_s,
        to_s=parsed.to_s,
        fs_hz=parsed.fs_hz,
        time_column=parsed.time_column,
    )
    convert(request, places=_places(), stdout=sys.stdout, stderr=sys.stderr)
    return 0


def _add_datasets(verbs: Any) -> None:
    verb = _verb(verbs, "datasets", _datasets, "list the public data sets whose records are known by name")
    verb.add_argument("name", nargs="?", metavar="SET", help="one of them: all that is known of it")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _datasets(parsed: argparse.Namespace) -> int:
    from edge_agent.replay.datasets import list_sets

    list_sets(parsed.name, places=_places(), as_json=parsed.json, stdout=sys.stdout)
    return 0


def _add_synthesize(verbs: Any) -> None:
    verb = _verb(verbs, "synthesize", _synthesize, "write a synthetic patient as a WFDB record with its exact truth")
    verb.add_argument("scenario", nargs="?", metavar="NAME|FILE", help="a scenario or its file; without: list them")
    verb.add_argument("--out", type=Path, metavar="DIR", help="folder of the record")
    verb.add_argument("--seed", type=int, metavar="N", help="another patient of the same kind (default: 1)")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _synthesize(parsed: argparse.Namespace) -> int:
    from edge_agent.replay.synthesize import list_scenarios, synthesize

    if parsed.scenario is None:
        list_scenarios(as_json=parsed.json, stdout=sys.stdout)
        return 0
    if parsed.out is None:
        raise UsageRefused("where to?", remedy=f"`{PROGRAM} synthesize {parsed.scenario} --out DIR`")
    synthesize(parsed.scenario, folder=parsed.out, seed=parsed.seed, as_json=parsed.json, stdout=sys.stdout)
    return 0


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


def _add_decode(verbs: Any) -> None:
    verb = _verb(verbs, "decode", _decode, "turn a board's captured bytes into samples, gaps and counters")
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
