"""The verb `convert`: a recording from one format into another."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.signal.blocks import Signal
from edge_agent.conversion.anonymous import anonymous
from edge_agent.conversion.csv_file import write_annotations_csv, write_csv
from edge_agent.conversion.edf_file import write_edf
from edge_agent.conversion.edf_head import Headed
from edge_agent.conversion.frames import Grid
from edge_agent.conversion.original import COMMENT, USUAL, Original, original_of
from edge_agent.conversion.tracks import Survey, kept_grid, pieces_of, survey
from edge_agent.conversion.wfdb_file import wfdb_files, write_wfdb
from edge_agent.conversion.wording import as_annotation, as_remark
from edge_agent.operate.clock import HostClock
from edge_agent.replay.progress import Progress, clock_text
from edge_agent.sources.logs.own_rows import ANNOTATIONS
from edge_agent.sources.port import Remark, Source
from edge_agent.sources.resolve import Places, ReadAs, resolve
from edge_agent.sources.wfdb_annotations import write_annotations

_SUFFIXES = {".edf": "edf", ".csv": "csv", ".hea": "wfdb", ".dat": "wfdb", "": "wfdb"}
_RECORD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PEOPLE = "what the original says of patient and recording is kept; `--anonymise` takes it out"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvertRequest:
    """What to convert and where to; the fields are the verb's flags."""

    record: str
    out: Path
    force: bool = False
    anonymise: bool = False
    annotator: str | None = None
    json: bool = False
    from_s: float = 0.0
    to_s: float | None = None
    fs_hz: float | None = None
    time_column: str | None = None


def convert(request: ConvertRequest, *, places: Places, stdout: TextIO, stderr: TextIO) -> tuple[Path, ...]:
    """Convert a recording; the files that were written.

    Raises
    ------
    BadInput : the recording cannot be read, or nothing can be written there.
    RefusedForSafety : a file is there already, or is the recording itself.
    """
    _Target(request.out, force=request.force).check()
    read_as = ReadAs(fs_hz=request.fs_hz, time_column=request.time_column)
    annotators = (request.annotator,) if request.annotator else ()
    whole = resolve(request.record, places, annotators=annotators, read_as=read_as)
    return convert_source(whole, request, stdout=stdout, stderr=stderr)


def convert_source(whole: Source, request: ConvertRequest, *, stdout: TextIO, stderr: TextIO) -> tuple[Path, ...]:
    """Convert what a source holds, as `convert` does."""
    target = _Target(request.out, force=request.force)
    target.check()
    original = original_of(whole, from_s=request.from_s, to_s=request.to_s, annotator=request.annotator)
    target.check_against(original)
    sentences = list(original.remarks)
    if request.anonymise:
        original = anonymous(original)
        sentences += original.remarks
    elif original.description.texts:
        sentences.append(_PEOPLE)
    grid, lost = kept_grid(original.facts, one_rate=target.kind == "csv")
    original.source.open("")
    found = survey(original, grid, _shown(original, stderr))
    target.check_free(found)
    with target.staging() as folder:
        said = target.write(folder, original, grid, found, _shown(original, stderr))
        files = target.publish(folder)
    _report(request, original, found, files, [*sentences, *lost, *found.remarks, *said], stdout)
    return files


