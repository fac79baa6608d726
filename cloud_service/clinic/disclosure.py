"""Full disclosure: every wave that the clinic keeps of a recording, and asking the device for what it does not."""

import math
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from cloud_service.clinic.alarms import CommandState, shown_command
from cloud_service.clinic.context import Clinic, ClinicPart, Viewer
from cloud_service.clinic.recordings import found, units_of
from cloud_service.clinic.waves import Wave, shown_chunk
from cloud_service.database.event_tables import CommandRow, RecordingRow

router = APIRouter(tags=["waves"])
TILE = 1200
"""Stretches in a tile: about as many as a screen has columns."""
WIDTHS_S = {"fine": 0.05, "second": 1.0, "ten": 10.0}
"""How long a stretch is: a minute on a line, twenty minutes on a line, a night on a page."""
MOST_S = 120.0
FETCH_VALID_S = 60.0
MOST_FETCHED_S = 3600.0
"""A device sends no more for one command."""
LAST_S = 1e9
Seconds = Annotated[float, Query(ge=0, le=LAST_S)]


class Tile(BaseModel):
    """The lowest and highest value of `TILE` stretches of a lead, from second `start_s`, each `width_s` long.

    Null where no valid sample is kept. `held` are the runs [first, behind the last) of stretches of which anything is
    kept at all: what is null in them is a signal that the device declared invalid.
    """

    lead: str
    unit: str
    start_s: float
    width_s: float
    low: list[float | None]
    high: list[float | None]
    held: list[tuple[int, int]]


class Waves(BaseModel):
    """The samples of a lead that are kept of a stretch, in contiguous pieces."""

    pieces: list[Wave]


class Stretch(BaseModel):
    """Seconds [start_s, end_s) of a recording, at most an hour."""

    start_s: float = Field(ge=0, le=LAST_S)
    end_s: float = Field(gt=0, le=LAST_S)


@router.get("/devices/{name}/recordings/{recording}/waves/tile")
def tile(
    name: str,
    recording: str,
    _login: Viewer,
    clinic: ClinicPart,
    lead: str,
    width: Literal["fine", "second", "ten"],
    number: Annotated[int, Query(ge=0, le=10**9)],
) -> Tile:
    """Show what is kept of a lead as its extremes; the tiles of one width follow each other without a gap."""
    unit = _unit(_recording(clinic, name, recording), lead)
    width_s = WIDTHS_S[width]
    made = clinic.archive.extremes(name, recording, lead, first=number * TILE, count=TILE, width_s=width_s)
    return Tile(
        lead=lead,
        unit=unit,
        start_s=number * TILE * width_s,
        width_s=width_s,
        low=_shown(made.low),
        high=_shown(made.high),
        held=_runs(made.held),
    )


@router.get("/devices/{name}/recordings/{recording}/waves")
def waves(
    name: str, recording: str, _login: Viewer, clinic: ClinicPart, lead: str, start_s: Seconds, end_s: Seconds
) -> Waves:
    """Show the samples that are kept of at most two minutes of a lead."""
    if not 0 < end_s - start_s <= MOST_S:
        raise HTTPException(400, f"ask for a stretch of at most {MOST_S:.0f} s")
    _unit(_recording(clinic, name, recording), lead)
    chunks = clinic.archive.read(name, recording, lead, start_s, end_s)
    return Waves(pieces=[shown_chunk(chunk) for chunk in chunks])


@router.post("/devices/{name}/recordings/{recording}/fetch-waves", status_code=202)
def fetch(name: str, recording: str, stretch: Stretch, login: Viewer, clinic: ClinicPart) -> CommandState:
    """Ask the device to send what it keeps of a stretch; what becomes of that is in the command."""
    _recording(clinic, name, recording)
    if not stretch.start_s < stretch.end_s <= stretch.start_s + MOST_FETCHED_S:
        raise HTTPException(400, "ask for a stretch of at most an hour")
    row = clinic.commands.send(
        device=name,
        name="fetch-waves",
        issuer=login.name,
        arguments={"recording": recording, "start_s": f"{stretch.start_s:g}", "end_s": f"{stretch.end_s:g}"},
        about=recording,
        valid_s=FETCH_VALID_S,
    )
    if row.state == "unsent":
        raise HTTPException(503, "the broker cannot be reached; nothing was asked")
    return shown_command(row)


@router.get("/commands/{command}")
def command(command: str, _login: Viewer, clinic: ClinicPart) -> CommandState:
    """Show what became of one command."""
    with clinic.database.read() as session:
        row = session.get(CommandRow, command)
        if row is None:
            raise HTTPException(404, "no such command")
        return shown_command(row)


def _recording(clinic: Clinic, name: str, recording: str) -> RecordingRow:
    with clinic.database.read() as session:
        return found(session, name, recording)


def _unit(row: RecordingRow, lead: str) -> str:
    units = units_of(row)
    if lead not in units:
        raise HTTPException(404, "the recording has no such lead")
    return units[lead]


def _shown(values: NDArray[np.float32]) -> list[float | None]:
    return [round(value, 4) if math.isfinite(value) else None for value in values.tolist()]


def _runs(held: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(held.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
