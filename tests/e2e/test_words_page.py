"""Better words: suggested beneath a text by one person, approved on a page by another, withdrawn again."""

import os
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PICTURES = os.environ.get("BEDSIDE_PICTURES")
LATE_MS = 30_000
KIND = "pvc"
BETTER = "A premature ventricular beat starts in the ventricles before the next expected beat."
WORSE = "A premature ventricular beat is harmless."


def picture(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def suggest(page, words):
    found = page.request.get(f"/api/v1/findings?device=bed-1&kind={KIND}&limit=5").json()["findings"]
    page.goto(f"/findings/{found[0]['id']}")
    desk = page.locator("#text-feedback")
    desk.locator("summary").click()
    desk.get_by_label("Better words").first.check()
    desk.locator("textarea").first.fill(words)
    desk.get_by_role("button", name="Send").click()
    expect(desk).to_contain_text("Kept.", timeout=LATE_MS)


@pytest.fixture
def suggested(fed, page_of):
    """Two suggestions of a viewer; what was approved of them is withdrawn behind the test."""
    page = page_of("viewer")
    for words in (BETTER, WORSE):
        suggest(page, words)
    yield fed
    page = page_of("engineer")
    opened(page, "approved")
    buttons = page.get_by_role("button", name="Withdraw", exact=True)
    for _ in range(buttons.count()):
        buttons.first.click()
        page.locator("#sure-yes").click()
        page.locator("#suggestions[data-shown=approved]").wait_for(state="attached", timeout=LATE_MS)


def opened(page, state):
    """The page with the suggestions of a state, all of them there."""
    page.goto("/words")
    page.locator("#suggestions[data-shown]").wait_for(state="attached", timeout=LATE_MS)
    page.locator("#state").select_option(state)
    page.locator(f"#suggestions[data-shown={state}]").wait_for(state="attached", timeout=LATE_MS)


def shown(page, state):
    opened(page, state)
    return page.locator(".suggestion", has_text=BETTER if state != "refused" else WORSE).first


def test_a_second_person_sees_what_would_be_said_approves_it_and_takes_it_back(suggested, page_of):
    page = page_of("reviewer")
    one = shown(page, "waiting")
    expect(one).to_contain_text("A premature ventricular beat arises in the ventricles", timeout=LATE_MS)
    one.locator("summary").press("Enter")
    expect(one.locator("mark").first).to_be_visible(timeout=LATE_MS)
    expect(one.locator("mark").first).to_have_text(BETTER)
    picture(page, "words-waiting")
    one.get_by_role("button", name="Approve").click()
    page.locator("#sure-yes").click()
    expect(page.locator("#said")).to_contain_text("Approved.", timeout=LATE_MS)
    one = shown(page, "approved")
    expect(one).to_contain_text(re.compile("approved by a-reviewer"), timeout=LATE_MS)
    picture(page, "words-approved")
    one.get_by_role("button", name="Withdraw").click()
    page.locator("#sure-yes").click()
    expect(page.locator("#said")).to_contain_text("Withdrawn.", timeout=LATE_MS)
    expect(shown(page, "withdrawn")).to_contain_text("withdrawn by a-reviewer", timeout=LATE_MS)


def test_what_cannot_be_said_shows_why_and_no_way_to_approve_it(suggested, page_of):
    page = page_of("reviewer")
    one = shown(page, "refused")
    expect(one).to_contain_text("It cannot be said:", timeout=LATE_MS)
    expect(one).to_contain_text("harmless")
    expect(one.get_by_role("button")).to_have_count(0)
    picture(page, "words-refused")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_page_of_the_words_fits_any_window(suggested, page_of, scheme, width):
    page = page_of("engineer", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    one = shown(page, "waiting")
    expect(one).to_be_visible(timeout=LATE_MS)
    one.locator("summary").click()
    expect(page.get_by_role("button", name="Make a candidate")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    picture(page, f"words-{scheme}-{width}")
