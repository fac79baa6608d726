"""Two readers, a third who decides, who reads what just now, and undo after a reload: on the review desk."""

import re

import pytest
from playwright.sync_api import expect
from running_ward import wait_for
from sqlalchemy import delete

from cloud_service.database.clinic_tables import ClaimRow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
UNDO = """
async () => {
  const token = document.querySelector("meta[name=csrf]").content;
  const { reviews } = await (await fetch("/api/v1/my-reviews?limit=200")).json();
  for (const one of reviews) {
    const undo = (row) => fetch(`/api/v1/reviews/${row}/undo`, { method: "POST", headers: { "X-CSRF-Token": token } });
    let said = await (await undo(one.row)).json();
    while (said.verdict && said.verdict !== "undo") said = await (await undo(said.row)).json();
  }
}
"""
MINE = "async () => (await (await fetch('/api/v1/my-reviews?limit=200')).json()).reviews.length"


@pytest.fixture
def desks(page_of, kept, fed):
    """The desk of somebody on a finding on beats, which nobody reads; what was said is taken back behind the test."""
    opened = []
    with fed.clinic.database.write() as session:  # who read it for a test before is shown for ten minutes
        session.execute(delete(ClaimRow))

    def open_desk(role, address, *, scheme="light"):
        page = page_of(role, color_scheme=scheme)
        opened.append(page)
        page.goto(address)
        expect(page.locator("#labels button").first).to_be_enabled(timeout=30_000)
        return page

    yield open_desk
    for page in opened:
        page.evaluate(UNDO)


@pytest.fixture
def finding(page_of, kept):
    """One of ventricular beats, and not the newest, which other tests work on."""
    page = page_of("viewer")
    listed = page.request.get("/api/v1/findings?device=bed-1&kind=pvc-couplet&limit=50").json()["findings"]
    return listed[-1]["id"]


def said(page, text):
    expect(page.locator("#said")).to_contain_text(text, timeout=30_000)


def label_all(page, key):
    page.keyboard.press("a")
    said(page, "are selected")
    page.keyboard.press(key)
    expect(page.locator("#phase")).to_contain_text("All beats answered", timeout=30_000)


def test_readers_who_differ_wait_for_a_third_and_agree_by_the_table(desks, finding):
    first = desks("reviewer", f"/review?finding={finding}")
    label_all(first, "1")
    second = desks("engineer", f"/review?finding={finding}")
    expect(second.locator("#marks thead")).not_to_contain_text("Others")
    label_all(second, "3")
    expect(second.locator("#marks")).to_contain_text("N by a-reviewer", timeout=30_000)
    third = desks("admin", "/review?state=disputed&device=bed-1")
    expect(third.locator("#phase")).to_contain_text("Readers differ on", timeout=30_000)
    expect(third.locator("#claimed")).to_contain_text("In the queue: readers differ")
    expect(third.locator("#marks")).to_contain_text("N by a-reviewer")
    expect(third.locator("#marks")).to_contain_text("V by a-engineer")
    label_all(third, "3")
    expect(third.locator("#marks")).to_contain_text("adjudicate")
    row = third.locator("#agreement tbody tr", has_text="a-engineer, a-reviewer")
    expect(row).to_contain_text("Beats", timeout=30_000)
    page = desks("admin", f"/review?finding={finding}&state=disputed")
    expect(page.locator("#progress")).to_contain_text("1 of 1", timeout=30_000)


def test_what_was_said_is_taken_back_after_a_reload(desks, finding):
    page = desks("reviewer", f"/review?finding={finding}")
    label_all(page, "1")
    count = page.evaluate(MINE)
    assert count
    page.reload()
    expect(page.locator("#labels button").first).to_be_enabled(timeout=30_000)
    for left in reversed(range(count)):
        page.keyboard.press("u")
        said(page, "Undone")
        wait_for(lambda left=left: page.evaluate(MINE) == left)
    page.keyboard.press("u")
    said(page, "There is nothing of yours to undo.")


def test_who_reads_a_finding_is_shown_to_the_next_and_stops_nobody(desks, finding):
    first = desks("reviewer", f"/review?finding={finding}")
    expect(first.locator("#claimed")).not_to_contain_text("is reading this one")
    second = desks("engineer", f"/review?finding={finding}")
    expect(second.locator("#claimed")).to_contain_text("a-reviewer is reading this one", timeout=30_000)
    expect(second.locator("#labels button").first).to_be_enabled()
    first.keyboard.press("n")
    expect(first.locator("#about")).to_be_visible()
    wait_for(lambda: claimed(second, finding) != "a-reviewer")


def claimed(page, finding):
    token = page.locator("meta[name=csrf]").get_attribute("content")
    answer = page.request.post(f"/api/v1/findings/{finding}/claim", headers={"X-CSRF-Token": token})
    return answer.json()["reader"]


def test_the_queue_is_asked_by_filters_that_stand_in_the_address(desks):
    page = desks("reviewer", "/review?device=bed-1")
    expect(page.locator("#filters [name=device]")).to_have_value("bed-1")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator("#filters [name=since]").fill("2100-01-01")
    page.locator("#filters [name=since]").dispatch_event("change")
    expect(page.locator("#empty")).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile("since=2100-01-01"))
    page.locator("h1").click()
    page.keyboard.press("1")  # nothing is shown: nothing is labelled
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
