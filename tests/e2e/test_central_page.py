"""Every bed as a tile: its rate large, its wave live, the worst one first."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
ORDER = "() => [...document.querySelectorAll('#beds .bed')].map((one) => one.dataset.device)"
RATE_MM = "() => parseFloat(getComputedStyle(document.querySelector('.bed .big')).fontSize) / 96 * 25.4"
DRAWN = """
(one) => {
  const data = one.getContext('2d').getImageData(0, 0, one.width, one.height).data;
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum = (sum * 31 + data[at]) % 1000003;
  return sum;
}
"""


@pytest.fixture
def central(page_of):
    def open_central(role="viewer", width=1440, height=900, **options):
        page = page_of(role, **options)
        page.set_viewport_size({"width": width, "height": height})
        page.goto("/central")
        expect(page.locator(".bed")).to_have_count(2)
        page.locator(".bed .strip:not(.stale)").first.wait_for(timeout=20_000)
        return page

    return open_central


def test_each_bed_has_a_live_wave_and_a_rate_that_is_read_from_across_the_room(fed, central):
    page = central()
    first = page.locator(".bed[data-device=bed-1]")
    expect(first.locator(".big")).not_to_be_empty()
    assert page.evaluate(RATE_MM) >= 25
    wave = first.locator(".strip:not(.stale) canvas").first
    before = wave.evaluate(DRAWN)
    page.wait_for_timeout(1500)
    assert wave.evaluate(DRAWN) != before
    assert "ecg-" not in page.locator("#beds").inner_text()


def test_a_bed_that_is_heard_is_online_and_stays_so(fed, central):
    page = central()
    for _ in range(3):
        expect(page.locator("#beds-count")).to_have_text("2 of 2 beds are heard")
        expect(page.locator(".bed.stale")).to_have_count(0)
        page.wait_for_timeout(1200)


def test_the_worst_bed_stands_first_or_each_where_it_always_stands(fed, central):
    page = central()
    page.locator(".bed[data-priority=medium], .bed[data-priority=low]").first.wait_for()
    worst = page.evaluate(ORDER)
    assert page.locator(".bed").first.get_attribute("data-priority") != ""
    page.locator("#order").click()
    expect(page.locator("#order")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(ORDER) == sorted(worst)
    page.reload()
    expect(page.locator("#order")).to_have_attribute("aria-pressed", "false")
    page.locator("#order").click()


def test_the_wall_shows_beds_alone_and_goes_back(fed, central):
    page = central()
    page.keyboard.press("w")
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.locator("footer")).to_be_hidden()
    expect(page.locator(".bed").first).to_be_visible()
    page.keyboard.press("w")
    expect(page.locator("header.top")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tiles_fit_the_window(fed, central, scheme, width):
    page = central(width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for tile in page.locator(".bed").all():
        box = tile.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
