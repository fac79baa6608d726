"""Limits of a bed on a page: set by a reader, in force when the device says so, kept as a profile for the next bed."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
FIELD = "Tachycardia above"


def row(page):
    return page.locator("#rows tr", has_text=FIELD)


def test_a_limit_is_set_and_shown_when_the_device_says_it_is_in_force(clean, visits):
    page = clean(visits("reviewer"))
    page.goto("/devices/bed-1/limits")
    expect(row(page).locator("strong")).to_have_text("120", timeout=15_000)
    row(page).locator("input").fill("140")
    page.get_by_role("button", name="Set what is changed").click()
    expect(page.locator("#said")).to_have_text("The device has set them.", timeout=30_000)
    expect(row(page).locator("strong")).to_have_text("140", timeout=15_000)
    expect(page.locator("#changes tbody tr").first).to_contain_text("a-reviewer")

    page.locator("#keep input").fill("athlete")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("#profiles")).to_contain_text("athlete")
    page.get_by_role("button", name="Fill in the usual ones").click()
    expect(row(page).locator("input")).to_have_value("120")
    page.locator("#profile").select_option("athlete")
    expect(row(page).locator("input")).to_have_value("140")
    page.get_by_role("button", name="Fill in the usual ones").click()
    page.get_by_role("button", name="Set what is changed").click()
    expect(row(page).locator("strong")).to_have_text("120", timeout=30_000)
    page.get_by_role("button", name="Let athlete go").click()
    expect(page.locator("#profiles")).to_contain_text("None yet")


def test_what_is_out_of_its_range_is_not_sent(page_of):
    page = page_of("reviewer")
    page.goto("/devices/bed-2/limits")
    expect(row(page).locator("strong")).to_have_text("120")
    row(page).locator("input").fill("900")
    page.get_by_role("button", name="Set what is changed").click()
    assert row(page).locator("input").evaluate("(one) => one.validity.rangeOverflow")
    expect(page.locator("#said")).to_be_empty()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_the_window_and_who_only_looks_sets_nothing(page_of, width):
    page = page_of("viewer")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/devices/bed-1/limits")
    expect(row(page).locator("input")).to_be_disabled()
    expect(page.get_by_role("button", name="Set what is changed")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
