"""The EEG page in a real browser: montages, filters, what is live and what is not, and charts that tasks declare."""

import re
from pathlib import Path

import numpy as np
import pytest
from browsing import Visit
from fed_clinic import fed_clinic
from playwright.sync_api import expect
from running_ward import wait_for

from biosignal.eeg.views import views
from biosignal.events import Finding
from biosignal.synthetic.montage import NIGHT
from biosignal.tasks import TASKS
from tests.charted_task import CHARTED
from tests.recorded_bed import head, play
from tests.sleepy_task import SLEEPY

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SCRIPTS = Path(__file__).with_name("in_page.js").read_text(encoding="utf-8")
EEG = [name for name in NIGHT if "-" not in name]
PAGE = "/devices/bed-9/eeg"


@pytest.fixture(scope="module")
def ward_of_heads(browser, tmp_path_factory):
    """A clinic with one EEG of 21 leads, and a task that says something in every form of chart."""
    before = dict(TASKS)
    TASKS.pop(SLEEPY.name, None)  # where other pages of the session are shown with it
    TASKS[CHARTED.name] = CHARTED
    try:
        with fed_clinic(tmp_path_factory.mktemp("heads")) as fed:
            fed.add(play("bed-9", head(120)))
            yield fed
    finally:
        TASKS.clear()
        TASKS.update(before)


@pytest.fixture
def open_page(browser, ward_of_heads):
    opened = []

    def opening(**options):
        visit = Visit(browser, ward_of_heads.url, **options)
        opened.append(visit)
        page = visit.log_in("reviewer")
        page.goto(PAGE)
        expect(page.locator(".eeg-state")).to_have_attribute("data-state", "live", timeout=15000)
        return page

    yield opening
    for visit in opened:
        visit.close()
        assert [said for said in visit.console if "willReadFrequently" not in said] == []
        assert visit.foreign == []


def _traces(page):
    return int(re.search(r"EEG, (\d+) traces", page.locator(".paper.eeg canvas").first.get_attribute("aria-label"))[1])


INK_BY_ROW = """
() => {
  const canvas = document.querySelector(".paper.eeg canvas");
  const names = 100 * devicePixelRatio;
  const { data, width, height } = canvas.getContext("2d").getImageData(names, 0, canvas.width - names, canvas.height);
  let rows = 0;
  for (let y = 0; y < height; y++) {
    let strong = 0;
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      if (Math.min(data[at], data[at + 1], data[at + 2]) < 80) strong++;
    }
    if (strong > 3) rows++;
  }
  return rows / height;
}
"""


def test_an_eeg_of_all_leads_runs_live_with_the_eyes_beside_it(open_page):
    page = open_page()
    for _ in range(2):
        page.keyboard.press("m")
    expect(page.locator("[data-choice=montage]")).to_have_value("average")
    expect(page.locator(".strip figcaption")).to_contain_text("Average reference, 7 µV/mm, 10 s page")
    page.wait_for_timeout(5000)
    assert _traces(page) == len(EEG) + 2
    assert page.evaluate(INK_BY_ROW) > 0.6
    first = page.locator(".eeg-state").inner_text()
    page.wait_for_timeout(1500)
    assert page.locator(".eeg-state").inner_text() != first


def test_keys_go_through_montages_sensitivities_pages_and_filters(open_page):
    page = open_page()
    seen = [page.locator("[data-choice=montage]").input_value()]
    for _ in range(5):
        page.keyboard.press("m")
        seen.append(page.locator("[data-choice=montage]").input_value())
    assert seen == ["longitudinal", "transverse", "average", "centre", "recorded", "longitudinal"]
    caption = page.locator(".strip figcaption")
    for key, text in (
        ("-", "10 µV/mm"),
        ("+", "7 µV/mm"),
        ("]", "30 s page"),
        ("n", "notch 50 Hz"),
        ("l", "low cut 1 Hz"),
    ):
        page.keyboard.press(key)
        expect(caption).to_contain_text(text)
    page.keyboard.press("h")
    expect(caption).not_to_contain_text("high cut")


