"""What is taken out as files: a stretch of a recording, a finding; gathered from the archive and the database."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.wire.waveform import WaveChunk, decode_wave
from cloud_service.access import audit
from cloud_service.clinic.annotated import read_by
from cloud_service.clinic.annotating import readable
from cloud_service.clinic.context import ClinicPart, Reviewer
from cloud_service.clinic.findings import FindingDetail
from cloud_service.clinic.findings import finding as shown_finding
from cloud_service.clinic.recordings import began_of, found, subject_of, tracks_on, units_of
from cloud_service.clinic.verdicts import agreed, counts
from cloud_service.database.clinic_tables import VerdictRow
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import FindingRow, RecordingRow, StripRow
from cloud_service.excerpts.archive_file import zipped
from cloud_service.excerpts.fhir import ReportedFinding, ReportedMeasure, bundle_of
from cloud_service.excerpts.stretch import LeadRow, Said, Stretch, check_length, row_of
from cloud_service.waves.archive import WaveArchive

router = APIRouter(tags=["waves"])
LAST_S = 1e9
FINDING = "finding"
Seconds = Annotated[float, Query(ge=0, le=LAST_S)]


class NothingThere(BadInput):
    """The clinic has no waves of the stretch."""

    remedy = "look at the stretch on the recording's page, which fetches it from the device, and ask again"


@router.get("/devices/{name}/recordings/{recording}/excerpt")
def excerpt(
    name: str,
    recording: str,
    login: Reviewer,
    clinic: ClinicPart,
    start_s: Seconds,
    end_s: Seconds,
    form: Literal["wfdb", "edf", "csv", "dicom"] = "wfdb",
    lead: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """Give seconds [start_s, end_s) of a recording as files, with its marks and findings; of all leads, or of some."""
    with clinic.database.read() as session:
        about = found(session, name, recording)
        readers = readable(session, about, login)
        stretch = stretch_of(session, clinic.archive, about, start_s, end_s, leads=lead, readers=readers)
    packed = zipped(stretch, form)
    note_taken_out(clinic.database, stretch, form, by=login.name)
    headers = {"Content-Disposition": f'attachment; filename="{stretch.name}-{form}.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


@router.get("/findings/{finding}/fhir")
def fhir(finding: str, login: Reviewer, clinic: ClinicPart, request: Request) -> Response:
    """Give a finding as FHIR R4: a report, the finding with its measures, and the samples of its strips."""
    detail = shown_finding(finding, login, clinic)
    with clinic.database.read() as session:
        row = found(session, detail.device, detail.recording)
        began, ended = (_moment(row, at, detail.fs_hz) for at in (detail.onset, detail.end))
        given = session.scalars(select(VerdictRow).where(VerdictRow.finding == finding))
        reported = ReportedFinding(
            id=detail.id,
            kind=detail.kind,
            label=detail.kind_label,
            device=detail.device,
            subject=subject_of(session, row),
            began=_iso(began),
            ended=_iso(ended),
            issued=_iso(detail.received) or "",
            text=detail.explained.text if detail.explained else "",
            verdict=agreed(one.verdict for one in given if counts(one)),
            measures=tuple(
                ReportedMeasure(name=one.name, label=one.label, value=one.value, unit=one.unit)
                for one in detail.evidence.measures
            ),
            strips=tuple(_frames(session, detail)),
            url=f"{str(request.base_url).rstrip('/')}/devices/{quote(detail.device)}/recordings/{quote(detail.recording)}",
        )
    with clinic.database.write() as session:
        audit.record(session, actor=login.name, action="finding.export", subject=finding, form="fhir")
    return Response(json.dumps(bundle_of(reported)), media_type="application/fhir+json")


def _moment(row: RecordingRow, sample: int, fs_hz: float) -> datetime | None:
    try:
        return _started(row, sample / fs_hz)
    except (ZeroDivisionError, OverflowError, ValueError):  # a rate or a place that no clock reaches
        return None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")


def _frames(session: Session, detail: FindingDetail) -> Iterator[WaveChunk]:
    mine = select(StripRow).where(StripRow.finding == detail.id, StripRow.device == detail.device)
    for strip in session.scalars(mine.order_by(StripRow.start, StripRow.lead)):
        with suppress(BadInput):  # a damaged strip is left out, as its page leaves it out
            yield decode_wave(strip.data)


def note_taken_out(database: Database, stretch: Stretch, form: str, *, by: str) -> None:
    """Write into the audit log who took what out."""
    with database.write() as session:
        facts = {"recording": stretch.recording, "from_s": stretch.start_s, "to_s": stretch.end_s, "form": form}
        audit.record(session, actor=by, action="waves.export", subject=stretch.device, **facts)


def stretch_of(
    session: Session,
    archive: WaveArchive,
    row: RecordingRow,
    start_s: float,
    end_s: float,
    *,
    leads: Sequence[str] | None = None,
    readers: Sequence[str] = (),
) -> Stretch:
    """Gather a stretch of a recording, with what `readers` made of its marks.

    Raises
    ------
    BadInput : it is empty, names a lead that is not there, or has too many samples. NothingThere : see there.
    """
    if not end_s > start_s:
        raise BadInput("the end of the stretch lies before its beginning", start_s=start_s, end_s=end_s)
    units = units_of(row)
    wanted = list(leads) if leads else list(units)
    strange = [name for name in wanted if name not in units]
    if strange:
        raise BadInput("the recording has no such lead", unknown=strange[:8], known=list(units)[:8])
    rows: list[LeadRow] = []
    for name in wanted:
        chunks = archive.read(row.device, row.id, name, start_s, end_s)
        made = row_of(name, units[name], chunks, start_s=start_s, end_s=end_s)
        rows += [made] if made is not None else []
        check_length(rows)
    if not rows:
        raise NothingThere("the clinic has no waves of this stretch", recording=row.id, start_s=start_s, end_s=end_s)
    return Stretch(
        device=row.device,
        recording=row.id,
        subject=subject_of(session, row),
        start_s=start_s,
        end_s=end_s,
        started=_started(row, start_s),
        leads=tuple(rows),
        said=tuple(_said(session, row, start_s, end_s)),
        readers=read_by(session, row, readers, start_s, end_s),
    )


def _started(row: RecordingRow, start_s: float) -> datetime | None:
    began = began_of(row)
    return None if began is None else began + timedelta(seconds=start_s)


def _said(session: Session, row: RecordingRow, start_s: float, end_s: float) -> list[Said]:
    start, end = round(start_s * row.fs_hz), round(end_s * row.fs_hz)
    said = [
        Said(
            at_s=first / track.fs_hz - start_s,
            for_s=(last - first) / track.fs_hz,
            task=track.task,
            kind=track.kind,
            label=label,
        )
        for track in tracks_on(session, row, start, end)
        for first, last, label in zip(track.starts, track.ends, track.labels, strict=True)
    ]
    touching = select(FindingRow).where(
        FindingRow.device == row.device,
        FindingRow.recording == row.id,
        FindingRow.stream == "live",
        FindingRow.onset < end,
        FindingRow.end > start,
    )
    for one in session.scalars(touching):
        length_s = (one.end - one.onset) / row.fs_hz
        said.append(
            Said(at_s=one.onset / row.fs_hz - start_s, for_s=length_s, task=one.task, kind=FINDING, label=one.kind)
        )
    return sorted((one for one in said if one.at_s >= 0), key=lambda one: one.at_s)
