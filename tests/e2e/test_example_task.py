"""A task that ships with the tests only goes all the way round: one folder and one line, nothing else changed.

Daemon, line, database, page and learning are real processes; the daemon reads the excerpt and its beats beside it.
"""

import re

import pytest
from browsing import Visit
from playwright.sync_api import expect
from running_ward import EXAMPLE, ROOT, running_ward, wait_for

from demo.postgres import Postgres
from tests.tasks.example import bundle as example
from tests.tasks.example.kinds import CALM, LIVELY, NAME

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
BED = "bed-1"
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))


@pytest.fixture(scope="module", params=DATABASES)
def ward(request, browser, tmp_path_factory):
    """A ward whose programs know the task, on SQLite and on PostgreSQL."""
    folder = tmp_path_factory.mktemp(f"example-{request.param}")
    models = folder / "models"
    example.lay_out(example.released_bundle(), models)
    (models / "ecg-beats").symlink_to(ROOT / "models" / "ecg-beats")
    with database(request.param) as url, running_ward(folder, first=with_models(models), database_url=url) as ward:
        ward.start_device(BED, speed=20.0, models=models)
        wait_for(lambda: all(device["online"] for device in ward.get("/devices")["devices"]))
        yield ward


def with_models(models):
    """The line that adds the task, and where the clinic finds its bundles."""
    return f"{EXAMPLE}; import os; os.environ['BEDSIDE_CLOUD_LEARNING__MODELS_DIR'] = {str(models)!r}"


class database:  # noqa: N801 - it reads as a sentence where it is used
    """The URL of a database of a kind, for as long as it is used; empty for the clinic's own SQLite."""

    def __init__(self, kind):
        self._server = Postgres() if kind == "postgresql" else None

    def __enter__(self):
        if self._server is None:
            return ""
        self._server.start()
        return self._server.url

    def __exit__(self, *_):
        if self._server is not None:
            self._server.stop()


@pytest.fixture(scope="module")
def reviewer(browser, ward):
    visit = Visit(browser, ward.url)
    visit.log_in("reviewer")
    yield visit
    visit.close()


@pytest.fixture(scope="module")
def spell(ward):
    """A spell that is over, with its strip."""

    def closed():
        found = ward.findings(kind="lively-spell", state="closed")
        whole = [one for one in found if ward.get(f"/findings/{one['id']}")["strips"]]
        return whole[-1] if whole else None

    return wait_for(closed, 90)


def test_the_device_says_which_lead_it_reads_and_what_answers(ward):
    (device,) = ward.get("/devices")["devices"]
    tasks = {one["task"]: one for one in device["tasks"]}
    assert (tasks[NAME]["leads"], tasks[NAME]["bundle"], tasks[NAME]["rung"]) == (["MLII"], f"{NAME}/1.0.0", "onnx-cpu")
    assert tasks["ecg-beats"]["bundle"] == "ecg-beats/2.0.0"
    readings = wait_for(lambda: [one for one in ward.get(f"/devices/{BED}")["readings"] if one["task"] == NAME])
    assert (readings[0]["quantity"], readings[0]["unit"]) == ("swing", "mV")


def test_its_finding_alarm_and_words_are_at_the_clinic(ward, spell):
    whole = ward.get(f"/findings/{spell['id']}")
    assert (whole["task"], whole["kind_label"], whole["priority"]) == (NAME, "lively spell", "medium")
    assert whole["explained"]["text"].startswith("At ")
    assert "a lively spell" in whole["explained"]["text"]
    assert whole["alarm"]["kind"] == "lively-spell"
    assert {one["name"] for one in whole["evidence"]["measures"]} == {"lively_epochs", "spell"}
    marks = whole["evidence"]["marks"]
    assert len(marks) >= 2
    assert {one["outcome"]["label"] for one in marks} == {LIVELY}
    assert all(one["inputs"] and one["end"] - one["start"] == 720 for one in marks)


def test_its_series_and_its_packed_marks_are_at_the_clinic(ward, spell):
    where = f"/devices/{BED}/recordings/{spell['recording']}"
    series = wait_for(lambda: [one for one in ward.get(where)["series"] if one["task"] == NAME])
    column = series[0]["columns"][0]
    assert (column["quantity"], column["unit"], len(column["values"])) == ("swing", "mV", 5)
    marks = wait_for(lambda: ward.get(f"{where}/marks", start=0, end=30 * 360, task=NAME)["marks"])
    assert {label for one in marks for label in one["labels"]} <= {CALM, LIVELY, "unknown"}


def test_the_page_shows_it_without_naming_it(reviewer, ward, spell):
    page = reviewer.page
    page.goto(f"/findings/{spell['id']}")
    expect(page.locator("h1")).to_have_text("Lively spell")
    expect(page.locator(".strip").first).to_be_visible()
    expect(page.locator("#main")).to_contain_text("Much happened in the signal for a while.")
    page.goto(f"/devices/{BED}")
    expect(page.locator("#tasks")).to_contain_text("Liveliness")
    expect(page.locator("#readings")).to_contain_text("Swing of the signal", timeout=20000)


def test_it_is_reviewed_by_its_own_keys_learned_from_and_comes_back_signed(reviewer, ward, spell):
    page = reviewer.page
    page.goto(f"/review?finding={spell['id']}")
    expect(page.locator("#labels button")).to_have_count(3)
    expect(page.locator("#phase")).to_contain_text("the device's answer is hidden")
    expect(page.locator("#labels button").first).to_be_enabled(timeout=30_000)  # once the strip has come
    page.keyboard.press("a")
    page.keyboard.press("l")
    expect(page.locator("#phase")).to_contain_text("All epochs answered", timeout=15000)
    reviews = page.request.get(f"/api/v1/findings/{spell['id']}/reviews").json()["reviews"]  # another is blind to them
    assert {(one["task"], one["kind"], one["label"], one["model_seen"]) for one in reviews} == {
        (NAME, "spell", LIVELY, False)
    }

    job = ward.post("/learning/jobs", task=NAME)
    ended = wait_for(lambda: _ended(ward, job["id"]), 60)
    assert (ended["state"], ended["parent"], ended["bundle"]) == ("gated", f"{NAME}/1.0.0", f"{NAME}/1.0.1")
    report = ward.get(f"/learning/candidates/{job['id']}")["report"]
    gates = {gate["name"]: gate["status"] for gate in report["gates"]}
    assert (gates["contract"], gates["golden vectors"]) == ("passed", "passed")
    assert ended["passed"], [(gate["name"], gate["why"]) for gate in report["gates"] if gate["status"] == "failed"]
    ward.post(f"/learning/candidates/{job['id']}/release")

    def switched():
        reports = ward.get("/model-reports", device=BED)["reports"]
        return [one for one in reports if (one["bundle"], one["step"]) == (f"{NAME}/1.0.1", "switched")]

    assert wait_for(switched, 60)[0]["windows_missed"] == 0
    tasks = wait_for(
        lambda: [
            one
            for one in ward.get(f"/devices/{BED}")["tasks"]
            if one["task"] == NAME and one["bundle"] == f"{NAME}/1.0.1"
        ]
    )
    assert tasks[0]["rung"] == "onnx-cpu"
    others = {one["task"]: one["bundle"] for one in ward.get(f"/devices/{BED}")["tasks"]}
    assert others["ecg-beats"] == "ecg-beats/2.0.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+", ward.get(f"/devices/{BED}")["version"])


def _ended(ward, job):
    now = ward.get(f"/learning/jobs/{job}")
    return now if now["state"] not in ("queued", "running") else None
