"""A replay of several records: a line each, a sum, and none that fails keeps the others from being played."""

import io
import json
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TextIO

from biosignal.errors import BedsideError
from biosignal.scoring.score import Table
from edge_agent.operate.clock import HostClock
from edge_agent.replay.progress import clock_text
from edge_agent.replay.replay import ReplayRequest, replay
from edge_agent.sources.resolve import Places

_FIGURES = ("tp", "fn", "fp")


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """What became of a record: its lines of JSON, and why it failed where it did, with what to do."""

    record: str
    lines: tuple[str, ...]
    failed: str | None = None
    advice: str = ""


@dataclass(slots=True)
class _Sums:
    records: int = 0
    failed: int = 0
    seconds: float = 0.0
    played_s: float = 0.0
    marks: dict[str, int] = field(default_factory=dict)
    findings: int = 0
    alarms: int = 0
    gaps: int = 0
    scores: dict[str, dict[str, int]] = field(default_factory=dict)


def replay_several(
    requests: Sequence[ReplayRequest], *, jobs: int, places: Places, stdout: TextIO, stderr: TextIO
) -> int:
    """Replay all of them, so many at a time; the exit code: 1 where one failed.

    In words: a table at the end, and on stderr which is at work. As JSON: the lines of each record with its name in
    `record`, and a last summary.
    """
    clock = HostClock()
    began_s = clock.monotonic_s()
    sums, rows, advice = _Sums(records=len(requests)), [], ""
    as_json = requests[0].json
    for number, played in enumerate(_all(requests, jobs, places, stderr), 1):
        rows.append(_row(played, sums))
        if as_json:
            stdout.writelines(_tagged(line, played.record) + "\n" for line in played.lines)
        if played.failed is not None:
            advice = advice or played.advice or "play that record alone"
            _say_failed(played, as_json=as_json, stdout=stdout, stderr=stderr)
        stderr.write(f"{number} of {len(requests)}: {played.record}{' failed' if played.failed else ''}\n")
        stderr.flush()
    sums.seconds = clock.monotonic_s() - began_s
    if as_json:
        stdout.write(json.dumps({"type": "summary", **_summary(sums)}) + "\n")
    else:
        _show(rows, sums, stdout)
    stdout.flush()
    if sums.failed:
        stderr.write(f"edge-agent: {sums.failed} of {sums.records} records failed\nTry: {advice}\n")
    return 1 if sums.failed else 0


def _all(requests: Sequence[ReplayRequest], jobs: int, places: Places, stderr: TextIO) -> Iterator[Played]:
    """All records in their order, each as soon as it and those before it are through."""
    if jobs == 1:
        yield from (_one(request, places, stderr) for request in requests)
        return
    # A process that was forked would share the threads of the runtime that it inherits.
    context = multiprocessing.get_context("spawn")
    quiet = Places(data_dir=places.data_dir, cache_dir=places.cache_dir, index_url=places.index_url)
    with ProcessPoolExecutor(max_workers=min(jobs, len(requests)), mp_context=context) as pool:
        waiting = [pool.submit(_one, request, quiet, None) for request in requests]
        try:
            for request, each in zip(requests, waiting, strict=True):
                try:
                    yield each.result()
                except Exception as error:  # noqa: BLE001 - a process that was killed takes its record with it only
                    yield Played(record=request.record, lines=(), failed=f"{type(error).__name__}: {error}")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _one(request: ReplayRequest, places: Places, stderr: TextIO | None) -> Played:
    out = io.StringIO()
    failed, advice = None, ""
    try:
        replay(replace(request, json=True), places=places, stdout=out, stderr=stderr or io.StringIO())
    except BedsideError as error:
        failed, advice = str(error), error.advice
    except Exception as error:  # noqa: BLE001 - whatever one record does, the others are played
        failed, advice = f"{type(error).__name__}: {error}", "`edge-agent doctor`"
    lines = out.getvalue().splitlines()
    if not request.json:  # a table needs no single beats
        lines = [line for line in lines if line.startswith(('{"type": "score"', '{"type": "summary"', '{"type": "rec'))]
    return Played(record=request.record, lines=tuple(lines), failed=failed, advice=advice)


def _tagged(line: str, record: str) -> str:
    fields: dict[str, Any] = json.loads(line)
    return json.dumps({"type": fields.pop("type"), **fields, "record": record})


