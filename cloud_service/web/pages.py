"""The clinic's pages: shells that the browser fills from the API, and the static files they use."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException as NotFound
from starlette.staticfiles import StaticFiles

from biosignal import __version__
from cloud_service.access.errors import TooManyOpenings
from cloud_service.access.people import Login
from cloud_service.access.roles import Role
from cloud_service.clinic import sharing
from cloud_service.clinic.context import address_of, clinic_of, session_of
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.event_tables import FindingRow, RecordingRow
from cloud_service.excerpts.dicom_file import has_dicom
from cloud_service.web.words import page_words

HERE = Path(str(files("cloud_service.web")))
PLACES: tuple[tuple[str, str, Role], ...] = (
    ("/", "Dashboard", Role.VIEWER),
    ("/central", "Central", Role.VIEWER),
    ("/patients", "Patients", Role.VIEWER),
    ("/findings", "Findings", Role.VIEWER),
    ("/alarms", "Alarms", Role.VIEWER),
    ("/ask", "Ask", Role.VIEWER),
    ("/review", "Review", Role.REVIEWER),
    ("/classify", "Classify", Role.REVIEWER),
    ("/words", "Words", Role.REVIEWER),
    ("/models", "Models", Role.ENGINEER),
    ("/operations", "Operations", Role.ENGINEER),
    ("/people", "People", Role.ADMIN),
)
"""What the navigation offers: path, name, and the role it takes."""

router = APIRouter(tags=["pages"], include_in_schema=False)
_static = StaticFiles(directory=HERE / "static")
_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@router.get("/login")
def login_page(request: Request) -> Response:
    """Show the login; who is logged in goes on to the dashboard."""
    login = session_of(request)
    if login is not None and not login.must_change:
        return RedirectResponse("/", status_code=303)
    return _page("login.html", None, "", {"demo": clinic_of(request).people.demo})


@router.get("/")
def dashboard(request: Request) -> Response:
    """Show all devices and what is new."""
    return _for(request, Role.VIEWER, "dashboard.html")


@router.get("/central")
def central(request: Request) -> Response:
    """Show every bed as a tile with its rate, a live wave and its worst alarm."""
    return _for(request, Role.VIEWER, "central.html")


@router.get("/devices/{name}")
def device(request: Request, name: str) -> Response:
    """Show one device with its live strip."""
    return _for(request, Role.VIEWER, "device.html", {"device": name}, exists=(DeviceRow, name))


@router.get("/devices/{name}/eeg")
def eeg(request: Request, name: str) -> Response:
    """Show the EEG of one device in its montages, and what was measured over time."""
    return _for(request, Role.VIEWER, "eeg.html", {"device": name}, exists=(DeviceRow, name))


@router.get("/devices/{name}/limits")
def limits(request: Request, name: str) -> Response:
    """Show the limits of one bed."""
    return _for(request, Role.VIEWER, "limits.html", {"device": name}, exists=(DeviceRow, name))


@router.get("/devices/{name}/recordings/{recording}")
def waves(request: Request, name: str, recording: str) -> Response:
    """Show every wave of a recording."""
    place = {"device": name, "recording": recording, "has_dicom": has_dicom()}
    return _for(request, Role.VIEWER, "waves.html", place, exists=(RecordingRow, (name, recording)))


@router.get("/patients")
def patients(request: Request) -> Response:
    """Show all patients, and admit one."""
    return _for(request, Role.VIEWER, "patients.html")


@router.get("/patients/{subject}")
def patient(request: Request, subject: str) -> Response:
    """Show one patient across beds and recordings."""
    return _for(request, Role.VIEWER, "patient.html", {"subject": subject})


@router.get("/findings")
def findings(request: Request) -> Response:
    """Show the list of findings."""
    return _for(request, Role.VIEWER, "findings.html")


@router.get("/findings/{finding}")
def finding(request: Request, finding: str) -> Response:
    """Show one finding with all it rests on."""
    return _for(request, Role.VIEWER, "finding.html", {"finding": finding}, exists=(FindingRow, finding))


@router.get("/ask")
def ask(request: Request) -> Response:
    """Take questions in general."""
    return _for(request, Role.VIEWER, "ask.html")


@router.get("/review")
def review(request: Request) -> Response:
    """Show the findings that wait for a reviewer, one by one."""
    return _for(request, Role.REVIEWER, "review.html")


@router.get("/classify")
def classify(request: Request) -> Response:
    """Show an ECG that is given as a file on paper, with what is stated of it."""
    return _for(request, Role.REVIEWER, "classify.html")


@router.get("/words")
def words(request: Request) -> Response:
    """Show better words that were suggested, and take a second person's word on them."""
    return _for(request, Role.REVIEWER, "words.html")


