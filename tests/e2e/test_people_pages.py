"""Accounts in a real browser: made, closed, opened, reset, and a password changed by its owner."""

import httpx
import pytest
from browsing import Visit
from fed_clinic import fed_clinic
from playwright.sync_api import expect
from running_ward import PASSWORD

pytestmark = pytest.mark.browser
FRESH = "another horse battery"


@pytest.fixture(scope="module")
def clinic(browser, tmp_path_factory):
    with fed_clinic(tmp_path_factory.mktemp("people")) as clinic:
        yield clinic


@pytest.fixture
def visit(browser, clinic):
    opened = []

    def open_one(role=None, **options):
        one = Visit(browser, clinic.url, **options)
        opened.append(one)
        return one.log_in(role) if role else one.page

    yield open_one
    for one in opened:
        one.close()
        # a login that is refused is what some of these tests ask for
        assert [said for said in one.console if "401" not in said and "403" not in said] == []
        assert one.foreign == []


def enter(page, name, password):
    page.goto("/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")


def test_an_administrator_makes_resets_closes_and_opens_an_account(visit):
    page = visit("admin")
    page.goto("/people")
    page.fill("#new-user [name=name]", "ann")
    page.click("#new-user button")
    first = page.locator("#made code").inner_text()
    row = page.get_by_role("listitem").filter(has=page.get_by_text("ann", exact=True))
    expect(row).to_contain_text("open")

    row.get_by_role("combobox").select_option("reviewer")
    expect(page.locator("#said")).to_have_text("ann is reviewer.")

    row.get_by_role("button", name="New password").click()
    expect(page.locator("#sure")).to_be_visible()
    page.click("#sure-yes")
    expect(page.locator("#made code")).not_to_have_text(first)
    second = page.locator("#made code").inner_text()

    other = visit()
    enter(other, "ann", first)
    expect(other.locator("#login-error")).to_contain_text("wrong")
    enter(other, "ann", second)
    other.wait_for_url("**/account")
    other.goto("/findings")
    expect(other.locator("#must-change")).to_be_visible()
    other.fill("[name=old]", second)
    other.fill("[name=new]", FRESH)
    other.fill("[name=again]", FRESH)
    other.keyboard.press("Enter")
    other.wait_for_url(lambda url: "/account" not in url)
    expect(other.get_by_role("link", name="Findings", exact=True)).to_be_visible()

    row.get_by_role("button", name="Disable").click()
    page.keyboard.press("Escape")
    expect(row).to_contain_text("open")
    row.get_by_role("button", name="Disable").click()
    page.click("#sure-yes")
    expect(row).to_contain_text("disabled")
    other.goto("/")
    assert "/login" in other.url
    row.get_by_role("button", name="Enable").click()
    expect(row).to_contain_text("open")
    enter(other, "ann", FRESH)
    other.wait_for_url(lambda url: "/login" not in url)


def test_ones_own_password_is_changed_and_other_browsers_are_logged_out(visit, clinic):
    page, elsewhere = visit("viewer"), visit("viewer")
    page.goto("/account")

    def change(old, new, again):
        for name, value in (("old", old), ("new", new), ("again", again)):
            page.fill(f"[name={name}]", value)
        page.click("#password-form button")

    change(PASSWORD, FRESH, FRESH + "!")
    expect(page.locator("#password-error")).to_contain_text("differ")
    change("wrong", FRESH, FRESH)
    expect(page.locator("#password-error")).to_contain_text("old password is wrong")
    change(PASSWORD, FRESH, FRESH)
    expect(page.locator("#password-said")).to_have_text("The password is changed.")
    elsewhere.goto("/")
    assert "/login" in elsewhere.url
    page.goto("/")
    expect(page.get_by_role("link", name="a-viewer")).to_be_visible()
    clinic.app.state.clinic.people.change_password("a-viewer", old=FRESH, new=PASSWORD, session_sha256="")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_fit_and_can_be_read(visit, scheme, width):
    from test_pages import SCRIPTS

    page = visit("admin", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/people", "/account", "/operations"):
        page.goto(path)
        page.wait_for_timeout(250)
        page.evaluate(SCRIPTS)
        assert page.evaluate(f"inPage.wider({width})") == [], path
        assert page.evaluate("inPage.faint()") == [], path


def test_an_engineer_makes_a_token_for_a_program_and_revokes_it(visit, clinic):
    page = visit("engineer")
    page.goto("/account")
    page.fill("#new-token [name=name]", "nightly")
    page.select_option("#new-token [name=role]", "reviewer")
    page.click("#new-token button")
    token = page.locator("#token-made code").inner_text()
    row = page.locator("#tokens tbody tr")
    expect(row).to_contain_text("nightly")
    expect(row).to_contain_text("never")
    asked = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{clinic.url}/api/v1/me", headers=asked).json()["role"] == "reviewer"
    row.get_by_role("button", name="Revoke").click()
    page.click("#sure-yes")
    expect(page.locator("#tokens-said")).to_have_text("nightly is revoked.")
    expect(row).to_contain_text("revoked")
    assert httpx.get(f"{clinic.url}/api/v1/me", headers=asked).status_code == 401
    viewer = visit("viewer")
    viewer.goto("/account")
    expect(viewer.locator("#new-token")).to_have_count(0)
