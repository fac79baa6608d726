"""The guide for clinicians, page by page: what it names is there, and no page is left out."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from running_ward import wait_for
from test_classify_page import csv_of

from biosignal.tasks.lookup import finding_kinds
from cloud_service.clinic.conditions import CLINIC_ALARMS
from cloud_service.web.pages import PLACES, router

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "clinicians.md").read_text(encoding="utf-8")
WEB = ROOT / "cloud_service" / "web"
MARKER = re.compile(r"<!-- page: (\S+) -->\n")
SECTION = re.compile(MARKER.pattern + r"(.*?)(?=^## |<!-- page: |\Z)", re.DOTALL | re.MULTILINE)
PAGES = dict(SECTION.findall(GUIDE))
NO_PAGES = {"/login", "/static/{path:path}", "/shared/{token}"}
"""What people who watch do not open; a shared finding is opened by those who have no login."""
SHOWN = """
() => {
  const isSeen = (one) => (one.closest("select") ?? one).checkVisibility({ checkVisibilityCSS: true });
  const own = (one) => [...one.childNodes]
    .filter((node) => node.nodeType === Node.TEXT_NODE || node.nodeName === "SPAN")
    .map((node) => node.textContent).join("").trim();
  const all = (which) => [...document.querySelectorAll(which)].filter(isSeen);
  const words = "button, a, h1, h2, h3, h4, label, option, th, dt, summary, strong, [role=status], .state";
  return { names: all(words).map(own), keys: all("kbd").map((one) => one.textContent.trim()) };
}
"""


def named(section):
    """The words and the keys that a section of the guide names."""
    return set(re.findall(r"\*\*(.+?)\*\*", section.replace("\n", " "))), set(re.findall(r"`([^`]+)`", section))


def where(fed, page, path):
    """A page that the fed clinic has, for the path of a kind of page."""
    bed = fed.beds["bed-1" if "recording" in path else "bed-2"]  # the one has its waves here, the other has an EEG
    return path.format(name=bed.name, recording=bed.recording, subject="subject-7", finding=finding_of(page))


def finding_of(page):
    answer = page.request.get("/api/v1/findings?device=bed-1&priority=medium").json()
    return answer["findings"][0]["id"]


def classified(page):
    page.set_input_files("#file", csv_of(10))
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("#paper svg").wait_for(timeout=30_000)


def touched(page):
    page.locator("h1").click()
    expect(page.locator("#sound")).to_have_text("Sound on", timeout=30_000)


def keys_opened(page):
    """The desk with a finding of the bed with an ECG, whatever others of the tests have reviewed before."""
    found = page.request.get("/api/v1/findings?device=bed-1&kind=pvc&limit=50").json()["findings"]
    page.goto(f"/review?finding={next(one['id'] for one in found if one['marks'])}")
    page.locator("#strips canvas").first.wait_for()
    page.keyboard.press("?")
    page.locator("#keys").wait_for()


def annotating(page):
    page.locator("#annotate").click()
    expect(page.locator("#annotate-tools")).to_be_visible(timeout=30_000)


WAVES = "/devices/{name}/recordings/{recording}"
BEFORE = {WAVES: annotating, "/central": touched, "/classify": classified, "/review": keys_opened}
"""What a reader of the guide has done before the page shows what the section speaks of."""


@pytest.mark.parametrize("path", PAGES)
def test_what_the_guide_names_is_on_the_page(fed, kept, page_of, path):
    words, keys = named(PAGES[path])
    assert words
    page = page_of("admin")
    page.goto(where(fed, page, path))
    BEFORE.get(path, lambda page: None)(page)
    missing = []

    def is_there():
        shown = page.evaluate(SHOWN)
        missing[:] = sorted((words - set(shown["names"])) | (keys - set(shown["keys"])))
        return not missing

    try:
        wait_for(is_there, 15)
    except AssertionError:
        raise AssertionError(f"the guide names what {path} does not show: {missing}") from None


def test_a_word_that_no_page_shows_is_missed(fed, page_of):
    page = page_of("admin")
    page.goto("/central")
    page.locator(".bed").first.wait_for()
    shown = page.evaluate(SHOWN)
    words, keys = named("Press **Wall** or `w`, **Wall of beds** or `j`.")
    assert words - set(shown["names"]) == {"Wall of beds"}
    assert keys - set(shown["keys"]) == {"j"}


def test_every_page_is_in_the_guide(fed, page_of):
    page = page_of("admin")
    page.goto("/")
    navigation = {link.get_attribute("href") for link in page.locator("nav[aria-label=Main] a").all()}
    assert navigation == {path for path, _, _ in PLACES}
    assert navigation | {route.path for route in router.routes} - NO_PAGES == set(PAGES)


def test_what_the_guide_quotes_of_troubles_is_what_people_read():
    section = GUIDE.split("## When something is away")[1]
    files = [*WEB.glob("static/js/*.js"), *WEB.glob("templates/*.html")]
    labels = [kind.label for kind in (*CLINIC_ALARMS.values(), *finding_kinds().values())]
    said = " ".join([*labels, *(file.read_text(encoding="utf-8") for file in files)])
    quoted = re.findall(r'"([^"]+?)(?: \.\.\.)?"', section)
    assert len(quoted) >= 6
    assert [one for one in quoted if one not in said] == []


def test_its_pictures_are_there_and_light():
    pictures = re.findall(r"\]\((images/[\w-]+\.png)\)", GUIDE)
    assert len(pictures) >= 2
    assert all((ROOT / "docs" / name).stat().st_size <= 150_000 for name in pictures)
