"""The clinic's pages in a real browser, fed by real devices."""

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from running_ward import wait_for

from demo.check import is_in_sight

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.timeout(180)]
PX_PER_MM = 96 / 25.4

SCRIPTS = Path(__file__).with_name("in_page.js").read_text(encoding="utf-8")


def test_the_pages_may_load_nothing_from_elsewhere_and_nothing_inline(ward):
    answer = httpx.get(f"{ward.url}/login")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "Research software, not a medical device." in answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", answer.text)


def test_who_is_not_logged_in_is_sent_to_the_login_and_back(browser, ward):
    from browsing import Visit
    from running_ward import PASSWORD

    visit = Visit(browser, ward.url)
    page = visit.page
    page.goto("/alarms")
    expect(page).to_have_url(re.compile(r"/login\?next=/alarms$"))
    page.fill("[name=name]", "a-viewer")
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#login-error")).to_contain_text("name or password is wrong")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{ward.url}/alarms")
    assert visit.foreign == []
    visit.close()


def test_the_dashboard_shows_each_device_and_new_findings_without_a_reload(visits, clean):
    page = clean(visits("reviewer"))
    page.goto("/")
    card = page.locator("[data-device=bed-2]")
    expect(card.locator(".online")).to_have_text("online")
    expect(card.locator(".big")).to_have_text(re.compile(r"^\d+$"), timeout=15000)
    expect(card.locator(".facts")).to_contain_text(re.compile(r"/\d+\.\d+\.\d+ on "))
    page.evaluate("window.sameDocument = true")
    page.evaluate(SCRIPTS)
    known = page.evaluate("inPage.listed()")
    is_new = "known => inPage.listed().some(one => !known.includes(one))"
    page.wait_for_function(is_new, arg=known, timeout=30000)
    assert page.evaluate("window.sameDocument") is True
    expect(page.locator("#newest .text").first).not_to_be_empty()


def test_a_finding_is_on_the_page_within_a_second_of_its_commit(visits, clean, ward):
    page = clean(visits("reviewer"))
    page.goto("/")
    page.wait_for_function("() => document.querySelector('#link-state').textContent === 'live'")
    page.evaluate(SCRIPTS)
    page.evaluate("inPage.noteArrivals()")
    began = time.time()

    def lags():
        seen = page.evaluate("inPage.arrived")
        return [
            seen[one["id"]] / 1000 - stamp
            for one in ward.findings(limit=20)
            if one["rev"] == 0 and one["id"] in seen and (stamp := _unix(one["received"])) > began
        ]

    wait_for(lambda: any(lag < 1.0 for lag in lags()))  # one of them: a busy machine may delay another


def test_the_live_strip_is_drawn_to_scale_and_moves(visits, clean):
    page = clean(visits("reviewer"))
    page.goto("/devices/bed-1")
    canvas = page.locator("#strips canvas").first
    expect(canvas).to_be_visible(timeout=15000)
    expect(page.locator("#strips figcaption").first).to_contain_text("25 mm/s, 10 mm/mV")
    expect(page.locator(".strip").first).not_to_have_class(re.compile("stale"), timeout=20000)
    page.wait_for_timeout(1200)
    page.evaluate(SCRIPTS)

    before = canvas.evaluate("one => one.toDataURL()")
    page.wait_for_timeout(700)
    assert canvas.evaluate("one => one.toDataURL()") != before

    for speed, gain in ((25, 10), (50, 20), (12.5, 5)):
        page.locator(f"[data-speeds] [data-value='{speed}']").click()
        page.locator(f"[data-gains] [data-value='{gain}']").click()
        page.wait_for_timeout(150)
        # the trace begins 2 mm behind the pulse
        pulse = canvas.evaluate("(one, mm) => inPage.pulse(one, mm)", 2 + 0.2 * speed + 1.5)
        assert pulse["columns"][-1] - pulse["columns"][0] == pytest.approx(0.2 * speed * PX_PER_MM, abs=1.6)
        assert pulse["bottom"] - pulse["top"] == pytest.approx(gain * PX_PER_MM, abs=2.2)
    lines = canvas.evaluate("one => inPage.grid(one)")
    assert lines["coarse"][2] - lines["coarse"][1] == pytest.approx(5 * PX_PER_MM, abs=1)
    assert len(lines["fine"]) > 150
    assert lines["fine"][-1] == pytest.approx(round(lines["fine"][-1] / PX_PER_MM) * PX_PER_MM, abs=1)


