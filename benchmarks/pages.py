"""The clinic's pages in a real browser: a day of twelve leads scrolled, and a central station of many beds."""

import contextlib
import itertools
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.clinic import quantile
from benchmarks.figures import Figure, NotMeasured
from biosignal.events import AlarmEvent, AlarmState, Priority, Recording, RecordingClosed, Status, closed_id
from biosignal.signal.blocks import Lead, LeadKind, Unit
from biosignal.wire.envelope import encode, encode_message, wrap
from biosignal.wire.topics import Channel, up
from biosignal.wire.waveform import WaveChunk, encode_wave
from cloud_service.access.roles import Role
from cloud_service.app import create_app
from cloud_service.clinic.context import Clinic
from cloud_service.database.columns import utc_now
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import note, read_status
from cloud_service.serving import listen, make_server, url_of
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings, WavesSettings
from cloud_service.waves.part import Kept

NAMES = (
    "scroll_strip_frames_a_second",
    "scroll_minutes_frames_a_second",
    "waves_page_first_paint_s",
    "central_32_browser_percent",
    "central_32_heap_mb",
    "central_32_behind_p99_s",
    "left_open_heap_mb",
    "left_open_growth_mb",
)
SITE, PASSWORD = "ward", "correct horse battery"  # of a clinic that lives for a minute
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
FS_HZ = 250.0
BEDS = 32
STEP_S = 0.25
FEW_BEDS = 2
HURRIED_S = 1.0
HURRIED_WAIT_S = 0.008
AT = "2026-01-01T08:00:00.000Z"
FRAMES = """
(seconds) => new Promise((done) => {
  const spans = [];
  let before = performance.now();
  const until = before + 1000 * seconds;
  const frame = (now) => {
    spans.push(now - before);
    before = now;
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    if (now < until) requestAnimationFrame(frame);
    else done(spans.slice(1));
  };
  requestAnimationFrame(frame);
})
"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def measure(*, quick: bool) -> list[Figure]:
    """Open the pages of a clinic that runs in this process; the browser is a process of its own."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NotMeasured("playwright is not installed") from error
    with TemporaryDirectory(prefix="bedside-bench-") as folder, _clinic(Path(folder)) as (url, clinic):
        hours = 1.0 if quick else 24.0
        recording = _file_a_record(clinic, hours)
        with sync_playwright() as playwright, _browser(playwright) as browser:
            page = _logged_in(browser, url)
            scrolled = _scroll(page, recording, hours, seconds=3.0 if quick else 8.0)
            central = _central(page, clinic, seconds=10.0 if quick else 40.0)
            return [*scrolled, *central, *_left_open(page, clinic, hours=0.5 if quick else 8.0)]


def _scroll(page: Any, recording: str, hours: float, *, seconds: float) -> list[Figure]:
    figures = []
    note = f"{hours:g} h of twelve leads at {FS_HZ:g} Hz, {seconds:g} s of one page on a frame, software rendering"
    for view, name in (("strip", "scroll_strip_frames_a_second"), ("minutes", "scroll_minutes_frames_a_second")):
        page.goto(f"/devices/bed-0/recordings/{recording}?view={view}&at=0")
        page.locator("#sheet canvas").first.wait_for()
        page.wait_for_timeout(2000)
        if view == "strip":
            paint_s = page.evaluate(PAINT) / 1000
        spans_ms = page.evaluate(FRAMES, seconds)
        slow = f"{sum(span > 34 for span in spans_ms) / len(spans_ms):.0%} of frames over 34 ms"
        figures.append(Figure(name=name, value=1000 * len(spans_ms) / sum(spans_ms), note=f"{note}; {slow}"))
    return [*figures, Figure(name="waves_page_first_paint_s", value=paint_s, note="page with twelve leads")]


