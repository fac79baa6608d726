"""Links that show one finding and nothing else, to whoever has them, until they end."""

from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from cloud_service.access.shares import MOST_HOURS
from cloud_service.clinic.context import Clinic, ClinicPart, Reviewer, RowNumber
from cloud_service.clinic.evidence import Evidence
from cloud_service.clinic.findings import FindingDetail, detail_of
from cloud_service.database.clinic_tables import ShareRow
from cloud_service.database.event_tables import FindingRow

router = APIRouter(tags=["findings"])
PAGE = "/shared"


class WantedShare(BaseModel):
    """For how long a finding shall be shown."""

    hours: int = Field(ge=1, le=MOST_HOURS)


class MadeShare(BaseModel):
    """A new link; `url` is shown this once."""

    row: int
    url: str
    expires: datetime


class ListedShare(BaseModel):
    """A link without its address, and how often it was opened."""

    row: int
    made_by: str
    created: datetime
    expires: datetime
    revoked: datetime | None
    opened: int
    last_opened: datetime | None


class ListedShares(BaseModel):
    """The links of a finding, the newest first."""

    shares: list[ListedShare]


class SharedStrip(BaseModel):
    """Samples of one lead in `unit` from sample `start` of the recording; null where invalid."""

    lead: str
    kind: str
    start: int
    fs_hz: float
    unit: str
    samples: list[float | None]


class SharedText(BaseModel):
    """A finding in plain words, and who wrote them."""

    finding_rev: int
    text: str
    made_by: str
    model_sha256: str | None
    checked: str
    refused: int


class SharedFinding(BaseModel):
    """What a link shows: a finding without device, patient, recording, clock times, and what readers said of it."""

    rev: int
    kind: str
    kind_label: str
    state: str
    priority: str
    onset: int
    end: int
    fs_hz: float
    leads: list[str]
    outcome: dict[str, object] | None
    evidence: Evidence
    strips: list[SharedStrip]
    explained: SharedText | None


@router.post("/findings/{finding}/share", status_code=201)
def share(finding: str, wanted: WantedShare, login: Reviewer, clinic: ClinicPart, request: Request) -> MadeShare:
    """Make a link that shows this finding alone, without a login, until it ends."""
    _existing(clinic, finding)
    made = clinic.shares.add(finding, hours=wanted.hours, by=login.name)
    url = f"{str(request.base_url).rstrip('/')}{PAGE}/{made.token}"
    return MadeShare(row=made.row, url=url, expires=made.expires)


@router.get("/findings/{finding}/shares")
def shares(finding: str, _login: Reviewer, clinic: ClinicPart) -> ListedShares:
    """List the links there are or were to a finding."""
    _existing(clinic, finding)
    return ListedShares(shares=[_listed(row) for row in clinic.shares.of(finding)])


@router.post("/shares/{row}/revoke", status_code=204)
def revoke_share(row: RowNumber, login: Reviewer, clinic: ClinicPart) -> None:
    """End a link at once."""
    if not clinic.shares.revoke(row, by=login.name):
        raise HTTPException(404, "no such link")


def opened(clinic: Clinic, token: str, address: str) -> tuple[SharedFinding, datetime] | None:
    """Open a link: what it shows, and until when; None where it shows nothing.

    Raises
    ------
    TooManyOpenings : the link is opened more often than people would.
    """
    link = clinic.shares.open(token, address=address)
    if link is None:
        return None
    with clinic.database.read() as session:
        row = session.get(FindingRow, link.finding)
        return None if row is None else (_shared(detail_of(session, row)), link.expires)


def _shared(detail: FindingDetail) -> SharedFinding:
    return SharedFinding.model_validate(detail.model_dump())


def _existing(clinic: Clinic, finding: str) -> None:
    with clinic.database.read() as session:
        if session.get(FindingRow, finding) is None:
            raise HTTPException(404, "no such finding")


def _listed(row: ShareRow) -> ListedShare:
    return ListedShare.model_validate(row, from_attributes=True)
