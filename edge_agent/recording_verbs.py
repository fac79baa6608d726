"""Verbs of the command line for recordings: replay, report, classify, convert, datasets, synthesize."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from edge_agent.examples import PROGRAM
from edge_agent.usage import UsageRefused, jobs, rate, speed, time_of

MakeVerb = Callable[[Any, str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def add_recording_verbs(verbs: Any, make_verb: MakeVerb) -> None:
    """Add the verbs for recordings to the top parser."""
    for add in (_add_replay, _add_report, _add_classify, _add_convert, _add_datasets, _add_synthesize):
        add(verbs, make_verb)


def _places() -> Any:
    """Where records are looked for; downloads show on the terminal."""
    from edge_agent.operate.clock import HostClock
    from edge_agent.replay.progress import Downloads
    from edge_agent.sources.resolve import Places

    return Places.of_environment(telling=Downloads(sys.stderr, clock=HostClock()))


def _add_record(verb: argparse.ArgumentParser, *, several: bool = False) -> None:
    verb.add_argument(
        "record",
        nargs="+" if several else None,
        metavar="RECORD",
        help="`excerpt`, `synthetic/NAME`, the path of a WFDB record or of an EDF, BDF, CSV or npz file, "
        "or `set/record` below EDGE_DATA_DIR or from PhysioNet",
    )
    verb.add_argument("--from", dest="from_s", type=time_of, default=0.0, metavar="MM:SS", help="begin there")
    verb.add_argument("--to", dest="to_s", type=time_of, metavar="MM:SS", help="end there")
    verb.add_argument(
        "--fs", dest="fs_hz", type=rate, metavar="HZ", help="rate of a CSV or npz file that does not say it"
    )
    verb.add_argument(
        "--time-column", metavar="NAME|INDEX", help="time column of a CSV file, where not found by itself"
    )


def _add_replay(verbs: Any, make_verb: MakeVerb) -> None:
    verb = make_verb(verbs, "replay", _replay, "analyse a recording, or several, without broker or cloud")
    _add_record(verb, several=True)
    verb.add_argument(
        "--jobs", type=jobs, default=1, metavar="N", help="of several records so many at a time (default: 1)"
    )
    verb.add_argument(
        "--lead",
        metavar="NAME|INDEX|NAME=KIND|each",
        help="lead that goes before the others; `each`: one by one (default: what each task finds first)",
    )
    verb.add_argument("--speed", type=speed, default=None, metavar="N|max", help="times real time (default: max)")
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


def _add_report(verbs: Any, make_verb: MakeVerb) -> None:
    verb = make_verb(
        verbs, "report", _report, "analyse a recording and report on the whole of it, as a PDF or in numbers"
    )
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


def _add_classify(verbs: Any, make_verb: MakeVerb) -> None:
    text = "say what ten seconds of an ECG show, each statement with its probability, and what was measured"
    verb = make_verb(verbs, "classify", _classify, text)
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


def _add_convert(verbs: Any, make_verb: MakeVerb) -> None:
    verb = make_verb(verbs, "convert", _convert, "write a recording as EDF+, as CSV or as a WFDB record, gaps kept")
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


def _add_datasets(verbs: Any, make_verb: MakeVerb) -> None:
    verb = make_verb(verbs, "datasets", _datasets, "list the public data sets whose records are known by name")
    verb.add_argument("name", nargs="?", metavar="SET", help="one of them: all that is known of it")
    verb.add_argument("--json", action="store_true", help="JSON lines on stdout")


def _datasets(parsed: argparse.Namespace) -> int:
    from edge_agent.replay.datasets import list_sets

    list_sets(parsed.name, places=_places(), as_json=parsed.json, stdout=sys.stdout)
    return 0


def _add_synthesize(verbs: Any, make_verb: MakeVerb) -> None:
    verb = make_verb(
        verbs, "synthesize", _synthesize, "write a synthetic patient as a WFDB record with its exact truth"
    )
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
