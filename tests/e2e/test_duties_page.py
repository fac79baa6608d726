"""Who answers for which bed is set on a page; an alarm that nobody answers comes to the page of whoever is named."""

import re

import pytest
from browsing import Visit
from fed_clinic import fed_clinic
from playwright.sync_api import expect

from biosignal.wire.codec import to_json
from cloud_service.access.devices import add_device
from cloud_service.database.columns import utc_now
from cloud_service.ingest.presence import Presence, note
from cloud_service.settings import EscalationSettings
from tests.cloud.cloud_ward import status

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
LONG_MS = 40_000


@pytest.fixture(scope="module")
def night(browser, tmp_path_factory):
    """A clinic of two beds in which a high alarm is told after two seconds."""
    rules = EscalationSettings(high_s=2.0, medium_s=2.0, remind_s=3600.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cloud_service.clinic.conditions.SILENT_AFTER_S", 0.5)
        with fed_clinic(tmp_path_factory.mktemp("night"), rules) as fed:
            for name in ("bed-1", "bed-2"):
                add_device(fed.clinic.database, name=name, site="ward", by="test")
            yield fed


@pytest.fixture
def person(browser, night):
    """Log in as some role in a browser of one's own; what a page complained of fails the test."""
    opened = []

    def log_in(role, **options):
        visit = Visit(browser, night.url, **options)
        opened.append(visit)
        return visit.log_in(role)

    yield log_in
    for visit in opened:
        said = visit.console
        visit.close()
        assert said == []
        assert visit.foreign == []


def fall_silent(night, bed):
    """A bed that says once how it is and never again: the clinic raises a high alarm about it."""
    said = Presence(site="ward", device=bed, online=True, status=to_json(status()), fresh=True, received=utc_now())
    note(night.clinic.database, [said])


def test_an_alarm_that_nobody_answers_comes_to_the_page_of_whoever_is_named(night, person):
    reviewer, engineer = person("reviewer"), person("engineer")
    reviewer.goto("/duties")
    expect(reviewer.locator("#rules")).to_contain_text("2 s for a high alarm", timeout=LONG_MS)
    reviewer.get_by_label("Group of bed-1").fill("Ward 3")
    reviewer.get_by_role("button", name="Set what is changed").click()
    expect(reviewer.locator("#groups")).to_contain_text("Ward 3", timeout=LONG_MS)
    reviewer.get_by_label("First for group Ward 3").select_option("a-engineer")
    reviewer.get_by_label("Second for group Ward 3").select_option("a-reviewer")
    reviewer.get_by_role("button", name="Set what is changed").click()
    told = reviewer.locator("#beds tbody tr", has_text="bed-1").locator("td").last
    expect(told).to_have_text("a-engineer, a-reviewer, then everybody", timeout=LONG_MS)
    expect(reviewer.locator("#people tr", has_text="a-engineer")).to_contain_text("open now", timeout=LONG_MS)

    fall_silent(night, "bed-1")
    bar = engineer.locator("#told-bar")
    expect(bar).to_contain_text("Bed silent", timeout=LONG_MS)
    bar.get_by_role("button", name="Acknowledge").click()
    expect(bar).to_be_hidden(timeout=LONG_MS)

    reviewer.goto("/alarm-log")
    row = reviewer.locator("#told tbody tr", has_text="bed-1").last
    expect(row).to_contain_text("a-engineer, on a page", timeout=LONG_MS)


def test_whoever_is_on_no_page_is_passed_over_and_all_are_told(night, person):
    night_page = person("viewer", color_scheme="dark")
    reviewer = person("reviewer")
    reviewer.goto("/duties")
    reviewer.get_by_label("First for bed bed-2").select_option("a-admin")
    reviewer.get_by_role("button", name="Set what is changed").click()
    expect(reviewer.locator("#said")).to_have_text("Set.", timeout=LONG_MS)
    fall_silent(night, "bed-2")
    bar = night_page.locator("#told-bar")
    expect(bar).to_contain_text("nobody named is on a page; told everybody on a page", timeout=LONG_MS)
    expect(bar.get_by_role("button")).to_have_count(0)  # a viewer may not acknowledge
    night_page.goto("/alarms")
    expect(night_page.locator("#now")).to_contain_text("Nobody answered: nobody named is on a page", timeout=LONG_MS)
    expect(night_page).to_have_title(re.compile("high alarm"))
    # the sound is of the priority though the alarm itself may be paused somewhere
    ask = """async () => (await import("/static/js/alarm-sound.js")).wanted(
        [{ priority: "low", state: "latched" }], false, ["high"])"""
    assert night_page.evaluate(ask) == "high"


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_the_window_and_who_only_looks_sets_nothing(night, person, width):
    page = person("viewer")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/duties")
    expect(page.get_by_label("First for bed bed-1")).to_be_disabled(timeout=LONG_MS)
    expect(page.get_by_role("button", name="Set what is changed")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
