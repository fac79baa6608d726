"""The montages in which the EEG leads of a device can be read, so that a page derives what the core would."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from biosignal.eeg.views import Trace, views
from cloud_service.clinic.context import Viewer

router = APIRouter(tags=["live"])
MOST_LEADS = 512
NO_LEADS: list[str] = []


class EegTrace(BaseModel):
    """``sign * (lead[plus] - lead[minus] - mean of the leads against)``; numbers count the leads that were asked about.

    `minus` is null and `against` empty where there is none. `side` is ``left``, ``middle`` or ``right``.
    """

    name: str
    plus: int
    minus: int | None
    sign: int
    against: list[int]
    side: str


class EegView(BaseModel):
    """A montage, its traces from top to bottom."""

    name: str
    label: str
    traces: list[EegTrace]


class EegViews(BaseModel):
    """The montages that can be made; the last one is what was recorded."""

    views: list[EegView]


@router.get("/eeg-views")
def eeg_views(_login: Viewer, lead: Annotated[list[str], Query(max_length=MOST_LEADS)] = NO_LEADS) -> EegViews:
    """List the montages that EEG leads of these names, of one rate and unit, can be read in; of no leads none."""
    return EegViews(
        views=[
            EegView(name=one.name, label=one.label, traces=[_trace(trace) for trace in one.traces])
            for one in (views(lead) if lead else ())
        ]
    )


def _trace(trace: Trace) -> EegTrace:
    made = trace.made
    return EegTrace(
        name=made.name, plus=made.plus, minus=made.minus, sign=made.sign, against=list(trace.against), side=trace.side
    )
