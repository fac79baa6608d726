"""The one place that introduces the clinic's parts to each other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError

from biosignal.errors import BedsideError
from biosignal.wire.topics import parse
from cloud_service import notify
from cloud_service.access import audit
from cloud_service.access.bodies import BodyLimit
from cloud_service.access.certificate_ends import CertificateWatch
from cloud_service.access.headers import SecurityHeaders
from cloud_service.access.limits import AttemptLimit, Turns
from cloud_service.access.people import People
from cloud_service.access.shares import Shares
from cloud_service.access.tokens import Tokens
from cloud_service.clinic import (
    agreement,
    alarm_log,
    alarms,
    annotating,
    approving,
    asking,
    bed_limits,
    classify,
    classify_file,
    device_register,
    devices,
    disclosure,
    duties,
    eeg_views,
    event_log,
    excerpting,
    feedback,
    findings,
    handover,
    live,
    logins,
    missed,
    operations,
    patients,
    people,
    recordings,
    review_queue,
    reviews,
    sharing,
    tokens,
    verdicts,
)
from cloud_service.clinic import feed as feed_routes
from cloud_service.clinic.answers import answer_error, answer_invalid
from cloud_service.clinic.command_desk import CommandDesk
from cloud_service.clinic.context import Clinic
from cloud_service.clinic.ear import Ear
from cloud_service.clinic.escalator import Escalator
from cloud_service.clinic.feed import Feed, announcement, escalation_item, status_item
from cloud_service.clinic.lookout import Lookout
from cloud_service.clinic.retention import Retention
from cloud_service.clinic.watching import LiveViews, WatchDesk
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database, open_database
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.broker_link import BrokerLink
from cloud_service.ingest.presence import read_status
from cloud_service.ingest.stored_waves import WaveFiler, open_archive
from cloud_service.ingest.worker import IngestWorker
from cloud_service.learning import routes as learning_routes
from cloud_service.learning.assembly import learning_part, make_worker, open_workshop
from cloud_service.pulse import Part
from cloud_service.settings import CloudSettings
from cloud_service.waves.archive import WaveArchive
from cloud_service.web.pages import router as pages
from cloud_service.webhooks import routes as webhook_routes
from cloud_service.webhooks.hooks import Webhooks
from cloud_service.webhooks.sender import WebhookSender

API = "/api/v1"
API_ROUTERS: tuple[APIRouter, ...] = (
    logins.router,
    devices.router,
    device_register.router,
    recordings.router,
    disclosure.router,
    patients.router,
    bed_limits.router,
    handover.router,
    excerpting.router,
    live.router,
    missed.router,
    eeg_views.router,
    findings.router,
    sharing.router,
    reviews.router,
    verdicts.router,
    annotating.router,
    agreement.router,
    review_queue.router,
    alarms.router,
    alarm_log.router,
    duties.router,
    classify.router,
    asking.router,
    feedback.router,
    approving.router,
    classify_file.router,
    feed_routes.router,
    event_log.router,
    operations.router,
    people.router,
    tokens.router,
    learning_routes.router,
    webhook_routes.router,
)
OTHER_ROUTERS: tuple[APIRouter, ...] = (operations.outside_api, learning_routes.updates, pages)
"""Routers outside the API: pages and the model repository go here, one line each."""


def create_app(
    settings: CloudSettings, *, on_devices_changed: Callable[[], None] = lambda: None, parts: Sequence[Part] = ()
) -> FastAPI:
    """Open the database (migrating it) and build the application; its lifespan starts and stops everything.

    `on_devices_changed` is called when a device was added or revoked over the API, for the broker's password file.
    `parts` run beside the application and are looked after with its own.
    The parts hang on ``app.state.clinic``.

    Raises
    ------
    DatabaseUnusable : the database cannot be opened. SettingsWrong : the broker's CA file cannot be read.
    """
    clinic = _assemble(settings, on_devices_changed)
    workshop = open_workshop(clinic.database, settings.state_dir, settings.learning)
    learner = make_worker(workshop) if settings.learning.worker else None
    sender = WebhookSender(clinic.database, settings.webhooks)
    beside = [part.loop for part in (learner, sender if sender.is_on else None) if part is not None]
    _watch(clinic, [*parts, *beside])

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        _start(clinic)
        if learner is not None:
            learner.start()
        sender.start()
        clinic.lookout.start()
        notify.ready()
        yield
        notify.stopping()
        await asyncio.to_thread(clinic.lookout.stop)
        if learner is not None:
            await asyncio.to_thread(learner.stop)
        await asyncio.to_thread(sender.stop)
        await clinic.feed.stop()
        await asyncio.to_thread(_stop, clinic)

    app = FastAPI(
        title="Bedside clinic",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # its pages need scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        redirect_slashes=False,  # its answer leads to whatever host the request names
    )
    app.state.clinic = clinic
    app.state.webhooks = Webhooks(clinic.database, settings.webhooks)
    app.state.learning = learning_part(workshop, clinic.commands, settings.learning)
    larger = {f"{API}{one.PATH}": one.LARGEST_BODY for one in (classify, classify_file)}
    app.add_middleware(BodyLimit, larger=larger)
    app.add_middleware(SecurityHeaders, tls=settings.http.tls)
    app.add_exception_handler(BedsideError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    for router in API_ROUTERS:
        app.include_router(router, prefix=API)
    for router in OTHER_ROUTERS:
        app.include_router(router)
    return app


def _assemble(settings: CloudSettings, on_devices_changed: Callable[[], None]) -> Clinic:
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = open_database(settings.database_url, check=True)
    audit.keep_anchors(database, settings.anchor_file)
    feed, views = Feed(database), LiveViews()
    certificates = CertificateWatch(settings)
    lookout = Lookout(database, Ear(), lambda alarm: feed.announce(announcement(alarm)), certificates)
    escalator = Escalator(
        database,
        settings.escalation,
        own=lambda: lookout.alarms.standing,
        on_page=lambda: feed.on_page,
        on_step=lambda one, step: feed.announce(escalation_item(one, step)),
    )
    archive = open_archive(settings)
    worker, filer, link = _line(settings, database, archive, views, feed, lookout)
    commands = CommandDesk(database, link)
    return Clinic(
        settings=settings,
        database=database,
        people=People(database, settings.access, demo=settings.demo),
        tokens=Tokens(database, settings.access, demo=settings.demo),
        shares=Shares(database, demo=settings.demo),
        turns=Turns(),
        questions=AttemptLimit(asking.ALLOWED, asking.WINDOW_S),
        link=link,
        worker=worker,
        archive=archive,
        filer=filer,
        commands=commands,
        watching=WatchDesk(lambda site, device: commands.renew_watch(site=site, device=device)),
        views=views,
        feed=feed,
        lookout=lookout,
        escalator=escalator,
        retention=Retention(database, settings.database, archive=archive, keep_waves_days=settings.waves.keep_days),
        on_devices_changed=on_devices_changed,
    )


def _line(
    settings: CloudSettings, database: Database, archive: WaveArchive, views: LiveViews, feed: Feed, lookout: Lookout
) -> tuple[IngestWorker | None, WaveFiler | None, BrokerLink | None]:
    """Connect broker, database and archive; they need each other, those to answer and the link to hand over."""
    if not settings.mqtt.enabled:
        return None, None, None

    def on_wave(topic: str, payload: bytes, _retained: bool) -> None:
        place = parse(topic)
        views.publish(place.site, place.device, payload)

    def on_status(topic: str, payload: bytes, retained: bool) -> None:
        presence = read_status(topic, payload, retained=retained, received=utc_now())
        if presence is not None:
            lookout.heard(presence)
            if presence.fresh:  # one that the broker had kept says how the bed was, some time ago
                views.publish(presence.site, presence.device, presence)
                feed.announce(status_item(presence.device))
            if settings.ingest.enabled:
                worker.take(presence)

    def on_event(topic: str, payload: bytes, _retained: bool) -> None:
        worker.take(Message(topic=topic, payload=payload))

    def on_stored(topic: str, payload: bytes, _retained: bool) -> None:
        filer.take(topic, payload)

    link = BrokerLink(
        settings.mqtt,
        on_event=on_event if settings.ingest.enabled else None,
        on_status=on_status,
        on_wave=on_wave,
        on_stored=on_stored if settings.ingest.enabled else None,
    )
    worker = IngestWorker(database, settings.ingest, send_receipt=link.send_receipt, on_committed=feed.poke)
    filer = WaveFiler(archive, database, send_receipt=link.send_receipt)
    return (worker, filer, link) if settings.ingest.enabled else (None, None, link)


def _watch(clinic: Clinic, more: Sequence[Part]) -> None:
    """Name to the lookout every part that must go on for ever."""
    link, worker = clinic.link, clinic.worker
    mine: list[Part] = [clinic.feed, clinic.watching.loop, clinic.escalator.loop]
    mine += [part.loop for part in (link, worker) if part is not None]
    beside = [clinic.retention.loop] if clinic.retention.is_on else []
    beside += [clinic.filer.loop] if clinic.filer is not None else []
    clinic.lookout.watch(mine, link=link, worker=worker, beside=[*more, *beside])


def _start(clinic: Clinic) -> None:
    clinic.feed.start()
    clinic.watching.start()
    clinic.retention.start()
    clinic.escalator.start()
    for part in (clinic.worker, clinic.filer):
        if part is not None:
            part.start()
    if clinic.link is not None:
        clinic.link.start()


def _stop(clinic: Clinic) -> None:
    clinic.watching.stop()
    clinic.retention.stop()
    clinic.escalator.stop()
    if clinic.link is not None:
        clinic.link.stop()
    for part in (clinic.worker, clinic.filer):
        if part is not None:
            part.stop()
    clinic.database.close()
