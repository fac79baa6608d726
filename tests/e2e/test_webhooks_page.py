"""Webhooks on the Operations page: made with a secret that is shown once, tried, given up, sent again, ended."""

from dataclasses import replace

import pytest
from browsing import Visit
from fed_clinic import fed_clinic
from playwright.sync_api import expect

from cloud_service.settings import WebhookSettings
from tests.http_receiver import listening

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
LONG_MS = 40_000
RULES = WebhookSettings(allow=("127.0.0.1",), tries=1)


@pytest.fixture(scope="module")
def office(browser, tmp_path_factory):
    """A clinic that may send to this machine, and gives a message up after one try."""
    with fed_clinic(tmp_path_factory.mktemp("office"), webhooks=replace(RULES)) as fed:
        yield fed


@pytest.fixture
def page(browser, office):
    visit = Visit(browser, office.url)
    yield visit.log_in("engineer")
    said, foreign = visit.console, visit.foreign
    visit.close()
    assert [one for one in said if "400" not in one] == []  # the browser notes an answer that refuses
    assert foreign == []


def make(page, name, url):
    page.goto("/operations")
    form = page.locator("#new-webhook")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Address").fill(url)
    form.get_by_label("alarms").check()
    form.get_by_role("button", name="Make a webhook").click()


def test_a_webhook_is_made_tried_given_up_sent_again_and_ended(page, office):
    with listening(500) as server:
        make(page, "pager", server.url)
        made = page.locator("#webhook-made code")
        made.wait_for(timeout=LONG_MS)
        expect(made).to_have_text(office.app.state.webhooks.states()[0].row.secret)
        row = page.locator("#webhooks tbody tr", has_text="pager")
        expect(row).to_contain_text("alarm", timeout=LONG_MS)
        row.get_by_role("button", name="Test: pager").click()
        expect(row).to_contain_text("1 given up: it answered 500", timeout=LONG_MS)
        row.get_by_role("button", name="Messages: pager").click()
        expect(page.locator("#deliveries tbody tr").first).to_contain_text("given up", timeout=LONG_MS)
        server.answers[:] = [200]
        row.get_by_role("button", name="Send again: pager").click()
        expect(row).to_contain_text("0 wait, 0 given up", timeout=LONG_MS)
        assert [one["topic"] for one in server.bodies] == ["test"]
        row.get_by_role("button", name="End: pager").click()
        page.get_by_role("button", name="End it").click()
        expect(row).to_contain_text("ended", timeout=LONG_MS)


def test_an_address_inside_is_refused_in_words(page):
    make(page, "inside", "http://10.0.0.1/")
    expect(page.locator("#webhooks-said")).to_contain_text("webhooks.allow", timeout=LONG_MS)


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_the_window(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/operations")
    expect(page.locator("#new-webhook")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
