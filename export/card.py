"""A bundle's card: its figures and limits in Markdown, and the same figures as lines for a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from biosignal.scoring.ec57 import CLASSES as STANDARD
from biosignal.scoring.ec57 import ECTOPIC, KINDS, ROWS, N, S
from biosignal.tasks.ecg_beats.kinds import CLASSES, NAME
from export.release import GATE


def percent(value: float | None) -> str:
    """Write a share as EC57 tables do; a dash where it is undefined."""
    return "-" if value is None else f"{100.0 * value:.2f}"


def _pair(found: Mapping[str, Any]) -> str:
    return f"{percent(found['se'])} / {percent(found['pp'])}"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _found_missed_false(found: Mapping[str, Any]) -> str:
    return f"{found['tp']}/{found['fn']}/{found['fp']}"


def figures_table(figures: Mapping[str, Any]) -> str:
    """Give one row per way of scoring, Se / +P in percent."""
    rows = []
    for one in figures["settings"]:
        pooled, mean = one["gross"], one["average"]
        rows.append(
            [
                one["beats"],
                "5:00" if one["start_s"] else "0:00 (nonstandard)",
                STANDARD[S] if one["escape_is_s"] else STANDARD[N],
                f"without {one['without']}" if one["without"] else "all",
                *(_pair(pooled[kind]) for kind in KINDS),
                *(_pair(mean[kind]) for kind in ECTOPIC),
            ]
        )
    head = (
        *("beats", "from", "e, j", "records"),
        *(f"{kind} gross" for kind in KINDS),
        *(f"{kind} average" for kind in ECTOPIC),
    )
    return _table(head, rows)


def records_table(figures: Mapping[str, Any]) -> str:
    """Give one row per record: on reference beats and on our detector's, from 5:00, e and j as S."""
    rows = []
    for one in figures["records"]:
        cells = [one["record"]]
        for beats in ("reference", "detector"):
            cells += [
                f"{one[f'{beats} {kind}']['tp']}/{one[f'{beats} {kind}']['fn']}/{one[f'{beats} {kind}']['fp']}"
                for kind in ECTOPIC
            ]
        rows.append([*cells, _pair(one["detector QRS"]), one["unanswered"]])
    first, second = ECTOPIC
    head = (
        "record",
        f"{first}, reference beats (found/missed/false)",
        f"{second}, reference beats",
        f"{first}, detector beats",
        f"{second}, detector beats",
        "QRS Se / +P",
        "unanswered beats",
    )
    return _table(head, rows)


def matrix_table(matrix: list[list[int]]) -> str:
    """Give the class matrix, rows the reference."""
    return _table(
        ("reference \\ test", *(name.lower() for name in ROWS)),
        ([name, *row] for name, row in zip(ROWS, matrix, strict=True)),
    )


def _interval(found: Mapping[str, Mapping[str, list[float]]]) -> str:
    return "; ".join(
        f"{kind} Se {percent(of['se'][0])}-{percent(of['se'][1])}, +P {percent(of['pp'][0])}-{percent(of['pp'][1])}"
        for kind, of in found.items()
    )


def card(version: str, training: Mapping[str, Any], figures: Mapping[str, Any] | None) -> str:
    """Write the card. Without figures it says that nothing was evaluated."""
    parts = [_head(version, training)]
    parts.append(
        _figures(figures, training["scored"])
        if figures
        else "## Figures\n\nNot evaluated: this is a quick run. Do not use it.\n"
    )
    parts.append(_limits(training))
    return "\n".join(parts)