def _central(page: Any, clinic: Clinic, *, seconds: float) -> list[Figure]:
    """Watch all beds; what the browser's main thread does is asked of the browser."""
    with _Feed(clinic) as feeding:
        session = _watching(page, BEDS)
        before, began_s = _metrics(session), time.monotonic()
        page.wait_for_timeout(1000 * seconds)
        after, spent_s = _metrics(session), time.monotonic() - began_s
    percent = 100 * (after["TaskDuration"] - before["TaskDuration"]) / spent_s
    note = f"{BEDS} beds with a live lead each, {seconds:g} s"
    return [
        Figure(name="central_32_browser_percent", value=percent, note=f"{note}; the page's main thread, of one core"),
        Figure(name="central_32_heap_mb", value=after["JSHeapUsedSize"] / 1e6, note=f"{note}; heap of the page"),
        Figure(
            name="central_32_behind_p99_s",
            value=quantile(feeding.late_s, 0.99),
            note=f"{note}; at the clinic, beside the half second that the page keeps",
        ),
    ]


def _left_open(page: Any, clinic: Clinic, *, hours: float) -> list[Figure]:
    """Let hours of two beds pass before a page as fast as it takes them, an alarm raised or resolved every minute."""
    came = itertools.count()
    page.on("websocket", lambda line: line.on("framereceived", lambda _: next(came)))
    with _Feed(clinic, beds=FEW_BEDS, step_s=HURRIED_S, wait_s=HURRIED_WAIT_S, alarm_s=60.0) as feeding:
        session = _watching(page, FEW_BEDS)
        _wait_until(page, feeding, hours * 3600 / 8)
        early_mb = _heap_mb(session)
        _wait_until(page, feeding, hours * 3600)
        late_mb = _heap_mb(session)
    what = f"{next(came)} messages on the line, {feeding.alarms} changes of alarms"
    note = f"{hours:g} h of {FEW_BEDS} beds in a hurry, {what}; after collecting garbage"
    return [
        Figure(name="left_open_heap_mb", value=late_mb, note=note),
        Figure(name="left_open_growth_mb", value=late_mb - early_mb, note=f"{note}; since the first eighth"),
    ]


def _watching(page: Any, beds: int) -> Any:
    """Open the central page and wait until so many beds are live on it."""
    page.goto("/central")
    page.locator(".bed:not(.stale) .strip:not(.stale)").nth(beds - 1).wait_for(timeout=60_000)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.wait_for_timeout(3000)
    return session


def _wait_until(page: Any, feeding: "_Feed", seconds: float) -> None:
    while feeding.passed_s < seconds:
        page.wait_for_timeout(500)


def _heap_mb(session: Any) -> float:
    session.send("HeapProfiler.collectGarbage")
    return _metrics(session)["JSHeapUsedSize"] / 1e6


def _metrics(session: Any) -> dict[str, float]:
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


class _Feed:
    """Beds going on, in a thread, as the broker's network thread would hand them over.

    Parameters
    ----------
    step_s : so much of each bed at a time. wait_s : then that much real time.
    alarm_s : an alarm changes so often; 0: none.
    """

    def __init__(
        self,
        clinic: Clinic,
        *,
        beds: int = BEDS,
        step_s: float = STEP_S,
        wait_s: float = STEP_S,
        alarm_s: float = 0.0,
    ) -> None:
        self._clinic, self._beds = clinic, beds
        self._step_s, self._wait_s, self._alarm_s = step_s, wait_s, alarm_s
        self.late_s: list[float] = []
        self.passed_s = 0.0
        self.alarms = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._lead = Lead(name="II", unit=Unit.MILLIVOLT, kind=LeadKind.ECG, fs_hz=FS_HZ)

    def __enter__(self) -> "_Feed":  # noqa: PYI034  # Self is not there before Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        at_s = time.monotonic()
        step = 0
        while not self._ended.is_set():
            at_s = max(at_s + self._wait_s, time.monotonic() - 1.0)
            time.sleep(max(0.0, at_s - time.monotonic()))
            for bed in range(self._beds):
                self._send(f"bed-{bed}", step)
            self.late_s.append(time.monotonic() - at_s)
            step += 1
            self.passed_s = step * self._step_s
            if self._alarm_s and step % round(self._alarm_s / self._step_s) == 0:
                self._alarm(step)

    def _send(self, bed: str, step: int) -> None:
        count = round(self._step_s * FS_HZ)
        chunk = _chunk("live", "II", step * count, _beats(count, step * count))
        self._clinic.views.publish(SITE, bed, encode_wave(chunk))
        if step % round(1 / self._step_s) == 0:
            presence = read_status(
                up(SITE, bed, Channel.STATUS),
                encode_message(self._status(step * count)),
                retained=False,
                received=utc_now(),
            )
            assert presence is not None
            note(self._clinic.database, [presence])
            self._clinic.views.publish(SITE, bed, presence)

    def _alarm(self, step: int) -> None:
        """Raise an alarm, or resolve the one that was raised before."""
        number, is_raised = divmod(self.alarms, 2)
        self.alarms += 1
        state = AlarmState.RESOLVED if is_raised else AlarmState.ACTIVE
        alarm = AlarmEvent(
            id=f"alarm-{number}", rev=is_raised, device="bed-0", recording="live", finding=f"finding-{number}",
            kind="bench", leads=("II",), priority=Priority.MEDIUM, state=state, at=step, by="device",
        )  # fmt: skip
        _tell(self._clinic, alarm)

    def _status(self, sample: int) -> Status:
        return Status(
            online=True, recording="live", sample=sample, fs_hz=FS_HZ, leads=(self._lead,), readings=(), alarms=(),
            tasks=(), outbox=0, explainer="template", version="2",
        )  # fmt: skip


