"""A stretch as WFDB records, written by the wfdb package: one for each rate, with annotations."""

from pathlib import Path

import numpy as np

from cloud_service.excerpts.stretch import LeadRow, Said, Stretch, counts_of

LARGEST = 32767
NO_SYMBOL = '"'
"""WFDB's symbol for a comment."""
CHANGE = "+"
"""WFDB's symbol for a rhythm that begins, and goes on until the next one; what one lasts is in the tables."""


def write_wfdb(folder: Path, stretch: Stretch) -> None:
    """Write NAME.hea, NAME.dat and NAME.bed into `folder`; a second rate is a record of its own, NAME_RATE.

    What each reader made of the marks is in a file of its own, NAME.ra, NAME.rb and so on.
    """
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
        _write_annotations(folder, name, "bed", stretch.said, rows[0].fs_hz)
    for reader, extension in zip(stretch.readers, extensions(len(stretch.readers)), strict=True):
        if reader.said:
            _write_annotations(folder, name, extension, reader.said, rows[0].fs_hz)


def extensions(count: int) -> list[str]:
    """Names of the annotators, one for each reader: WFDB takes letters only."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["r" + letters[number // 26 - 1] * (number >= 26) + letters[number % 26] for number in range(count)]


def _write_annotations(folder: Path, name: str, annotator: str, said: tuple[Said, ...], fs_hz: float) -> None:
    import wfdb

    symbols = [_symbol(one) for one in said]
    notes = [_note(one, symbol) for one, symbol in zip(said, symbols, strict=True)]
    at = np.asarray([max(0, round(one.at_s * fs_hz)) for one in said])
    words = {"symbol": symbols, "aux_note": notes, "subtype": np.asarray([int(one.is_readers) for one in said])}
    wfdb.wrann(name, annotator, at, fs=fs_hz, write_dir=str(folder), **words)


def _symbol(one: Said) -> str:
    """A moment that is called by a symbol of WFDB is written as that, a rhythm as a change; the rest is a comment."""
    from wfdb.io.annotation import ann_label_table

    if one.for_s and one.wfdb.startswith("("):
        return CHANGE
    called = one.wfdb or one.label
    return called if not one.for_s and called in set(ann_label_table["symbol"]) else NO_SYMBOL


def _note(one: Said, symbol: str) -> str:
    if symbol == CHANGE:
        return one.wfdb
    return "" if symbol != NO_SYMBOL else f"{one.kind} {one.label} {one.for_s:g} s"
