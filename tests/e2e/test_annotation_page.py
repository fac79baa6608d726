"""A recording is annotated on its page: by keys alone, with the mouse, and as it was left after a reload."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from running_ward import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SCRIPTS = Path(__file__).with_name("in_page.js").read_text(encoding="utf-8")
LEFT = """
async (history) => {
  const path = location.pathname.replace("/devices", "/api/v1/devices");
  const said = await (await fetch(`${path}/annotations${history ? "?history=true" : ""}`)).json();
  return said.annotations.map((one) => [one.act, one.start / one.fs_hz, one.label]);
}
"""
UNDO = """
async () => {
  const path = location.pathname.replace("/devices", "/api/v1/devices");
  const token = document.querySelector("meta[name=csrf]").content;
  const said = await (await fetch(`${path}/annotations?history=true`)).json();
  const undone = said.annotations.filter((one) => one.undoes !== null).length;
  for (let left = said.annotations.length - 2 * undone; left > 0; left--) {
    await fetch(`${path}/annotations/undo`, { method: "POST", headers: { "X-CSRF-Token": token } });
  }
}
"""


@pytest.fixture
def desk(page_of, kept):
    """The waves of a bed with the annotation on; what a test marked is undone behind it, whatever became of it."""
    opened = []

    def open_desk(role="reviewer", *, at=20.0, **options):
        page = page_of(role, **options)
        opened.append(page)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"/devices/{kept.name}/recordings/{kept.recording}?view=strip&at={at}")
        expect(page.locator("#sheet[data-state=whole]")).to_be_visible(timeout=30_000)
        expect(page.locator("#sheet canvas").first).to_have_attribute(
            "aria-label", re.compile("beats marked"), timeout=30_000
        )
        page.keyboard.press("e")
        expect(page.locator("#annotated")).to_contain_text("by the device", timeout=30_000)
        expect(page.locator("#annotate-labels button").first).to_be_enabled(timeout=30_000)
        return page

    yield open_desk
    for page in opened:
        page.evaluate(UNDO)


def said(page, text):
    expect(page.locator("#annotated")).to_contain_text(re.compile(text), timeout=30_000)


def go_on(page):
    """To the next mark; what is said of it is new."""
    before = page.locator("#annotated").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#annotated")).not_to_have_text(before, timeout=30_000)
    said(page, "by the device")


def rows(page):
    return len(page.evaluate(LEFT, True))


def first_at(page):
    found = re.search(r"at 00:([\d.]+)", page.locator("#annotated").inner_text())
    return float(found[1])


def test_beats_are_relabelled_moved_removed_and_added_by_keys_alone_and_stay_after_a_reload(desk):
    page = desk()
    before = rows(page)
    first = first_at(page)
    page.keyboard.press("v")
    said(page, "V, ventricular")
    go_on(page)
    second = first_at(page)
    assert second > first
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    said(page, rf"at 00:{second + 0.04:.1f}\d*: [NSVFQ]")
    wait_for(lambda: rows(page) == before + 2)
    said(page, r": [NSVFQ], ")  # a mark that was moved is kept once it rests
    go_on(page)
    third = first_at(page)
    page.keyboard.press("Delete")
    said(page, "removed")
    page.keyboard.press("a")
    said(page, "new: its key says what it is")
    page.keyboard.press("f")
    said(page, "F, fusion")
    left = page.evaluate(LEFT, False)
    assert [(act, label) for act, _, label in left][:2] == [("change", "V"), ("change", left[1][2])]
    assert left[0][1] == pytest.approx(first, abs=0.01)
    assert left[1][1] == pytest.approx(second + 0.04, abs=0.012)
    assert left[2][:2] == ["remove", pytest.approx(third, abs=0.01)]
    assert left[3][0::2] == ["add", "F"]
    label = page.locator("#sheet canvas").first
    expect(label).to_have_attribute("aria-label", re.compile(r"by you: 4 beats marked: V . ✕ . F"))
    page.reload()
    expect(label).to_have_attribute("aria-label", re.compile(r"by you: 4 beats marked"), timeout=30_000)
    page.keyboard.press("e")
    expect(page.locator("#annotate-undo")).to_be_enabled(timeout=30_000)
    for number in range(4):
        page.keyboard.press("u")
        said(page, "Undone")
        expect(page.locator("#changes tbody tr").first).to_contain_text("undid", timeout=30_000)
        wait_for(lambda left=3 - number: len(page.evaluate(LEFT, False)) == left)
    expect(page.locator("#annotate-undo")).to_be_disabled(timeout=30_000)
    assert rows(page) == before + 8


def test_a_stretch_of_rhythm_is_drawn_with_the_mouse_and_called_by_its_key(desk):
    page = desk()
    page.keyboard.press("k")
    expect(page.locator("#annotate-kinds button[aria-pressed=true]")).to_contain_text("rhythm")
    box = page.locator("#sheet canvas").first.bounding_box()
    second_px = 25 * 96 / 25.4
    left, y = box["x"] + 300, box["y"] + box["height"] - 60
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move(left + 4 * second_px, y, steps=5)
    page.mouse.up()
    said(page, r"4\.0 s: new")
    page.locator("#annotate-comment").fill("no P waves")
    page.locator("#annotate-labels button", has_text="af").first.click()
    said(page, "atrial fibrillation")
    expect(page.locator("#changes tbody tr").first).to_contain_text("no P waves")
    before = rows(page)
    page.keyboard.press("Shift+ArrowRight")
    said(page, r"4\.0 s: af by you")
    wait_for(lambda: rows(page) == before + 1)  # a mark that was moved is kept once it rests


def test_the_arrows_go_on_where_the_strip_ends(desk):
    page = desk(at=0.0)
    places = set()
    for _ in range(14):
        go_on(page)
        places.add(page.locator("#annotated").inner_text())
    assert len(places) == 14
    assert float(re.search(r"at=([\d.]+)", page.url)[1]) >= 0


def test_nothing_is_said_of_a_stretch_whose_waves_are_not_drawn(page_of, kept):
    page = page_of("reviewer")
    page.route(re.compile(r"/waves\?"), lambda route: route.fulfill(json={"pieces": []}))
    page.goto(f"/devices/{kept.name}/recordings/{kept.recording}?view=strip&at=40")
    expect(page.locator("#sheet canvas").first).to_have_attribute(
        "aria-label", re.compile("beats marked"), timeout=30_000
    )
    page.keyboard.press("e")
    said(page, "Its strip is not drawn yet")
    assert page.locator("#annotate-labels button:not(:disabled)").count() == 0
    page.keyboard.press("v")
    said(page, "nothing can be said of it")
    assert page.evaluate(LEFT, True) == page.evaluate(LEFT, True)
    assert not [one for one in page.evaluate(LEFT, False) if one[1] > 39]


def test_who_may_only_look_is_offered_no_annotation(page_of, kept):
    page = page_of("viewer")
    page.goto(f"/devices/{kept.name}/recordings/{kept.recording}?view=strip&at=20")
    expect(page.locator("#sheet canvas").first).to_be_visible()
    expect(page.locator("#annotate")).to_have_count(0)
    page.keyboard.press("e")
    expect(page.locator("#annotate-tools")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_the_tools_fit_the_window(desk, scheme, width):
    page = desk(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.evaluate(SCRIPTS)
    assert page.evaluate("inPage.faint()") == []
