"""No page has anything that axe calls a violation, on a desk in light and on a phone in dark."""

import pytest

from cloud_service.access.roles import Role

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PLACES = (
    "/",
    "/central",
    "/patients",
    "/patients/subject-7",
    "/devices/bed-1",
    "/devices/bed-1/limits",
    "/devices/bed-2/eeg",
    "/findings",
    "/findings/FINDING",
    "/devices/bed-1/recordings/RECORDING",
    "/alarms",
    "/alarm-log",
    "/duties",
    "/ask",
    "/review",
    "/classify",
    "/words",
    "/models",
    "/operations",
    "/people",
    "/account",
    "/shared/LINK",
)
LATE_MS = 1200
"""What a page asks for after it has opened is there by then."""


def test_every_page_of_the_navigation_is_looked_at():
    from cloud_service.web.pages import PLACES as OFFERED

    assert {place for place, _, _ in OFFERED} <= set(PLACES)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing(fed, kept, page_of, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = page_of("admin", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    finding = fed.beds["bed-1"].alarms
    known = {"FINDING": next(iter(finding.values())).finding, "RECORDING": kept.recording}
    known["LINK"] = fed.clinic.shares.add(known["FINDING"], hours=1, by="a-admin").token
    fed.clinic.tokens.add(name=f"{scheme}-{width}", role=Role.VIEWER, days=1, by="a-admin")
    found = {}
    for place in PLACES:
        for name, value in known.items():
            place = place.replace(name, value)  # the place as it is asked for
        page.goto(f"{place}?view=strip&at=0" if "/recordings/" in place else place)
        if "/recordings/" in place:
            page.locator("#annotate").click()
        page.wait_for_timeout(LATE_MS)
        said = axe.run(page).response["violations"]
        found |= {(place, one["id"]): [node["target"] for node in one["nodes"]][:3] for one in said}
    assert found == {}
