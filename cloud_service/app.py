"""The one place that introduces the clinic's rooms to each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from biosignal.errors import BadInput, BedsideError
from cloud_service.access.errors import LoginFailed, NameTaken, TooManyFailures
from cloud_service.access.headers import SecurityHeaders
from cloud_service.access.people import People
from cloud_service.clinic import logins
from cloud_service.clinic.context import Clinic
from cloud_service.database.connection import open_database
from cloud_service.settings import CloudSettings

API = "/api/v1"
ROUTERS = (logins.router,)


def create_app(settings: CloudSettings) -> FastAPI:
    """Open the database (migrating it) and build the application.

    Raises
    ------
    DatabaseUnusable : the database cannot be opened.
    """
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = open_database(settings.database_url)
    people = People(database, settings.access, demo=settings.demo)
    clinic = Clinic(settings=settings, database=database, people=people)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    app = FastAPI(
        title="Bedside clinic",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    app.state.clinic = clinic
    app.add_middleware(SecurityHeaders, tls=settings.http.tls)
    app.add_exception_handler(BedsideError, _answer_error)
    for router in ROUTERS:
        app.include_router(router, prefix=API)
    return app


_STATUS: tuple[tuple[type[BedsideError], int], ...] = (
    (TooManyFailures, 429),
    (LoginFailed, 401),
    (NameTaken, 409),
    (BadInput, 400),
)


async def _answer_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BedsideError)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(int(error.retry_after_s) + 1)} if isinstance(error, TooManyFailures) else None
    return JSONResponse({"detail": str(error), "try": error.advice}, status_code=status, headers=headers)