def test_the_traces_are_those_of_the_core(open_page):
    page = open_page()
    x = np.random.default_rng(4).normal(0, 20, (len(EEG), 40)).round(3)
    x[EEG.index("F3"), 10:14] = np.nan
    waves = [
        {
            "recording": "r",
            "lead": name,
            "start": 1000,
            "fs_hz": 200.0,
            "unit": "uV",
            "samples": [None if np.isnan(v) else v for v in row],
        }
        for name, row in zip(EEG, x.tolist(), strict=True)
    ]
    made = page.evaluate(
        """async (waves) => {
          const { EegSignals } = await import("/static/js/eeg-signals.js");
          const asked = waves.map((one) => `lead=${one.lead}`).join("&");
          const { views } = await (await fetch(`/api/v1/eeg-views?${asked}`)).json();
          return views.map((view) => {
            const signals = new EegSignals();
            for (const one of waves) {
              signals.know({ name: one.lead, unit: one.unit, kind: "eeg", fs_hz: one.fs_hz });
              signals.take(one);
            }
            signals.arrange(view, { lowCut: 0, highCut: 0, notch: 0 });
            const values = (ring) => Array.from({ length: 40 }, (_, k) => ring.value(1000 + k));
            return signals.traces.map((one) => [one.name, values(one.ring).map((v) => (Number.isNaN(v) ? null : v))]);
          });
        }""",
        waves,
    )
    for told, view in zip(made, views(EEG), strict=True):
        assert [name for name, _ in told] == [trace.made.name for trace in view.traces]
        values = np.array([[np.nan if v is None else v for v in row] for _, row in told])
        np.testing.assert_allclose(values, view.derive(x), atol=1e-4)


def test_filters_take_what_they_say_and_leave_the_rest(open_page):
    page = open_page()
    gains = page.evaluate(
        """async () => {
          const { makeFilter } = await import("/static/js/display-filters.js");
          const gain = (filters, hz) => {
            const filter = makeFilter(filters, 256);
            let most = 0;
            for (let k = 0; k < 5120; k++) {
              const v = filter(Math.sin((2 * Math.PI * hz * k) / 256) + 40);
              if (k > 2560) most = Math.max(most, Math.abs(v - (filters.lowCut ? 0 : 40)));
            }
            return most;
          };
          const off = { lowCut: 0, highCut: 0, notch: 0 };
          const cut = { lowCut: 1, highCut: 15, notch: 0 };
          const mains = { lowCut: 0.5, highCut: 0, notch: 50 };
          const of = (filters, ...places) => places.map((hz) => gain(filters, hz));
          return [...of(off, 10), ...of(cut, 1, 15, 5, 60), ...of(mains, 50, 10)];
        }"""
    )
    off, at_low, at_high, between, above, mains, kept = gains
    assert off == pytest.approx(1.0, abs=0.01)
    assert at_low == pytest.approx(0.707, abs=0.03)
    assert at_high == pytest.approx(0.69, abs=0.05)
    assert between > 0.9
    assert above < 0.1
    assert mains < 0.02
    assert kept == pytest.approx(1.0, abs=0.02)


def test_a_page_that_is_held_or_stored_says_that_it_is_not_live(open_page, ward_of_heads):
    page = open_page()
    state = page.locator(".eeg-state")
    page.wait_for_timeout(1500)
    page.keyboard.press(" ")
    expect(state).to_contain_text("Held, not live")
    expect(page.locator(".strip")).to_have_class(re.compile("past"))
    page.keyboard.press(" ")
    expect(state).to_contain_text("Live")
    finding = next(
        one for one in ward_of_heads.beds["bed-9"].events if isinstance(one, Finding) and one.task == CHARTED.name
    )
    page.locator(f"#stored option[value='{finding.id}']").wait_for(state="attached", timeout=15000)
    page.select_option("#stored", finding.id)
    expect(state).to_contain_text("Stored, not live: Busy head at 01:05")
    page.wait_for_timeout(800)
    assert page.evaluate(INK_BY_ROW) > 0.5
    expect(page.locator("#finding-link")).to_have_attribute("href", f"/findings/{finding.id}")
    page.keyboard.press("Escape")
    expect(state).to_contain_text("Live")


