"""Live strips are held and go on, leads are chosen, and the Central page shows one group of beds."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete
from test_central_page import DRAWN

from cloud_service.database.clinic_tables import BedGroupRow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
LONG_MS = 40_000


def live(page, bed):
    page.goto(f"/devices/{bed}")
    page.locator("#strips .strip:not(.stale)").first.wait_for(timeout=LONG_MS)
    return page.locator("#strips .strip canvas").first


def test_a_frozen_strip_stands_still_says_since_when_and_goes_on(fed, page_of):
    page = page_of("viewer")
    canvas = live(page, "bed-1")
    page.keyboard.press("f")
    expect(page.locator("#frozen")).to_have_text(re.compile(r"^Frozen at \d\d:\d\d:\d\d\. The bed goes on"))
    expect(page.locator("#freeze")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(300)  # what was being drawn when the key was pressed
    before = canvas.evaluate(DRAWN)
    page.wait_for_timeout(1500)
    assert canvas.evaluate(DRAWN) == before
    page.locator("#freeze").click()
    expect(page.locator("#frozen")).to_be_empty()
    page.wait_for_function(f"(before) => ({DRAWN})(document.querySelector('#strips canvas')) !== before", arg=before)


def test_leads_are_chosen_and_the_choice_is_kept_and_one_always_stays(fed, page_of):
    page = page_of("viewer")
    live(page, "bed-2")
    page.locator("#choose-leads summary").click()
    boxes = page.locator("#lead-boxes input")
    many = boxes.count()
    assert many > 1
    boxes.first.uncheck()
    expect(page.locator("#strips .strip:visible")).to_have_count(many - 1)
    page.reload()
    page.locator("#choose-leads summary").click(timeout=LONG_MS)
    expect(boxes.first).not_to_be_checked(timeout=LONG_MS)
    for at in range(1, many - 1):
        boxes.nth(at).uncheck()
    expect(page.locator("#strips .strip:visible")).to_have_count(1)
    expect(boxes.nth(many - 1)).to_be_disabled()
    page.evaluate("localStorage.clear()")


@pytest.fixture
def grouped(fed):
    """The first bed of the fed clinic in a group, for one test."""
    with fed.clinic.database.write() as session:
        session.add(BedGroupRow(device="bed-1", name="Ward 3"))
    yield
    with fed.clinic.database.write() as session:
        session.execute(delete(BedGroupRow))


def test_one_group_of_beds_is_chosen_and_stays_in_the_address(fed, grouped, page_of):
    page = page_of("viewer")
    page.goto("/central")
    expect(page.locator(".bed")).to_have_count(2, timeout=LONG_MS)
    page.locator("#group").select_option("Ward 3")
    page.wait_for_url("**/central?group=Ward+3")
    expect(page.locator(".bed")).to_have_count(1, timeout=LONG_MS)
    expect(page.locator("#beds-count")).to_have_text("1 of 1 beds of Ward 3 are heard", timeout=LONG_MS)
    page.locator("#group").select_option("all beds")
    expect(page.locator(".bed")).to_have_count(2, timeout=LONG_MS)


def test_a_page_that_is_left_while_it_is_still_asking_for_waves_complains_of_nothing(fed, page_of):
    page = page_of("viewer")
    page.goto("/central")
    page.evaluate(
        """async () => {
          const { watchDevice } = await import("/static/js/live-socket.js");
          watchDevice("bed-1", () => {});
          dispatchEvent(new Event("pagehide"));
        }"""
    )
    page.goto("/alarms")
    page.wait_for_timeout(500)  # what the page before had to say has been said