def test_speed_and_gain_answer_to_keys(visits, clean):
    page = clean(visits("reviewer"))
    page.goto("/devices/bed-1")
    page.locator("[data-speeds]").wait_for()
    pressed = page.locator(".choice button[aria-pressed=true]")
    for key, wanted in (("]", "50 mm/s"), ("[", "25 mm/s"), ("+", "20 mm/mV"), ("-", "10 mm/mV"), ("m", "scroll")):
        page.keyboard.press(key)
        expect(pressed.filter(has_text=wanted)).to_have_count(1)


def test_leaving_the_page_gives_up_the_live_strip(visits, ward):
    page = visits("reviewer").page
    page.goto("/devices/bed-1")
    wait_for(lambda: _live_views(ward) >= 1)
    page.goto("/alarms")
    wait_for(lambda: _live_views(ward) == 0, 15)


def test_a_finding_shows_strip_evidence_and_who_wrote_its_text(visits, clean, ward):
    one = wait_for(lambda: next((f for f in ward.findings(limit=50) if f["kind"] in BEATS and f["rev"]), None))
    kept = sum(each["kept"] for each in ward.get(f"/findings/{one['id']}")["evidence"]["sets"])
    page = clean(visits("reviewer"))
    page.goto(f"/findings/{one['id']}")
    expect(page.locator("h1")).not_to_have_text("Finding")
    expect(page.locator("#text .prose")).not_to_be_empty()
    expect(page.locator("#text .made")).to_contain_text("How made: Written by a template")
    expect(page.locator("#strips canvas").first).to_be_visible(timeout=15000)
    assert page.locator("#measures tbody tr").count() > 0
    expect(page.locator("#made")).to_contain_text("Bundle")
    assert page.locator("#marks tbody tr").count() == kept
    page.locator("#older[href]").wait_for()
    page.keyboard.press("n")
    page.wait_for_url(lambda url: one["id"] not in url)


def test_beats_are_read_blind_relabelled_and_taken_back_with_keys_alone(visits, clean, ward):
    page = clean(visits("reviewer"))
    one = wait_for(lambda: next((f for f in ward.findings(kind="pvc", reviewed=False, limit=50) if f["marks"]), None))
    answers = []
    page.on("response", lambda got: answers.append(got) if f"/findings/{one['id']}?" in got.url else None)
    page.goto(f"/review?finding={one['id']}")
    expect(page.locator("#phase")).to_contain_text("answer is hidden", timeout=15000)
    assert "Device" in page.locator("#marks thead").inner_text()
    assert set(page.locator("#marks tbody td:last-child").all_inner_texts()) == {"hidden"}
    assert all("blind=true" in got.url for got in answers)
    assert '"Prediction"' not in answers[0].text()

    def mine():
        return page.request.get(f"/api/v1/findings/{one['id']}/reviews").json()["reviews"]  # another is blind to them

    expect(page.locator("#labels button").first).to_be_enabled(timeout=30_000)  # once the strip has come
    page.keyboard.press("a")
    page.keyboard.press("f")
    expect(page.locator("#said")).to_contain_text("F, fusion")
    expect(page.locator("#revealed")).to_be_visible()
    assert {review["label"] for review in mine()} == {"F"}
    assert not any(review["model_seen"] for review in mine())

    page.keyboard.press("c")
    expect(page.locator("#said")).to_contain_text("confirmed")
    assert min(review["verdict"] for review in mine()) == "confirm"
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("Undone")
    assert {review["label"] for review in mine()} == {"F"}
    page.keyboard.press("u")
    wait_for(lambda: not mine(), 5)
    expect(page.locator("#said")).to_contain_text("Undone")

    before = page.locator("#about").inner_text()
    page.keyboard.press("n")
    expect(page.locator("#about")).not_to_have_text(before)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()


def test_an_acknowledgement_is_a_request_until_the_device_confirms_it(visits, clean, ward):
    page = clean(visits("reviewer"))
    page.goto("/alarms")
    if not unanswered(ward):
        ward.start_again("bed-1")  # a test before has answered it: a device that starts anew raises it anew
    alarm = wait_for(lambda: unanswered(ward))
    page.locator(f"[data-alarm='{alarm['id']}']").wait_for()
    page.evaluate(SCRIPTS)
    page.evaluate("id => inPage.noteStates(id)", alarm["id"])
    page.locator(f"[data-alarm='{alarm['id']}'] [data-act^=acknowledge]").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => inPage.states.at(-1) === 'acknowledged/done'", timeout=15000)
    seen = page.evaluate("inPage.states")
    assert seen[0] == "active/"
    # a quick device has answered before the page could show that it was asked
    assert {"active/sent", "active/done"} & set(seen)
    after = next(one for one in _alarms(ward) if one["id"] == alarm["id"])
    assert (after["state"], after["by"]) == ("acknowledged", "a-reviewer")


