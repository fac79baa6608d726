"""A bundle's card: its figures and limits in Markdown, and the same figures as lines for a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from biosignal.scoring.ec57 import CLASSES as STANDARD
from biosignal.scoring.ec57 import ECTOPIC, KINDS, ROWS, N, S
from biosignal.tasks.ecg_beats.kinds import CLASSES, NAME
from export.recordings import LARGE_S_RECORD
from export.release import GATE

CHOICE = (
    "S F1 and V F1 at reference positions, three members together: DS1 72.0 and 82.8, svdb 63.3 and 79.9 (members "
    "alone 68.6-72.9, 80.7-82.6, 61.5-63.6 and 76.9-81.4); at the front end's beats 71.2, 82.9, 63.2 and 80.3. "
    "Expected calibration error 0.8 and 1.4 %. In these folds the members had seen detected beats in the place of "
    "those at 250 Hz. Tried, one member each: DS1 alone without intervals, 30.0 and 80.9 on DS1; without the slow "
    "template 63.0, 82.3, 60.5 and 71.1; with a running template of 320 beats in the place of the slow and the "
    "first 51.4, 78.6, 60.1 and 77.8; nothing late (three members) 53.5, 81.2, 63.7 and 78.2. The four late numbers "
    "were chosen on the same answers."
)
SCORED = "One model of this version was scored on DS2, once, when all else was chosen."


def percent(value: float | None) -> str:
    """Write a share as EC57 tables do; a dash where it is undefined."""
    return "-" if value is None else f"{100.0 * value:.2f}"


def _pair(found: Mapping[str, Any]) -> str:
    return f"{percent(found['se'])} / {percent(found['pp'])}"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


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
    parts.append(_figures(figures) if figures else "## Figures\n\nNot evaluated: this is a quick run. Do not use it.\n")
    parts.append(_limits(training))
    return "\n".join(parts)


def _head(version: str, training: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in zip(CLASSES, training["counts"], strict=True))
    records = training["records"]
    late = training["recipe"]["late"]
    return f"""# {NAME} {version}

Classifies each heartbeat of one ECG lead as N (normal, bundle branch block, escape), S (supraventricular ectopic), V
(ventricular ectopic) or F (fusion). Research software, not a medical device.

- Input: `beat`, the 0.95 s round the R peak at 128 Hz in running QRS amplitudes, as it is and minus three templates of
  beats that came on time: the last 40, every eighth of the last 960, and those of the first five minutes, which never
  change (until then the first of the three takes their place); `rr`, {training["rr_features"]} features of rhythm and
  amplitude; `rr_history`, the last 128 RR intervals. All are of past beats only but for the distance to the next beat.
  They are made by `biosignal.tasks.ecg_beats.windows`, version `{training["preprocessing"]}`, from 100 to 1000 samples
  a second, and start anew behind a gap.
- Network: two small networks of RR intervals alone, and {training["members"]} convolutional ones of the beat that are
  given the odds of S by the former, side by side under one linear head, {training["parameters"]:,} parameters together.
  What the intervals say enters the head once more, late: {late["s_weight"]} times the logarithm of their probability of
  S in the logit of S, {late["v_weight"]} times that of V in the logit of V. All logits are divided by
  {late["temperature"]}, so that probabilities are as often right as they say.
- The networks of beats were trained on: MIT-BIH Arrhythmia Database, lead MLII, records {" ".join(records["mitdb"])}:
  {training["beats"]:,} beats ({counts}); Supraventricular Arrhythmia Database, both leads, {len(records["svdb"])}
  records. e and j count as N, n as S; paced records and class Q are left out. Beats were seen undisturbed and on moved
  positions with added noise, those of DS1 at 360 and 250 Hz.
- The networks of intervals were trained on annotations without samples, {training["intervals"]:,} beats:
  {len(records["arrdb"])} surgical patients (`arrdb`) and {len(records["ltafdb"])} recordings of the Long-Term AF
  Database, the second network on the latter alone. `arrdb` calls every beat of atrial fibrillation S; they count as N.
