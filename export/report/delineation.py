"""Bounds of the waves on `ludb` and `qtdb`, read by the task itself, lead by lead and of all leads together."""

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Mark, Prediction
from biosignal.model.model import Model
from biosignal.scoring.delineation import (
    BOUNDS,
    CSE_SD_MS,
    NARROW_MS,
    WIDE_MS,
    Atrial,
    Tally,
    Times,
    atrial,
    macro_f1,
    tally,
)
from biosignal.scoring.score import Table
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks.ecg_waves.kinds import P_WAVE, PRESENT, QRS_COMPLEX, T_WAVE
from biosignal.tasks.ecg_waves.task import ECG_WAVES
from export.recordings import NoRecordings
from export.report.served import Served

LUDB_LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
QTDB_READER = "q1c"
FEWEST_READERS = 6
"""A bound of all leads is the median of the leads where so many were marked."""
NEAR_MS = 100.0
BLOCK_S = 1.0
_WAVE_OF = {"p": "P", "t": "T"}
Marked = Mapping[str, Times]
Signals = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Read:
    """A record and what a reader marked in each of its leads: times in ms by bound, None where nobody looked."""

    name: str
    fs_hz: float
    leads: tuple[str, ...]
    samples: Signals
    marked: tuple[Marked | None, ...]


