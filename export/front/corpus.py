"""What the front end is trained on: leads at 125 Hz with what is known of every sample, and what is not."""

import ast
import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.qrs import QrsDetector
from biosignal.events import MarkState
from biosignal.scoring.score import Annotations
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_front.channels import RATE_HZ, brought_to_rate
from export.recordings import DS1, NoRecordings
from export.report.reading import Signals, read_signals

UNKNOWN = -1
NORMAL, VENTRICULAR, UNSAID = 0, 1, 2
"""Beats that are not ventricular, those that are, and those whose kind nobody said."""
GOOD, NOISY, NO_CONTACT = 0, 1, 2
NOISE_PATIENTS = ("118", "119")
"""The noise stress test is made of them, so they train nothing."""
AGREE_S = 0.08
DOUBT_S = 0.45
CHANGE_S = 2.5
RUN = 5
RUN_RR_S = 0.6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Strip:
    """A recording as it trains.

    Parameters
    ----------
    group : which set it is of.
    z : float32, shape (lead, sample), mV at 125 Hz.
    beats, kinds : samples of the beats and which kind each is.
    qrs : whether beats are known, for each sample.
    vf, vt : 1 where there is such a rhythm, 0 where there is none, `UNKNOWN` elsewhere.
    fit : `GOOD`, `NOISY`, `NO_CONTACT` or `UNKNOWN`, shape (lead, sample).
    verdict : what experts said of the whole recording, 1 acceptable, 0 not; None: nobody did.
    """

    group: str
    name: str
    z: NDArray[np.float32]
    beats: NDArray[np.int64]
    kinds: NDArray[np.int8]
    qrs: NDArray[np.bool_]
    vf: NDArray[np.int8]
    vt: NDArray[np.int8]
    fit: NDArray[np.int8]
    verdict: int | None = None
    paced: bool = False


def is_kept_out(index: int) -> bool:
    """Whether the record at this place of its set, in order of names, never trains: every fifth."""
    return index % 5 == 2


def corpus(data: Path, *, quick: bool = False) -> list[Strip]:
    """Read everything that may train, under the folder that holds the sets; two recordings of each set if `quick`.

    Raises
    ------
    NoRecordings : a set is not there, or a recording cannot be read.
    """
    strips: list[Strip] = []
    for reader in (_mitdb, _svdb, _cudb, _vfdb, _cinc2017, _cinc2011, _ptbxl):
        group = reader.__name__[1:]
        if not (data / group).is_dir():
            raise NoRecordings("a set that trains is not there", folder=str(data / group))
        before = len(strips)
        strips += islice(reader(data / group), 2) if quick else reader(data / group)
        hours = sum(strip.z.size for strip in strips[before:]) / RATE_HZ / 3600
        print(f"{group}: {len(strips) - before} recordings, {hours:.1f} h of leads", file=sys.stderr, flush=True)
    return strips + list(islice(_synthetic(), 2) if quick else _synthetic())


def names_in(folder: Path) -> list[str]:
    """Give the records of a set in order of their names."""
    return sorted(path.stem for path in folder.rglob("*.hea"))


def kept_out(folder: Path) -> list[str]:
    """Give the records of a set that never train."""
    return [name for index, name in enumerate(names_in(folder)) if is_kept_out(index)]


def _training(folder: Path) -> list[str]:
    return [name for index, name in enumerate(names_in(folder)) if not is_kept_out(index)]


def resampled(samples: NDArray[np.float32], fs_hz: float) -> NDArray[np.float32]:
    """Bring a whole recording, shape (lead, sample), to 125 Hz, holding the last value over missing samples."""
    filled = np.array(samples, np.float32)
    for row in filled:
        bad = ~np.isfinite(row)
        if bad.any():
            row[bad] = np.interp(np.flatnonzero(bad), np.flatnonzero(~bad), row[~bad]) if not bad.all() else 0.0
    resampler = brought_to_rate(fs_hz, len(filled))
    parts: list[NDArray[np.float32]] = []
    for start in range(0, filled.shape[1], 1 << 16):
        resampler.push(filled[:, start : start + (1 << 16)])
        count = resampler.known - sum(part.shape[1] for part in parts)
        parts.append(resampler.take(count).astype(np.float32))
    return np.concatenate(parts, axis=1)


