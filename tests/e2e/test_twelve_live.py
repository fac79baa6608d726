"""Twelve leads live stand three by four above the rhythm of one of them, or each by itself."""

import threading

import numpy as np
import pytest
from browsing import Visit
from fed_clinic import fed_clinic
from playwright.sync_api import expect
from test_central_page import DRAWN

from biosignal.signal.blocks import Unit
from biosignal.wire.waveform import WaveChunk, encode_wave
from cloud_service.access.devices import add_device

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SHOWN = "() => [...document.querySelectorAll('#strips .strip:not([hidden])')].map((one) => one.dataset.lead)"
AS_SEEN = """() => [...document.querySelectorAll('#strips .strip:not([hidden])')]
    .map((one) => ({ lead: one.dataset.lead, at: one.getBoundingClientRect() }))
    .sort((a, b) => Math.round((a.at.y - b.at.y) / 20) || a.at.x - b.at.x).map((one) => one.lead)"""
LONG_MS = 40_000
STEP = 100


@pytest.fixture(scope="module")
def ward(browser, tmp_path_factory):
    """A clinic with a bed that sends twelve leads, 250 samples a second, until the tests are over."""
    ended = threading.Event()
    with fed_clinic(tmp_path_factory.mktemp("twelve")) as fed:
        add_device(fed.clinic.database, name="bed-12", site="ward", by="test")

        def send():
            start = 0
            while not ended.wait(STEP / 250):
                for number, lead in enumerate(LEADS):
                    wave = (400 * np.sin(np.arange(start, start + STEP) / (9 + number))).astype(np.int16)
                    chunk = WaveChunk(
                        recording="r", lead=lead, start=start, fs_hz=250.0, unit=Unit.MILLIVOLT, gain=0.002, offset=0.0,
                        counts=wave,
                    )  # fmt: skip
                    fed.clinic.views.publish("ward", "bed-12", encode_wave(chunk))
                start += STEP

        sending = threading.Thread(target=send)
        sending.start()
        yield fed
        ended.set()
        sending.join()


@pytest.fixture
def page(browser, ward):
    visit = Visit(browser, ward.url)
    page = visit.log_in("viewer")
    page.set_viewport_size({"width": 1440, "height": 1200})
    page.goto("/devices/bed-12")
    yield page
    said, foreign = visit.console, visit.foreign
    visit.close()
    assert [one for one in said if "willReadFrequently" not in one] == []
    assert foreign == []


def test_twelve_leads_stand_in_three_rows_of_four_above_their_rhythm(page):
    expect(page.locator("#twelve")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#strips .strip:visible")).to_have_count(13, timeout=LONG_MS)
    rows = ["I", "aVR", "V1", "V4", "II", "aVL", "V2", "V5", "III", "aVF", "V3", "V6"]
    assert page.evaluate(AS_SEEN) == [*rows, "II"]
    rhythm = page.locator("#strips .long-strip canvas")
    page.locator("#strips .long-strip:not(.stale)").wait_for(timeout=LONG_MS)
    before = rhythm.evaluate(DRAWN)
    page.wait_for_function(
        f"(before) => ({DRAWN})(document.querySelector('.long-strip canvas')) !== before", arg=before
    )
    page.locator("#twelve").click()
    expect(page.locator("#strips .strip:visible")).to_have_count(12)
    assert sorted(page.evaluate(SHOWN)) == sorted(LEADS)
    page.locator("#choose-leads summary").click()
    page.locator("#lead-boxes input").first.uncheck()
    expect(page.locator("#strips .strip:visible")).to_have_count(11)
    page.locator("#twelve").click()
    expect(page.locator("#strips .strip:visible")).to_have_count(13)
    assert page.evaluate(AS_SEEN) == [*rows, "II"]


@pytest.mark.parametrize("width", [390, 1440])
def test_they_fit_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    expect(page.locator("#strips .strip:visible")).to_have_count(13, timeout=LONG_MS)
    page.locator("#strips .long-strip:not(.stale)").wait_for(timeout=LONG_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
