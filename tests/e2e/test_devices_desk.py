"""Devices on the Operations page: what each is, a new password, shut out, forgotten, each after a question."""

import pytest
from browsing import Visit
from fed_clinic import fed_clinic
from playwright.sync_api import expect

from biosignal.events import Rung, Status, TaskStatus
from biosignal.wire.envelope import encode_message
from biosignal.wire.topics import Channel, up
from cloud_service.access.devices import add_device
from cloud_service.database.columns import utc_now
from cloud_service.ingest.presence import note, read_status

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
LONG_MS = 40_000


@pytest.fixture(scope="module")
def office(browser, tmp_path_factory):
    """A clinic with a bed that has said how it is."""
    with fed_clinic(tmp_path_factory.mktemp("devices")) as fed:
        add_device(fed.clinic.database, name="bed-1", site="ward", by="carla")
        received = utc_now()
        model = TaskStatus(
            task="ecg-beats", leads=("II",), reason="", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, rung_reason=""
        )
        said = Status(
            online=True, recording=None, sample=0, fs_hz=None, leads=(), readings=(), alarms=(), tasks=(model,),
            outbox=3, explainer="template", version="0.1.0", sent_utc_s=received.timestamp() + 90,
            disk_free_mb=120, certificate_ends_utc_s=received.timestamp() + 9 * 86_400,
        )  # fmt: skip
        topic = up("ward", "bed-1", Channel.STATUS)
        note(fed.clinic.database, [read_status(topic, encode_message(said), retained=False, received=received)])
        yield fed


@pytest.fixture
def page_as(browser, office):
    visits = []

    def log_in(role):
        visit = Visit(browser, office.url)
        visits.append(visit)
        page = visit.log_in(role)
        page.goto("/operations")
        expect(page.locator("#devices tbody tr").first).to_be_visible(timeout=LONG_MS)
        return page

    yield log_in
    for visit in visits:
        visit.close()
        assert visit.console == []
        assert visit.foreign == []


def yes(page, button):
    page.get_by_role("button", name=button).click()
    expect(page.locator("#sure")).to_be_visible()
    page.locator("#sure-yes").click()


def test_an_engineer_sees_what_each_device_is_and_changes_nothing(page_as):
    page = page_as("engineer")
    row = page.locator("#devices tbody tr", has_text="bed-1")
    for text in ("90 s ahead", "120 MB free", "today, by carla", "0.1.0"):
        expect(row).to_contain_text(text)
    expect(row.locator(".fail", has_text="ends ")).to_be_visible()
    row.locator("summary").click()
    expect(row).to_contain_text("ecg-beats/1.0.0 on onnx-cpu")
    expect(page.locator("#devices button")).to_have_count(0)
    expect(page.locator("#new-device")).to_have_count(0)


def test_an_administrator_adds_renews_shuts_out_and_forgets_a_device(page_as):
    page = page_as("admin")
    page.locator("#new-device [name=name]").fill("bed-2")
    page.get_by_role("button", name="Register a device").click()
    row = page.locator("#devices tbody tr", has_text="bed-2")
    expect(row).to_contain_text("never seen", timeout=LONG_MS)
    first = page.locator("#made-device code").inner_text()
    page.get_by_role("button", name="New password: bed-2").click()
    page.locator("#sure").get_by_role("button", name="Cancel").click()
    expect(page.locator("#made-device code")).to_have_text(first)
    yes(page, "New password: bed-2")
    expect(page.locator("#made-device code")).not_to_have_text(first, timeout=LONG_MS)
    yes(page, "Shut out: bed-2")
    expect(row).to_contain_text("shut out", timeout=LONG_MS)
    expect(page.locator("#audit")).to_contain_text("device.revoke", timeout=LONG_MS)
    yes(page, "Forget: bed-2")
    expect(row).to_have_count(0, timeout=LONG_MS)
    expect(page.locator("#devices-said")).to_have_text("bed-2 is forgotten.")