def _strip(signals: Signals, group: str, *, rows: slice = slice(None)) -> Strip:
    z = resampled(signals.samples[rows], signals.fs_hz)
    length = z.shape[1]
    none = np.zeros(length, np.int8)
    return Strip(
        group=group,
        name=signals.name,
        z=z,
        beats=np.zeros(0, np.int64),
        kinds=np.zeros(0, np.int8),
        qrs=np.ones(length, bool),
        vf=none.copy(),
        vt=none.copy(),
        fit=np.zeros(z.shape, np.int8),
    )


_KINDS = {**dict.fromkeys("NLRejAaJSn", NORMAL), **dict.fromkeys("VE", VENTRICULAR), **dict.fromkeys("Ff/QB?r", UNSAID)}


def _beats(strip: Strip, reference: Annotations, fs_hz: float, *, unsaid: bool = False) -> Strip:
    pairs = [
        (round(int(sample) * RATE_HZ / fs_hz), UNSAID if unsaid else _KINDS[symbol])
        for sample, symbol in zip(reference.samples, reference.symbols, strict=True)
        if symbol in _KINDS
    ]
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return replace(strip, beats=both[:, 0], kinds=both[:, 1].astype(np.int8))


def _flutter(strip: Strip, reference: Annotations, fs_hz: float) -> list[tuple[int, int]]:
    spans, open_at = [], None
    for sample, symbol in zip(reference.samples, reference.symbols, strict=True):
        at = round(int(sample) * RATE_HZ / fs_hz)
        if symbol == "[":
            open_at = at
        elif symbol == "]" and open_at is not None:
            spans.append((open_at, at))
            open_at = None
    if open_at is not None:
        spans.append((open_at, strip.z.shape[1]))
    return spans


def _around(mask: NDArray[np.int8], at: int, reach_s: float) -> None:
    reach = round(reach_s * RATE_HZ)
    mask[max(0, at - reach) : at + reach] = UNKNOWN


def _mitdb(folder: Path) -> Iterator[Strip]:
    for name in DS1:
        if name in NOISE_PATIENTS:
            continue
        signals = read_signals(folder, name)
        assert signals.reference is not None
        strip = _beats(_strip(signals, "mitdb"), signals.reference, signals.fs_hz)
        for start, end in _flutter(strip, signals.reference, signals.fs_hz):
            strip.qrs[start:end] = False
        strip.vf[:] = strip.vt[:] = UNKNOWN
        doubt_leads(strip, signals.samples, signals.fs_hz)
        yield strip


def _svdb(folder: Path) -> Iterator[Strip]:
    for name in _training(folder):
        signals = read_signals(folder, name)
        assert signals.reference is not None
        strip = _beats(_strip(signals, "svdb"), signals.reference, signals.fs_hz)
        _mark_runs(strip)
        doubt_leads(strip, signals.samples, signals.fs_hz)
        yield strip


def _mark_runs(strip: Strip) -> None:
    """Runs of five ventricular beats at 100/min are tachycardia; about shorter ones nothing is said."""
    start = 0
    beats, kinds = strip.beats, strip.kinds
    for end in range(1, len(beats) + 1):
        if end < len(beats) and kinds[end] == kinds[end - 1]:
            continue
        if kinds[start] == VENTRICULAR and end - start >= 3:
            span = slice(int(beats[start]), int(beats[end - 1]))
            rr_s = float(np.mean(np.diff(beats[start:end]))) / RATE_HZ
            strip.vt[span] = 1 if end - start >= RUN and rr_s <= RUN_RR_S else UNKNOWN
            _around(strip.vt, span.start, 0.3)
            _around(strip.vt, span.stop, 0.3)
        start = end


def _cudb(folder: Path) -> Iterator[Strip]:
    for name in _training(folder):
        signals = read_signals(folder, name)
        assert signals.reference is not None
        strip = _beats(_strip(signals, "cudb"), signals.reference, signals.fs_hz, unsaid=True)
        strip.vt[:] = UNKNOWN
        for start, end in _flutter(strip, signals.reference, signals.fs_hz):
            strip.vf[start:end] = 1
            strip.vt[start:end] = 0
            strip.qrs[start:end] = False
            _around(strip.vf, start, CHANGE_S)
            _around(strip.vf, end, CHANGE_S)
        yield strip