def _say_failed(played: Played, *, as_json: bool, stdout: TextIO, stderr: TextIO) -> None:
    if as_json:
        facts = {"what": played.failed, "try": played.advice, "record": played.record}
        stdout.write(json.dumps({"type": "error", **facts}) + "\n")
    stderr.write(f"{played.record}: {played.failed}\n")


def _row(played: Played, sums: _Sums) -> dict[str, str]:
    """The cells of a record's line, by the name of their column; the sums grow with it."""
    said = [json.loads(line) for line in played.lines]
    summary = next((one for one in said if one["type"] == "summary"), None)
    fs_hz = next((one["fs_hz"] for one in said if one["type"] == "recording"), 1.0)
    cells: dict[str, str] = {"record": played.record}
    if summary is not None:
        length_s = summary["samples"] / fs_hz
        marks = _marks(summary["leads"])
        findings, alarms = (sum(lead[name] for lead in summary["leads"]) for name in ("findings", "alarms"))
        cells["length"] = clock_text(length_s)
        cells |= {name: str(count) for name, count in marks.items()}
        cells |= {"findings": str(findings), "alarms": str(alarms), "gaps": str(summary["gaps"])}
        sums.played_s += length_s
        sums.findings, sums.alarms, sums.gaps = (
            sums.findings + findings,
            sums.alarms + alarms,
            sums.gaps + summary["gaps"],
        )
        for name, count in marks.items():
            sums.marks[name] = sums.marks.get(name, 0) + count
    for score in (one for one in said if one["type"] == "score"):
        for name, counts in _counted(score):
            cells[f"{name} Se"], cells[f"{name} +P"] = _shares(counts)
            sums.scores[name] = _added(sums.scores.get(name), counts)
    if played.failed is not None:
        sums.failed += 1
        cells["failed"] = "failed"
    return cells


def _marks(leads: Iterable[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for lead in leads:
        for name, labels in lead.items():
            if isinstance(labels, dict):
                found[name] = found.get(name, 0) + sum(labels.values())
    return found


def _counted(score: dict[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    """Everything in a score that counts what was found, missed and made up."""
    for name, counts in score.items():
        if isinstance(counts, dict) and set(_FIGURES) <= set(counts):
            yield name, {figure: int(counts[figure]) for figure in _FIGURES}


def _added(before: dict[str, int] | None, counts: dict[str, int]) -> dict[str, int]:
    return counts if before is None else {figure: before[figure] + counts[figure] for figure in _FIGURES}


def _shares(counts: dict[str, int]) -> tuple[str, str]:
    """Sensitivity and positive predictive value, in percent."""
    found, missed, made_up = (counts[figure] for figure in _FIGURES)
    return _percent(found, missed), _percent(found, made_up)


def _percent(found: int, other: int) -> str:
    return f"{100 * found / (found + other):.2f}" if found + other else "-"


def _show(rows: list[dict[str, str]], sums: _Sums, stdout: TextIO) -> None:
    head = list(dict.fromkeys(["record", *(name for row in rows for name in row if name != "failed")]))
    head += ["failed"] if sums.failed else []
    last = {
        "record": f"{sums.records} records",
        "length": clock_text(sums.played_s),
        **{name: str(count) for name, count in sums.marks.items()},
        "findings": str(sums.findings),
        "alarms": str(sums.alarms),
        "gaps": str(sums.gaps),
    }
    for name, counts in sums.scores.items():
        last[f"{name} Se"], last[f"{name} +P"] = _shares(counts)
    if sums.failed:
        last["failed"] = str(sums.failed)
    cells = tuple(tuple(row.get(name, "") for name in head) for row in [*rows, last])
    stdout.writelines(line.rstrip() + "\n" for line in Table(head=tuple(head), rows=cells).lines())
    ratio = f", {sums.played_s / sums.seconds:.0f} times real time" if sums.seconds > 0 else ""
    stdout.write(f"{clock_text(sums.played_s)} replayed in {sums.seconds:.1f} s{ratio}\n")


def _summary(sums: _Sums) -> dict[str, Any]:
    return {
        "records": sums.records,
        "failed": sums.failed,
        "played_s": round(sums.played_s, 3),
        "marks": sums.marks,
        "findings": sums.findings,
        "alarms": sums.alarms,
        "gaps": sums.gaps,
        "scores": sums.scores,
        "seconds": round(sums.seconds, 3),
    }
