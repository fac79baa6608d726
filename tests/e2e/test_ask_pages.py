"""Questions are asked beside a finding and on a page of their own, by hand and by keys."""

import os
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PICTURES = os.environ.get("BEDSIDE_PICTURES")


def with_an_alarm(page):
    """A finding of bed-1 that alarmed."""
    page.goto("/alarm-log?device=bed-1&days=7")
    link = page.locator("#log tbody a[href^='/findings/']").first
    link.wait_for()
    page.goto(link.get_attribute("href"))
    page.locator("#strips canvas").first.wait_for()


def picture(page, name):
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def test_a_finding_is_explained_with_sources_and_a_way_to_its_strip(fed, page_of):
    page = page_of("viewer")
    with_an_alarm(page)
    page.locator("[data-template=explain]").click()
    said = page.locator("#ask .quoted")
    expect(said.first).to_contain_text("into the recording the device found")
    page.locator("#ask a[href='#strip-h']").first.click()
    expect(page).to_have_url(re.compile("#strip-h$"))
    picture(page, "ask-finding")
    page.locator("[data-template=next-steps]").click()
    expect(page.locator("#ask .quoted").first).to_contain_text(re.compile(r"20\d\d\. "))
    expect(page.locator("#ask a[href^='https://doi.org/10.']").first).to_be_visible()


def test_a_question_is_typed_and_sent_by_keys_and_a_refusal_offers_others(fed, page_of):
    page = page_of("viewer")
    with_an_alarm(page)
    page.locator("#question").focus()
    page.keyboard.type("How much adenosine should I give?")
    page.keyboard.press("Enter")
    expect(page.locator("#ask .quoted")).to_contain_text("Not answered. Questions about drugs")
    picture(page, "ask-refused")
    page.locator("#question").fill("Which weather makes fibrillation?")
    page.keyboard.press("Enter")
    expect(page.locator("#ask .quoted")).to_contain_text("There is no vetted sentence about this.")
    page.locator("#ask .quoted button", has_text="Explain:").first.click()
    expect(page.locator("#ask .reply")).to_contain_text("in general")
    page.locator("[data-template=next-steps]").click()
    expect(page.locator("#ask .quoted").first).to_contain_text(re.compile("patient|strip"))
    expect(page.locator("#question")).to_have_value("What are the next steps?")


def test_letters_typed_into_the_question_are_no_keys_of_the_page(fed, page_of):
    page = page_of("reviewer")
    with_an_alarm(page)
    where = page.url
    page.locator("#question").press_sequentially("n p 1")
    expect(page.locator("#question")).to_have_value("n p 1")
    expect(page.locator("#verdict")).to_contain_text("Nobody has judged")
    assert page.url == where


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_question_in_general_is_answered_on_its_page_in_any_window(fed, page_of, scheme, width):
    page = page_of("viewer", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/ask")
    page.locator("#question").fill("What is QTc?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#ask .reply")).to_contain_text("in general; nothing here is about a finding")
    expect(page.locator("#ask .quoted")).to_contain_text("1920. Fridericia")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    picture(page, f"ask-{scheme}-{width}")


def test_better_words_for_a_text_reach_the_engineers(fed, page_of):
    page = page_of("viewer")
    with_an_alarm(page)
    text = page.locator("#text .prose").inner_text()
    desk = page.locator("#text-feedback")
    desk.locator("summary").press("Enter")
    desk.get_by_label("Better words").first.check()
    desk.locator("textarea").first.fill("The heart beat fast.")
    desk.get_by_role("button", name="Send").click()
    expect(desk).to_contain_text("Kept. The engineers see it")
    picture(page, "feedback-finding")
    page.locator("[data-template=next-steps]").click()
    said = page.locator("#ask .quoted").first
    said.locator("summary").click()
    said.get_by_label("Disagree").check()
    picture(page, "feedback-answer")
    said.get_by_role("button", name="Send").click()
    expect(said).to_contain_text("Kept.")
    page = page_of("engineer")
    page.goto("/operations")
    row = page.locator("#feedback tbody tr", has_text="The heart beat fast.")
    expect(row).to_contain_text(text)
    expect(row).to_contain_text("better words")
    expect(page.locator("#feedback tbody tr", has_text="disagree")).to_have_count(1)
    picture(page, "feedback-operations")


def test_a_word_half_written_outlives_a_new_revision(fed, page_of):
    page = page_of("viewer")
    with_an_alarm(page)
    desk = page.locator("#text-feedback")
    desk.locator("summary").click()
    desk.get_by_label("Note").fill("half of it")
    page.evaluate("document.dispatchEvent(new Event('bedside:back'))")
    page.wait_for_timeout(500)
    expect(desk.get_by_label("Note")).to_have_value("half of it")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_desk_for_words_fits_a_phone(fed, page_of, scheme):
    page = page_of("viewer", color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    with_an_alarm(page)
    page.locator("#text-feedback summary").click()
    page.locator("#text-feedback").get_by_label("Better words").first.check()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    picture(page, f"feedback-{scheme}-390")