@dataclass(slots=True)
class Part:
    """What came of some leads."""

    wide: dict[str, Tally] = field(default_factory=lambda: {bound: Tally() for bound in BOUNDS})
    narrow: dict[str, Tally] = field(default_factory=lambda: {bound: Tally() for bound in BOUNDS})
    atrial: Atrial = field(default_factory=Atrial)

    def add(self, marked: Marked, said: "Said") -> None:
        """Count a lead in."""
        for kept, within in ((self.wide, dict.fromkeys(BOUNDS, WIDE_MS)), (self.narrow, NARROW_MS)):
            for bound, one in tally(marked, said.bounds, within_ms=within).items():
                kept[bound].add(one)
        self.atrial.add(atrial(marked, said.bounds["P on"], said.withheld))

    def figures(self) -> dict[str, Any]:
        """All figures of them."""
        return {
            "f1": round(macro_f1(self.wide), 2),
            "f1_narrow": round(macro_f1(self.narrow), 2),
            "bounds": {bound: rounded(self.wide[bound].figures()) for bound in BOUNDS},
            "p_wave": rounded(self.atrial.figures()),
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Said:
    """What the task said: times in ms by bound, QRS complexes of which it did not say whether P is there, delays."""

    bounds: Marked
    withheld: Times
    delays_ms: Times


def rounded(figures: Mapping[str, float | None]) -> dict[str, float | None]:
    """To two decimals."""
    return {name: None if value is None else round(value, 2) for name, value in figures.items()}


def evaluate_delineation(
    folder: Path, model: Callable[[str], Model], *, spoilt: Callable[[Signals, float], Signals] | None = None
) -> dict[str, Any]:
    """Score the records of a folder.

    Parameters
    ----------
    model : gives what reads the waves of the record of a name.
    spoilt : what is done to the samples in mV, shape (lead, sample), of a rate in Hz, before they are read.

    Raises
    ------
    NoRecordings : there is no record with bounds that a reader marked.
    """
    whole, fused = Part(), Part()
    by_lead: dict[str, Part] = {}
    by_record: dict[str, Part] = {}
    delays: list[Times] = []
    for record in records_in(folder):
        samples = record.samples if spoilt is None else spoilt(record.samples, record.fs_hz)
        of_record = by_record[record.name] = Part()
        for row, marked in enumerate(record.marked):
            if marked is None:
                continue
            said = read_by_task(samples[row : row + 1], record.fs_hz, record.leads[row : row + 1], model(record.name))
            delays.append(said.delays_ms)
            for part in (whole, of_record, by_lead.setdefault(record.leads[row], Part())):
                part.add(marked, said)
        known = [one for one in record.marked if one is not None]
        if len(known) >= FEWEST_READERS:
            fused.add(of_all_leads(known), read_by_task(samples, record.fs_hz, record.leads, model(record.name)))
        print(f"{record.name}: F1 {macro_f1(of_record.wide):.1f}", file=sys.stderr)
    if not by_record:
        raise NoRecordings("no record with bounds that a reader marked", folder=str(folder))
    every = np.concatenate(delays)
    return {
        "type": "summary",
        "what": "delineation",
        "set": folder.name,
        "scored": len(by_record),
        "gross": whole.figures() | {"delay_ms_max": round(float(every.max(initial=0.0)), 1)},
        "all_leads": fused.figures() if len(fused.wide["QRS on"].errors_ms) else None,
        "by_lead": {name: part.figures() for name, part in by_lead.items()},
        "by_record": {name: part.figures() for name, part in by_record.items()},
        "limits_ms": {"wide": WIDE_MS, "narrow": dict(NARROW_MS), "cse_sd": dict(CSE_SD_MS)},
    }


def delineation_of(folder: Path, answering: Served) -> dict[str, Any]:
    """Score the records of a folder by the bundle that serves, and say how many of them trained it.

    Raises
    ------
    NoRecordings : there is no record with bounds that a reader marked.
    """
    model = answering.models()[ECG_WAVES.name]
    figures = evaluate_delineation(folder, lambda _: model)
    trained = answering.bundles[ECG_WAVES.name].manifest.training.get("records", {}).get(folder.name, ())
    return figures | {
        "bundles": [one for one in answering.to_json() if one["task"] == ECG_WAVES.name],
        "trained_on": sum(name in trained for name in figures["by_record"]),
    }


def records_in(folder: Path) -> Iterator[Read]:
    """Read the records of a folder with what readers marked: of `ludb` each lead, of `qtdb` the first one."""
    for header in sorted(folder.rglob("*.hea")):
        path = header.with_suffix("")
        extensions = [one for one in LUDB_LEADS if path.with_suffix(f".{one}").is_file()]
        if not extensions and not path.with_suffix(f".{QTDB_READER}").is_file():
            continue
        record = _record(path)
        fs_hz, names = float(record.fs), tuple(record.sig_name)
        if extensions:
            of_lead = {one: _marks(path, one, fs_hz) for one in extensions}
            marked: tuple[Marked | None, ...] = tuple(of_lead.get(name.lower()) for name in names)
        else:
            marked = (_marks(path, QTDB_READER, fs_hz), *(None for _ in names[1:]))
        samples = np.ascontiguousarray(record.p_signal.T, np.float32)
        yield Read(name=path.name, fs_hz=fs_hz, leads=names, samples=samples, marked=marked)


def _record(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas' deprecations, which wfdb meets on import and on reading
            import wfdb

            return wfdb.rdrecord(str(path))
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise NoRecordings("a record cannot be read", record=str(path), reason=str(error)) from error


def _marks(path: Path, extension: str, fs_hz: float) -> Marked:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb

        found = wfdb.rdann(str(path), extension)
    times: dict[str, list[float]] = {bound: [] for bound in (*BOUNDS, "T on")}
    opened: float | None = None
    wave: str | None = None
    for sample, symbol in zip(found.sample.tolist(), found.symbol, strict=True):
        at_ms = 1000.0 * sample / fs_hz
        if symbol == "(":
            opened = at_ms
        elif symbol == ")":
            if wave is not None:
                if opened is not None:
                    times[f"{wave} on"].append(opened)
                times[f"{wave} off"].append(at_ms)
            opened = wave = None
        else:
            wave = "" if symbol == "u" else _WAVE_OF.get(symbol, "QRS")
            wave = wave or None
    return {bound: np.array(one) for bound, one in times.items()}


def read_by_task(samples: Signals, fs_hz: float, names: tuple[str, ...], model: Model) -> Said:
    """Run the task over leads in mV, shape (lead, sample), as the daemon does; what it says."""
    leads = tuple(Lead(name=name, unit=Unit.MILLIVOLT, kind=LeadKind.ECG) for name in names)
    recorded = Recorded(device="evaluation", recording="evaluation", fs_hz=fs_hz, leads=leads)
    pipeline = Pipeline([ECG_WAVES], recorded, models={ECG_WAVES.name: model})
    step = round(BLOCK_S * fs_hz)
    events: list[Any] = []
    for start in range(0, samples.shape[1], step):
        block = np.ascontiguousarray(samples[:, start : start + step])
        piece = SampleBlock(recording="evaluation", start=start, fs_hz=fs_hz, leads=leads, samples=block)
        events += pipeline.push(piece)
    events += pipeline.finish()
    return _said([one for one in events if isinstance(one, Mark)], fs_hz)


def _said(marks: list[Mark], fs_hz: float) -> Said:
    ms = 1000.0 / fs_hz
    p = [one for one in marks if one.kind == P_WAVE.name and one.label == PRESENT]
    qrs = [one for one in marks if one.kind == QRS_COMPLEX.name]
    t = [one for one in marks if one.kind == T_WAVE.name]
    hidden = [one for one in marks if one.kind == P_WAVE.name and not isinstance(one.outcome, Prediction)]

    def times(values: Iterator[int]) -> Times:
        return np.array(sorted(values), np.float64) * ms

    bounds = {
        "P on": times(one.start for one in p),
        "P off": times(one.end - 1 for one in p),
        "QRS on": times(one.start for one in qrs),
        "QRS off": times(one.end - 1 for one in qrs),
        "T off": times(one.end - 1 for one in t),
    }
    own = np.array([one.decided_at - one.end + 1 for one in (*qrs, *t)], np.float64) * ms
    return Said(bounds=bounds, withheld=times(one.start for one in hidden), delays_ms=own)


def of_all_leads(marked: list[Marked]) -> Marked:
    """Join what was marked in single leads: the median of each bound of each beat where enough leads have it."""
    joined = {}
    for bound in BOUNDS:
        every = np.sort(np.concatenate([one[bound] for one in marked]))
        if not len(every):
            joined[bound] = every
            continue
        groups = np.split(every, np.flatnonzero(np.diff(every) > NEAR_MS) + 1)
        joined[bound] = np.array([np.median(one) for one in groups if len(one) >= FEWEST_READERS])
    return joined


def delineation_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Write the figures for a terminal: all leads one by one, all together, each lead, each record."""
    yield f"bounds of the waves on {figures['set']}: {figures['scored']} records"
    for bundle in figures.get("bundles", ()):
        yield f"{bundle['name']} {bundle['version']} (sha256 {bundle['sha256']}) on {bundle['backend']}"
    if figures.get("trained_on"):
        yield f"{figures['trained_on']} of these records trained it"
    for title, part in (("single leads", figures["gross"]), ("all leads together", figures["all_leads"])):
        if part is not None:
            yield from ("", f"{title}: F1 {part['f1']:.2f} within 150 ms, {part['f1_narrow']:.2f} within narrow limits")
            yield from _bounds_table(part)
            said = ", ".join(f"{name} {_cell(value)}" for name, value in part["p_wave"].items())
            yield f"P before a QRS complex: {said}"
    yield ""
    for kind in ("by_lead", "by_record"):
        rows = tuple(
            (name, *(_cell(one) for one in (part["f1"], part["f1_narrow"], *_f1(part))))
            for name, part in figures[kind].items()
        )
        yield from Table(head=("", "F1", "narrow", *BOUNDS), rows=rows).lines()
        yield ""


def _f1(part: Mapping[str, Any]) -> list[float | None]:
    return [part["bounds"][bound]["f1"] for bound in BOUNDS]


def _bounds_table(part: Mapping[str, Any]) -> Iterator[str]:
    names = ("n", "se", "ppv", "f1", "mean_ms", "sd_ms", "sd_by_record_ms")
    rows = tuple((bound, *(_cell(part["bounds"][bound][name]) for name in names)) for bound in BOUNDS)
    yield from Table(head=("", *names), rows=rows).lines()


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}".removesuffix(".00")