def _head(version: str, training: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in zip(CLASSES, training["counts"], strict=True))
    return f"""# {NAME} {version}

Classifies each heartbeat of one ECG lead as N (normal, bundle branch block, escape), S (supraventricular ectopic), V
(ventricular ectopic) or F (fusion). Research software, not a medical device.

- Input: `beat`, the 0.95 s round the R peak at 128 Hz in running QRS amplitudes, as it is and minus two running
  templates; `rr`, {training["rr_features"]} features of rhythm and amplitude, from past beats only but for the
  distance to the next beat. Both are made by `biosignal.tasks.ecg_beats.windows`, version
  `{training["preprocessing"]}`, from 100 to 1000 samples a second.
- Network: {training["members"]} small convolutional networks side by side under one linear head,
  {training["parameters"]} parameters together.
- Trained on: MIT-BIH Arrhythmia Database, lead MLII, records {" ".join(training["records"])}: {training["beats"]}
  beats ({counts}), and nothing else. e and j count as N, n as S; paced records and class Q
  are left out. {training["seen_as"]}
- Chosen by: 4 folds of patients inside DS1. {training["choice"]}
- Seed {training["seed"]}, torch {training["versions"]["torch"]}, numpy {training["versions"]["numpy"]}. Made by
  `python -m export train --data DIR --out DIR --seed {training["seed"]}`.
"""


def _figures(figures: Mapping[str, Any], scored: str) -> str:
    error = figures["rr_error_ms"]
    found = figures["calibration"]
    by_class = ", ".join(f"{name} {percent(value)} %" for name, value in found["by_class"].items())
    return f"""## Figures on DS2

The 22 records of DS2, which trained and chose nothing. Protocol: ANSI/AAMI EC57 as WFDB's `bxb` counts (150 ms window,
from 5:00). Sensitivity / positive predictivity in percent. Gross pools the counts; average is the mean of the records
where the figure is defined. "Detector" is the whole device pipeline: our QRS detector, its quality gate (a beat it does
not answer counts as missed, and is class q), this model on ONNX Runtime. F has no figure in EC57; here every false F
counts. {scored}

{figures_table(figures)}

95 % interval of the gross figures when records are drawn with replacement (from 5:00, e and j as S):
reference beats {_interval(figures["interval"]["reference"])}.
Detector beats {_interval(figures["interval"]["detector"])}.

RR error against the reference, mean of records: {"-" if error is None else f"{error:.1f}"} ms.

### Class matrix, reference beats, from 5:00, e and j as S

{matrix_table(figures["matrix"]["reference"])}

### Class matrix, detector beats

{matrix_table(figures["matrix"]["detector"])}

O: no counterpart; X: in a shutdown.

### Records

From 5:00, e and j as S.

{records_table(figures)}

### Calibration

Whole records, reference beats, e and j as N, {found["beats"]} beats, 15 bins. Expected calibration error of the
chosen class {percent(found["top_label"])} %; by class {by_class}; weighted by prevalence
{percent(found["weighted"])} %. Brier score {found["brier"]:.4f}. The loss weighs rare classes up, so their
probabilities tend to be too high.
"""


def _limits(training: Mapping[str, Any]) -> str:
    gate = " ".join(str(patient) for patient in sorted(GATE))
    return f"""## Limits

- 22 records trained it and 22 judge it: adults of one hospital around 1980, one lead. Differences between models of
  less than about 20 points in S are inside the patients' scatter.
- S is weak: few patients of DS1 have S beats, and one (209) holds 41 % of them. Record 232 holds two thirds of the S
  beats of DS2; read S with and without it. In atrial fibrillation, where early beats are no S beats, many are called S.
- F is not a claim: one patient of DS1 (208) holds 90 % of the fusion beats, one of DS2 (213) most of the rest.
- 201 (DS1) and 202 (DS2) are the same person.
- No paced rhythm was trained: paced records are out of scope. Children, chest leads and EASI leads were never seen.
- The label waits for the next beat, at most 2.5 s.
- `anchor.npz` holds embeddings of DS1 beats for refitting the head. Its gate patients ({gate}) differ from its
  fitting patients, but this model was trained on both: the gate compares heads and measures no accuracy.

## Golden vectors

{training["golden"]} windows of a synthetic patient (`biosignal.synthetic`, seeds 1 and 2); outputs by ONNX Runtime
on a CPU.

## Licence

Weights: Apache-2.0. Training data: MIT-BIH Arrhythmia Database, Open Data Commons Attribution License 1.0. Moody GB,
Mark RG. The impact of the MIT-BIH Arrhythmia Database. IEEE Eng in Med and Biol 20(3):45-50 (2001). Goldberger AL et
al. PhysioBank, PhysioToolkit, and PhysioNet. Circulation 101(23):e215-e220 (2000).
"""
