"""A finding is shared by a link, seen without a login, and the link is revoked."""

import pytest
from browsing import Visit
from playwright.sync_api import expect
from test_pages import SCRIPTS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def stranger(browser, fed):
    """A browser that nobody logged in with; it may be told of a page that is not there, and of nothing else."""
    opened = []

    def open_page(**options):
        visit = Visit(browser, fed.url, **options)
        opened.append(visit)
        return visit.page

    yield open_page
    for visit in opened:
        visit.close()
        assert [said for said in visit.console if "404" not in said and "willReadFrequently" not in said] == []
        assert visit.foreign == []


def share(page):
    """A link to the newest finding with a strip; leaves the page at that finding."""
    page.goto("/alarm-log?device=bed-1&days=7")
    page.locator("#log tbody a[href^='/findings/']").first.click()
    page.locator("#share button").first.click()
    made = page.locator("#share-made a")
    made.wait_for()
    return made.get_attribute("href")


def test_a_link_shows_the_finding_alone_to_somebody_without_a_login(page_of, stranger):
    page, other = page_of("reviewer"), stranger()
    other.goto(share(page))
    name = page.locator("#kind").inner_text()
    expect(other.locator("#kind")).to_have_text(name)
    expect(other.locator("#strips canvas").first).to_be_visible()
    expect(other.locator("#text .prose")).to_have_text(page.locator("#text .prose").inner_text())
    assert other.locator("#measures").inner_text() == page.locator("#measures").inner_text()
    expect(other.locator("#made")).not_to_be_empty()
    expect(other.locator(".notice")).to_have_text("Research software, not a medical device.")
    expect(other.locator("a")).to_have_count(0)
    expect(other.locator("nav")).to_have_count(0)
    assert "bed-1" not in other.content()
    assert other.context.cookies() == []


def test_a_shared_strip_is_drawn_and_stays_as_it_is_without_contact(page_of, stranger):
    page, other = page_of("reviewer"), stranger()
    other.goto(share(page))
    other.evaluate(SCRIPTS)
    canvas = other.locator("#strips canvas").first
    expect(canvas).to_be_visible()
    before = canvas.evaluate("one => one.toDataURL()")
    other.wait_for_timeout(6000)  # longer than a page of the clinic waits before it is grey
    assert other.evaluate("document.documentElement.dataset.contact") is None
    assert canvas.evaluate("one => one.toDataURL()") == before
    other.keyboard.press("Tab")
    other.locator("#paper button[aria-pressed=false]").first.press("Enter")
    assert canvas.evaluate("one => one.toDataURL()") != before


def test_the_desk_counts_openings_and_ends_a_link(page_of, stranger):
    page, other = page_of("reviewer"), stranger()
    link = share(page)
    newest = page.locator("#share li").first
    expect(newest).to_contain_text("opened 0 times")
    other.goto(link)
    page.reload()
    expect(newest).to_contain_text("opened once")
    expect(page.locator("#share-made")).to_be_empty()
    newest.get_by_role("button").click()
    expect(newest).to_contain_text("revoked")
    other.reload()
    expect(other.locator("h1")).to_have_text("Nothing here")
    expect(other.locator("#strips")).to_have_count(0)


def test_who_may_only_look_is_offered_no_link(page_of):
    page = page_of("viewer")
    page.goto("/alarm-log?device=bed-1&days=7")
    page.locator("#log tbody a[href^='/findings/']").first.click()
    expect(page.locator("#verdict")).not_to_be_empty()
    expect(page.locator("#share")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_shared_page_fits_and_can_be_read(page_of, stranger, scheme, width):
    page, other = page_of("reviewer", color_scheme=scheme), stranger(color_scheme=scheme)
    for one in (page, other):
        one.set_viewport_size({"width": width, "height": 900})
    other.goto(share(page))
    for one in (page, other):
        one.evaluate(SCRIPTS)
        assert one.evaluate(f"inPage.wider({width})") == []
        assert one.evaluate("inPage.faint()") == []