class _Target:
    """Where it goes: `kind` is the format by the suffix."""

    def __init__(self, out: Path, *, force: bool) -> None:
        suffix = out.suffix.lower()
        if suffix not in _SUFFIXES:
            raise BadInput(
                "no format of this suffix is written", out=str(out), remedy="OUT.edf, OUT.csv, or OUT (WFDB)"
            )
        self.kind = _SUFFIXES[suffix]
        self._stem = out.with_suffix("") if suffix else out
        self._out = self._stem if self.kind == "wfdb" else out
        self._force = force
        if not _RECORD_NAME.fullmatch(self._stem.name):
            raise BadInput(
                "a record's name has letters, digits, `_`, `-` and `.`", out=str(out), remedy="give another name"
            )

    def check(self) -> None:
        """Refuse a folder that cannot be written, and files that are there."""
        folder = self._out.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput("the folder cannot be made", out=str(folder), why=error.strerror) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise BadInput("nothing can be written into the folder", out=str(folder), remedy="give another OUT")
        self._refuse(self._names())

    def check_against(self, original: Original) -> None:
        """Refuse to write over the recording that is read, whatever is said."""
        path = original.facts.path
        if path is None:
            return
        read = {Path(path).resolve(), *(Path(f"{path}{suffix}").resolve() for suffix in (".hea", ".dat"))}
        if read & {one.resolve() for one in (self._out, *self._names())}:
            raise RefusedForSafety(
                "a recording is never written over itself", out=str(self._out), remedy="give another OUT"
            )

    def check_free(self, found: Survey) -> None:
        """Refuse segments that are there."""
        if self.kind == "wfdb":
            self._refuse(wfdb_files(self._stem, found))

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder beside the target, for files that are not whole yet."""
        try:
            folder = Path(tempfile.mkdtemp(dir=self._out.parent, prefix=".convert-"))
        except OSError as error:
            raise BadInput("the folder cannot be written", out=str(self._out.parent), why=error.strerror) from error
        try:
            yield folder
        except OSError as error:
            raise BadInput("cannot write the recording", out=str(self._out), why=error.strerror) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def write(
        self, folder: Path, original: Original, grid: Grid, found: Survey, items: Iterator[Signal]
    ) -> tuple[str, ...]:
        """Write all files into `folder`; sentences about what the format could not take as it was."""
        pieces, said = pieces_of(original, grid, items), original.description
        notes = sorted([*original.notes, *found.joins], key=lambda one: one.sample)
        own_hz = original.facts.fs_hz
        if self.kind == "wfdb":
            name = self._stem.name
            if notes:
                resolution_hz = own_hz if found.own_per_frame > 1 else None
                coded = [as_annotation(one) for one in notes]
                write_annotations(folder / f"{name}.{USUAL}", coded, resolution_hz=resolution_hz)
            return write_wfdb(folder, name, found, pieces, said)
        remarks = [as_remark(one) for one in notes]
        if self.kind == "csv":
            if remarks:
                write_annotations_csv(folder / f"{self._stem.name}{ANNOTATIONS}", remarks, fs_hz=own_hz)
            kept = [lead for lead, size in zip(said.leads, grid.per_frame, strict=True) if size]
            write_csv(folder / self._out.name, found, pieces, replace(said, leads=tuple(kept)))
            return ()
        texts = {what: text for what, text in said.texts if what != "comment"}
        comments = [
            Remark(sample=0, for_s=None, text=f"{COMMENT}{text}") for what, text in said.texts if what == "comment"
        ]
        headed = Headed(
            started=said.started,
            patient=texts.get("patient", ""),
            recording=texts.get("recording", ""),
            remarks=(*comments, *remarks),
        )
        return write_edf(folder / self._out.name, found, pieces, headed, own_hz=own_hz)

    def publish(self, folder: Path) -> tuple[Path, ...]:
        """Move the files to their place, a record's own header last."""
        files = sorted(folder.iterdir(), key=lambda file: file.stem == self._stem.name and file.suffix == ".hea")
        if self._force:  # annotations of what lay there before belong to nothing now
            for stale in self._names():
                stale.unlink(missing_ok=True)
        moved = [file.replace(self._out.parent / file.name) for file in files]
        return tuple(reversed(moved))

    def _names(self) -> list[Path]:
        if self.kind == "wfdb":
            return [self._stem.with_name(f"{self._stem.name}.{suffix}") for suffix in ("hea", "dat", USUAL)]
        beside = [self._out.with_name(f"{self._stem.name}{ANNOTATIONS}")] if self.kind == "csv" else []
        return [self._out, *beside]

    def _refuse(self, files: list[Path]) -> None:
        there = [file for file in files if file.exists()]
        if there and not self._force:
            raise RefusedForSafety("a file is there already", file=str(there[0]), remedy="give --force, or another OUT")


def _shown(original: Original, stderr: TextIO) -> Iterator[Signal]:
    """The items of the source, with a bar."""
    progress = Progress(stderr, facts=original.facts, clock=HostClock())
    try:
        for item in original.source.read():
            yield item
            if getattr(item, "fs_hz", original.facts.fs_hz) == original.facts.fs_hz:
                progress.at(item.end)
    finally:
        progress.end()


def _report(
    request: ConvertRequest,
    original: Original,
    found: Survey,
    files: tuple[Path, ...],
    sentences: list[str],
    stdout: TextIO,
) -> None:
    duration_s = found.length / found.frames_hz
    gaps = found.gaps
    if request.json:
        facts = {
            "record": original.facts.name,
            "files": [str(file) for file in files],
            "leads": [track.name for track in found.tracks],
            "rates_hz": [track.fs_hz for track in found.tracks],
            "duration_s": duration_s,
            "gaps": gaps,
            "annotations": len(original.notes),
            "anonymised": request.anonymise,
            "notes": sentences,
        }
        stdout.write(json.dumps({"type": "summary", **facts}) + "\n")
        return
    stdout.writelines(f"Note: {sentence}\n" for sentence in dict.fromkeys(sentences))
    leads = f"{len(found.tracks)} lead{'' if len(found.tracks) == 1 else 's'}"
    stdout.write(
        f"Wrote {', '.join(str(file) for file in files[:4])}{' ...' if len(files) > 4 else ''}: "
        f"{leads}, {clock_text(duration_s)}, {gaps} gap{'' if gaps == 1 else 's'}, {len(original.notes)} annotations\n"
    )