@router.get("/alarms")
def alarms(request: Request) -> Response:
    """Show the alarms of all devices."""
    return _for(request, Role.VIEWER, "alarms.html")


@router.get("/duties")
def duties(request: Request) -> Response:
    """Show who answers for which bed."""
    return _for(request, Role.VIEWER, "duties.html")


@router.get("/alarm-log")
def alarm_log(request: Request) -> Response:
    """Show every alarm there was, and how many a bed has a day."""
    return _for(request, Role.VIEWER, "alarm_log.html")


@router.get("/models")
def models(request: Request) -> Response:
    """Show refits, candidates and releases."""
    return _for(request, Role.ENGINEER, "models.html")


@router.get("/operations")
def operations(request: Request) -> Response:
    """Show what engineers and administrators look after."""
    return _for(request, Role.ENGINEER, "operations.html")


@router.get("/people")
def people(request: Request) -> Response:
    """Show the accounts of people."""
    return _for(request, Role.ADMIN, "people.html")


@router.get("/account")
def account(request: Request) -> Response:
    """Show one's own account, with its password to change."""
    login = session_of(request)
    return _page("account.html", login, "/account", {}) if login is not None else _to_login(request)


@router.get(sharing.PAGE + "/{token}")
def shared(request: Request, token: str) -> Response:
    """Show the finding of a link, alone; a link that shows nothing is answered in one way, whatever it was."""
    try:
        found = sharing.opened(clinic_of(request), token, address_of(request))
    except TooManyOpenings as error:
        facts = {"title": "Opened too often", "why": "This link is opened very often. Wait a minute and try again."}
        answer = _page("not_shared.html", None, "", facts, status=429)
        answer.headers["Retry-After"] = str(int(error.retry_after_s) + 1)
        return answer
    if found is None:
        facts = {"title": "Nothing here", "why": "This link shows nothing, or nothing any more. Ask for a new one."}
        return _page("not_shared.html", None, "", facts, status=404)
    finding, expires = found
    return _page("shared.html", None, "", {"finding": finding.model_dump_json(), "expires": expires.isoformat()})


@router.get("/static/{path:path}")
async def static(request: Request, path: str) -> Response:
    """Serve a static file; browsers ask each time whether it changed."""
    try:
        response = await _static.get_response(path, request.scope)
    except NotFound as error:
        raise HTTPException(404, "no such file") from error
    response.headers["Cache-Control"] = "no-cache"
    return response


def _for(
    request: Request,
    role: Role,
    template: str,
    facts: Mapping[str, Any] | None = None,
    *,
    exists: tuple[type[Any], Any] | None = None,
) -> Response:
    """Answer with a page to those who may see it; others are sent to the login or shown why not."""
    login = session_of(request)
    path = request.url.path
    if login is None:
        return _to_login(request)
    if login.must_change:
        return RedirectResponse("/account", status_code=303)
    if not login.role.covers(role):
        why = f"This page needs the role {role.value}; you are logged in as {login.role.value}."
        return _page("refused.html", login, path, {"title": "Not for this role", "why": why}, status=403)
    if exists is not None:
        with clinic_of(request).database.read() as session:
            known = session.get(*exists) is not None
        if not known:
            named = exists[1] if isinstance(exists[1], str) else " ".join(exists[1])
            why = f"There is nothing here by the name {named}."
            return _page("refused.html", login, path, {"title": "Not found", "why": why}, status=404)
    return _page(template, login, path, facts or {})


def _to_login(request: Request) -> Response:
    return RedirectResponse(f"/login?next={quote(request.url.path)}", status_code=303)


def _page(
    template: str, login: Login | None, path: str, facts: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    places = [place for place in PLACES if login is not None and login.role.covers(place[2])]
    text = _templates.get_template(template).render(
        login=login, path=path, places=places, words=json.dumps(page_words()), version=__version__, Role=Role, **facts
    )
    return HTMLResponse(text, status_code=status)