def unanswered(ward):
    """The alarm of the bed without a model, which stays, if nobody has acknowledged it."""
    return next((one for one in _alarms(ward) if one["kind"] == "backend-lost" and one["state"] == "active"), None)


def test_everything_on_a_page_can_be_reached_with_the_tab_key_and_shows_its_focus(visits, clean):
    page = clean(visits("reviewer"))
    page.goto("/")
    page.locator("#devices a").first.wait_for()
    seen = []
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break  # behind the last one
        seen.append(
            page.evaluate(
                "() => { const one = document.activeElement; const style = getComputedStyle(one);"
                " return [one.textContent.trim(), style.outlineStyle, parseFloat(style.outlineWidth)]; }"
            )
        )
    names = [name for name, _, _ in seen]
    assert names[0] == "Skip to content"
    assert {"Dashboard", "Review", "Log out", "bed-1"} <= set(names)
    assert all(style == "solid" and width >= 2 for _, style, width in seen)


def test_a_viewer_can_neither_review_nor_release(visits, ward):
    visit = visits("viewer")
    page = visit.page
    page.goto("/")
    assert page.locator("nav[aria-label=Main]").inner_text().split() == [
        "Dashboard",
        "Central",
        "Patients",
        "Findings",
        "Alarms",
        "Ask",
    ]
    for path in ("/models", "/operations", "/review", "/classify"):
        assert page.goto(path).status == 403
        expect(page.locator("main")).to_contain_text("needs the role")
    page.evaluate(SCRIPTS)
    paths = ["/api/v1/learning/candidates/1/release", "/api/v1/learning/jobs"]
    status = [page.evaluate("path => inPage.post(path)", path) for path in paths]
    assert status == [403, 403]
    page.goto("/alarms")
    expect(page.locator("#now")).not_to_be_empty()
    assert page.locator("[data-act]").count() == 0


def shown(detail):
    """A finding once its strips have come: before, nobody can say anything of its marks."""
    return detail if any(is_in_sight(detail, mark) for mark in detail["evidence"]["marks"]) else None


def test_an_engineer_starts_a_refit_sees_its_gates_and_must_confirm_a_release(visits, clean, ward):
    for one in wait_for(lambda: [f for f in ward.findings(kind="pvc", limit=50) if f["marks"]][:3]):
        detail = wait_for(lambda one=one: shown(ward.get(f"/findings/{one['id']}")))
        for mark in (mark for mark in detail["evidence"]["marks"] if is_in_sight(detail, mark)):
            named = {name: mark[name] for name in ("task", "kind", "start")}
            ward.post(f"/findings/{one['id']}/reviews", **named, verdict="relabel", label="V", model_seen=False)
    page = clean(visits("engineer"))
    page.goto("/models")
    page.locator("#starts button").first.click()
    expect(page.locator("#gates tbody tr").first).to_be_visible(timeout=60000)
    expect(page.locator("#gates")).to_contain_text("golden vectors")
    expect(page.locator("#jobs")).to_contain_text("gated")
    release = page.locator("#release")
    if release.is_enabled():
        release.click()
        expect(page.locator("#sure")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#sure")).to_be_hidden()
    assert ward.get("/learning/releases")["releases"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_can_be_read(browser, ward, scheme):
    from browsing import Visit

    visit = Visit(browser, ward.url, color_scheme=scheme)
    page = visit.log_in("admin")
    page.set_viewport_size({"width": 360, "height": 740})
    some = ward.findings(limit=1)[0]["id"]
    for path in (
        "/",
        "/devices/bed-1",
        "/findings",
        f"/findings/{some}",
        "/ask",
        "/alarms",
        "/review",
        "/classify",
        "/words",
        "/models",
        "/operations",
    ):
        page.goto(path)
        page.wait_for_timeout(250)
        page.evaluate(SCRIPTS)
        assert page.evaluate("inPage.wider(360)") == [], path
        assert page.evaluate("inPage.faint()") == [], path
    page.goto("/")
    expect(page.locator("#newest .finding").first).to_be_visible()
    page.evaluate(SCRIPTS)
    assert page.evaluate("inPage.faintAsItArrives()") == []
    assert visit.foreign == []
    visit.close()


BEATS = ("pvc", "pvc-couplet", "v-run", "vt")


def _unix(stamp):
    import datetime

    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def _live_views(ward):
    text = httpx.get(f"{ward.url}/metrics").text
    return float(re.search(r"^bedside_live_views (\S+)", text, re.MULTILINE).group(1))


def _alarms(ward):
    return ward.get("/alarms", device="bed-1")["alarms"]
