import pytest
from browsing import Visit, chromium, launch
from fed_clinic import fed_clinic, sleepy, usual_beds
from running_ward import running_ward, wait_for

REFUSED = {"id": "none", "state": "refused", "reason": "there is no device behind this bed"}


@pytest.fixture(scope="session")
def browser():
    if chromium() is None:
        pytest.skip("there is no chromium on the PATH")
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def ward(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ward")
    with running_ward(folder) as ward:
        # without a model: rules only, and an alarm that stays until somebody installs one
        ward.start_device("bed-1", speed=1.0, models=folder / "no-models")
        ward.start_device("bed-2", speed=8.0)
        wait_for(lambda: all(device["online"] for device in ward.get("/devices")["devices"]))
        yield ward


@pytest.fixture(scope="session")
def fed(browser, tmp_path_factory):
    """A clinic that knows a task more than the others do, fed with recorded beds."""
    with sleepy(), fed_clinic(tmp_path_factory.mktemp("fed")) as fed:
        for bed in usual_beds():
            fed.add(bed)
        yield fed


@pytest.fixture(scope="session")
def kept(fed):
    """The first bed of the fed clinic, all of whose waves are there."""
    fed.store_waves(fed.beds["bed-1"])
    return fed.beds["bed-1"]


@pytest.fixture(scope="session")
def fed_logins():
    """Cookies of those who logged in to the fed clinic, by role."""
    return {}


@pytest.fixture
def page_of(browser, fed, fed_logins):
    """Open a page of the fed clinic as some role; the test fails if a page complained or asked elsewhere."""
    opened = []

    def open_page(role="reviewer", **options):
        if role not in fed_logins:
            first = Visit(browser, fed.url)
            first.log_in(role)
            fed_logins[role] = first.context.storage_state()
            first.close()
        visit = Visit(browser, fed.url, storage_state=fed_logins[role], **options)
        opened.append(visit)
        # the fed clinic has no broker to ask a device over
        visit.page.route("**/fetch-waves", lambda route: route.fulfill(status=202, json=REFUSED))
        return visit.page

    yield open_page
    for visit in opened:
        visit.close()
        # the tests read pixels back, which a page never does
        assert [said for said in visit.console if "willReadFrequently" not in said] == []
        assert visit.foreign == []


@pytest.fixture(scope="session")
def visits(browser, ward):
    """Logged-in browsers by role, opened once; a page is left where its test left it."""
    opened: dict[str, Visit] = {}

    def visit(role):
        if role not in opened:
            opened[role] = Visit(browser, ward.url)
            opened[role].log_in(role)
        return opened[role]

    yield visit
    for one in opened.values():
        one.close()


@pytest.fixture
def clean(request):
    """Hand over a visit, and fail the test if the page complained or asked elsewhere."""
    used = []

    def watch(visit):
        visit.console.clear()
        used.append(visit)
        return visit.page

    yield watch
    for visit in used:
        # the tests read pixels back, which a page never does
        assert [said for said in visit.console if "willReadFrequently" not in said] == []
        assert visit.foreign == []