COURSE = ".chart[aria-label^=Course]"
"""The stages of the task that ships with the tests; others have charts on the page too."""


def at_the_end(page):
    return all(text.startswith("02:00") for text in page.locator(".chart .readout").all_inner_texts())


def test_charts_of_every_form_lie_on_one_clock_with_one_cursor(open_page):
    page = open_page()
    charts = page.locator(".chart")
    expect(page.locator(COURSE)).to_be_visible(timeout=30000)
    forms = charts.evaluate_all("all => all.map((one) => one.dataset.form)")
    assert set(forms) == {"array", "margins", "stages", "lines"}
    expect(page.locator(".night").filter(has_text="Efficiency").first).to_be_visible()
    page.locator("#cursor").focus()
    wait_for(lambda: page.keyboard.press("End") or at_the_end(page), 15)  # its end is known once all of it has come
    page.keyboard.press("Home")
    expect(page.locator(f"{COURSE} .readout")).to_have_text("00:00 still by charted-rules/1 on rules")
    names = charts.locator("canvas").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    assert all("latest" in name or "nothing measured" in name for name in names)


def test_margins_are_linear_to_ten_and_logarithmic_to_a_hundred(open_page):
    page = open_page()
    heights = page.evaluate(
        """async () => {
          const { heightOf } = await import("/static/js/chart-margins.js");
          return [0, 5, 10, Math.sqrt(1000), 100, 500].map(heightOf);
        }"""
    )
    assert heights == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])


def test_the_night_in_numbers_is_null_where_nobody_slept(open_page):
    page = open_page()
    slept, awake = page.evaluate(
        """async () => {
          const { nightOf } = await import("/static/js/chart-stages.js");
          const chart = { labels: ["up", "light", "deep"], awake: ["up"] };
          const night = (labels) => labels.map((label, k) => ({ from: 30 * k, to: 30 * k + 30, label }));
          const slept = night(["up", "up", "light", "?", "deep", "up", "light"]);
          return [nightOf(slept, chart), nightOf(night(["up", "?"]), chart)];
        }"""
    )
    assert (slept["latency"], slept["awakeAfter"], slept["asleep"], slept["undecided"]) == (1.0, 0.5, 1.5, 0.5)
    assert slept["efficiency"] == pytest.approx(50.0)
    assert [one["begins"] for one in slept["stages"]] == [None, 0.0, 1.0]
    assert (awake["latency"], awake["awakeAfter"], awake["asleep"], awake["efficiency"]) == (None, None, 0, 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read_and_reached_by_key(open_page, scheme):
    page = open_page(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.locator(COURSE)).to_be_visible(timeout=30000)
    page.evaluate(SCRIPTS)
    assert page.evaluate("inPage.wider(360)") == []
    assert page.evaluate("inPage.faint()") == []
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("main button, main select, main input, main canvas[role=img]")]
          .filter((one) => !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim()))
          .map((one) => one.outerHTML)"""
    )
    assert unnamed == []


def test_no_page_looks_live_once_the_source_has_stopped(open_page, ward_of_heads):
    page = open_page()
    bed = ward_of_heads.beds.pop("bed-9")
    try:
        expect(page.locator(".strip")).to_have_class(re.compile("stale"), timeout=6000)
        expect(page.locator(".eeg-state")).to_have_attribute("data-state", "stale")
        expect(page.locator(".strip-note")).to_contain_text("No signal")
        page.wait_for_timeout(1500)  # what had come is drawn to its end
        stopped = page.locator(".paper.eeg canvas").first.evaluate("one => one.toDataURL()")
        page.wait_for_timeout(1500)
        assert page.locator(".paper.eeg canvas").first.evaluate("one => one.toDataURL()") == stopped
    finally:
        ward_of_heads.beds["bed-9"] = bed
    expect(page.locator(".strip")).not_to_have_class(re.compile("stale"), timeout=6000)