- Chosen by: 4 folds of patients of DS1 and svdb, each kept out once. {CHOICE}
- Seed {training["seed"]}, torch {training["versions"]["torch"]}, numpy {training["versions"]["numpy"]}. Made by
  `python -m export train --data DIR --out DIR --seed {training["seed"]}`.
"""


def _figures(figures: Mapping[str, Any]) -> str:
    error = figures["rr_error_ms"]
    found = figures["calibration"]
    by_class = ", ".join(f"{name} {percent(value)} %" for name, value in found["by_class"].items())
    return f"""## Figures on DS2

The 22 records of DS2, which trained and chose nothing. Protocol: ANSI/AAMI EC57 as WFDB's `bxb` counts (150 ms window,
from 5:00). Sensitivity / positive predictivity in percent. Gross pools the counts; average is the mean of the records
where the figure is defined. "Detector" is the device pipeline on this one lead: the released front end, the quality
gate (a beat that is not answered counts as missed, and is class q), this model on ONNX Runtime, its V joined with the
front end's. F has no figure in EC57; here every false F counts. {SCORED}

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

From 5:00, e and j as S. {_large(figures)}

{records_table(figures)}

### Calibration

Whole records, reference beats, e and j as N, {found["beats"]} beats, 15 bins. Expected calibration error of the
chosen class {percent(found["top_label"])} %; by class {by_class}; weighted by prevalence
{percent(found["weighted"])} %. Brier score {found["brier"]:.4f}. The temperature was chosen on patients that were kept
out of the training, see above.
"""


def _large(figures: Mapping[str, Any]) -> str:
    """Say how much of the record with most S beats was found; nothing where it was not scored."""
    found = [one["reference S"] for one in figures["records"] if one["record"] == LARGE_S_RECORD]
    if not found:
        return ""
    every = found[0]["tp"] + found[0]["fn"]
    return f"Of the {every:,} S beats of record {LARGE_S_RECORD} {found[0]['tp']:,} are found at reference positions."


def _limits(training: Mapping[str, Any]) -> str:
    gate = " ".join(str(patient) for patient in sorted(GATE))
    return f"""## Limits

- The patients that judge it are 22, of one hospital around 1980, one lead. Differences between models of less than
  about 20 points in S are inside the patients' scatter.
- Record 232 holds two thirds of the S beats of DS2; read S with and without it. Most of its beats are
  S at a steady rate, which this model takes for its rhythm. In atrial fibrillation and flutter,
  where early beats are no S beats, many are called S all the same: S is not to be relied on there.
- F is not a claim: one patient of DS1 (208) holds 90 % of the fusion beats, one of DS2 (213) most of the rest.
- 201 (DS1) and 202 (DS2) are the same person.
- The template of the first five minutes is of whatever was there then. In a recording of days it goes stale; the other
  two templates do not. Recordings longer than half an hour judged nothing here.
- No paced rhythm was trained: paced records are out of scope. Children, chest leads and EASI leads were never seen.
- The label waits for the next beat, at most 2.5 s.
- `anchor.npz` holds embeddings of DS1 beats for refitting the head. Its gate patients ({gate}) differ from its
  fitting patients, but this model was trained on both: the gate compares heads and measures no accuracy.

## Golden vectors

{training["golden"]} windows of a synthetic patient (`biosignal.synthetic`, seeds 1 and 2); outputs by ONNX Runtime
on a CPU.

## Licence

Weights: Apache-2.0. Training data: MIT-BIH Arrhythmia Database, Supraventricular Arrhythmia Database and Long-Term AF
Database, Open Data Commons Attribution License 1.0; VitalDB arrhythmia database, MIT. Moody GB, Mark RG. The impact of
the MIT-BIH Arrhythmia Database. IEEE Eng in Med and Biol 20(3):45-50 (2001). Greenwald SD. Improved detection and
classification of arrhythmias in noise-corrupted electrocardiograms using contextual information. MIT (1990). Petrutiu
S, Sahakian AV, Swiryn S. Abrupt changes in fibrillatory wave characteristics at the termination of paroxysmal atrial
fibrillation in humans. Europace 9(7):466-470 (2007). Goldberger AL et al. PhysioBank, PhysioToolkit, and PhysioNet.
Circulation 101(23):e215-e220 (2000).
"""