def _vfdb(folder: Path) -> Iterator[Strip]:
    for name in _training(folder):
        signals = read_signals(folder, name)
        reference = signals.reference
        assert reference is not None
        strip = _strip(signals, "vfdb")
        strip.qrs[:] = False
        changes = [
            (round(int(sample) * RATE_HZ / signals.fs_hz), text)
            for sample, text in zip(reference.samples, signals.aux, strict=True)
            if text.startswith("(")
        ]
        strip.vf[: changes[0][0]] = strip.vt[: changes[0][0]] = UNKNOWN
        for (start, text), (end, _) in zip(changes, [*changes[1:], (strip.z.shape[1], "")], strict=True):
            span = slice(start, end)
            strip.vf[span] = text in ("(VF", "(VFL", "(VFIB")
            strip.vt[span] = text == "(VT"
            if text == "(NOISE":
                strip.fit[:, span] = NOISY
                strip.vf[span] = strip.vt[span] = 0
            if text == "(ASYS":
                strip.qrs[start + round(0.5 * RATE_HZ) : end - round(0.5 * RATE_HZ)] = True
        for start, _ in changes:
            _around(strip.vf, start, 1.5)
            _around(strip.vt, start, 1.5)
            for row in strip.fit:
                _around(row, start, 0.5)
        yield strip


def _found(x: NDArray[np.float32], fs_hz: float) -> NDArray[np.int64]:
    """Beats of our own detector that needs no model, as samples at 125 Hz."""
    detector = QrsDetector(fs_hz)
    found = [*detector.push(x.astype(np.float64)), *detector.finish()]
    at = [one.sample for one in found if one.state is MarkState.CONFIRMED]
    return np.round(np.array(sorted(at), np.float64) * RATE_HZ / fs_hz).astype(np.int64)


def doubt_leads(strip: Strip, samples: NDArray[np.float32], fs_hz: float) -> None:
    """Call a lead noisy round each beat that our detector misses or makes up on it, and not on another lead.

    This is what the fitness of a lead is for: to let the lead decide that shows the heart.
    """
    known = strip.beats[strip.qrs[np.minimum(strip.beats, len(strip.qrs) - 1)]]
    wrong = np.zeros(strip.z.shape, bool)
    for row, lead in zip(wrong, samples, strict=True):
        found = _found(np.nan_to_num(lead), fs_hz)
        for at in np.concatenate((_not_in(known, found), _not_in(found, known))):
            row[max(0, int(at) - round(DOUBT_S * RATE_HZ)) : int(at) + round(DOUBT_S * RATE_HZ)] = True
    strip.fit[wrong] = NOISY
    strip.fit[:, wrong.all(axis=0)] = UNKNOWN


