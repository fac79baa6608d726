"""A stretch as WFDB records, written by the wfdb package: one for each rate, with annotations."""

from pathlib import Path

import numpy as np

from cloud_service.excerpts.stretch import LeadRow, Said, Stretch, counts_of

LARGEST = 32767
NO_SYMBOL = '"'
"""WFDB's symbol for a comment."""


def write_wfdb(folder: Path, stretch: Stretch) -> None:
    """Write NAME.hea, NAME.dat and NAME.bed into `folder`; a second rate is a record of its own, NAME_RATE."""
    rates = sorted({row.fs_hz for row in stretch.leads}, reverse=True)
    for number, fs_hz in enumerate(rates):
        name = stretch.name if not number else f"{stretch.name}_{fs_hz:g}".replace(".", "_")
        _write(folder, name, stretch, [row for row in stretch.leads if row.fs_hz == fs_hz])


def _write(folder: Path, name: str, stretch: Stretch, rows: list[LeadRow]) -> None:
    import wfdb  # slow to import

    made = [counts_of(row, LARGEST) for row in rows]
    length = min(counts.size for counts, _, _ in made)
    clock = {} if stretch.started is None else {"base_datetime": stretch.started.replace(tzinfo=None)}
    wfdb.wrsamp(
        name,
        fs=rows[0].fs_hz,
        units=[row.unit if row.unit != "raw" else "NU" for row in rows],
        sig_name=[row.name for row in rows],
        d_signal=np.stack([counts[:length] for counts, _, _ in made], axis=1),
        fmt=["16"] * len(rows),
        adc_gain=[1 / step for _, step, _ in made],
        baseline=[zero for _, _, zero in made],
        comments=stretch.texts(),
        write_dir=str(folder),
        **clock,
    )
    if stretch.said:
        _write_annotations(folder, name, stretch.said, rows[0].fs_hz)


def _write_annotations(folder: Path, name: str, said: tuple[Said, ...], fs_hz: float) -> None:
    import wfdb

    symbols = [_symbol(one) for one in said]
    notes = [
        "" if symbol != NO_SYMBOL else f"{one.kind} {one.label} {one.for_s:g} s"
        for one, symbol in zip(said, symbols, strict=True)
    ]
    at = np.asarray([max(0, round(one.at_s * fs_hz)) for one in said])
    wfdb.wrann(name, "bed", at, symbol=symbols, aux_note=notes, fs=fs_hz, write_dir=str(folder))


def _symbol(one: Said) -> str:
    """A moment that is called by a symbol of WFDB is written as that; everything else is a comment."""
    from wfdb.io.annotation import ann_label_table

    return one.label if not one.for_s and one.label in set(ann_label_table["symbol"]) else NO_SYMBOL