def _beats(count: int, start: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A QRS complex and a T wave a second, over a wandering baseline, in microvolts."""
    s = (start + np.arange(count)) / FS_HZ
    phase = s % 1.0
    made = 1000 * np.exp(-(((phase - 0.3) / 0.012) ** 2)) + 250 * np.exp(-(((phase - 0.6) / 0.05) ** 2))
    return np.asarray(made + 150 * np.sin(2 * math.pi * s / 7), np.int16)


def _chunk(recording: str, lead: str, start: int, counts: Any) -> WaveChunk:
    return WaveChunk(
        recording=recording,
        lead=lead,
        start=start,
        fs_hz=FS_HZ,
        unit=Unit.MILLIVOLT,
        gain=0.001,
        offset=0.0,
        counts=counts,
    )


def _file_a_record(clinic: Clinic, hours: float) -> str:
    name = "bench-day"
    leads = tuple(Lead(name=lead, unit=Unit.MILLIVOLT, kind=LeadKind.ECG) for lead in LEADS)
    opened = Recording(
        id=name,
        device="bed-0",
        source="synthetic",
        leads=leads,
        fs_hz=FS_HZ,
        started_utc=AT,
        subject=None,
        previous=None,
    )
    per = round(10 * FS_HZ)
    chunks = round(hours * 360)
    end = RecordingClosed(id=closed_id(name), recording=name, end=chunks * per, reason="ended")
    _tell(clinic, opened, end)
    rng = np.random.default_rng(1)
    noise = rng.integers(-30, 30, (8, per)).astype(np.int16)
    for row, lead in enumerate(LEADS):
        made = [_chunk(name, lead, k * per, _beats(per, k * per) + noise[(k + row) % 8]) for k in range(chunks)]
        clinic.archive.store("bed-0", [Kept(chunk, encode_wave(chunk)) for chunk in made])
    return name


def _tell(clinic: Clinic, *events: Any) -> None:
    envelopes = [wrap(event, seq=seq, device="bed-0", boot="bench", at=AT) for seq, event in enumerate(events)]
    commit(clinic.database, [Message(topic=up(SITE, "bed-0", Channel.EVENT), payload=encode(one)) for one in envelopes])


@contextlib.contextmanager
def _clinic(folder: Path) -> Iterator[tuple[str, Clinic]]:
    settings = CloudSettings(
        state_dir=folder, mqtt=MqttSettings(enabled=False), http=HttpSettings(port=0), waves=WavesSettings(reserve_mb=0)
    )
    app = create_app(settings)
    clinic: Clinic = app.state.clinic
    clinic.people.add(name="bench", role=Role.VIEWER, password=PASSWORD, by="bench")
    with listen(settings.http) as listener:
        server = make_server(app, settings.http, listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(settings.http, listener), clinic
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def _browser(playwright: Any) -> Iterator[Any]:
    from playwright.sync_api import Error

    try:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    except Error as error:
        raise NotMeasured("there is no chromium") from error
    try:
        yield browser
    finally:
        browser.close()


def _logged_in(browser: Any, url: str) -> Any:
    page = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}).new_page()
    page.goto("/login")
    page.fill("[name=name]", "bench")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    return page
