"""The print of an ECG that somebody sends as a file: statements, measurements, and ten seconds of it on paper."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel

from biosignal.events import Mark
from biosignal.model.model import Model
from biosignal.paper import Drawing
from biosignal.signal.blocks import Unit
from biosignal.stream.stage import Item
from biosignal.tasks.explained import explained, listening
from biosignal.tasks.stated import lines_of, states
from biosignal.twelve_leads import draw_twelve, shown_of, with_filled
from cloud_service.access import audit
from cloud_service.clinic.classify import Classified, a_turn, analysed, leads_of, models_of
from cloud_service.clinic.context import ClinicPart, Reviewer
from cloud_service.clinic.sent_file import SentEcg, UnreadableEcg, read_sent

router = APIRouter(tags=["classify"])
PATH = "/classify/file"
LARGEST_BODY = 4 << 20
"""Bytes of a file: a minute of twelve leads at 500 Hz as text."""
_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


class Why(BaseModel):
    """What the chosen statement rests on: its leads, the first one most; or why nothing is shown."""

    code: str
    means: str
    most: list[str]
    because: str


class Paper(BaseModel):
    """Drawing commands in millimetres, in order, and what has to be said of them."""

    width_mm: float
    height_mm: float
    items: list[dict[str, Any]]
    notes: list[str]


class FilledStretch(BaseModel):
    """A stretch of a lead on the paper that was not measured, in seconds of it, and by what it was filled."""

    lead: str
    from_s: float
    to_s: float
    by: str


class Printed(Classified):
    """What is stated and measured, and one of the stretches of ten seconds on paper."""

    window: int
    paper: Paper
    filled: list[FilledStretch]
    why: Why


async def body_of(request: Request) -> bytes:
    """Take the body as it is; its size is bounded before it comes here."""
    return await request.body()


@router.post(PATH, openapi_extra=_BODY)
def classify_file(
    data: Annotated[bytes, Depends(body_of)],
    login: Reviewer,
    clinic: ClinicPart,
    fs_hz: Annotated[float | None, Query(ge=100.0, le=1000.0)] = None,
    unit: Literal["mV", "uV"] | None = None,
    why: Annotated[str | None, Query(max_length=40)] = None,
    window: Annotated[int, Query(ge=0, le=5)] = 0,
    fill: bool = False,
) -> Printed:
    """Say what an ECG shows and print ten seconds of it, shaded by what a statement rests on. Nothing of it is kept.

    With `fill` what is missing on the paper is filled for the eye, hatched and listed; no statement sees it.
    """
    sent = read_sent(data, fs_hz=fs_hz, unit=None if unit is None else Unit(unit))
    with a_turn():
        models = listening(models_of(clinic.settings.learning.models_dir))
        items = analysed(sent.samples, sent.names, sent.fs_hz, sent.unit, models)
        printed = _printed(sent, items, models, why=why, window=window, fill=fill)
    with clinic.database.write() as session:
        audit.record(session, actor=login.name, action="classify", subject="", leads=len(sent.names))
    return printed


def _printed(
    sent: SentEcg, items: Sequence[Item], models: dict[str, Model], *, why: str | None, window: int, fill: bool
) -> Printed:
    marks = [one for one in items if isinstance(one, Mark) and states(one)]
    if not marks:
        raise UnreadableEcg("nothing is stated of these leads", leads=", ".join(sent.names))
    if window >= len(marks):
        raise HTTPException(400, f"there are {len(marks)} stretches of ten seconds")
    mark, lines = marks[window], list(lines_of(items, sent.fs_hz))
    reasons = explained(mark, models, why)
    samples = sent.samples[:, mark.start : mark.end]
    shown = shown_of(leads_of(sent.names, sent.unit), samples, sent.fs_hz, reasons.leads)
    drawn = draw_twelve(with_filled(shown) if fill else shown)
    return Printed(
        leads=list(sent.names),
        seconds=sent.samples.shape[1] / sent.fs_hz,
        statements=[line for line in lines if line["type"] == "statements"],
        measured=[line for line in lines if line["type"] == "measured"],
        window=window,
        paper=_paper(drawn.drawing, drawn.notes),
        filled=[FilledStretch.model_validate(one) for one in drawn.filled],
        why=Why(code=reasons.code, means=reasons.means, most=list(reasons.most), because=reasons.because),
    )


def _paper(drawing: Drawing, notes: Sequence[str]) -> Paper:
    items = [{"type": type(one).__name__.lower(), **asdict(one)} for one in drawing.items]
    return Paper(width_mm=drawing.width_mm, height_mm=drawing.height_mm, items=items, notes=list(notes))
