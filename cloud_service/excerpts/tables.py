"""A stretch as tables: one of samples for each rate, and one of what was said of it."""

import csv
from pathlib import Path

import numpy as np

from cloud_service.excerpts.stretch import LeadRow, Stretch


def write_tables(folder: Path, stretch: Stretch) -> None:
    """Write NAME_RATE.csv for each rate, and NAME_said.csv. What is not there is an empty field.

    What readers made of the marks is in NAME_read.csv, where there are any.
    """
    for fs_hz in sorted({row.fs_hz for row in stretch.leads}, reverse=True):
        path = folder / f"{stretch.name}_{fs_hz:g}Hz.csv"
        _write_samples(path, [row for row in stretch.leads if row.fs_hz == fs_hz], stretch.start_s)
    with (folder / f"{stretch.name}_said.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["at_s", "for_s", "task", "kind", "label"])
        for one in stretch.said:
            rows.writerow([f"{stretch.start_s + one.at_s:.4f}", f"{one.for_s:.4f}", one.task, one.kind, one.label])

    if stretch.readers:
        _write_readers(folder / f"{stretch.name}_read.csv", stretch)


def _write_readers(path: Path, stretch: Stretch) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["reader", "at_s", "for_s", "task", "kind", "label", "said_by"])
        for reader in stretch.readers:
            for one in reader.said:
                place = (f"{stretch.start_s + one.at_s:.4f}", f"{one.for_s:.4f}")
                by = "reader" if one.is_readers else "device"
                rows.writerow([reader.name, *place, one.task, one.kind, one.label, by])


def _write_samples(path: Path, rows: list[LeadRow], start_s: float) -> None:
    length = min(row.samples.size for row in rows)
    columns = [[("" if np.isnan(v) else f"{v:.6g}") for v in row.samples[:length].tolist()] for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["time_s", *(f"{row.name} ({row.unit})" for row in rows)])
        for number, values in enumerate(zip(*columns, strict=True)):
            out.writerow([f"{start_s + number / rows[0].fs_hz:.6f}", *values])
