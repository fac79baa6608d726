"""Detectors of others beside ours: the same records, the same scorer, and the time of each in the same run.

What a peer finds is written by a process of its own in the peers' environment (``make peers``) and kept below
``.build/bench``: a later run only reads it, unless the record, the package's version or the call is another. Ours finds
again each time, and every detector is timed again, so that the times are ratios of one run.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import NotMeasured
from benchmarks.machine import ROOT
from benchmarks.peer_runner import PEERS
from biosignal.errors import BedsideError
from biosignal.scoring.score import Annotations
from export.dataset import find_beats
from export.front.corpus import kept_out, names_in
from export.recordings import DS2, Recording
from export.report.analysed import analyse
from export.report.qrs import QrsScore, qrs_figures, score_beats
from export.report.reading import Signals, read_signals
from export.report.served import served

KEPT = ROOT / ".build" / "bench" / "peers"
PYTHON = ROOT / ".build" / "peers" / "bin" / "python"
INSTALL = "make peers"
TIMED = ("mitdb", "100")
TIMES = 2
"""How often a detector is timed; the faster one counts."""
RECORD_LIMIT_S = 300.0
"""By the clock, for each recording: the slowest peer needs some 15 s for half an hour of signal."""
QUICK_S = 420.0
"""The noise stress test is noisy from 5:00 to 7:00."""
QUICK_TIMED_S = 300.0
QUICK_MITDB = ("105", "208")
WHOLE, MODELLESS = "Bedside, whole pipeline", "Bedside, detector without a model"

Key = tuple[str, str]
"""A set and one of its records."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """Records that are scored together, from `from_s` on."""

    name: str
    of_set: str
    records: tuple[str, ...]
    from_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a detector found of one recording; `kept` if an earlier run did."""

    samples: Sequence[int]
    cpu_s: float | None = None
    error: str = ""
    kept: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One detector: `timed_s` is its processor time for the recording that all are timed on.

    `why_not` is set where it is not here; then nothing else is.
    """

    detector: str
    version: str = ""
    call: str = ""
    why_not: str = ""
    timed_s: float | None = None
    found: Mapping[Key, Found] = field(default_factory=dict)


def measure(*, quick: bool) -> dict[str, Any]:
    """Score every detector on the records below EDGE_DATA_DIR and time it; give the table as plain values.

    Raises
    ------
    NotMeasured : there are no recordings, or a model of ours cannot be used.
    """
    data = os.environ.get("EDGE_DATA_DIR")
    if not data or not (Path(data, TIMED[0]) / f"{TIMED[1]}.hea").is_file():
        raise NotMeasured("EDGE_DATA_DIR does not hold mitdb")
    columns = list(_columns(Path(data), quick=quick))
    keys = sorted({(one.of_set, record) for one in columns for record in one.records})
    try:
        leads = {key: _lead(Path(data), key, QUICK_S if quick else None) for key in keys}
        timed = _lead(Path(data), TIMED, QUICK_TIMED_S if quick else None)
        # The peers first: theirs is kept if the run is stopped.
        theirs = list(_peers(leads, timed))
        ours = list(_ours(leads, timed))
    except BedsideError as error:
        raise NotMeasured(str(error)) from error
    return table_of([*ours, *theirs], columns, leads, timed)


def _columns(data: Path, *, quick: bool) -> Iterator[Column]:
    """The sets that are there."""
    mitdb = tuple(name for name in names_in(data / "mitdb") if not quick or name in QUICK_MITDB)
    yield Column(name=f"mitdb, {len(mitdb)}", of_set="mitdb", records=mitdb)
    if not quick:
        ds2 = tuple(name for name in mitdb if name in DS2)
        yield Column(name=f"DS2, {len(ds2)} of them", of_set="mitdb", records=ds2)
    if (data / "svdb").is_dir():
        svdb = tuple(kept_out(data / "svdb")[: 1 if quick else None])
        yield Column(name=f"svdb, {len(svdb)} kept out", of_set="svdb", records=svdb)
    for level, suffix in (("12 dB", "e12"), ("6 dB", "e06")):
        both = ("118" + suffix, "119" + suffix)[: 1 if quick else None]
        noisy = tuple(name for name in both if (data / "nstdb" / f"{name}.hea").is_file())
        if noisy:
            yield Column(name=f"nstdb, {level}", of_set="nstdb", records=noisy, from_s=300.0)


def _lead(data: Path, key: Key, most_s: float | None) -> Signals:
    """Read the first ECG lead of a record, or so many seconds of it."""
    signals = read_signals(data / key[0], key[1], leads="first")
    end = None if most_s is None else round(most_s * signals.fs_hz)
    return replace(signals, samples=np.ascontiguousarray(signals.samples[:, :end]))


def _ours(leads: Mapping[Key, Signals], timed: Signals) -> Iterator[Row]:
    answering = served()
    models = answering.models()

    def whole(signals: Signals) -> Annotations:
        return analyse(signals, models).annotations()

    def modelless(signals: Signals) -> Annotations:
        recording = Recording(signals.name, signals.fs_hz, signals.samples[0], Annotations([], []))
        return find_beats(recording, None).unclassified()

    bundles = ", ".join(f"{bundle.manifest.name} {bundle.manifest.version}" for bundle in answering.bundles.values())
    for name, version, call, find in (
        (WHOLE, bundles, "python -m export evaluate qrs --leads first", whole),
        (MODELLESS, "", "python -m export.detector", modelless),
    ):
        print(f"measuring peers: {name} ...", file=sys.stderr, flush=True)
        found = {key: Found(samples=[int(at) for at in find(signals).samples]) for key, signals in leads.items()}
        timed_s = min(_timed(find, timed) for _ in range(TIMES))
        yield Row(detector=name, version=version, call=call, timed_s=timed_s, found=found)


def _timed(find: Callable[[Signals], object], signals: Signals) -> float:
    began_s = time.process_time()
    find(signals)
    return time.process_time() - began_s


def _peers(leads: Mapping[Key, Signals], timed: Signals) -> Iterator[Row]:
    there, trouble = installed(PYTHON)
    for name, peer in PEERS.items():
        if name not in there:
            yield Row(detector=name, call=peer.call, why_not=f"not installed: `{INSTALL}`{trouble}")
            continue
        print(f"measuring peers: {name} ...", file=sys.stderr, flush=True)
        version = f"{peer.package} {there[name]}"
        found, again = detect(name, version, leads, timed, python=PYTHON, kept=KEPT)
        yield row_of(Row(detector=name, version=version, call=peer.call), found, again)


def row_of(row: Row, found: Mapping[Key, Found], timed: Found) -> Row:
    """Give the row of a peer; one that could do no recording at all is not scored, it was not here."""
    errors = [one.error for one in found.values()]
    if errors and all(errors):
        return replace(row, why_not=f"could do no record: {errors[0]}")
    return replace(row, timed_s=timed.cpu_s, found=found)


def installed(python: Path) -> tuple[dict[str, str], str]:
    """Give the version of each peer that an environment has, and what is wrong with it where it does not even run."""
    if not python.is_file():
        return {}, ""
    asked = [str(python), "-m", "benchmarks.peer_runner", "--about"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}, f" ({_last_line(done.stderr)})"
    versions: dict[str, str] = json.loads(done.stdout)
    return versions, ""


def detect(
    peer: str, version: str, leads: Mapping[Key, Signals], timed: Signals, *, python: Path, kept: Path
) -> tuple[dict[Key, Found], Found]:
    """Let a peer find the beats of the first lead of recordings, in a process of the peers' environment.

    Parameters
    ----------
    timed : the recording that it goes over `TIMES` times, in every run.
    kept : the folder of results, of which those of the same samples, rate, version and call are used again.

    Returns
    -------
    What it found of `leads`, and of `timed` with the faster time.
    """
    kept.mkdir(parents=True, exist_ok=True)
    found: dict[Key, Found] = {}
    with tempfile.TemporaryDirectory() as scratch:
        work: dict[Key, dict[str, Any]] = {}
        for key, signals in leads.items():
            name = "-".join([*key, f"{signals.seconds:.0f}s", peer.replace(", ", "-").replace(" ", "-")])
            one = _job(Path(scratch, f"{name}.npy"), kept / f"{name}.json", signals, peer, version)
            before = read_found(kept / f"{name}.json", one["mark"])
            if before is None:
                work[key] = one
            else:
                found[key] = replace(before, kept=True)
        last = _job(Path(scratch, "timed.npy"), Path(scratch, "timed.json"), timed, peer, version) | {"times": TIMES}
        trouble = _run(peer, [*work.values(), last], python=python, manifest=Path(scratch, "manifest.json"))
        for key, one in work.items():
            found[key] = read_found(Path(one["into"]), one["mark"]) or Found(samples=(), error=trouble)
        again = read_found(Path(last["into"]), last["mark"]) or Found(samples=(), error=trouble)
    return {key: found[key] for key in leads}, again


def _job(lead: Path, into: Path, signals: Signals, peer: str, version: str) -> dict[str, Any]:
    """Write a lead where the peer reads it, and say what is to be done with it."""
    samples = without_holes(signals.samples[0])
    np.save(lead, samples)
    mark = mark_of(samples, signals.fs_hz, peer, version)
    return {"lead": str(lead), "fs_hz": signals.fs_hz, "into": str(into), "mark": mark, "times": 1}


def _run(peer: str, work: list[dict[str, Any]], *, python: Path, manifest: Path) -> str:
    """Run a peer over what is to be done, in order; give why some of it may not have been done."""
    manifest.write_text(json.dumps({"peer": peer, "work": work}), encoding="utf-8")
    limit_s = RECORD_LIMIT_S * len(work)
    try:
        done = subprocess.run(
            [str(python), "-m", "benchmarks.peer_runner", str(manifest)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {limit_s:.0f} s"
    return _last_line(done.stderr) or f"it ended with {done.returncode}"


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def without_holes(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Draw a straight line over missing samples, which no peer takes."""
    lead, there = samples.astype(np.float64), np.isfinite(samples)
    return lead if there.all() else np.interp(np.arange(len(lead)), np.flatnonzero(there), lead[there])


