"""A patient is admitted, moved and discharged on pages; devices do it, and the page says so."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def reviewer(clean, visits, ward):
    return clean(visits("reviewer"))


def agree(page):
    page.locator("#sure-yes").click()


def test_a_patient_is_admitted_moved_and_discharged(reviewer, ward):
    ward.free("bed-1", "bed-2")
    page = reviewer
    page.goto("/patients?bed=bed-2")
    box = page.locator("#admit [name=subject]")
    expect(box).to_have_value(re.compile("P-[0-9A-Z]{6}"))
    subject = box.input_value()
    page.get_by_role("button", name="Admit").click()
    expect(page.locator("#said")).to_have_text(f"Admit {subject} to bed-2: done", timeout=30_000)
    row = page.locator("#list tr", has_text=subject)
    expect(row).to_contain_text("bed-2", timeout=20_000)

    row.get_by_role("link", name=subject).click()
    expect(page.locator("#where")).to_contain_text("in bed-2")
    page.locator("#naming input").fill("Grandmother")
    expect(page.locator("h1")).to_have_text(f"Grandmother ({subject})")
    assert "Grandmother" not in str(ward.get("/patients"))

    page.locator("#move select").select_option("bed-1")
    page.get_by_role("button", name="Move").click()
    agree(page)
    expect(page.locator("#said")).to_have_text("Move to bed-1: done", timeout=30_000)
    expect(page.locator("#where")).to_contain_text("in bed-1", timeout=20_000)
    expect(page.locator("#stays tbody tr")).to_have_count(2)

    page.get_by_role("button", name="Discharge").click()
    agree(page)
    expect(page.locator("#said")).to_have_text("Discharge from bed-1: done", timeout=30_000)
    expect(page.locator("#where")).to_contain_text("in no bed", timeout=20_000)
    page.goto("/central")
    expect(page.locator(".bed[data-device=bed-1] .patient")).to_be_empty()


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("path", ["/patients", "/patients/subject-7"])
def test_the_pages_fit_the_window_and_print_what_is_handed_over(page_of, path, width):
    page = page_of("reviewer")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path)
    expect(page.locator("table").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_sheet_says_what_was_found_and_measured(page_of):
    page = page_of("viewer")
    page.goto("/patients/subject-7")
    expect(page.locator("#found")).to_contain_text("Tachycardia")
    expect(page.locator("#measured")).to_contain_text("heart rate")
    expect(page.locator("#courses .series").first).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("#naming")).to_be_hidden()
    expect(page.locator("#found")).to_be_visible()