def _not_in(these: NDArray[np.int64], those: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give those of the sorted `these` that none of the sorted `those` is near."""
    if not len(those):
        return these
    right = np.searchsorted(those, these)
    before, after = those[np.maximum(right - 1, 0)], those[np.minimum(right, len(those) - 1)]
    is_far = np.minimum(np.abs(these - before), np.abs(after - these)) > AGREE_S * RATE_HZ
    return np.asarray(these[is_far])


def _agreed(strip: Strip, first: NDArray[np.int64], others: Iterable[NDArray[np.int64]]) -> Strip:
    """Keep the beats of `first` that another one has; doubt the stretches round all on which they differ."""
    near = AGREE_S * RATE_HZ
    sets = [first, *others]
    votes = [(int(at), sum(bool(len(one)) and float(np.min(np.abs(one - at))) <= near for one in sets)) for at in first]
    kept = np.array([at for at, count in votes if count == len(sets)], np.int64)
    reach = round(DOUBT_S * RATE_HZ)
    for one in sets:
        for at in one:
            if not len(kept) or float(np.min(np.abs(kept - at))) > near:
                strip.qrs[max(0, int(at) - reach) : int(at) + reach] = False
    return replace(strip, beats=kept, kinds=np.full(len(kept), UNSAID, np.int8))


def _cinc2017(folder: Path) -> Iterator[Strip]:
    with (folder / "REFERENCE-v3.csv").open() as lines:
        labels = dict(line.strip().split(",") for line in lines if line.strip())
    for name in _training(folder):
        signals = read_signals(folder, name)
        strip = _strip(signals, "cinc2017")
        x = signals.samples[0]
        if labels[name] == "~":
            strip.fit[:] = NOISY
            strip.qrs[:] = False
            yield strip
            continue
        # Forwards and backwards the detector starts, learns and errs elsewhere.
        backwards = len(x) / signals.fs_hz * RATE_HZ - 1 - _found(x[::-1], signals.fs_hz)
        yield _agreed(strip, _found(x, signals.fs_hz), [np.sort(np.round(backwards).astype(np.int64))])


def _cinc2011(folder: Path) -> Iterator[Strip]:
    with (folder / "LABELS.csv").open() as lines:
        labels = {row["record"]: row["label"] for row in csv.DictReader(lines)}
    for name in _training(folder):
        strip = _strip(read_signals(folder, name), "cinc2011")
        strip.qrs[:] = False
        strip.fit[:] = UNKNOWN
        yield replace(strip, verdict=int(labels[name] == "acceptable"))


def _ptbxl(folder: Path) -> Iterator[Strip]:
    with (folder / "ptbxl_database.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if int(row["strat_fold"]) <= 8]
    for row in rows:
        path = folder / row["filename_lr"]
        if not path.with_suffix(".hea").is_file():
            continue
        signals = read_signals(path.parent, path.name)
        names = [lead.name.upper() for lead in signals.leads]
        chosen = [names.index(name) for name in ("II", "V2", "V5")]
        samples = signals.samples[chosen]
        strip = _strip(replace(signals, samples=samples), "ptbxl")
        found = [_found(one, signals.fs_hz) for one in samples]
        paced = "PACE" in ast.literal_eval(row["scp_codes"])
        yield replace(_agreed(strip, found[0], found[1:]), paced=paced)


def _synthetic() -> Iterator[Strip]:
    for name, scenario in SCENARIOS.items():
        if not scenario.leads or scenario.fs_hz < 100:
            continue
        for seed in (8101, 8102):
            yield synthetic_strip(SyntheticRecording(scenario, seed=seed), name)


def synthetic_strip(made: SyntheticRecording, name: str) -> Strip:
    """Turn a synthetic recording, whose truth is known, into a strip."""
    count = sum(lead.unit.value == "mV" for lead in made.leads)
    samples = made.samples(0, made.length)[: min(count, 2)]
    strip = _strip(Signals(name=name, fs_hz=made.fs_hz, leads=made.leads[: len(samples)], samples=samples), "synthetic")
    scale = RATE_HZ / made.fs_hz
    beats = [(round(beat.sample * scale), _KINDS.get(beat.symbol, UNSAID)) for beat in made.truth.beats]
    both = np.array([pair for pair in beats if pair[0] < strip.z.shape[1]], np.int64).reshape(-1, 2)
    strip = replace(strip, beats=both[:, 0], kinds=both[:, 1].astype(np.int8))
    changes = [(round(change.sample * scale), change.aux) for change in made.truth.rhythms]
    for (start, text), (end, _) in zip(changes, [*changes[1:], (strip.z.shape[1], "")], strict=True):
        strip.vf[start:end] = text in ("(VF", "(VFL", "(VFIB")
        strip.vt[start:end] = text == "(VT"
        if text in ("(VF", "(VFL", "(VFIB"):
            strip.qrs[start:end] = False
        if text.startswith("(TDP") or "TORS" in text.upper():
            strip.vf[start:end] = strip.vt[start:end] = UNKNOWN
    for start, _ in changes[1:]:
        _around(strip.vf, start, 0.8)
        _around(strip.vt, start, 0.8)
    for episode in made.truth.episodes:
        span = slice(round(episode.start * scale), round(episode.end * scale))
        if episode.kind in ("lead-off", "saturation", "flat-line", "flat", "dropout"):
            strip.fit[:, span] = UNKNOWN
            strip.qrs[span] = False
        elif episode.kind in ("motion", "muscle", "mains", "wander"):
            strip.fit[:, span] = UNKNOWN
    return strip