def mark_of(lead: NDArray[np.float64], fs_hz: float, peer: str, version: str) -> str:
    """Give the mark of a result: who found it, how, and in which samples."""
    how = f"{peer}|{version}|{PEERS[peer].call}|{fs_hz}|"
    return hashlib.sha256(how.encode() + lead.tobytes()).hexdigest()


def read_found(path: Path, mark: str) -> Found | None:
    """Read the result of a peer; None where there is none with that mark."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if told["mark"] != mark:
        return None
    return Found(samples=told["samples"], cpu_s=told["cpu_s"], error=told["error"])


def table_of(
    rows: Sequence[Row], columns: Sequence[Column], leads: Mapping[Key, Signals], timed: Signals
) -> dict[str, Any]:
    """Score what was found and put it together; times are ratios to the first row's.

    Returns
    -------
    `columns` and `rows`. Of a row `scores` has the figures of `python -m export evaluate qrs` for each column, `failed`
    why a record counts as one without beats, `cpu_s_an_hour` the processor time for an hour of signal.
    """
    hours, base = timed.seconds / 3600, rows[0].timed_s
    return {
        "timed": f"{TIMED[0]}/{TIMED[1]}, {timed.seconds / 60:.0f} min, best of {TIMES}",
        "minutes": round(sum(signals.seconds for signals in leads.values()) / 60, 1),
        "columns": [{"name": one.name, "records": list(one.records), "from_s": one.from_s} for one in columns],
        "rows": [
            {
                "detector": row.detector,
                "version": row.version,
                "call": row.call,
                "why_not": row.why_not,
                "scores": {} if row.why_not else {one.name: _figures(row, one, leads) for one in columns},
                "failed": {"/".join(key): one.error for key, one in row.found.items() if one.error},
                "kept": sum(one.kept for one in row.found.values()),
                "cpu_s_an_hour": None if row.timed_s is None else float(f"{row.timed_s / hours:.4g}"),
                "times_ours": None if row.timed_s is None or not base else float(f"{row.timed_s / base:.3g}"),
            }
            for row in rows
        ],
    }


def _figures(row: Row, column: Column, leads: Mapping[Key, Signals]) -> dict[str, Any]:
    scores: list[QrsScore] = []
    for record in column.records:
        signals, found = leads[column.of_set, record], row.found[column.of_set, record]
        test = Annotations(found.samples, ["N"] * len(found.samples))
        scores.append(score_beats(signals, test, from_s=column.from_s))
    figures = qrs_figures(scores, {})
    told = {name: figures["gross"][name] for name in ("beats", "fn", "fp", "se", "ppv", "der", "f1_150", "f1_50")}
    return told | {"der_interval": figures["interval"]["der"]}
