"""The files of a stretch as one to download."""

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from cloud_service.excerpts.dicom_file import write_dicom
from cloud_service.excerpts.edf_file import write_edf
from cloud_service.excerpts.stretch import Stretch
from cloud_service.excerpts.tables import write_tables
from cloud_service.excerpts.wfdb_record import extensions, write_wfdb

FORMATS: dict[str, Callable[[Path, Stretch], None]] = {
    "wfdb": write_wfdb,
    "edf": write_edf,
    "csv": write_tables,
    "dicom": write_dicom,
}


def zipped(stretch: Stretch, form: str) -> bytes:
    """Write a stretch in a format and pack its files, with a text that says what they are.

    Raises
    ------
    BadInput : the format cannot say what is in the stretch.
    """
    packed = io.BytesIO()
    with (
        tempfile.TemporaryDirectory(prefix="bedside-") as made,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        folder = Path(made)
        FORMATS[form](folder, stretch)
        for file in sorted(folder.iterdir()):
            out.write(file, file.name)
        out.writestr(f"{stretch.name}.txt", "\n".join([*stretch.texts(), *_missing(stretch), *_read(stretch), ""]))
    return packed.getvalue()


def _read(stretch: Stretch) -> list[str]:
    """Say whose the files of readers are, and what is in them."""
    if not stretch.readers:
        return []
    named = zip(stretch.readers, extensions(len(stretch.readers)), strict=True)
    return [
        *(f"Read by {reader.name} (WFDB annotator {extension})." for reader, extension in named),
        "What a reader left as the device said it has subtype 0 in WFDB files, what he or she said has subtype 1.",
    ]


def _missing(stretch: Stretch) -> list[str]:
    lines = []
    for row in stretch.leads:
        missing_s = sum(end - start for start, end in row.holes)
        if missing_s:
            lines.append(f"Lead {row.name}: {missing_s:.1f} s of the stretch are not at the clinic, or were lost.")
    return lines
