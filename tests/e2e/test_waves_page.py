"""Every wave of a recording on a page: on paper, on lines of minutes, measured, and fetched where it is not there."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import wfdb
from playwright.sync_api import expect
from running_ward import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
SCRIPTS = Path(__file__).with_name("in_page.js").read_text(encoding="utf-8")
INK = """
(one) => {
  const data = one.getContext('2d').getImageData(0, 0, one.width, one.height).data;
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum = (sum * 31 + data[at] + 7 * data[at + 1]) % 1000003;
  return sum;
}
"""


@pytest.fixture
def waves(page_of, kept):
    def open_waves(width=1440, height=900, *, view="strip", at=20.0, **options):
        page = page_of("viewer", **options)
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"/devices/{kept.name}/recordings/{kept.recording}?view={view}&at={at}")
        expect(page.locator("#sheet canvas").first).to_be_visible()
        expect(page.locator("#sheet canvas").first).to_have_attribute("aria-label", re.compile("Lead"))
        return page

    return open_waves


def test_a_strip_shows_the_beats_of_its_stretch_and_moves_by_key(waves):
    page = waves()
    canvas = page.locator("#sheet canvas").first
    expect(canvas).to_have_attribute("aria-label", re.compile(r"beats? marked: .*N"))
    page.wait_for_timeout(500)
    before = canvas.evaluate(INK)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#where")).to_contain_text("00:2")
    page.wait_for_timeout(500)
    assert canvas.evaluate(INK) != before
    assert float(re.search(r"at=([\d.]+)", page.url)[1]) > 20
    expect(page.locator("#missing")).to_be_empty()


def test_what_is_dragged_over_is_measured_in_time_and_height(waves):
    page = waves()
    box = page.locator("#sheet canvas").first.bounding_box()
    second_px = 25 * 96 / 25.4
    left, y = box["x"] + 400, box["y"] + box["height"] - 60
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move(left + 0.8 * second_px, y - 96 / 2.54, steps=4)
    page.mouse.up()
    said = page.locator("#caliper").inner_text()
    interval, rate, height = re.search(r"(\d+) ms, (\d+)/min as one interval, ([\d.-]+) mV", said).groups()
    assert int(interval) == pytest.approx(800, abs=15)
    assert int(rate) == pytest.approx(75, abs=2)
    assert float(height) == pytest.approx(1.0, abs=0.03)
    page.keyboard.press("Shift+ArrowRight")
    assert int(re.search(r"(\d+) ms", page.locator("#caliper").inner_text())[1]) == int(interval) + 10
    page.keyboard.press("Escape")
    expect(page.locator("#caliper")).to_be_empty()


def test_minutes_are_lines_and_a_click_opens_the_strip_there(waves):
    page = waves(view="minutes", at=0)
    lines = page.locator("#sheet canvas.lines")
    expect(lines).to_be_visible()
    page.wait_for_timeout(800)
    box = lines.bounding_box()
    page.mouse.click(box["x"] + 84 + (box["width"] - 84) / 2, box["y"] + 1.5 * 44)  # the middle of minute 1
    expect(page.get_by_role("button", name="Strip", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#where")).to_contain_text(re.compile(r"01:(2\d|3[0-5])"))


def test_from_one_finding_to_the_next_and_from_a_finding_to_what_was_around_it(waves):
    page = waves(at=0)
    page.keyboard.press("n")
    first = page.locator("#here [data-finding]").first
    expect(first).to_be_visible()
    first.locator("a").first.click()
    expect(page.locator("#around")).to_have_attribute("href", re.compile("recordings"))
    page.locator("#around").click()
    expect(page.locator("h1")).to_contain_text("Waves of")
    expect(page.locator("#here [data-finding]").first).to_be_visible()


def test_what_is_shown_is_taken_out_as_files(page_of, kept, tmp_path):
    page = page_of("reviewer")
    page.goto(f"/devices/{kept.name}/recordings/{kept.recording}?view=strip&at=20")
    expect(page.locator("#sheet canvas").first).to_have_attribute("aria-label", re.compile("Lead"))
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    coming.value.save_as(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as packed:
        packed.extractall(tmp_path)
        head = next(name for name in packed.namelist() if name.endswith(".hea"))
    read = wfdb.rdrecord(str(tmp_path / head.removesuffix(".hea")))
    chunk = kept.signals.chunk(0, kept.recording, 20, 20 + read.sig_len / read.fs)
    np.testing.assert_allclose(read.p_signal[:, 0], chunk.samples(), atol=1e-6)


def test_a_stretch_that_is_measured_by_keys_alone(waves):
    page = waves()
    page.keyboard.press("c")
    expect(page.locator("#caliper")).to_contain_text("800 ms")
    page.keyboard.press("v")
    expect(page.get_by_role("button", name="A minute a line")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("view", ["strip", "minutes", "hours"])
def test_the_page_fits_the_window(waves, view, width):
    page = waves(width=width, view=view)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.evaluate(SCRIPTS)
    assert page.evaluate("inPage.faint()") == []


def test_what_the_clinic_has_not_is_fetched_from_the_device_when_somebody_looks(clean, visits, ward):
    page = clean(visits("viewer"))
    device = "bed-2"  # plays eight times as fast: its first half minute is on its disk by now, or soon
    wait_for(lambda: ward.get("/devices/bed-2")["sample"] > 60 * ward.get("/devices/bed-2")["fs_hz"])
    recording = ward.get("/devices/bed-2")["recording"]
    page.goto(f"/devices/{device}/recordings/{recording}?view=strip&at=15")
    expect(page.locator("#sheet[data-state=whole]")).to_be_visible(timeout=40_000)
    path = f"/devices/{device}/recordings/{recording}/waves"
    lead = ward.get(f"/devices/{device}/recordings/{recording}")["recording"]["leads"][0]["name"]

    def there():
        pieces = ward.get(path, lead=lead, start_s=15, end_s=25)["pieces"]
        return sum(len(piece["samples"]) / piece["fs_hz"] for piece in pieces) > 9.9

    wait_for(there)
    names = [one["name"] for one in ward.get("/commands", device=device)["commands"]]
    assert "fetch-waves" in names


DONE = {"id": "one", "state": "done", "reason": "3 pieces of waves are on their way"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"id": "one", "state": "refused", "reason": "it holds nothing"},
            "The device did not send it: it holds nothing.",
        ),
        (DONE, "has not come: the device may hold no more"),
    ],
)
def test_a_stretch_that_the_device_does_not_send_is_said_to_be_none(page_of, kept, answer, said):
    page = page_of("viewer")
    page.add_init_script("const begun = Date.now(); performance.now = () => 20 * (Date.now() - begun);")
    page.route("**/fetch-waves", lambda route: route.fulfill(status=202, json=answer))
    page.route("**/commands/one", lambda route: route.fulfill(json=answer))
    page.route(re.compile(r"/waves/tile"), lambda route: route.fulfill(json=emptied(route.fetch().json())))
    page.goto(f"/devices/{kept.name}/recordings/{kept.recording}?view=strip&at=20")
    expect(page.locator("#missing")).to_contain_text(said, timeout=40_000)
    expect(page.get_by_role("button", name="Ask the device again")).to_be_visible()


def emptied(tile):
    return {**tile, "held": [], "low": [None] * len(tile["low"]), "high": [None] * len(tile["high"])}
