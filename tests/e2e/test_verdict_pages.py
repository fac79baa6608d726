"""A finding is judged on its page, and the log of alarms says so."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def alarmed(page):
    """The first alarm of bed-1 in the log."""
    page.goto("/alarm-log?device=bed-1&days=7")
    link = page.locator("#log tbody a[href^='/findings/']").first
    link.wait_for()
    return link.get_attribute("href")


def test_a_finding_is_judged_by_keys_and_the_log_counts_it(fed, page_of):
    page = page_of("reviewer")
    where = alarmed(page)
    page.goto(where)
    page.locator("#verdict-comment").fill("seen on the strip")
    page.locator("h1").click()
    page.keyboard.press("1")
    expect(page.locator("#verdict")).to_contain_text("true by a-reviewer")
    expect(page.locator("#verdict")).to_contain_text("seen on the strip")
    expect(page.locator("[data-verdict=true]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    expect(page.locator("#verdict")).to_contain_text("false by a-reviewer")
    page.goto("/alarm-log?device=bed-1&days=7")
    row = page.locator("#log tbody tr", has=page.locator(f"a[href='{where}']"))
    expect(row).to_contain_text("false")
    expect(page.locator("#burden tbody tr").first).to_contain_text("bed-1")
    page.goto(where)
    page.locator("[data-verdict=withdrawn]").click()
    expect(page.locator("#verdict")).to_contain_text("Nobody has judged this finding yet.")


def test_a_digit_in_the_comment_is_no_verdict(fed, page_of):
    page = page_of("reviewer")
    page.goto(alarmed(page))
    page.locator("#verdict-comment").fill("")
    page.locator("#verdict-comment").press("2")
    expect(page.locator("#verdict-comment")).to_have_value("2")
    expect(page.locator("#verdict")).to_contain_text("Nobody has judged this finding yet.")


def test_who_may_only_look_sees_the_verdicts_and_no_buttons(fed, page_of):
    page = page_of("viewer")
    page.goto(alarmed(page))
    expect(page.locator("#verdict")).to_contain_text("Nobody has judged")
    expect(page.locator("#verdict button")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_log_fits_the_window_and_offers_a_table(fed, page_of, scheme, width):
    page = page_of("viewer", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/alarm-log?days=7")
    page.locator("#log tbody tr").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.locator("#table")).to_have_attribute("href", re.compile(r"/api/v1/alarm-log\.csv\?since="))
