"""On the review desk nothing can be said of a mark whose strip is not on the screen."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
DETAIL = re.compile(r"/api/v1/findings/[^/?]+(\?blind=true)?$")
WAVES = re.compile(r"/recordings/[^/]+/waves\?")


def unread(page, fed, count=2):
    """Findings of the bed with an ECG that rest on beats, as the desk gets them."""
    page.goto("/")
    listed = page.evaluate(
        "async () => (await (await fetch('/api/v1/findings?device=bed-1&limit=200')).json()).findings"
    )
    return [one["id"] for one in listed if one["kind"] in ("pvc", "pvc-couplet", "v-run")][:count]


def said(page, finding):
    ask = "async id => (await (await fetch(`/api/v1/findings/${id}/reviews?history=true`)).json()).reviews.length"
    return page.evaluate(ask, finding)


@pytest.fixture
def without_strip(page_of, fed):
    """The desk with a finding whose strip has not come; gives the page, the finding, and what lets the strip come."""
    page = page_of("engineer")
    (finding,) = unread(page, fed, 1)

    def bare(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "strips": []})

    page.route(DETAIL, bare)
    page.route(WAVES, lambda route: route.fulfill(json={"pieces": []}))
    page.goto(f"/review?finding={finding}")
    expect(page.locator("#strips")).to_contain_text("The strip has not arrived.", timeout=30_000)
    return page, finding


def test_labels_are_dead_and_say_why_until_the_strip_is_drawn(without_strip):
    page, finding = without_strip
    expect(page.locator("#blind-spot")).to_contain_text("cannot be labelled until it is seen")
    buttons = page.locator("#labels button")
    expect(buttons.first).to_be_disabled()
    assert buttons.count() == page.locator("#labels button:disabled").count()
    before = said(page, finding)
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("cannot be labelled until it is seen", timeout=30_000)
    page.keyboard.press("a")
    page.keyboard.press("2")
    expect(page.locator("#said")).to_contain_text("No strip shows any of these")
    assert said(page, finding) == before
    page.unroute(DETAIL)
    expect(page.locator("#strips canvas").first).to_be_visible(timeout=30_000)
    expect(buttons.first).to_be_enabled()
    expect(page.locator("#blind-spot")).to_be_empty()
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("Beat 1:", timeout=30_000)
    assert said(page, finding) == before + 1
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("Undone", timeout=30_000)


def test_waves_of_the_archive_stand_in_for_a_strip_that_has_not_come(without_strip, kept):
    page, _ = without_strip
    page.unroute(WAVES)
    expect(page.locator("#strips canvas").first).to_be_visible(timeout=30_000)
    expect(page.locator("#labels button").first).to_be_enabled()


def test_a_key_pressed_while_the_next_strip_loads_says_nothing_of_it(page_of, fed):
    page = page_of("engineer")
    unread(page, fed)
    page.goto("/review")
    expect(page.locator("#labels button").first).to_be_enabled(timeout=30_000)
    expect(page.locator("#progress")).to_contain_text("Finding 1 of")
    posted, held = [], []
    page.on("request", lambda one: posted.append(one.url) if one.method == "POST" and "/reviews" in one.url else None)
    page.route(re.compile(r"blind=true"), lambda route: held.append(route))
    page.keyboard.press("n")
    expect(page.locator("#desk[aria-busy=true]")).to_be_attached(timeout=30_000)
    page.keyboard.press("1")
    expect(page.locator("#labels button").first).to_be_disabled()
    page.unroute(re.compile(r"blind=true"))
    while not held:
        page.wait_for_timeout(50)
    for route in held:
        route.continue_()
    expect(page.locator("#said")).to_contain_text("before this strip was drawn", timeout=30_000)
    expect(page.locator("#progress")).to_contain_text("Finding 2 of")
    expect(page.locator("#labels button").first).to_be_enabled()
    assert posted == []
